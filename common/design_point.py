"""A point of the space of designs: trained, converted, traced, and checked to the bit, in one call.

A point is a function of its configuration, of the prepared images, and of the float classifier network. It does what
stages 03 to 06 do with the variant `quantized_pruned`, but for training images that it holds out: a scan chooses on
those, never on the test images. (The float network has seen them; what is chosen between are ways to quantize it.)
"""

import contextlib
import fcntl
import gc
import hashlib
import io
import json
import platform
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from common import dataset, presets
from common.designs import Design
from common.errors import PipelineError
from common.samples import Samples
from common.toml_files import TomlFile

if TYPE_CHECKING:
    from common.legacy_keras import keras

FORMAT = 1  # of the results; a new one makes every point be computed again
DESIGN = Design("full", "quantized_pruned")
_one_at_a_time = threading.Lock()  # TensorFlow's seed belongs to the process


@dataclass(frozen=True)
class Point:
    """A point.

    Attributes:
        base: Built-in preset that it starts from.
        fields: What differs from it, nested as in a `presets.Preset`.
        validation_images: Training images held out.
        synthesized: Whether Yosys synthesizes it, RTL and netlist are simulated over all test images.
    """

    base: str
    fields: Mapping[str, Any]
    validation_images: int
    synthesized: bool = False

    def configurations(self) -> dict[str, Any]:
        """Return the configurations of all stages, by subject."""
        return presets.configurations(self.base, self.fields, TomlFile("this point", {}, {}))


@dataclass(frozen=True)
class Outcome:
    """What a point gave.

    Attributes:
        values: Its numbers by name; empty where it failed.
        error: Why it failed, in a line, or None.
        files: What it leaves, by path.
    """

    values: dict[str, Any]
    error: str | None = None
    files: dict[str, bytes] = field(default_factory=dict, repr=False)


def dependencies(point: Point) -> dict[str, Any]:
    """Return all of the configuration that a point depends on."""
    stages = point.configurations()
    quantize, synthesize = stages["quantize"], stages["synthesize"]
    return {
        "format": FORMAT,
        "validation_images": point.validation_images,
        "synthesized": point.synthesized,
        "prune": asdict(stages["prune"]) if quantize.zeros == "held" else None,
        "quantize": asdict(quantize),
        "hls": asdict(stages["convert_hls"].hls),
        "latency_cutoff": synthesize.latency_cutoff,
        "tabulate_latent": synthesize.tabulate_latent,
        "family": synthesize.families[0] if point.synthesized else None,
    }


