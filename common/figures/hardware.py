"""Figures of resources and accuracy of the designs, with the paper's and other published ones."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from common.figures.labels import name_categories, place_labels
from common.figures.style import (
    COLUMN_WIDTH,
    CUTS,
    GREY,
    INK,
    PAGE_WIDTH,
    PALE,
    SMALL,
    VARIANTS,
    CaptionedFigure,
    LineStyle,
    design_words,
    in_order,
    new_figure,
    styled,
    variant_style,
)
from common.published_designs import MNIST_CLASSIFIERS, PublishedDesign, overestimate
from common.records import ESTIMATE, DesignRecord

PAPER = VARIANTS["paper"]
ESTIMATED = "alkaid's estimate before synthesis"
QUANTITIES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "latency_cycles": "latency [clock cycles]"}


@styled
def resources(designs: Sequence[DesignRecord], paper: Mapping[str, DesignRecord]) -> CaptionedFigure:
    """Draw LUTs, FFs, DSPs and latency of designs, with the paper's by their names in the paper."""
    rows: list[tuple[str, DesignRecord | None, LineStyle]] = []
    names = in_order({record.design for record in designs})
    designs = sorted(designs, key=lambda record: names.index(record.design))
    for cut, words in CUTS.items():
        found = [record for record in designs if record.cut == cut]
        rows += [(words, None, PAPER)] * bool(found)
        rows += [(_label(record, designs), record, variant_style(record.design)) for record in found]
    rows += [("paper, encoder + classifier", None, PAPER)] * bool(paper)
    rows += [(name, record, PAPER) for name, record in paper.items()]
    figure = new_figure(
        PAGE_WIDTH,
        0.75 + 0.19 * len(rows),
        title="Resources and latency of the designs",
        caption="What does a design cost, compared with the paper's? Filled markers are counts after logic synthesis; "
        f"open ones are C-synthesis estimates, as all of the paper's are: {overestimate()}." + _made_with(designs),
        data=_record_columns(
            [
                *((record.design, record) for record in designs),
                *((f"paper/{name}", record) for name, record in paper.items()),
            ]
        ),
    )
    panels = figure.subplots(1, len(QUANTITIES), sharey=True)
    name_categories(panels[0].yaxis, [name for name, _, _ in rows])
    for text, (_, record, _) in zip(panels[0].get_yticklabels(), rows, strict=True):
        text.set_weight("bold" if record is None else "normal")
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    for axes, (quantity, words) in zip(panels, QUANTITIES.items(), strict=True):
        _draw_quantity(axes, quantity, rows)
        axes.set_xlabel(words)
        axes.tick_params(axis="y", which="both", length=0)
    figure.align_xlabels(panels)
    figure.legend(handles=_kinds(), loc="outside upper center", ncols=2)
    return figure


