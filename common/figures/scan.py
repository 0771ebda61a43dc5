"""Figures of a scan: its Pareto front, and the growth of the front."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from common.figures.style import (
    COLUMN_WIDTH,
    GREY,
    INK,
    PAGE_WIDTH,
    VARIANTS,
    CaptionedFigure,
    new_figure,
    styled,
)
from common.records import DesignRecord
from common.scan.searching import log2_luts

Row = Mapping[str, Any]
FRONT, OTHER = VARIANTS["quantized"].colour, GREY
FULL, BASE = VARIANTS["pruned"].colour, VARIANTS["complete"].colour
LUTS = "LUTs, alkaid's estimate"
QUANTITIES = {"validation_accuracy": "accuracy", "validation_l1": "L1", "lut_estimate": "LUTs (estimate)"}


@styled
def front(rows: Sequence[Row], finalists: Sequence[Row], paper: DesignRecord) -> CaptionedFigure:
    """Draw accuracy and L1 against LUTs of all designs of a scan, with the Pareto front marked.

    Args:
        rows: Designs of the scan that succeeded.
        finalists: The base preset's design and the best ones, trained with the full recipe.
        paper: The paper's design.
    """
    figure = new_figure(
        PAGE_WIDTH,
        3.6,
        title="Accuracy and L1 against LUTs, design by design",
        caption="Which designs are worth their LUTs? Each mark is a design of the scan, coloured on the Pareto front "
        "of accuracy, L1 and LUTs. Lines are the fronts of the two quantities of each panel. Squares are the best "
        "designs, trained again with the full recipe; the filled star is the base preset of the scan. Accuracy and L1 "
        "are on held-out training images; the paper's accuracy is on the test images, and its LUTs are a C-synthesis "
        "estimate of encoder and classifier.",
        data=columns_of([*rows, *finalists], ["point", "recipe", *QUANTITIES, "on_front"]),
    )
    panels = figure.subplots(1, 2)
    for axes, quantity in zip(panels, ("validation_accuracy", "validation_l1"), strict=True):
        larger = quantity == "validation_accuracy"
        for best, colour, marker in ((False, OTHER, "."), (True, FRONT, "o")):
            shown = [row for row in rows if bool(row["on_front"]) == best]
            axes.plot(*_places(shown, quantity), ls="", marker=marker, color=colour, mec="none", zorder=2 + best)
        axes.step(*_staircase(rows, quantity, larger=larger), where="post", color=FRONT, lw=0.8, zorder=1)
        axes.plot(*_places(finalists[1:], quantity), ls="", marker="s", color=FULL, mec=INK, mew=0.4, zorder=4)
        axes.plot(*_places(finalists[:1], quantity), ls="", marker="*", ms=9, color=BASE, mec=INK, mew=0.4, zorder=5)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(LUTS)
        axes.set_ylabel(f"{QUANTITIES[quantity]}, held-out images")
    panels[0].plot(paper.lut, paper.test_accuracy, ls="", marker="*", ms=9, color="white", mec=INK, zorder=5)
    names = {
        "design of the scan": {"marker": ".", "color": OTHER},
        "front": {"marker": "o", "color": FRONT, "mec": "none"},
        "best, full recipe": {"marker": "s", "color": FULL, "mec": INK},
        "base preset, full recipe": {"marker": "*", "ms": 9, "color": BASE, "mec": INK},
        "paper": {"marker": "*", "ms": 9, "color": "white", "mec": INK},
    }
    handles = [Line2D([], [], ls="", label=name, **look) for name, look in names.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=5)
    return figure


def _places(rows: Sequence[Row], quantity: str) -> tuple[list[float], list[float]]:
    return [max(row["lut_estimate"], 1) for row in rows], [row[quantity] for row in rows]  # 0 has no logarithm


def _staircase(rows: Sequence[Row], quantity: str, *, larger: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the front of LUTs and one quantity: LUTs in ascending order, and the best value up to each."""
    luts, values = (np.array(each, dtype=float) for each in _places(rows, quantity))
    order = np.argsort(luts, kind="stable")
    best = (np.maximum if larger else np.minimum).accumulate(values[order])
    return luts[order], best


def dominated_area(rows: Sequence[Row], reference: tuple[float, float]) -> float:
    """Return the hypervolume of a front: accuracy times log2 of LUTs.

    Args:
        rows: Designs.
        reference: Reference point: log2 of LUTs, and accuracy.
    """
    luts, best = _staircase(rows, "validation_accuracy", larger=True)
    widths = np.diff([*np.minimum(np.log2(luts), reference[0]), reference[0]])
    return float(np.sum(widths * np.maximum(best - reference[1], 0)))


@styled
def front_growth(rows: Sequence[Row]) -> CaptionedFigure:
    """Draw the growth of the front of accuracy and LUTs, in the order of the proposals."""
    reference = (max(map(log2_luts, rows)), min(row["validation_accuracy"] for row in rows))
    areas = np.array([dominated_area(rows[:count], reference) for count in range(1, len(rows) + 1)])
    share = areas / areas[-1] if areas[-1] else areas
    figure = new_figure(
        COLUMN_WIDTH,
        2.6,
        title="Growth of the Pareto front",
        caption="Was the scan long enough? Area under the front of accuracy against the logarithm of the LUTs, "
        "relative to the final area, after each design. Where the curve is flat, more designs improve little.",
        data={"designs": np.arange(1, len(rows) + 1), "share_of_area": share},
    )
    axes = figure.subplots()
    axes.step(np.arange(1, len(rows) + 1), share, where="post", color=FRONT)
    axes.set_xlabel("designs")
    axes.set_ylabel("area under the front / final area")
    axes.set_ylim(0, 1.05)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def columns_of(rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[object]]:
    """Return columns of rows, with None for missing values."""
    return {name: [row.get(name) for row in rows] for name in names}
