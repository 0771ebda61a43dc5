"""Figure of the timing of routed designs."""

from collections.abc import Mapping

import numpy as np

from common.figures.style import COLUMN_WIDTH, SMALL, CaptionedFigure, design_words, new_figure, styled, variant_style

Record = Mapping[str, float | str]
PANELS = (
    ("fmax_mhz", "Fmax [MHz]", "o"),
    ("latency_ns", "latency [ns]", "D"),
    ("ff", "FF", "s"),
    ("lut", "4-input LUTs", "^"),
)


@styled
def routed_depth(rows: Mapping[float, Record], design: str) -> CaptionedFigure:
    """Draw clock, latency, FFs and LUTs of one design, routed at several pipeline depths.

    Args:
        rows: `fmax_mhz`, `latency_ns`, `latency_cycles`, `ff`, `lut`, and `part` (the FPGA), by latency cut-off
            [adders].
        design: `CUT/VARIANT`.
    """
    cutoffs = sorted(rows)
    fastest = max(cutoffs, key=lambda cutoff: rows[cutoff]["fmax_mhz"])
    soonest = min(cutoffs, key=lambda cutoff: rows[cutoff]["latency_ns"])
    figure = new_figure(
        COLUMN_WIDTH,
        5.2,
        title="Timing of the routed design",
        caption="How deep should the pipeline be? Fmax, latency (with the clock cycles above), flip-flops (FF) and "
        f"LUTs of {design_words(design)}, routed on {rows[fastest]['part']}, against the logic in a pipeline stage. "
        "From right to left the clock gets faster, at the cost of flip-flops and cycles. The fastest clock, "
        f"{rows[fastest]['fmax_mhz']:.0f} MHz, is reached at cut-off {fastest:g}; the shortest latency, "
        f"{rows[soonest]['latency_ns']:.0f} ns, at {soonest:g}.",
        data={"latency_cutoff": cutoffs}
        | {
            name: [rows[cutoff][name] for cutoff in cutoffs]
            for name in ("latency_cycles", *(key for key, *_ in PANELS))
        },
    )
    panels = figure.subplots(len(PANELS), 1, sharex=True)
    for axes, (name, words, marker) in zip(panels, PANELS, strict=True):
        heights = np.array([float(rows[cutoff][name]) for cutoff in cutoffs])
        axes.plot(cutoffs, heights, marker=marker, color=variant_style(design).colour, lw=0.8)
        axes.set(ylabel=words, ylim=(0, 1.3 * heights.max()))
        axes.yaxis.set_major_formatter("{x:,.0f}")
        if name == "latency_ns":
            for cutoff, height in zip(cutoffs, heights, strict=True):
                place = {"textcoords": "offset points", "ha": "center", "size": SMALL}
                axes.annotate(str(rows[cutoff]["latency_cycles"]), (cutoff, height), (0, 7), **place)
    panels[-1].set_xlabel("latency cut-off of a pipeline stage [adders]")
    panels[-1].margins(x=0.12)
    figure.align_ylabels()
    return figure
