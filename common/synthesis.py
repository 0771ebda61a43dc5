"""One design from its hls4ml project to hardware: with open tools, each step proved to the bit, or with an HLS tool."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from hls4ml.model.graph import ModelGraph

from common import c_simulation, hls, parallel, pipeline, rtl, rtl_verification, tabulation, vendor_tools, yosys
from common.designs import Design
from common.fixed_point import fixed_point
from common.vendor_reports import SynthesisReport

Row = dict[str, object]
CUTOFFS = (1, 2, 3, 5, 8, 13, 21)  # adders between registers, for the figure from which a user picks the depth


@dataclass(frozen=True)
class SynthesisOptions:
    """How a design is synthesized.

    Attributes:
        tool: Open tools, or the HLS tool that the project was written for.
        families: FPGA families that Yosys synthesizes for; none where the RTL is only simulated.
        latency_cutoff: Adders in a row between two pipeline registers.
        tabulate_latent: Whether what lies behind the latent plane is looked up.
        flavor: Language of the RTL that is left for the user; the open tools need Verilog in any case.
        part: FPGA in the Vivado scripts beside the RTL.
        clock_ns: Clock period in those scripts [ns].
        hls_steps: What the HLS tool runs.
        timeout_seconds: Wall time after which a tool is killed [s].
    """

    tool: Literal["open", "hls"]
    families: tuple[yosys.Family, ...]
    latency_cutoff: int
    tabulate_latent: bool
    flavor: Literal["verilog", "vhdl"]
    part: str
    clock_ns: float
    hls_steps: vendor_tools.BuildSteps
    timeout_seconds: float


@dataclass(frozen=True)
class DesignReport:
    """What was found out about one design.

    Attributes:
        design: Which one.
        exactness: Number of values that differ, by the pair of simulations that was compared.
        resources: Rows of `metrics.json` by FPGA family or kind of report.
        luts_by_layer: alkaid's estimate; empty where the design was not traced.
        depths: For each latency cut-off, cycles and register bits of the pipeline; empty where it was not traced.
        faults: Where exactness ended, in words; empty for an exact design.
    """

    design: Design
    exactness: dict[str, int]
    resources: dict[str, Row]
    luts_by_layer: dict[str, float]
    depths: dict[int, tuple[int, int]]
    faults: tuple[str, ...]


def build_design(
    design: Design, source: Path, folder: Path, intensities: np.ndarray, options: SynthesisOptions
) -> DesignReport:
    """Run a design's C++ test bench; then an HLS tool or, for a quantized design, the open tools.

    Args:
        design: Which one.
        source: Folder of the design with `project/`, `model.fml` and `csim.npz`.
        folder: Where results go.
        intensities: Test images, float32 [N, 64].
        options: How it is done.

    Raises:
        PipelineError: A tool failed, or the model cannot be traced.
    """
    folder.mkdir(parents=True)
    model = hls.load_model(source / "model.fml")
    with np.load(source / "csim.npz") as file:
        csim = file["outputs"].astype(np.float64)
    parallel.say(f"{design}: C++ test bench")
    project = shutil.copytree(source / "project", folder / "test_bench")
    bench = c_simulation.run_test_bench(project, model)
    c_simulation.keep_results(project)
    exactness = {"csim_test_bench": int(np.count_nonzero(bench != csim))}
    if options.tool == "hls":
        resources = _run_hls_tool(design, source / "project", folder / "vendor", options)
        return DesignReport(design, exactness, resources, {}, {}, ())
    if not design.quantized:
        return DesignReport(design, exactness, {}, {}, {}, ())
    return _build_open(design, model, csim, exactness, folder, intensities.astype(np.float64), options)


def _build_open(
    design: Design,
    model: ModelGraph,
    csim: np.ndarray,
    exactness: dict[str, int],
    folder: Path,
    pixels: np.ndarray,
    options: SynthesisOptions,
) -> DesignReport:
    """Trace a design with alkaid, synthesize it with Yosys, and simulate RTL and netlists."""
    parallel.say(f"{design}: tracing")
    traced = rtl.trace_model(model, tabulation.TabulatingTracer if options.tabulate_latent else rtl.Hls4mlTracer)
    interpreted = traced.logic.predict(pixels)
    rtl_options = pipeline.PipelineOptions(options.latency_cutoff, "verilog", options.part, options.clock_ns)
    pipeline.write_rtl(traced, folder / "rtl", rtl_options)
    if options.flavor == "vhdl":
        pipeline.write_rtl(traced, folder / "rtl_vhdl", replace(rtl_options, flavor="vhdl"))

    exactness = {**exactness, "csim_alir": int(np.count_nonzero(interpreted != csim))}
    input_type = fixed_point(model.get_input_variables()[0].type.precision)
    registers = pipeline.registers(traced, rtl_options)
    faults = []
    for pair, differing in exactness.items():
        if differing:
            faults.append(f"{differing} values differ between {pair.replace('_', ' and ', 1)}")

    def verify(netlist: Path, expected: np.ndarray, count: str) -> rtl_verification.Verification:
        verification = rtl_verification.verify(netlist, pixels, input_type, registers, expected)
        exactness[count] = exactness.get(count, 0) + verification.differing
        if verification.first_difference:
            faults.append(f"{netlist.stem}: {verification.first_difference}")
        netlist.unlink()  # large, and made again from the Verilog beside it
        return verification

    parallel.say(f"{design}: simulating the RTL")
    gates = folder / "rtl" / "gates.json"
    yosys.elaborate(folder / "rtl", pipeline.TOP, gates, timeout_seconds=options.timeout_seconds)
    simulated = verify(gates, interpreted, "alir_rtl")
    resources = {}
    for family in options.families:
        netlist = folder / "rtl" / f"netlist_{family}.json"
        used = yosys.synthesize(
            folder / "rtl",
            pipeline.TOP,
            netlist,
            family,
            timeout_seconds=options.timeout_seconds,
            on_step=lambda step, family=family: parallel.say(f"{design}: Yosys {family}, {step}"),
        )
        parallel.say(f"{design}: simulating the netlist for {family}")
        latency = verify(netlist, simulated.outputs, "rtl_netlist").latency_cycles
        row: Row = {"tool": yosys.version(), "part": family, "estimate": False}
        counts = {"lut": used.lut, "inverter": used.inverter, "ff": used.ff, "dsp": used.dsp, "bram": used.bram}
        resources[family] = row | counts | {"carry": used.carry, "latency_cycles": latency, "initiation_interval": 1}
    depths = {cutoff: pipeline.cost(traced, replace(rtl_options, latency_cutoff=cutoff)) for cutoff in CUTOFFS}
    return DesignReport(design, exactness, resources, traced.luts_by_layer(), depths, tuple(faults))


def _run_hls_tool(design: Design, project: Path, folder: Path, options: SynthesisOptions) -> dict[str, Row]:
    """Run a copy of a design's project through the HLS tool, and leave it with its reports."""
    reports = vendor_tools.build_project(
        vendor_tools.open_project(shutil.copytree(project, folder)),
        options.hls_steps,
        timeout_seconds=options.timeout_seconds,
        on_line=lambda line: parallel.say(f"{design}: {line[:60]}"),
    )
    rows = {"C synthesis": reports.c_synthesis, "logic synthesis": reports.logic_synthesis}
    return {name: _row(report) for name, report in rows.items() if report is not None}


def _row(report: SynthesisReport) -> Row:
    row = {
        "tool": f"{report.tool} {report.tool_version}",
        "part": report.part,
        "estimate": report.estimate,
        "lut": report.lut,
        "ff": report.ff,
        "dsp": report.dsp,
        "bram": report.bram_18k,
        "latency_cycles": report.latency_cycles_max,
        "initiation_interval": report.initiation_interval_max,
        "clock_ns": report.clock_estimated_ns,
    }
    return {name: value for name, value in row.items() if value is not None}
