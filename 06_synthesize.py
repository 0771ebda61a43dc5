"""Synthesize the designs and verify each bit: C++ test bench, RTL and netlist are simulated over all test images.

Run:     python 06_synthesize.py [--synthesize full/quantized_pruned] [--tool vivado] [--prove] [--help]
Reads:   outputs/01_prepare_data/images.npz, outputs/05_convert_hls/
Writes:  outputs/06_synthesize/CUT/VARIANT/ rtl/ (Verilog, netlists, logs, scripts for Vivado and Quartus),
         test_bench/ (logs and results of the C simulation), vendor/ (project with reports of an HLS tool);
         pipelines.json (LUTs by layer, cost of each depth), figures

The open tools come from pip: alkaid turns each quantized network into pipelined RTL, Yosys synthesizes it. An HLS tool
on PATH runs as well; its numbers have their own rows.
"""

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal

from common import paper, records
from common.board.boards import BoardOptions
from common.errors import PipelineError
from common.hls.designs import Design, parse_designs
from common.images import anomalies, dataset
from common.lattice.place_and_route import PlaceAndRouteOptions
from common.report.pipeline import PIPELINE
from common.running import console
from common.running.disk_space import Need
from common.stages.configuration import Interval, Part
from common.stages.run import Run
from common.stages.stage import Stage, run_stage

if TYPE_CHECKING:
    from common.hls import vendor_tools
    from common.synthesis import building

QUANTIZED = (
    "encoder_classifier/quantized_pruned",
    "full/quantized_pruned",
    "encoder_classifier/quantized",
    "full/quantized",
)
PIPELINES = "pipelines.json"
HLS_STEPS = ("csim", "synth", "cosim", "export", "vsynth")


@dataclass(frozen=True)
class Configuration:
    """Which designs are synthesized, with which tools, and how they are pipelined."""

    tool: Literal["auto", "open", "vivado", "vitis"] = "auto"
    """HLS tool to run besides the open tools: auto: the projects' if it is on PATH; open: none; a name requires it."""
    synthesize: tuple[str, ...] = ()
    """Designs CUT/VARIANT to synthesize besides the default ones; `all`: every design that stage 05 converted."""
    default_synthesize: tuple[str, ...] = QUANTIZED
    """Designs to synthesize if stage 05 converted them; of the others, only test bench and RTL are simulated."""
    families: tuple[Literal["xcup", "xc7"], ...] = ("xcup", "xc7")
    """FPGA families for Yosys, UltraScale+ and Virtex-7: the first for all designs, the others for the paper's only."""
    latency_cutoff: Annotated[int, Interval(1, 1000)] = 5
    """Adders in series between two pipeline registers; fewer mean a faster clock, more cycles and more registers."""
    tabulate_latent: bool = False
    """Look image and logits up in tables over the latent space instead of computing them; up to 6 bits a coordinate."""
    flavor: Literal["verilog", "vhdl"] = "verilog"
    """Language of the RTL; VHDL is written besides the Verilog that the open tools need, and simulated with GHDL."""
    part: Part = paper.PART
    """FPGA in the Vivado scripts (paper's revision, Table 5: Alveo U250)."""
    clock_ns: Annotated[float, Interval(0.5, 1000)] = 5.0
    """Clock period in those scripts [ns]."""
    place_and_route: bool = False
    """Place and route on a Lattice ECP5, whose timing open tools know; takes minutes per design."""
    routing: PlaceAndRouteOptions = field(default_factory=PlaceAndRouteOptions)
    """Which designs to route, on which FPGA, at which pipeline depths."""
    bitstream: bool = False
    """Make the bitstream of a design for a board, and simulate its top level bit by bit through the serial port."""
    board: BoardOptions = field(default_factory=BoardOptions)
    """Which design, on which board."""
    hls_steps: tuple[Literal["csim", "synth", "cosim", "export", "vsynth"], ...] = ("csim", "synth")
    """Steps of the HLS tool: C simulation, C synthesis, co-simulation, export, logic synthesis."""
    prove: bool = False
    """Prove stage by stage that RTL and netlists (Xilinx and routed) are equal for every possible input."""
    proof_seconds: Annotated[float, Interval(1, 1e6)] = 600.0
    """Wall time for the proof of one pipeline stage; stages that take longer are reported [s]."""
    timeout_seconds: Annotated[float, Interval(1, 1e6)] = 7200.0
    """Wall time after which a tool is killed [s]."""
    processes: Annotated[int, Interval(1, 64)] = 2
    """Designs in parallel; each needs up to 2 GB of memory."""
    allow: tuple[Literal["failed_input", "unproven"], ...] = ()
    """What causes a warning instead of an error: input from a failed stage, netlists that could not be proven."""

    def check(self) -> None:
        """Refuse designs that do not exist or cannot be routed, and baud rates that the clock cannot make."""
        parse_designs((*self.default_synthesize, *self.synthesize))
        if parse_designs((self.board.design,))[0].scores_anomalies:
            raise PipelineError("--board.design: the top level of a board sends images and logits, not a score")
        self.routing.check()
        self.board.check()


