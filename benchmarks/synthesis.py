"""Does it pay to write the adders as cells, instead of leaving them to Yosys?

Run:     python -m benchmarks.synthesis

Two layers of random weights (80 % zero), as wide as the encoder, twice and four times. `before`: Yosys derives,
optimizes and maps a module for each adder (xilinx_adders.v). `now`: `yosys.synthesize`. Both in turn; seconds are those
of the processor, of Python and Yosys together, so that other load on the machine hardly matters.
"""

import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import measure
from benchmarks.scaling import WIDTHS, exponent
from common.rtl.pipeline import TOP
from common.synthesis import yosys
from common.synthesis.yosys import Utilization

REPETITIONS = 3
SPARSITY = 0.8
_ADDERS = Path(__file__).with_name("xilinx_adders.v")
_OPTIONS = "-family xcup -noiopad -noclkbuf -nodsp -nobram -nolutram -nosrl"
_BEFORE = f"""
proc
flatten -noscopeinfo
rename -hide w:*.*
synth_xilinx {_OPTIONS} -run begin:map_luts
opt_expr -mux_undef -noclkinv
abc -lut 6 -script +strash;&get,-n;&fraig,-x;&put;scorr;dc2;strash;dch,-f;if,-a;mfs2
clean
techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6
xilinx_dffopt
opt_lut_ins -tech xilinx
synth_xilinx {_OPTIONS} -run finalize:edif
"""


def write_network(width: int, folder: Path) -> None:
    """Write the RTL of two random layers, `width` times as wide as 16 and 8 neurons on 64 pixels."""
    from alkaid.codegen import RTLModel
    from alkaid.trace import FVArray, HWConfig, trace

    from common.rtl import pipeline_stages
    from common.rtl.shared_sums import rebuild, with_estimates

    random = np.random.default_rng(0)
    pixels = FVArray.from_kif(*(np.full(64, bits) for bits in (0, 0, 5)), HWConfig(1, 1, -1))
    values = pixels
    for nodes in (16 * width, 8 * width):
        shape = (len(values), nodes)
        kernel = random.integers(-31, 32, shape) * (random.random(shape) > SPARSITY) / 16
        kernel[0] = 1 / 16  # no neuron without an input
        values = (values @ kernel).relu().quantize(*(np.full(nodes, bits) for bits in (0, 2, 4)))
    logic = with_estimates(rebuild(trace(pixels, values, keep_dead_inputs=True)))
    staged = pipeline_stages.assign(logic, 5)
    RTLModel(staged, folder, TOP, latency_cutoff=1, ternary_fuse=False, print_latency=False).write()


def before(folder: Path) -> Utilization:
    """Synthesize with adders in Verilog, and return the cells used."""
    netlist, adders = folder / "before.json", folder / "adders.v"
    adders.write_text(_ADDERS.read_text(encoding="utf-8"), encoding="utf-8")
    read = "read_verilog -lib +/xilinx/cells_sim.v\nread_verilog -defer -overwrite adders.v"
    products = {netlist: "write_json -selected", netlist.with_suffix(".v"): "write_verilog -selected -noattr"}
    yosys.run_script(folder, TOP, _BEFORE, products, 3600, None, read=read)
    return yosys.utilization(netlist, TOP)


def now(folder: Path) -> Utilization:
    """Synthesize with adders as cells, and return the cells used."""
    return yosys.synthesize(folder, TOP, folder / "now.json")


def processor_seconds(task: Callable[[Path], Utilization], folder: Path) -> tuple[float, Utilization]:
    """Return the processor time of a task with its child processes [s], and its result."""
    started = _processor_seconds()
    used = task(folder)
    return _processor_seconds() - started, used


def _processor_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Measure both ways at each width, and fit exponents over the LUTs."""
    benchmark = measure.Benchmark(
        "synthesis",
        "Synthesis with adders written as cells: processor seconds",
        ["", "LUT, now", "FF, now", "before [s]", "now [s]", "ratio"],
    )
    medians: dict[str, list[float]] = {"before": [], "now": []}
    luts = []
    with tempfile.TemporaryDirectory() as name:
        for width in WIDTHS:
            folder = Path(name) / str(width)
            write_network(width, folder)
            seconds: dict[str, list[float]] = {"before": [], "now": []}
            used = {}
            for _ in range(REPETITIONS):
                for way, task in (("before", before), ("now", now)):
                    spent, used[way] = processor_seconds(task, folder)
                    seconds[way].append(spent)
            spreads = {way: measure.Spread.of(times) for way, times in seconds.items()}
            counts = [
                f"{old:,}, {new:,}"
                for old, new in ((used["before"].lut, used["now"].lut), (used["before"].ff, used["now"].ff))
            ]
            shown = [f"{spreads[way]:.1f}" for way in medians]
            benchmark.row(f"x{width}", *counts, *shown, f"{measure.ratio(seconds['before'], seconds['now']):.1f}")
            luts.append(used["now"].lut)
            for way, spread in spreads.items():
                medians[way].append(spread.median)
    exponents = {way: exponent(tuple(luts), times)[0] for way, times in medians.items()}
    benchmark.notes.append(
        "seconds grow as LUTs to the power of " + ", ".join(f"{p:.2f} ({w})" for w, p in exponents.items())
    )
    benchmark.values = {"widths": WIDTHS, "luts": luts, "seconds": medians, "exponents": exponents}
    benchmark.finish()


if __name__ == "__main__":
    measure.run(main)
