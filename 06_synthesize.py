"""Synthesize the designs and prove them: C++ test bench, RTL and netlist simulated over all test images, to the bit.

Run:     python 06_synthesize.py [--synthesize full/quantized_pruned] [--tool vitis] [--prove] [--help]
Reads:   outputs/01_prepare_data/mnist8x8.npz, outputs/05_convert_hls/
Writes:  outputs/06_synthesize/CUT/VARIANT/ rtl/ (Verilog, netlists, logs, scripts for Vivado and Quartus),
         test_bench/ (logs and results of the C simulation), vendor/ (project with reports of an HLS tool), figures

With open tools everything comes from pip: alkaid turns the converted network into pipelined RTL, Yosys synthesizes it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from common import console, dataset, stages
from common.configuration import Interval, Part
from common.designs import Design, parse_designs
from common.errors import PipelineError

if TYPE_CHECKING:
    from common import synthesis

QUANTIZED = (
    "encoder_classifier/quantized_pruned",
    "full/quantized_pruned",
    "encoder_classifier/quantized",
    "full/quantized",
)
HLS_STEPS = ("csim", "synth", "cosim", "export", "vsynth")


@dataclass(frozen=True)
class Configuration:
    """Which designs are synthesized, with which tool, and how they are pipelined."""

    tool: Literal["auto", "open", "vivado", "vitis"] = "auto"
    """Open tools, or an HLS tool for the synthesized designs; auto takes the one of the project if it is on PATH."""
    synthesize: tuple[str, ...] = ()
    """Designs CUT/VARIANT to synthesize beside the default ones; `all` names every one that stage 05 has converted."""
    default_synthesize: tuple[str, ...] = QUANTIZED
    """Designs that are synthesized if stage 05 has converted them; of others, test bench and RTL are simulated."""
    families: tuple[Literal["xcup", "xc7"], ...] = ("xcup", "xc7")
    """FPGA families for Yosys, UltraScale+ and Virtex-7: the first for all designs, others for the paper's design."""
    latency_cutoff: Annotated[int, Interval(1, 1000)] = 5
    """Adders in a row between two pipeline registers; fewer mean a faster clock, more cycles and more registers."""
    tabulate_latent: bool = False
    """Look image and logits up in tables over the latent plane instead of computing them; up to 6 bits a coordinate."""
    flavor: Literal["verilog", "vhdl"] = "verilog"
    """Language of the RTL; VHDL is written beside the Verilog that the open tools need."""
    part: Part = "xcvu9p-flga2104-2L-e"
    """FPGA in the Vivado scripts beside the RTL."""
    clock_ns: Annotated[float, Interval(0.5, 1000)] = 5.0
    """Clock period in those scripts [ns]."""
    hls_steps: tuple[Literal["csim", "synth", "cosim", "export", "vsynth"], ...] = ("csim", "synth")
    """Steps of the HLS tool: C simulation, C synthesis, co-simulation, export, logic synthesis."""
    prove: bool = False
    """Show that RTL and netlists are equal for every possible input too, one pipeline stage at a time."""
    proof_seconds: Annotated[float, Interval(1, 1e6)] = 600.0
    """Wall time for each stage of such a proof; stages that take longer are named [s]."""
    timeout_seconds: Annotated[float, Interval(1, 1e6)] = 7200.0
    """Wall time after which a tool is killed [s]."""
    processes: Annotated[int, Interval(1, 64)] = 2
    """Designs at a time; each needs up to 2 GB of memory."""

    def check(self) -> None:
        """Refuse designs that do not exist."""
        parse_designs((*self.default_synthesize, *self.synthesize))


PRESETS = {
    "paper": Configuration(),
    "tuned": Configuration(tabulate_latent=True),
    "demo": Configuration(default_synthesize=QUANTIZED[:1], families=("xcup",)),
}


def families_of(design: Design, wanted: list[Design], families: tuple[str, ...]) -> tuple[str, ...]:
    """Return the families that a design is synthesized for."""
    if design not in wanted:
        return ()
    return families if str(design) == QUANTIZED[0] else families[:1]


def main(run: stages.Run, configuration: Configuration) -> None:
    """Build all designs that stage 05 has converted, a few at a time, and report resources and exactness."""
    from common import open_synthesis, synthesis, synthesis_figures, synthesis_tables, tabulation, vendor_tools, yosys

    _, test_samples = dataset.load(run.read("01_prepare_data", "mnist8x8.npz"))
    earlier = run.record_of("05_convert_hls")
    names = [name.removesuffix("/model.fml") for name in earlier["writes"] if name.endswith("/model.fml")]
    designs = parse_designs(tuple(names))
    asked = designs if "all" in configuration.synthesize else parse_designs(configuration.synthesize)
    for design in asked:
        if design not in designs:
            raise PipelineError(f"{design} is not converted; run: python 05_convert_hls.py --designs {design}")
    wanted = [design for design in parse_designs(configuration.default_synthesize) if design in designs] + asked
    if configuration.tabulate_latent:
        tabulation.check(run.record_of("04_quantize")["configuration"]["precision"]["latent"]["activation_bits"])
    tool = vendor_tools.choose_tool(configuration.tool, earlier["configuration"]["hls"]["backend"])
    steps = vendor_tools.BuildSteps(**{step: step in configuration.hls_steps for step in HLS_STEPS})
    builds = []
    for design in sorted(designs, key=lambda design: design not in wanted):
        options = open_synthesis.OpenOptions(
            families=families_of(design, wanted, configuration.families),
            latency_cutoff=configuration.latency_cutoff,
            tabulate_latent=configuration.tabulate_latent,
            flavor=configuration.flavor,
            part=configuration.part,
            clock_ns=configuration.clock_ns,
            prove=configuration.prove,
            proof_seconds=configuration.proof_seconds,
            timeout_seconds=configuration.timeout_seconds,
        )
        source = run.read_folder("05_convert_hls", str(design))
        used = tool if design in wanted else "open"
        folder = run.folder / str(design)
        builds.append(synthesis.Build(design, source, folder, used, options, steps, configuration.timeout_seconds))
    with console.progress_line("making Yosys ready", None) as line:
        yosys.compile_for_this_machine(run.folder / "yosys.log", line.say)
    reports = synthesis.build_all(builds, test_samples.intensities, configuration.processes)
    record(run, reports, len(test_samples.digits))
    synthesis_tables.print_resources(run.metrics.get("designs", {}))
    synthesis_tables.print_exactness(reports)
    synthesis_tables.print_proofs(reports)
    synthesis_tables.write_luts_by_layer(run.folder, reports)
    accuracies = earlier["metrics"].get("designs", {})
    rows = {name: {**row, **accuracies.get(name, {})} for name, row in run.metrics.get("designs", {}).items()}
    synthesis_figures.save_all(run.folder, rows, reports)


def record(run: stages.Run, reports: "list[synthesis.DesignReport]", images: int) -> None:
    """Put resources and exactness into this stage's part of `metrics.json`."""
    for report in reports:
        name = str(report.design)
        if report.design.quantized:
            run.metrics.setdefault("exactness", {})[name] = {"images": images, **report.exactness}
        for kind, row in report.resources.items():
            first = kind == next(iter(report.resources))
            run.metrics.setdefault("designs", {})[name if first else f"{name}, {kind}"] = row
    run.failures += [f"{report.design} is not exact: {fault}" for report in reports for fault in report.faults]


if __name__ == "__main__":
    stages.run_stage(__file__, __doc__, PRESETS, main)
