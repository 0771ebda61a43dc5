"""How do training, conversion and synthesis grow with the images and with the width of the network?

Run:     python -m benchmarks.scaling

Training: an epoch of the float classifier with 10,000 to 600,000 images, MNIST's over and over. Conversion (hls4ml,
g++, alkaid) and synthesis (Yosys): the encoder's two hidden layers with `tuned`'s types, as wide as they are, twice and
four times, with random weights of which 80 % are zero, so that no training is in the way. Each width runs in a process
of its own; memory is that of Python and g++, or of Yosys. Draws a log-log figure, into outputs/benchmarks/.
"""

import functools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import measure
from benchmarks.memory import PeakMemory
from common import paper
from common.errors import PipelineError
from common.networks.layout import HiddenLayers, Layout
from common.networks.precision import NetworkPrecision
from common.networks.recipe import Recipe, for_each_layer

IMAGES = (10_000, 30_000, 60_000, 200_000, 600_000)
WIDTHS = (1, 2, 4)
SPARSITY = 0.8
MEMORY_BOUND = 8e9  # bytes that a user's machine is taken to have
PHASES = ("conversion", "synthesis")


def exponent(sizes: tuple[int, ...], costs: list[float]) -> tuple[float, float]:
    """Fit costs = factor x sizes^exponent, by least squares of the logarithms; return exponent and factor."""
    slope, intercept = np.polyfit(np.log(sizes), np.log(costs), 1)
    return float(slope), float(np.exp(intercept))


def training_seconds() -> list[list[float]]:
    """Return times of an epoch for each number of images [s]."""
    from common.images.samples import Samples
    from common.networks import architecture, training
    from common.networks.legacy_keras import make_deterministic

    train, test = measure.mnist_samples()
    _, few = test.split(100)
    tasks = {}
    for images in IMAGES:
        make_deterministic(0)
        model = architecture.build("classifier", Layout())
        training.compile_network(model, Recipe(), images)
        repeats = np.arange(images) % len(train.labels)
        samples = Samples(train.intensities[repeats], train.labels[repeats])
        recipe = Recipe(epochs=IMAGES[-1] // images)  # as many images a call: what a call costs falls on all alike
        tasks[images] = functools.partial(training.train, model, samples, few, recipe, f"{images:,} images")
    seconds = measure.in_turn(tasks)
    return [[time / (IMAGES[-1] // images) for time in times] for images, times in seconds.items()]


def build_design(width: int) -> dict[str, dict[str, float]]:
    """Convert and synthesize hidden layers of `width` times the nodes; return seconds and memory [byte] by phase."""
    from common.hls import c_simulation, hls4ml_project
    from common.networks import architecture, precision, quantization
    from common.networks.legacy_keras import keras
    from common.rtl import pipeline, tracing
    from common.synthesis import yosys

    hidden = HiddenLayers(encoder=tuple(nodes * width for nodes in HiddenLayers().encoder))
    layout, types = Layout(hidden), for_each_layer(precision.TUNED, hidden)
    quantized = quantization.QuantizedNetwork("autoencoder", layout, NetworkPrecision(4, types, image_bits=6))
    model = quantization.build(quantized)
    random = np.random.default_rng(0)
    for layer in architecture.dense_layers(model).values():
        kernel, bias = layer.get_weights()
        layer.set_weights([random.uniform(-1, 1, kernel.shape) * (random.random(kernel.shape) > SPARSITY), bias])
    encoder = keras.Model(model.input, model.get_layer("encoder_2_relu").output, name="encoder")
    costs = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        with PeakMemory() as memory:
            graph = hls4ml_project.convert(encoder, folder / "project", hls4ml_project.HlsOptions(), quantized=True)
            c_simulation.c_simulate(graph, np.zeros((1, layout.pixels), np.float32))
            options = pipeline.PipelineOptions(5, "verilog", paper.PART, 5.0)
            pipeline.write_rtl(tracing.trace_model(graph), folder / "rtl", options)
        costs["conversion"] = {"seconds": time.perf_counter() - started, "bytes": memory.peak}
        started = time.perf_counter()
        with PeakMemory(descendants_only=True) as memory:
            used = yosys.synthesize(folder / "rtl", pipeline.TOP, folder / "rtl" / "netlist.json")
        costs["synthesis"] = {"seconds": time.perf_counter() - started, "bytes": memory.peak, "lut": used.lut}
    return costs


def in_own_process(width: int) -> dict[str, dict[str, float]]:
    """Run `build_design` in a new process."""
    command = [sys.executable, "-m", "benchmarks.scaling", str(width)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise PipelineError(f"width x{width} failed: {' '.join(done.stderr.split()[-60:])}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure, fit exponents, extrapolate to the bound of memory, draw."""
    from benchmarks.plot_scaling import growth
    from common.figures import style

    benchmark = measure.Benchmark(
        "scaling",
        f"How cost grows: {IMAGES[0]:,} to {IMAGES[-1]:,} images, width x1 to x{WIDTHS[-1]}",
        ["", "smallest", "largest", "exponent", "at 8 GB"],
    )
    training = [measure.Spread.of(times) for times in training_seconds()]
    medians = [spread.median for spread in training]
    power, _ = exponent(IMAGES, medians)
    benchmark.row("training, an epoch", f"{medians[0]:.3f} s", f"{medians[-1]:.2f} s", f"{power:.2f}", "")
    designs = [in_own_process(width) for width in WIDTHS]
    curves = {phase: [costs[phase] for costs in designs] for phase in PHASES}
    products = [width**2 for width in WIDTHS]
    slope, base = np.polyfit(products, [cost["bytes"] for cost in curves["synthesis"]], 1)
    largest = float(np.sqrt((MEMORY_BOUND - base) / slope))
    exponents = {"training": power}
    for phase, costs in curves.items():
        exponents[phase], _ = exponent(WIDTHS, [cost["seconds"] for cost in costs])
        steep, factor = exponent(WIDTHS[-2:], [cost["seconds"] for cost in costs[-2:]])
        shown = [f"{cost['seconds']:.1f} s, {cost['bytes'] / 1e9:.2f} GB" for cost in (costs[0], costs[-1])]
        beyond = f"x{largest:.0f}: {factor * largest**steep / 3600:,.1f} h"
        benchmark.row(phase, *shown, f"{exponents[phase]:.2f}", beyond)
    luts = [round(cost["lut"]) for cost in curves["synthesis"]]
    counts = ", ".join(f"x{width} {count:,}" for width, count in zip(WIDTHS, luts, strict=True))
    benchmark.notes += [
        f"LUTs: {counts}",
        f"at 8 GB: the width that synthesis has memory for, {base / 1e9:.2f} GB + {slope / 1e9:.3f} GB x width², "
        "and the time that the growth between the last two widths leads to",
    ]
    benchmark.values = {
        "images": IMAGES,
        "training_seconds": medians,
        "widths": WIDTHS,
        **curves,
        "exponents": exponents,
        "largest_width_in_8_gb": largest,
    }
    figure = growth(IMAGES, training, WIDTHS, curves, exponents, MEMORY_BOUND)
    style.save(figure, measure.OUTPUTS / "benchmarks", "scaling")
    benchmark.finish()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(build_design(int(sys.argv[1]))))
    else:
        measure.run(main)