PRESETS = {
    "paper": Configuration(),
    "revision": Configuration(),
    "tuned": Configuration(
        tabulate_latent=True,
        routing=PlaceAndRouteOptions(latency_cutoffs=(1.5,)),
        board=BoardOptions(clock_mhz=100.0),
    ),
    "demo": Configuration(default_synthesize=QUANTIZED[:1], families=("xcup",)),
}
PRESETS["small"] = PRESETS["tuned"]


@dataclass(frozen=True)
class Selection:
    """Designs of stage 05, by what is done with them."""

    designs: list[Design]
    synthesized: list[Design]
    routed: list[Design]
    on_board: list[Design]


def main(run: Run, configuration: Configuration) -> None:
    """Build all designs of stage 05, a few in parallel, and report resources and exactness."""
    from common.running import yowasp
    from common.synthesis import building, reports, tables
    from common.verification import vhdl_simulation

    _, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    selection = select(run, configuration)
    hls_steps = steps_of_hls_tool(run, configuration)
    builds = [build_of(design, run, configuration, selection, hls_steps) for design in selection.designs]
    if any(design.scores_anomalies for design in selection.designs):
        further = anomalies.load(run.read("01_prepare_data", anomalies.FILE), test_samples.format)
        vectors = further.after(test_samples.intensities)
        builds = [replace(build, vectors=vectors) if build.design.scores_anomalies else build for build in builds]
    with console.progress_line("preparing the tools", None) as line:
        programs = yowasp.PROGRAMS if selection.routed or selection.on_board else ("yosys",)
        yowasp.compile_for_this_machine(programs, run.folder, run.outputs, line.say)
    found = building.build_all(builds, test_samples.intensities, configuration.processes)
    designs = [record for report in found for record in report.costs]
    exactness = [record for report in found for record in report.exactness]
    run.metrics |= records.as_metrics(designs, exactness)
    (run.folder / PIPELINES).write_text(json.dumps(reports.pipelines(found), indent=1), encoding="utf-8")
    run.failures += [f"{report.design} is not exact: {fault}" for report in found for fault in report.faults]
    run.failures += [fault for report in found for fault in report.unfinished]
    for text in reports.unproven(found):
        run.report_findings({"unproven": text})
    tables.print_all(found, designs, exactness)
    if configuration.flavor == "vhdl" and not vhdl_simulation.is_available():
        console.note("VHDL was written but not simulated: GHDL is not installed")