def identity(point: Point, inputs: Mapping[str, str]) -> str:
    """Return the name of a point: a hash of what it depends on, with the SHA-256 of each file that it reads."""
    said = json.dumps({"inputs": dict(inputs), **dependencies(point)}, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Inputs:
    """What all points read: training and test images, and the bytes of the float network's file."""

    train_samples: Samples
    test_samples: Samples
    network: bytes


def load_inputs(images: bytes, network: bytes) -> Inputs:
    """Return the inputs, from the bytes of `mnist8x8.npz` and `classifier.h5`."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        file.write(images)
        file.flush()
        return Inputs(*dataset.load(Path(file.name)), network)


def evaluate(point: Point, inputs: Inputs) -> Outcome:
    """Compute a point in a folder of its own; what it prints becomes its log, and an error its outcome.

    Args:
        point: The point.
        inputs: What it reads.
    """
    log, error, values = io.StringIO(), None, {}
    started = time.perf_counter()
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="design_point_") as name:
        folder = Path(name)
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            try:
                values = _compute(point, inputs, folder)
            except Exception as fault:  # noqa: BLE001  (whatever it is, it is this point's alone)
                traceback.print_exc()
                error = str(fault).partition("\n")[0] or type(fault).__name__
        kept = folder / "kept"
        files = {str(path.relative_to(kept)): path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    files["log.txt"] = log.getvalue().encode()
    values |= {"seconds": round(time.perf_counter() - started, 2), "machine": platform.node()} if values else {}
    return Outcome(values, error, files)


def _compute(point: Point, inputs: Inputs, folder: Path) -> dict[str, Any]:
    """Return the numbers of a point, and leave its files in `folder`."""
    from common import networks, training
    from common.legacy_keras import keras

    images = len(inputs.train_samples.digits)
    if point.validation_images >= images:
        raise PipelineError(f"{point.validation_images} of {images} training images cannot be held out")
    (folder / "kept").mkdir()
    stages = point.configurations()
    rest, validation = inputs.train_samples.split(point.validation_images)
    (folder / "float.h5").write_bytes(inputs.network)
    model = _train(stages, networks.load(folder / "float.h5"), rest, validation)
    networks.save(model, folder / "kept" / "classifier.h5")
    held_out = training.evaluate(model, validation)
    values = {f"validation_{name}": held_out[name] for name in ("accuracy", "l1")}
    values["nonzero_weights"] = sum(int(np.count_nonzero(kernel)) for kernel, _ in networks.weights_of(model).values())
    values |= _build(model, stages, inputs.test_samples, folder, synthesized=point.synthesized)
    keras.backend.clear_session()
    gc.collect()
    return values


def _train(
    stages: Mapping[str, Any], complete: "keras.Model", train_samples: Samples, validation: Samples
) -> "keras.Model":
    """Train the classifier network's variant `quantized_pruned` as stages 03 and 04 do."""
    from common import pruned_training, pruning, quantized_training

    quantize, prune = stages["quantize"], stages["prune"]
    variant, samples = DESIGN.variant, (train_samples, validation)
    types_and_recipe = (quantize.precision, quantize)
    if quantize.zeros == "raised":
        trained = quantized_training.train_with_zeros_raised(
            "classifier", complete, *types_and_recipe, quantize.raised, *samples, variants=[variant]
        )
    else:
        schedule = pruning.PruningSchedule(prune.sparsity, prune.begin_step, prune.end_step, prune.frequency)
        source, _ = pruned_training.train(
            "classifier", prune.layers, schedule, prune.initial_weights, prune.starts, prune, *samples
        )
        trained = quantized_training.train_with_zeros_held("classifier", {variant: source}, *types_and_recipe, *samples)
    return trained[variant][0]


def _build(
    model: "keras.Model", stages: Mapping[str, Any], test_samples: Samples, folder: Path, *, synthesized: bool
) -> dict[str, Any]:
    """Convert and trace a network as stages 05 and 06 do, and hold alkaid's logic against Keras.

    A synthesized point goes all the way, through C simulation, test bench, RTL and netlist; another leaves out g++,
    which takes as long as its training.
    """
    from common import c_simulation, hls, networks, pipeline, rtl, tabulation

    synthesize, pixels = stages["synthesize"], test_samples.intensities
    cut = networks.cut(model, DESIGN.cut)
    expected = c_simulation.keras_outputs(cut, pixels)
    converted = hls.convert(cut, folder / "project", stages["convert_hls"].hls, quantized=True)
    traced = rtl.trace_model(converted, tabulation.TabulatingTracer if synthesize.tabulate_latent else rtl.Hls4mlTracer)
    differing = int(np.count_nonzero(traced.logic.predict(pixels.astype(np.float64)) != expected))
    if differing:
        raise PipelineError(f"not exact: {differing} of {expected.size} values differ between Keras and alkaid")
    options = pipeline.PipelineOptions(synthesize.latency_cutoff, "verilog", synthesize.part, synthesize.clock_ns)
    cycles, registers = pipeline.cost(traced, options)
    values = {
        "test_accuracy": test_samples.accuracy(expected[:, -10:]),
        "test_l1": float(np.abs(expected[:, :-10].astype(np.float64) - pixels).mean()),
        "lut_estimate": round(sum(traced.luts_by_layer().values())),
        "latency_cycles": cycles,
        "register_bits": registers,
    }
    return values | (_synthesize(stages, test_samples, folder) if synthesized else {})


def _synthesize(stages: Mapping[str, Any], test_samples: Samples, folder: Path) -> dict[str, Any]:
    """Return what Yosys counts, each step on the way proved over all test images; the RTL is kept."""
    from common import conversion, synthesis, vendor_tools, yosys

    converted, built, synthesize = folder / "converted", folder / "built", stages["synthesize"]
    network, hls_options = folder / "kept" / "classifier.h5", stages["convert_hls"].hls
    simulated = conversion.convert_and_simulate(DESIGN, network, converted, test_samples, hls_options)
    if simulated.mismatch:
        raise PipelineError(f"not exact: {simulated.mismatch}")
    options = synthesis.SynthesisOptions(
        tool="open",
        families=synthesize.families[:1],
        latency_cutoff=synthesize.latency_cutoff,
        tabulate_latent=synthesize.tabulate_latent,
        flavor="verilog",
        part=synthesize.part,
        clock_ns=synthesize.clock_ns,
        hls_steps=vendor_tools.BuildSteps(),
        timeout_seconds=synthesize.timeout_seconds,
    )
    with (Path(tempfile.gettempdir()) / "yosys_of_design_points.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of this machine's workers, one at a time may compile it
        yosys.compile_for_this_machine(folder / "yosys.log")
    report = synthesis.build_design(DESIGN, converted, built, test_samples.intensities, options)
    if report.faults:
        raise PipelineError(f"not exact: {'; '.join(report.faults)}")
    (built / "rtl").rename(folder / "kept" / "rtl")
    counts = report.resources[synthesize.families[0]]
    return {name: counts[name] for name in ("lut", "inverter", "ff", "tool", "part")}
