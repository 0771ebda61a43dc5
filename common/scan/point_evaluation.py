"""Evaluation of a point in one call: quantization-aware training, conversion, tracing, bit-exact checks.

The result depends only on the point's configuration and on the prepared images. It does what stages 04 to 06 do with
the classifier network's variant `quantized_pruned`, but holds out training images as a validation set: a scan selects
on those, never on the test images. `point_training` trains the float network that it starts from. Where only some
classes are normal, images of the others are anomalies, and the point also gets the areas under the ROC curves.
"""

import fcntl
import gc
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common.errors import PipelineError
from common.hls.designs import Design
from common.images.samples import Samples
from common.scan.point_training import NETWORK, check, divided, run_in_folder
from common.scan.points import Outcome, Point

if TYPE_CHECKING:
    from common.networks.legacy_keras import keras

VARIANT = "quantized_pruned"


def evaluate(point: Point, samples: tuple[Samples, Samples], source: Outcome) -> Outcome:
    """Return the outcome of a point.

    Args:
        point: The point.
        samples: Training and test images.
        source: Float network to start from, as `train_source` returns it.
    """
    if source.error is not None:
        return Outcome({}, f"its float network failed: {source.error}", source.files)
    return run_in_folder(lambda folder: _compute(point, *samples, source.files[NETWORK], folder))


def _compute(
    point: Point, train_samples: Samples, test_samples: Samples, network: bytes, folder: Path
) -> dict[str, Any]:
    """Return the numbers of a point; its files go into `folder`."""
    from common.hls import anomaly_methods
    from common.networks import architecture, training
    from common.networks.legacy_keras import keras

    stages = point.configurations()
    *chosen, part = divided(point, train_samples, test_samples)
    normal = stages["prepare_data"].normal
    (folder / "float.h5").write_bytes(network)
    model = _quantize(stages, architecture.load(folder / "float.h5"), *chosen)
    check(model, chosen[1], "classifier, quantized and pruned", stages["quantize"].allow)
    architecture.save(model, folder / "kept" / NETWORK)
    scores = training.evaluate(model, chosen[1])
    values = {f"{part}_{name}": scores[name] for name in ("accuracy", "l1") if name in scores}
    values["nonzero_weights"] = sum(
        int(np.count_nonzero(kernel)) for kernel, _ in architecture.weights_of(model).values()
    )
    values |= _build(model, stages, test_samples.of_classes(normal), folder, synthesized=point.synthesized)
    if others := sorted(set(range(train_samples.format.classes)) - set(normal)) if normal else []:
        images = {part: (chosen[1], train_samples), "test": (test_samples.of_classes(normal), test_samples)}
        for part, (usual, every) in images.items():
            anomalous = every.of_classes(others).intensities
            found = anomaly_methods.areas(model, chosen[0], usual.intensities, anomalous)
            values |= {f"{part}_auc, {method}": area for method, area in found.items()}
    keras.backend.clear_session()
    gc.collect()
    return values


def _quantize(
    stages: Mapping[str, Any], source: "keras.Model", train_samples: Samples, validation: Samples
) -> "keras.Model":
    """Return the classifier network's variant `quantized_pruned`, trained as in stage 04."""
    from common.networks import quantized_training
    from common.networks.layout import CLASSIFIER, Layout
    from common.networks.quantization import QuantizedNetwork

    quantize, samples = stages["quantize"], (train_samples, validation)
    layers = Layout.of(stages["train_autoencoder"].network, train_samples.format)
    with_decoder = quantize.part == "network"
    wanted = QuantizedNetwork(
        CLASSIFIER, layers, quantize.network_precision, with_decoder, quantize.logits == "rounded"
    )
    if quantize.zeros == "raised":
        trained = quantized_training.train_with_zeros_raised(
            wanted, source, quantize, quantize.raised, *samples, variants=[VARIANT]
        )
    else:
        trained = quantized_training.train_with_zeros_held(wanted, {VARIANT: source}, quantize, *samples)
    return trained[VARIANT][0]


def _designs(stages: Mapping[str, Any]) -> list[Design]:
    """Return the cuts that the quantized network has, the largest first."""
    cuts = ("full", "encoder_classifier") if stages["quantize"].part == "network" else ("encoder_classifier",)
    return [Design(cut, VARIANT) for cut in cuts]


