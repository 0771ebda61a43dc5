"""Figure of the timing of routed designs."""

from collections.abc import Sequence

import numpy as np

from common.figures.style import COLUMN_WIDTH, SMALL, CaptionedFigure, design_words, new_figure, styled, variant_style
from common.records import DesignRecord

PANELS = (
    ("fmax_mhz", "Fmax [MHz]", "o"),
    ("latency_ns", "latency [ns]", "D"),
    ("ff", "FF", "s"),
    ("lut", "4-input LUTs", "^"),
)


@styled
def routed_depth(designs: Sequence[DesignRecord]) -> CaptionedFigure:
    """Draw clock, latency, FFs and LUTs of one design, routed at several pipeline depths."""
    designs = sorted(designs, key=lambda record: record.latency_cutoff)
    cutoffs = [record.latency_cutoff for record in designs]
    fastest = max(designs, key=lambda record: record.fmax_mhz)
    soonest = min(designs, key=lambda record: record.latency_ns)
    columns = {
        name: [getattr(record, name) for record in designs]
        for name in ("latency_cutoff", "latency_cycles", *(key for key, *_ in PANELS))
    }
    figure = new_figure(
        COLUMN_WIDTH,
        5.2,
        title="Timing of the routed design",
        caption="How deep should the pipeline be? Fmax, latency (with the clock cycles above), flip-flops (FF) and "
        f"LUTs of {design_words(fastest.design)}, routed on {fastest.fpga}, against the logic in a pipeline stage. "
        "From right to left the clock gets faster, at the cost of flip-flops and cycles. The fastest clock, "
        f"{fastest.fmax_mhz:.0f} MHz, is reached at cut-off {fastest.latency_cutoff:g}; the shortest latency, "
        f"{soonest.latency_ns:.0f} ns, at {soonest.latency_cutoff:g}.",
        data=columns,
    )
    panels = figure.subplots(len(PANELS), 1, sharex=True)
    for axes, (name, words, marker) in zip(panels, PANELS, strict=True):
        heights = np.array(columns[name], dtype=float)
        axes.plot(cutoffs, heights, marker=marker, color=variant_style(fastest.design).colour, lw=0.8)
        axes.set(ylabel=words, ylim=(0, 1.3 * heights.max()))
        axes.yaxis.set_major_formatter("{x:,.0f}")
        if name == "latency_ns":
            place = {"textcoords": "offset points", "ha": "center", "size": SMALL}
            for cutoff, height, cycles in zip(cutoffs, heights, columns["latency_cycles"], strict=True):
                axes.annotate(str(cycles), (cutoff, height), (0, 7), **place)
    panels[-1].set_xlabel("latency cut-off of a pipeline stage [adders]")
    panels[-1].margins(x=0.12)
    figure.align_ylabels()
    return figure