@styled
def accuracy_against_luts(
    designs: Sequence[DesignRecord],
    paper: Mapping[str, DesignRecord],
    published: Sequence[PublishedDesign] = MNIST_CLASSIFIERS,
    side: int | None = None,
) -> CaptionedFigure:
    """Draw test accuracy against LUTs of our designs with a classifier, the paper's, and other published ones.

    Args:
        designs: Designs; those without LUTs or accuracy are left out.
        paper: The paper's designs, by name; likewise.
        published: Published designs for comparison.
        side: Height and width of the images of our designs, or None where it is not known [pixel].
    """
    shown = [(record.design, record, variant_style(record.design)) for record in designs]
    shown += [(f"paper, {name}", record, PAPER) for name, record in paper.items()]
    shown = [each for each in shown if each[1].lut and each[1].test_accuracy is not None]
    figure = new_figure(
        PAGE_WIDTH,
        4.4,
        title="Accuracy against LUTs, with published designs",
        caption="How much accuracy do how many LUTs give? Coloured markers are this project's designs; open ones are "
        "C-synthesis estimates, which are higher than logic synthesis. Grey marks are published MNIST designs, all "
        "with 28 × 28 pixels; accuracies published in whole percent have a bar of ± 0.5 %. This project's classifier "
        "sees only the latent coordinates, which costs accuracy."
        + _made_with(designs)
        + f" Published: {'; '.join(f'{mark.name}, {mark.source}' for mark in published)}.",
        data={
            "design": [name for name, _, _ in shown] + [mark.name for mark in published],
            "pixels": ["" if side is None else side] * len(shown) + [mark.pixels for mark in published],
            "lut": [record.lut for _, record, _ in shown] + [mark.lut for mark in published],
            "accuracy_percent": [100 * record.test_accuracy for _, record, _ in shown]
            + [mark.accuracy_percent for mark in published],
            "estimate": [record.kind == ESTIMATE for _, record, _ in shown] + [False] * len(published),
        },
    )
    axes = figure.subplots()
    points, texts = [], []
    for mark in published:
        axes.errorbar(
            mark.lut,
            mark.accuracy_percent,
            yerr=0 if mark.decimals else 0.5,
            fmt="s",
            color=GREY,
            elinewidth=0.8,
        )
        points.append((mark.lut, mark.accuracy_percent))
        texts.append(f"{mark.name}\n{mark.pixels} × {mark.pixels}, {mark.accuracy_percent} %")
    for name, record, look in shown:
        points.append((record.lut, 100 * record.test_accuracy))
        axes.plot(*points[-1], **_marker(look, record))
        texts.append(name if look is PAPER else design_words(name).replace(": ", ":\n"))
    axes.set(xscale="log", xlabel="LUT", ylabel="test accuracy [%]")
    axes.margins(x=0.14, y=0.1)
    handles = [
        *_kinds(),
        Line2D([], [], ls="", marker="s", color=GREY, label="published, 28 × 28 pixels"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    bars = [(mark.lut, mark.accuracy_percent + end) for mark in published if not mark.decimals for end in (-0.5, 0.5)]
    place_labels(axes, np.array(points), texts, avoid=np.array(bars).reshape(-1, 2))
    return figure


@styled
def luts_by_layer(luts: Mapping[str, float], design: str, counted_by: str = ESTIMATED) -> CaptionedFigure:
    """Draw the LUTs of each layer of a design.

    Args:
        luts: LUTs of each layer, in the order of the network.
        design: `CUT/VARIANT`.
        counted_by: Source of the counts, in words.
    """
    values = np.array(list(luts.values()), dtype=float)
    total = max(values.sum(), 1e-9)
    largest = max(luts, key=lambda layer: luts[layer])
    figure = new_figure(
        COLUMN_WIDTH,
        0.6 + 0.24 * len(luts),
        title="LUTs by layer",
        caption=f"Which layers cost most? Bars are the LUTs of each layer of {design_words(design)}, with their share "
        f"of the total; {counted_by}. The largest layer is {largest.replace('_', ' ')}, with "
        f"{100 * luts[largest] / total:.0f} % of {total:,.0f} LUTs.",
        data={"layer": list(luts), "lut": list(luts.values())},
    )
    axes = figure.subplots()
    places = np.arange(len(luts))
    axes.barh(places, values, 0.65, color=variant_style(design).colour, ec=INK, lw=0.5)
    for place, value in zip(places, values, strict=True):
        share = f"{value:,.0f}  ({100 * value / total:.1f} %)"
        axes.annotate(share, (value, place), (4, 0), textcoords="offset points", va="center", size=SMALL)
    name_categories(axes.yaxis, [layer.replace("_", " ") for layer in luts])
    axes.set(xlabel=f"LUT ({counted_by})", ylim=(len(luts) - 0.4, -0.6), xlim=(0, 1.35 * values.max(initial=1)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    return figure


@styled
def pipeline_depth(
    latency_cutoffs: Sequence[float],
    cycles: Sequence[int],
    register_bits: Sequence[int],
    design: str,
) -> CaptionedFigure:
    """Draw latency and register bits of one design at several pipeline depths.

    Args:
        latency_cutoffs: Maximum number of adders in series in a pipeline stage.
        cycles: Latency at each cut-off [clock cycles].
        register_bits: Bits of the pipeline registers at each cut-off, before synthesis.
        design: `CUT/VARIANT`.
    """
    figure = new_figure(
        COLUMN_WIDTH,
        3.4,
        title="Pipeline depth",
        caption="What does a shorter clock period cost? Latency and bits of the pipeline registers against the number "
        "of adders in series in a pipeline stage. Fewer adders mean more stages: both grow from right to left. The "
        f"design is {design_words(design)}; register bits are counted in its RTL, before synthesis. LUTs are known "
        "only for the depth that was synthesized.",
        data={"latency_cutoff": latency_cutoffs, "cycles": cycles, "register_bits": register_bits},
    )
    order = np.argsort(latency_cutoffs)
    look = variant_style(design)
    panels = figure.subplots(2, 1, sharex=True)
    quantities = {"latency [clock cycles]": cycles, "register bits": register_bits}
    for axes, (words, values) in zip(panels, quantities.items(), strict=True):
        heights = np.asarray(values)[order]
        style = {"marker": look.marker, "color": look.colour, "mec": INK, "mew": 0.5, "lw": 1}
        axes.plot(np.asarray(latency_cutoffs)[order], heights, **style)
        axes.set(ylabel=words, ylim=(0, 1.15 * heights.max()))
        axes.yaxis.set_major_formatter("{x:,.0f}")
    panels[-1].set_xlabel("latency cut-off: maximum adders in series in a pipeline stage")
    panels[-1].set_xlim(0, None)
    figure.align_ylabels()
    return figure


def _label(record: DesignRecord, designs: Sequence[DesignRecord]) -> str:
    """Return the label of a variant, with the tool except for the first record of a design."""
    first = next(each for each in designs if each.design == record.design)
    return variant_style(record.design).label + ("" if record is first else f", {record.tool}")


def _made_with(designs: Sequence[DesignRecord]) -> str:
    """Return a sentence with the tools and parts of the designs."""
    words = sorted({", ".join(filter(None, (record.tool, record.part))) for record in designs} - {""})
    return f" Tool and part: {'; '.join(words)}." if words else ""


def _kinds() -> list[Line2D]:
    """Return the legend of filled and open markers."""
    return [
        Line2D([], [], ls="", marker="o", color=GREY, mec=INK, mew=0.5, label="after logic synthesis"),
        Line2D([], [], ls="", marker="o", color=INK, mfc="white", label="C-synthesis estimate"),
    ]


def _marker(look: LineStyle, record: DesignRecord) -> dict[str, object]:
    """Return the marker of a design: filled after logic synthesis, open for a C-synthesis estimate."""
    face = "white" if record.kind == ESTIMATE else look.colour
    size = 7 if look.marker == "*" else 5
    return {
        "ls": "",
        "marker": look.marker,
        "ms": size,
        "mfc": face,
        "mec": look.colour if face == "white" else INK,
        "mew": 0.7,
    }


def _record_columns(rows: Sequence[tuple[str, DesignRecord]]) -> dict[str, list[object]]:
    columns: dict[str, list[object]] = {"design": [name for name, _ in rows]}
    for name in ("source", *QUANTITIES):
        values = (getattr(record, name) for _, record in rows)
        columns[name] = ["" if value is None else value for value in values]
    return columns


def _draw_quantity(axes: Axes, quantity: str, rows: Sequence[tuple[str, DesignRecord | None, LineStyle]]) -> None:
    """Draw a marker for each row on a logarithmic axis, with its number."""
    values = [value for _, record, _ in rows if record and (value := getattr(record, quantity))]
    low, high = np.log10([min(values, default=1), max(values, default=10)])
    span = max(high - low, 0.5)
    left = 10 ** (low - 0.15 * span)
    axes.set(xscale="log", xlim=(left, 10 ** (high + 0.75 * span)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if quantity == "latency_cycles":
        left = 0.0
        axes.set(xscale="linear", xlim=(left, 1.4 * max(values, default=1)))
    for place, (_, record, look) in enumerate(rows):
        if record is None:
            continue
        axes.axhline(place, color=PALE, lw=0.5, zorder=0)
        value = getattr(record, quantity)
        text = "not measured" if value is None else f"{value:,}"
        beside = {"textcoords": "offset points", "va": "center", "size": SMALL}
        if value:
            axes.plot(value, place, **_marker(look, record))
        axes.annotate(text, (value or left, place), (5, 0), **beside, bbox={"fc": "white", "ec": "none", "pad": 0.5})
