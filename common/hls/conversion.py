"""Conversion of one design from a trained network to an hls4ml project, with C simulation of all test images."""

import json
import shutil
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from common.errors import PipelineError
from common.hls.designs import Design, Scoring
from common.hls.hls4ml_project import HlsOptions
from common.images.samples import Samples
from common.records import SIMULATION, DesignRecord, ExactnessRecord
from common.running import parallel
from common.stages import artifacts, finished_steps, provenance

if TYPE_CHECKING:
    from common.hls.interface import Interface
    from common.networks.legacy_keras import keras


@dataclass(frozen=True)
class Conversion:
    """Results of the conversion of one design.

    Attributes:
        design: The design.
        record: Its weights, and accuracy and L1 of the C simulation as far as it has logits and an image.
        exactness: Comparison of the C simulation with Keras.
        keras_accuracy: Test accuracy of Keras; None for a design without logits.
        agreement: Fraction of values that agree, by layer.
        bit_differences: Fraction of values that differ in each bit, least significant first, by layer.
        mismatch: First mismatch, in words; None if all values agree or the design is not quantized.
        overflows: Layers whose types overflow on Keras's values, in words.
    """

    design: Design
    record: DesignRecord
    exactness: ExactnessRecord
    keras_accuracy: float | None
    agreement: dict[str, float]
    bit_differences: dict[str, list[float]]
    mismatch: str | None
    overflows: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return all but the design as a JSON value."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "design"}
        return values | {"record": self.record.as_json(), "exactness": self.exactness.as_json()}

    @classmethod
    def from_json(cls, design: Design, value: dict[str, Any]) -> Self:
        """Return the result that `as_json` gave."""
        records = {
            "record": DesignRecord.from_json(value["record"]),
            "exactness": ExactnessRecord.from_json(value["exactness"]),
        }
        return cls(design, **value | records | {"overflows": tuple(value["overflows"])})


def convert_and_simulate(
    design: Design,
    network: Path,
    folder: Path,
    test_samples: Samples,
    options: HlsOptions,
    store: Path,
    scoring: Scoring | None = None,
) -> Conversion:
    """Convert one design and simulate it on all test images, unless that was done before.

    Args:
        design: Which one.
        network: File of the trained network.
        folder: Folder for the artifacts of the design, not yet made.
        test_samples: Test images.
        options: Settings of the project.
        store: Cache of finished steps.
        scoring: Score and anomalies of a design that scores; its anomalies are simulated after the test images.
    """
    parallel.say(str(design))
    folder.mkdir(parents=True)
    key = finished_steps.key_of(
        str(design),
        artifacts.sha256(network),
        asdict(options),
        asdict(test_samples.format),
        test_samples.intensities,
        test_samples.labels,
        *(scoring.ingredients() if scoring else ()),
        provenance.program(__name__),
    )

    def make() -> dict[str, Any]:
        return _convert_and_simulate(design, network, folder, test_samples, options, scoring).as_json()

    return Conversion.from_json(design, finished_steps.once(store, key, folder, make))


