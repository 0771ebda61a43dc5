"""A design on Lattice FPGAs, with open tools to the end: placed and routed, and on a board; in steps side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from common.board import designs
from common.board.designs import LoadedDesign
from common.hls import golden_outputs, hls4ml_project
from common.hls.designs import Design
from common.lattice import routed_designs
from common.lattice.place_and_route import PlaceAndRouteOptions
from common.lattice.routed_designs import RoutedDepth
from common.rtl import tracing, verified_trace
from common.rtl.pipeline import PipelineOptions
from common.rtl.verified_trace import Counts
from common.synthesis.open_tools import OpenOptions
from common.verification.equivalence import Proof

Row = dict[str, Any]


@dataclass(frozen=True)
class LatticeReport:
    """What was found out about a design.

    Attributes:
        resources: Rows of `metrics.json` by device or board.
        exactness: Rows of `metrics.json` by their names.
        routed: For each latency cut-off that was routed, its row.
        proofs: What was proven of each routed netlist, by device and cut-off.
        faults: Where exactness ended, in words.
        unfinished: What did not route or did not get onto the board, and why.
    """

    resources: dict[str, Row]
    exactness: dict[str, Counts]
    routed: dict[float, Row]
    proofs: dict[str, Proof]
    faults: tuple[str, ...]
    unfinished: tuple[str, ...]


def steps(options: OpenOptions) -> Iterator[tuple[Any, ...]]:
    """Yield what is asked for: a name, a function, and its arguments behind those that `route` and `load` share."""
    if options.routing is not None:
        for cutoff in options.routing.latency_cutoffs:
            yield f"cutoff {cutoff:g}", route, cutoff
    if options.board is not None:
        yield "board", load


def route(
    design: Design, source: Path, folder: Path, pixels: np.ndarray, options: OpenOptions, cutoff: float
) -> RoutedDepth:
    """Verify and route a design at one latency cut-off.

    Args:
        design: Which one.
        source: Its folder of the stage before, with `model.fml` and `csim.npz`.
        folder: Where its results go.
        pixels: Test images, float64 [N, 64].
        options: How.
        cutoff: Adders in a row between two registers.
    """
    model, golden = hls4ml_project.load_model(source / "model.fml"), golden_outputs.load(source)
    return routed_designs.route(
        design,
        verified_trace.trace(model, golden, pixels, folder, tabulate_latent=options.tabulate_latent, aim="delay"),
        pixels,
        tracing.input_type(model),
        folder,
        options.routing or PlaceAndRouteOptions(),
        PipelineOptions(cutoff, "verilog", options.part, options.clock_ns),
        store=options.finished,
        timeout_seconds=options.timeout_seconds,
        proof_seconds=options.proof_seconds if options.prove else None,
    )


def load(design: Design, source: Path, folder: Path, pixels: np.ndarray, options: OpenOptions) -> LoadedDesign:
    """Put a design onto its board, at the first latency cut-off; arguments as those of `route`."""
    routing = options.routing or PlaceAndRouteOptions()
    return designs.load(
        design,
        hls4ml_project.load_model(source / "model.fml"),
        golden_outputs.load(source),
        pixels,
        folder / "board",
        options.board,
        routing,
        PipelineOptions(routing.latency_cutoffs[0], "verilog", options.part, options.clock_ns),
        tabulate_latent=options.tabulate_latent,
        store=options.finished,
        timeout_seconds=options.timeout_seconds,
    )


def collect(options: OpenOptions, results: Mapping[str, Any]) -> LatticeReport:
    """Put together what the steps of a design gave, by their names."""
    routing = options.routing or replace(PlaceAndRouteOptions(), latency_cutoffs=())
    depths: dict[float, RoutedDepth] = {cutoff: results[f"cutoff {cutoff:g}"] for cutoff in routing.latency_cutoffs}
    found: list[RoutedDepth | LoadedDesign] = [*depths.values()]
    rows = {routing.device: found[0].row} if found else {}
    if options.board is not None:
        found.append(results["board"])
        rows[options.board.name] = results["board"].row
    return LatticeReport(
        {name: row for name, row in rows.items() if row},
        {name: row for result in found for name, row in result.exactness.items()},
        {cutoff: depth.row for cutoff, depth in depths.items() if depth.row},
        {f"{routing.device}, cut-off {cutoff:g}": depth.proof for cutoff, depth in depths.items() if depth.proof},
        tuple(fault for result in found for fault in result.faults),
        tuple(result.unfinished for result in found if result.unfinished),
    )