def _build(
    model: "keras.Model", stages: Mapping[str, Any], test_samples: Samples, folder: Path, *, synthesized: bool
) -> dict[str, Any]:
    """Convert and trace a network as in stages 05 and 06, compare it with Keras, and return its numbers.

    A synthesized point goes through C simulation, test bench, RTL and netlist. Other points skip g++, which takes as
    long as their training.
    """
    from common.hls import c_simulation, hls4ml_project
    from common.networks import architecture
    from common.rtl import pipeline, tabulation, tracing

    synthesize, pixels = stages["synthesize"], test_samples.intensities
    cut = architecture.cut(model, _designs(stages)[0].cut)
    expected = c_simulation.keras_outputs(cut, pixels)
    pixel_type = hls4ml_project.pixel_type(test_samples.format.bits)
    converted = hls4ml_project.convert(
        cut, folder / "project", stages["convert_hls"].hls, quantized=True, input_type=pixel_type
    )
    traced = tracing.trace_model(
        converted, tabulation.TabulatingTracer if synthesize.tabulate_latent else tracing.Hls4mlTracer
    )
    differing = int(np.count_nonzero(traced.logic.predict(pixels.astype(np.float64)) != expected))
    if differing:
        raise PipelineError(f"not exact: {differing} of {expected.size} values differ between Keras and traced logic")
    options = pipeline.PipelineOptions(synthesize.latency_cutoff, "verilog", synthesize.part, synthesize.clock_ns)
    cycles, registers = pipeline.cost(traced, options)
    image, logits = np.split(expected, [expected.shape[1] - test_samples.format.classes], axis=1)
    of_image = {"test_l1": float(np.abs(image.astype(np.float64) - pixels).mean())} if image.size else {}
    values = {
        "test_accuracy": test_samples.accuracy(logits),
        **of_image,
        "lut_estimate": round(sum(traced.luts_by_layer().values())),
        "latency_cycles": cycles,
        "register_bits": registers,
    }
    return values | (_synthesize(stages, test_samples, folder) if synthesized else {})


def _synthesize(stages: Mapping[str, Any], test_samples: Samples, folder: Path) -> dict[str, Any]:
    """Return the cell counts of Yosys for each cut, the largest also without the name of the cut; its RTL is kept.

    Each step is verified over all test images.
    """
    from common.hls import conversion
    from common.running import yowasp
    from common.synthesis import building, open_tools

    synthesize = stages["synthesize"]
    network, hls_options, finished = folder / "kept" / NETWORK, stages["convert_hls"].hls, folder / "finished"
    options = open_tools.OpenOptions(
        families=synthesize.families[:1],
        latency_cutoff=synthesize.latency_cutoff,
        tabulate_latent=synthesize.tabulate_latent,
        flavor="verilog",
        part=synthesize.part,
        clock_ns=synthesize.clock_ns,
        prove=False,
        proof_seconds=synthesize.proof_seconds,
        timeout_seconds=synthesize.timeout_seconds,
        finished=finished,
    )
    lock_of_user = Path(tempfile.gettempdir()) / f"yosys_of_design_points.{os.getuid()}.lock"
    with lock_of_user.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one worker of this machine at a time may compile it
        yowasp.compile_for_this_machine(("yosys",), folder, None, print)
    values: dict[str, Any] = {"values_compared": 0}
    for design in _designs(stages):
        converted, built = folder / "converted" / str(design), folder / "built" / str(design)
        simulated = conversion.convert_and_simulate(design, network, converted, test_samples, hls_options, finished)
        if simulated.mismatch:
            raise PipelineError(f"not exact: {simulated.mismatch}")
        build = building.Build(design, converted, built, options, None, synthesize.timeout_seconds)
        report = building.build_alone(build, test_samples.intensities)
        if report.faults:
            raise PipelineError(f"not exact: {'; '.join(report.faults)}")
        compared = (simulated.exactness, *report.exactness)
        values["values_compared"] += sum(record.values * len(record.differing) for record in compared)
        (record,) = report.costs
        if "lut" not in values:
            values |= {name: getattr(record, name) for name in ("lut", "inverter", "ff", "tool", "part")}
            (built / "rtl").rename(folder / "kept" / "rtl")
        values |= {f"{design.cut}_{name}": getattr(record, name) for name in ("lut", "ff", "latency_cycles")}
    return values
