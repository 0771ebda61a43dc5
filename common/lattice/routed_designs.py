"""Route of one design on a Lattice ECP5: RTL, logic synthesis, bit-exact verification, place and route."""

import gzip
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import ToolError
from common.fixed_point import FixedPoint
from common.hls.designs import Design
from common.lattice import ecp5
from common.lattice.place_and_route import PlaceAndRouteOptions, critical_layers, place_and_route
from common.records import DesignRecord
from common.rtl import pipeline
from common.rtl.verified_trace import VerifiedTrace
from common.running import parallel
from common.stages import finished_steps, provenance
from common.synthesis import yosys
from common.synthesis.reports import Findings
from common.verification import by_simulation, equivalence
from common.verification.equivalence import Proof

NETLIST, PACKED = "netlist.json", "netlist.json.gz"  # compressed for a later proof


def route(
    design: Design,
    trace: VerifiedTrace,
    pixels: np.ndarray,
    input_type: FixedPoint,
    folder: Path,
    options: PlaceAndRouteOptions,
    pipeline_options: pipeline.PipelineOptions,
    *,
    store: Path,
    timeout_seconds: float,
    proof_seconds: float | None = None,
) -> Findings:
    """Route a design at one latency cut-off, in its own folder; return the findings.

    A design that does not fit or route is a finding, not an error, so that the others still run.

    Args:
        design: Which one.
        trace: Its traced logic.
        pixels: Test images, float64 [N, inputs].
        input_type: Type of an input.
        folder: Output folder of the design.
        options: FPGA and target clock.
        pipeline_options: Options of the RTL.
        store: Cache of finished steps; proofs are not cached.
        timeout_seconds: Wall time after which a tool is killed [s].
        proof_seconds: Wall time for the proof of one pipeline stage [s]; None for no proof.
    """
    cutoff = f"cut-off {pipeline_options.latency_cutoff:g}"
    name = f"{design}, {options.device}, {cutoff}"
    depth = folder / "place_and_route" / f"cutoff_{pipeline_options.latency_cutoff:g}"
    pipeline.write_rtl(trace.traced, depth, pipeline_options)
    registers = pipeline.registers(trace.traced, pipeline_options)
    netlist = depth / NETLIST
    settings = asdict(replace(options, designs=(), latency_cutoffs=()))
    key = finished_steps.key_of(depth / "src", settings, provenance.program(__name__), pixels, trace.outputs)
    tool = {"timeout_seconds": timeout_seconds, "on_step": lambda step: parallel.say(f"{name}: {step}")}
    which = {"design": str(design), "part": options.device}
    verified: dict[str, Any] = {}

    def make() -> dict[str, Any]:
        ecp5.synthesize(depth, pipeline.TOP, netlist, **tool)
        parallel.say(f"{name}: simulating the netlist")
        found = by_simulation.verify(netlist, pixels, input_type, registers, trace.outputs)
        fault = f"netlist for {options.device}, {cutoff}: {found.first_mismatch}" if found.differing else ""
        verified.update(differing=found.differing, fault=fault)
        (depth / PACKED).write_bytes(gzip.compress(netlist.read_bytes(), mtime=0))
        routed = place_and_route(netlist, depth / "routed.json", options, **tool)
        layers = critical_layers(routed, netlist, pipeline.TOP, registers)
        netlist.unlink()
        record = routed.record(yosys.version(), found.latency_cycles, **which, package=options.chip)
        return verified | {"record": replace(record, critical_path=layers).as_json()}

    unfinished = ""
    try:
        verified = finished_steps.once(store, key, depth, make)
    except ToolError as error:
        unfinished = f"{design} did not route at {cutoff} and seed {options.seed}: {error}"
        netlist.unlink(missing_ok=True)
    of_netlist = {"alir_netlist": verified["differing"]} if verified else {}
    exactness = trace.exactness(**which, flow=cutoff, further=of_netlist)
    traced_for = f"traced for {options.device}, {cutoff}"
    faults = [*(f"{traced_for}: {fault}" for fault in trace.faults), *filter(None, [verified.get("fault")])]
    proof = None
    if proof_seconds is not None and verified:
        proof = _prove(name, depth, registers, proof_seconds, timeout_seconds)
    record = None
    if "record" in verified:
        record = replace(
            DesignRecord.from_json(verified["record"]),
            latency_cutoff=pipeline_options.latency_cutoff,
            log=f"{design}/{depth.relative_to(folder)}/routed.log",
            **(proof.counts if proof else {}),
        )
    return Findings(record, exactness, tuple(faults), unfinished, proof)


def _prove(
    name: str,
    folder: Path,
    registers: dict[str, pipeline.PipelineRegister],
    proof_seconds: float,
    timeout_seconds: float,
) -> Proof:
    """Return a proof that the routed netlist equals its RTL."""
    gates, netlist = folder / "gates.json", folder / NETLIST
    yosys.elaborate(folder, pipeline.TOP, gates, timeout_seconds=timeout_seconds)
    netlist.write_bytes(gzip.decompress((folder / PACKED).read_bytes()))
    try:
        return equivalence.prove(
            gates, netlist, registers, proof_seconds, lambda register: parallel.say(f"{name}: proving {register}")
        )
    finally:
        gates.unlink()
        netlist.unlink()
