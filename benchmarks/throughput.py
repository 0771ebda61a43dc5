"""Throughput of the simulations of a design, and of the design on an FPGA [images per second].

Run:     python -m benchmarks.throughput

Reads the quantized and pruned classifier of stage 04 and the settings of stage 06 in outputs/, and builds the rest in a
temporary folder: the C++ with g++, the traced logic with alkaid, the RTL as words with Yosys. All are bit-exact. The
design takes one image per clock cycle; its clock is Fmax if it was routed, or else the target clock of stage 06.
"""

import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure
from common import records
from common.fixed_point import fixed_point
from common.hls import hls4ml_project
from common.hls.designs import Design, parse_designs
from common.images import dataset
from common.images.samples import Samples
from common.networks import architecture
from common.rtl import pipeline, ports, tabulation, tracing
from common.stages import artifacts
from common.synthesis import yosys
from common.verification import word_level, word_simulation

DESIGNS = ("encoder_classifier/quantized_pruned", "full/quantized_pruned")


def simulations(
    design: Design, folder: Path, samples: Samples, settings: dict[str, Any]
) -> dict[str, Callable[[], object]]:
    """Return a function for each simulation of a design that simulates all images."""
    path, _ = artifacts.checked_artifact(measure.OUTPUTS, "04_quantize", f"classifier_{design.variant}.h5")
    cut = architecture.cut(architecture.load(path), design.cut)
    pixels = np.ascontiguousarray(samples.intensities)
    model = hls4ml_project.convert(cut, folder / "project", hls4ml_project.HlsOptions(), quantized=True)
    with contextlib.redirect_stdout(io.StringIO()):
        model.compile()
    tracer = tabulation.TabulatingTracer if settings["tabulate_latent"] else tracing.Hls4mlTracer
    traced = tracing.trace_model(model, tracer)
    options = pipeline.PipelineOptions(settings["latency_cutoff"], "verilog", settings["part"], settings["clock_ns"])
    pipeline.write_rtl(traced, folder / "rtl", options)
    yosys.elaborate(folder / "rtl", pipeline.TOP, folder / "rtl" / "words.json", level="words")
    words = word_level.load(folder / "rtl" / "words.json", pipeline.TOP)
    step = fixed_point(model.get_input_variables()[0].type.precision).step
    widths = next(iter(pipeline.registers(traced, options).values())).stage.inp_kifs.sum(axis=0).tolist()
    bits = ports.integers_to_bits(np.rint(pixels / step).astype(np.int64), widths)
    wide = pixels.astype(np.float64)
    return {
        "QKeras": lambda: architecture.predict(cut, pixels),
        "C simulation": lambda: model.predict(pixels),
        "traced logic": lambda: traced.logic.predict(wide),
        "RTL simulation": lambda: word_simulation.simulate(words, {pipeline.INPUT_PORT: bits}),
    }


def clock(design: Design, metrics: dict[str, Any], settings: dict[str, Any]) -> tuple[float, str]:
    """Return the clock of a design [Hz], and its kind in words."""
    for record in records.from_metrics(metrics)[0]:
        if record.design == str(design) and record.kind == records.ROUTED:
            return record.fmax_mhz * 1e6, f"routed clock, {record.part}"
    return 1e9 / settings["clock_ns"], "target clock"


def main() -> None:
    """Time all simulations of both designs on the test images."""
    run = artifacts.read_run(measure.OUTPUTS, "06_synthesize")
    path, _ = artifacts.checked_artifact(measure.OUTPUTS, "01_prepare_data", "images.npz")
    _, samples = dataset.load(path)
    images = len(samples.labels)
    benchmark = measure.Benchmark(
        "throughput",
        f"Images per second, preset {run['preset']}, {images:,} images at a time",
        ["", *(design.partition("/")[0] for design in DESIGNS)],
    )
    cells: dict[str, list[str]] = {}
    clocks: dict[str, None] = {}
    for design in parse_designs(DESIGNS):
        with tempfile.TemporaryDirectory() as folder:
            tasks = simulations(design, Path(folder), samples, run["configuration"])
            seconds = measure.in_turn(tasks)
        hertz, which = clock(design, run["metrics"], run["configuration"])
        for name, times in seconds.items():
            cells.setdefault(name, []).append(f"{images / measure.Spread.of(times):,.0f}")
        cells.setdefault("on the FPGA", []).append(f"{hertz:,.0f}")
        clocks[which] = None
        benchmark.values[str(design)] = {"images": images, "seconds": seconds, "clock_hertz": hertz, "clock": which}
    for name, row in cells.items():
        benchmark.row(name, *row)
    benchmark.notes.append(f"on the FPGA: one image per clock cycle (initiation interval 1), {' and '.join(clocks)}")
    benchmark.finish()


if __name__ == "__main__":
    measure.run(main)