def select(run: Run, configuration: Configuration) -> Selection:
    """Return what to do with each design, after checking the options against what stage 05 converted.

    Raises:
        PipelineError: A design is not converted, nothing can be proven, or the latent space is too large for a table.
    """
    from common.hls import latent_space

    written = run.record_of("05_convert_hls")["writes"]
    names = [name.removesuffix("/model.fml") for name in written if name.endswith("/model.fml")]
    designs = parse_designs(tuple(names))
    asked = designs if "all" in configuration.synthesize else parse_designs(configuration.synthesize)
    routed = parse_designs(configuration.routing.designs) if configuration.place_and_route else []
    on_board = parse_designs((configuration.board.design,)) if configuration.bitstream else []
    for design in asked + routed + on_board:
        if design not in designs:
            raise PipelineError(f"{design} is not converted; run: python 05_convert_hls.py --designs {design}")
    synthesized = [design for design in parse_designs(configuration.default_synthesize) if design in designs] + asked
    if configuration.prove and not any(design.quantized for design in synthesized + routed):
        raise PipelineError("--prove has no netlist to prove; name a quantized design: --synthesize CUT/quantized")
    if configuration.tabulate_latent:
        bits = run.record_of("04_quantize")["configuration"]["precision"]["latent"]["activation_bits"]
        latent_space.check(bits, run.record_of("02_train_autoencoder")["configuration"]["network"]["latent"])
    ordered = sorted(designs, key=lambda design: design not in synthesized)
    return Selection(ordered, synthesized, routed, on_board)


def steps_of_hls_tool(run: Run, configuration: Configuration) -> "vendor_tools.BuildSteps | None":
    """Return the steps of the HLS tool, or None if none runs; warn of a tool on PATH that the projects do not fit."""
    from common.hls import vendor_tools

    steps = vendor_tools.BuildSteps(**{step: step in configuration.hls_steps for step in HLS_STEPS})
    backend = run.record_of("05_convert_hls")["configuration"]["hls"]["backend"]
    if vendor_tools.is_wanted(configuration.tool, backend):
        return steps
    if configuration.tool == "auto" and (unused := vendor_tools.unused_tool(backend)):
        run.warn(unused)
    return None


def build_of(
    design: Design,
    run: Run,
    configuration: Configuration,
    selection: Selection,
    hls_steps: "vendor_tools.BuildSteps | None",
) -> "building.Build":
    """Return how to build a design: FPGA families, options, and the steps after synthesis."""
    from common.board import on_board
    from common.lattice import flow
    from common.synthesis import building, open_tools

    synthesized = design in selection.synthesized
    families = configuration.families if str(design) == QUANTIZED[0] else configuration.families[:1]
    options = open_tools.OpenOptions(
        families=families if synthesized else (),
        latency_cutoff=configuration.latency_cutoff,
        tabulate_latent=configuration.tabulate_latent,
        flavor=configuration.flavor,
        part=configuration.part,
        clock_ns=configuration.clock_ns,
        prove=configuration.prove,
        proof_seconds=configuration.proof_seconds,
        timeout_seconds=configuration.timeout_seconds,
        finished=run.finished_steps,
    )
    further = flow.steps(configuration.routing) if design in selection.routed else ()
    further += on_board.steps(configuration.board, configuration.routing) if design in selection.on_board else ()
    return building.Build(
        design,
        run.read_folder("05_convert_hls", str(design)),
        run.folder / str(design),
        options,
        hls_steps if synthesized else None,
        configuration.timeout_seconds,
        further,
    )


def draw(run: Run, _: Configuration) -> None:
    """Draw resources and accuracy next to the paper's, LUTs by layer, and the cost of each pipeline depth."""
    from common.figures import of_synthesis

    computed, _ = records.from_metrics(run.record_of("05_convert_hls")["metrics"])
    designs, _ = records.from_metrics(run.metrics)
    pipelines = json.loads((run.folder / PIPELINES).read_text(encoding="utf-8"))
    of_synthesis.save_all(run.folder, records.completed([*computed, *designs]), pipelines)


if __name__ == "__main__":
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw, Need(600, peak=4)), PIPELINE)
