"""Steps of a design with open tools, which can run in parallel: RTL by alkaid, its simulation, netlists by Yosys."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from common.fixed_point import FixedPoint
from common.records import SYNTHESIS, DesignRecord
from common.rtl import pipeline
from common.rtl.pipeline import PipelineRegister
from common.rtl.verified_trace import VerifiedTrace
from common.running import parallel
from common.stages import finished_steps, provenance
from common.synthesis import yosys
from common.verification import by_simulation, equivalence, vhdl_simulation
from common.verification.by_simulation import Verification
from common.verification.equivalence import Proof

CUTOFFS = (1, 2, 3, 5, 8, 13, 21)  # of the figure of pipeline depths [adders]


@dataclass(frozen=True)
class OpenOptions:
    """Options of tracing, pipelining and synthesis.

    Attributes:
        families: FPGA families for Yosys; empty to only simulate the RTL.
        latency_cutoff: Adders in series between two pipeline registers.
        tabulate_latent: Whether everything downstream of the latent space is looked up.
        flavor: Language of the RTL for the user; the open tools always use Verilog.
        part: FPGA in the Vivado scripts.
        clock_ns: Clock period in those scripts [ns].
        prove: Whether RTL and netlists are proven equal for every possible input.
        proof_seconds: Wall time for the proof of one pipeline stage [s].
        timeout_seconds: Wall time after which a tool is killed [s].
        finished: Cache of finished steps, which are not repeated.
    """

    families: tuple[yosys.Family, ...]
    latency_cutoff: int
    tabulate_latent: bool
    flavor: Literal["verilog", "vhdl"]
    part: str
    clock_ns: float
    prove: bool
    proof_seconds: float
    timeout_seconds: float
    finished: Path


@dataclass(frozen=True)
class RtlDesign:
    """A design as RTL, with its golden outputs.

    Attributes:
        folder: Folder of the Verilog, later also of netlists and logs.
        input_type: Type of a pixel.
        registers: Pipeline registers by name, in order.
        outputs: Outputs of the traced logic for the test images, float64 [N, values].
        vhdl: Folder of the same in VHDL; None if not requested.
        luts_by_layer: alkaid's LUT estimate of each layer.
        depths: Cycles and register bits of the pipeline, by latency cut-off.
    """

    folder: Path
    input_type: FixedPoint
    registers: dict[str, PipelineRegister]
    outputs: np.ndarray
    vhdl: Path | None
    luts_by_layer: dict[str, float]
    depths: dict[int, tuple[int, int]]


def write_rtl(input_type: FixedPoint, trace: VerifiedTrace, folder: Path, options: OpenOptions) -> RtlDesign:
    """Write traced logic as pipelined RTL: Verilog into `folder`, VHDL next to it if requested; return the design."""
    traced = trace.traced
    rtl_options = pipeline.PipelineOptions(options.latency_cutoff, "verilog", options.part, options.clock_ns)
    pipeline.write_rtl(traced, folder, rtl_options)
    vhdl = folder.with_name(f"{folder.name}_vhdl") if options.flavor == "vhdl" else None
    if vhdl is not None:
        pipeline.write_rtl(traced, vhdl, replace(rtl_options, flavor="vhdl"))
    return RtlDesign(
        folder,
        input_type,
        pipeline.registers(traced, rtl_options),
        trace.outputs,
        vhdl,
        traced.luts_by_layer(),
        {cutoff: pipeline.cost(traced, replace(rtl_options, latency_cutoff=cutoff)) for cutoff in CUTOFFS},
    )


def simulate_rtl(name: str, design: RtlDesign, pixels: np.ndarray, options: OpenOptions) -> Verification:
    """Simulate the RTL over the test images; `name` is for the progress line."""
    words = design.folder / "rtl.json"
    yosys.elaborate(
        design.folder,
        pipeline.TOP,
        words,
        "words",
        timeout_seconds=options.timeout_seconds,
        on_step=lambda step: parallel.say(f"{name}: reading the RTL, {step}"),
    )
    parallel.say(f"{name}: simulating the RTL")
    verification = by_simulation.verify_rtl(words, pixels, design.input_type, design.registers, design.outputs)
    words.unlink()  # large, and Yosys can make it again
    return verification


def simulate_vhdl(name: str, design: RtlDesign, pixels: np.ndarray, options: OpenOptions) -> np.ndarray:
    """Simulate the VHDL over the first test images; return the outputs, float64 [N, values]."""
    return vhdl_simulation.simulate(
        design.vhdl,
        pixels[: vhdl_simulation.IMAGES],
        design.input_type,
        design.registers,
        timeout_seconds=options.timeout_seconds,
        on_step=lambda step: parallel.say(f"{name}: VHDL, {step}"),
    )


def synthesize(
    name: str, design: RtlDesign, pixels: np.ndarray, options: OpenOptions
) -> dict[str, tuple[DesignRecord, Verification]]:
    """Synthesize, unless it was done before, and simulate the netlist over the test images.

    The slices of all families have the same cells, as far as Yosys uses them, so one netlist serves them all.

    Returns:
        The design's record, and the result of the simulation, by FPGA family.
    """
    netlist = _netlist(design, options)
    scratch = design.folder / "synthesis"

    def make() -> dict[str, int]:
        return asdict(
            yosys.synthesize(
                design.folder,
                pipeline.TOP,
                scratch / netlist.name,
                timeout_seconds=options.timeout_seconds,
                on_step=lambda step: parallel.say(f"{name}: Yosys, {step}"),
            )
        )

    key = finished_steps.key_of(design.folder / "src", yosys.version(), provenance.program(yosys.__name__))
    used = finished_steps.once(options.finished, key, scratch, make)
    for product in scratch.iterdir():
        product.replace(design.folder / product.name)
    scratch.rmdir()
    parallel.say(f"{name}: simulating the netlist")
    verification = by_simulation.verify(netlist, pixels, design.input_type, design.registers, design.outputs)
    if not options.prove:
        netlist.unlink()  # large, and Yosys can make it again
    which = {"design": name, "kind": SYNTHESIS, "tool": yosys.version()}
    cycles = {"latency_cycles": verification.latency_cycles, "initiation_interval": 1}
    return {family: (DesignRecord(**which, part=family, **used, **cycles), verification) for family in options.families}


def _netlist(design: RtlDesign, options: OpenOptions) -> Path:
    return design.folder / f"netlist_{options.families[0]}.json"


def prove(name: str, design: RtlDesign, options: OpenOptions) -> dict[str, Proof]:
    """Prove that the netlist equals the RTL for every possible input, and remove the netlist.

    Returns:
        The proof, by FPGA family; `name` is for the progress line.
    """
    gates = design.folder / "gates.json"
    yosys.elaborate(
        design.folder,
        pipeline.TOP,
        gates,
        timeout_seconds=options.timeout_seconds,
        on_step=lambda step: parallel.say(f"{name}: RTL to gates, {step}"),
    )
    netlist = _netlist(design, options)
    proof = equivalence.prove(
        gates,
        netlist,
        design.registers,
        options.proof_seconds,
        on_stage=lambda register: parallel.say(f"{name}: proving the netlist, register {register}"),
    )
    netlist.unlink()
    gates.unlink()
    return dict.fromkeys(options.families, proof)
