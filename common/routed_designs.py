"""One design on a Lattice ECP5: pipelined, synthesized, its netlist proved to the bit, placed and routed."""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from common import ecp5, finished_steps, parallel, pipeline, provenance, rtl, rtl_verification, yosys
from common.designs import Design
from common.errors import ToolError
from common.fixed_point import FixedPoint
from common.place_and_route import PlaceAndRouteOptions, RoutedDesign, critical_layers, place_and_route
from common.place_and_route import version as router_version

Row = dict[str, Any]


@dataclass(frozen=True)
class RoutedDepth:
    """What routing a design at one depth of its pipeline gave.

    Attributes:
        row: Of `metrics.json`; None where it did not route.
        differing: Output values in which the netlist differs from the traced logic, over all test images.
        fault: Where they differ first, in words; empty where they do not.
        unfinished: Why it did not route; empty where it did.
    """

    row: Row | None
    differing: int
    fault: str
    unfinished: str


def route(
    design: Design,
    traced: rtl.TracedModel,
    pixels: np.ndarray,
    input_type: FixedPoint,
    folder: Path,
    options: PlaceAndRouteOptions,
    pipeline_options: pipeline.PipelineOptions,
    *,
    store: Path,
    timeout_seconds: float,
) -> RoutedDepth:
    """Route a design at the latency cut-off of its pipeline, in a folder of its own.

    That a design does not fit or does not route is a finding, not an error, so that others are tried all the same.

    Args:
        design: Which one.
        traced: Its logic.
        pixels: Test images, float64 [N, inputs].
        input_type: Type of an input.
        folder: Of the design.
        options: FPGA and target.
        pipeline_options: How the RTL is written.
        store: Of finished steps.
        timeout_seconds: Wall time after which a tool is killed [s].
    """
    cutoff = f"{pipeline_options.latency_cutoff:g}"
    depth = folder / "place_and_route" / f"cutoff_{cutoff}"
    pipeline.write_rtl(traced, depth, pipeline_options)
    expected = traced.logic.predict(pixels)
    settings = asdict(replace(options, designs=(), latency_cutoffs=()))
    key = finished_steps.key_of(depth / "src", settings, provenance.program(__name__), pixels, expected)
    task = (f"{design}, cut-off {cutoff}", traced, pixels, input_type, expected, depth, options, pipeline_options)
    try:
        found = finished_steps.once(store, key, depth, partial(_prove_and_route, *task, timeout_seconds))
    except ToolError as error:
        return RoutedDepth(None, 0, "", f"{design} did not route at cut-off {cutoff} and seed {options.seed}: {error}")
    log = {"log": f"{design}/{depth.relative_to(folder)}/routed.log"}
    row = {"latency_cutoff": pipeline_options.latency_cutoff, **found["row"], **log}
    return RoutedDepth(row, found["differing"], found["fault"], "")


def _prove_and_route(
    label: str,
    traced: rtl.TracedModel,
    pixels: np.ndarray,
    input_type: FixedPoint,
    expected: np.ndarray,
    folder: Path,
    options: PlaceAndRouteOptions,
    pipeline_options: pipeline.PipelineOptions,
    timeout_seconds: float,
) -> dict[str, Any]:
    """Synthesize the RTL in a folder, simulate the netlist and route it."""

    def say(step: str) -> None:
        parallel.say(f"{label}: {step}")

    netlist, registers = folder / "netlist.json", pipeline.registers(traced, pipeline_options)
    ecp5.synthesize(folder, pipeline.TOP, netlist, timeout_seconds=timeout_seconds, on_step=say)
    say("simulating the netlist")
    proof = rtl_verification.verify(netlist, pixels, input_type, registers, expected)
    routed = place_and_route(netlist, folder / "routed.json", options, timeout_seconds=timeout_seconds, on_step=say)
    layers = critical_layers(routed, netlist, pipeline.TOP, registers)
    netlist.unlink()  # large, and made again from the Verilog beside it
    row = _row(routed, options, layers, proof.latency_cycles)
    fault = f"netlist for {options.device}, cut-off {pipeline_options.latency_cutoff:g}: {proof.first_mismatch}"
    return {"row": row, "differing": proof.differing, "fault": fault if proof.differing else ""}


def _row(routed: RoutedDesign, options: PlaceAndRouteOptions, layers: tuple[str, str], cycles: int) -> Row:
    return {
        "tool": f"{yosys.version()}, {router_version()}",
        "part": f"{options.device}, {options.package}, speed grade {options.speed_grade}",
        "estimate": False,
        "routed": True,
        "lut": routed.used["TRELLIS_COMB"],
        "ff": routed.used["TRELLIS_FF"],
        "dsp": routed.used["MULT18X18D"],
        "bram": routed.used["DP16KD"],
        "luts_available": routed.available["TRELLIS_COMB"],
        "latency_cycles": cycles,
        "initiation_interval": 1,
        "clock_ns": round(routed.clock_ns, 3),
        "fmax_mhz": round(routed.fmax_mhz, 2),
        "latency_ns": round(cycles * routed.clock_ns, 2),
        "target_mhz": routed.target_mhz,
        "slack_ns": round(routed.slack_ns, 3),
        "critical_path": list(layers),
        "critical_logic_ns": round(routed.nanoseconds("logic"), 3),
        "critical_routing_ns": round(routed.nanoseconds("routing"), 3),
    }
