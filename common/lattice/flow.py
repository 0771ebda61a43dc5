"""Flow of a design on Lattice FPGAs: each latency cut-off is traced, verified, placed and routed."""

from functools import partial

import numpy as np

from common.hls import golden_outputs
from common.lattice import routed_designs
from common.lattice.place_and_route import PlaceAndRouteOptions
from common.rtl.pipeline import PipelineOptions
from common.synthesis.building import Build, FurtherStep
from common.synthesis.reports import Findings


def steps(options: PlaceAndRouteOptions) -> tuple[FurtherStep, ...]:
    """Return the steps that route a design, one for each latency cut-off."""
    return tuple(
        FurtherStep(
            f"{options.device}, cut-off {cutoff:g}", options.device, partial(route, options=options, cutoff=cutoff)
        )
        for cutoff in options.latency_cutoffs
    )


def route(build: Build, pixels: np.ndarray, options: PlaceAndRouteOptions, cutoff: float) -> Findings:
    """Trace, verify and route a design at one latency cut-off; return the findings.

    Args:
        build: The design.
        pixels: Test images, float64 [N, 64].
        options: FPGA and target clock.
        cutoff: Adders in series between two registers.
    """
    golden = golden_outputs.load(build.source)
    return routed_designs.route(
        build.design,
        build.trace(golden, pixels, "delay"),
        pixels,
        golden.interface.input_type,
        build.folder,
        options,
        PipelineOptions(cutoff, "verilog", build.open.part, build.open.clock_ns),
        store=build.open.finished,
        timeout_seconds=build.open.timeout_seconds,
        proof_seconds=build.open.proof_seconds if build.open.prove else None,
    )