def _convert_and_simulate(
    design: Design,
    network: Path,
    folder: Path,
    test_samples: Samples,
    options: HlsOptions,
    scoring: Scoring | None,
) -> Conversion:
    # These import TensorFlow, which a design that was converted before does not need.
    from common.hls import (
        anomaly_score,
        c_simulation,
        golden_outputs,
        hls4ml_project,
        integer_network,
        mismatches,
        test_bench,
    )
    from common.hls.interface import Interface
    from common.networks import architecture
    from common.networks.layout import IMAGE

    trained, pixels = architecture.load(network), test_samples.intensities
    if scoring is None:
        cut = architecture.cut(trained, design.cut)
    else:
        cut = anomaly_score.cut(trained, test_samples.format.bits, scoring)
        pixels = scoring.anomalies.after(pixels)
    hls4ml_project.check_layers(cut)
    expected = c_simulation.keras_outputs(cut, pixels)
    model = hls4ml_project.convert(
        cut,
        folder / "project",
        options,
        quantized=design.quantized,
        input_type=hls4ml_project.pixel_type(test_samples.format.bits),
    )
    found, found_layers = c_simulation.c_simulate(model, pixels)
    expected_layers = c_simulation.keras_layer_outputs(cut, list(found_layers), pixels)
    tolerance = 0.0 if design.quantized else c_simulation.FLOAT_TOLERANCE
    agreement = c_simulation.agreement(expected_layers, found_layers, tolerance)
    differing = int(np.count_nonzero(expected != found))
    mismatch = None
    interface = Interface.of(model)
    outputs = interface.outputs
    if design.quantized and differing:
        mismatch = str(
            mismatches.first_mismatch(
                expected_layers | test_bench.by_layer(outputs, expected),
                found_layers | test_bench.by_layer(outputs, found),
                c_simulation.keras_types_of(cut, list(found_layers)),
                c_simulation.types_of(model),
            )
        )
    hls4ml_project.write_project(model, pixels, expected)
    hls4ml_project.save_model(model, folder / "model.fml")
    if design.quantized:
        (folder / "network.json").write_text(json.dumps(integer_network.export(model)), encoding="utf-8")
    expected_outputs, found_outputs = (test_bench.by_layer(outputs, values) for values in (expected, found))
    logits = outputs[-1].layer
    image = found_outputs.get(IMAGE)
    result = Conversion(
        design,
        record=DesignRecord(
            design=str(design),
            kind=SIMULATION,
            nonzero_weights=sum(int(np.count_nonzero(kernel)) for kernel, _ in architecture.weights_of(cut).values()),
            test_l1=None if image is None else round(float(np.abs(image - pixels).mean()), 6),
            test_accuracy=test_samples.accuracy(found_outputs[logits]) if design.has_logits else None,
        ),
        exactness=ExactnessRecord(
            design=str(design), images=len(pixels), values=found.size, differing={"qkeras_csim": differing}
        ),
        keras_accuracy=test_samples.accuracy(expected_outputs[logits]) if design.has_logits else None,
        agreement=agreement,
        bit_differences=c_simulation.bit_differences(model, expected_layers, found_layers),
        mismatch=mismatch,
        overflows=c_simulation.overflows(model, expected_layers),
    )
    latent = found_layers[interface.latent.layer]
    of_points = (
        _simulate_points(cut, interface, pixels, found, latent, folder / "downstream_of_latent", options)
        if design.quantized
        else found[:0]
    )
    golden_outputs.GoldenOutputs(interface, found, latent, of_points).save(folder)
    return result


def _simulate_points(
    cut: "keras.Model",
    interface: "Interface",
    pixels: np.ndarray,
    found: np.ndarray,
    latent: np.ndarray,
    folder: Path,
    options: HlsOptions,
) -> np.ndarray:
    """Return the outputs of the C++ downstream of the latent space for each latent point, float32 [points, values].

    That part is converted separately, in a temporary folder. For the latent points of test images, its outputs must be
    those of the whole design. Outputs that depend on the pixels too are computed by Keras from what the C++ makes of
    the latent point; those returned are of a blank image.
    """
    from common.hls import c_simulation, hls4ml_project, latent_space
    from common.networks import architecture

    space = interface.latent
    if cut.name == "encoder" or space.address_bits > latent_space.LARGEST_ADDRESS:
        return found[:0]
    points = space.codes(np.arange(2**space.address_bits)) * space.type.step
    downstream, joint = architecture.downstream_of_latent(cut)
    part = hls4ml_project.convert(downstream, folder, options, quantized=True, input_type=str(space.type))
    outputs, _ = c_simulation.c_simulate(part, points)
    shutil.rmtree(folder)
    at_images = outputs[space.addresses(latent)]
    if joint is not None:
        blank = np.zeros((len(outputs), pixels.shape[1]), np.float32)
        outputs, at_images = (
            c_simulation.keras_outputs(joint, given) for given in ([blank, outputs], [pixels, at_images])
        )
    if np.any(at_images != found):
        raise PipelineError("C++ downstream of the latent space, converted separately, differs from the whole design")
    return outputs
