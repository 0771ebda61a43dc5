"""Figures of a scan: the effect of each axis of its space."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from common.figures.scan import BASE, FRONT, QUANTITIES, Row, columns_of
from common.figures.style import GREY, INK, PAGE_WIDTH, PALE, CaptionedFigure, new_figure, styled

TREES, FORESTS_SEED = 300, 0
LARGEST_PANELS = 6  # axes whose effect is drawn
BAND = 0.25  # of an axis over which equal values are spread


@styled
def parallel_coordinates(rows: Sequence[Row], names: Sequence[str]) -> CaptionedFigure:
    """Draw each design as a line across the axes of the space and its results.

    Args:
        rows: Designs of the scan that succeeded.
        names: Axes of the space.
    """
    columns = {**{name: short(name) for name in names}, **QUANTITIES}
    figure = new_figure(
        PAGE_WIDTH,
        3.4,
        title="Designs of the scan, axis by axis",
        caption="What do the designs of the front have in common? Each line is a design, coloured if it is on the "
        "front; the best one by the scan's score is black. Each axis goes from its smallest value at the bottom to "
        "its largest at the top; for L1 and LUTs lower is better. Equal values are spread out a little, to "
        "distinguish the lines.",
        data=columns_of(rows, ["point", *columns, "on_front"]),
    )
    axes = figure.subplots()
    places = {name: _scaled(rows, name) for name in columns}
    best = max(range(len(rows)), key=lambda number: rows[number]["score"])
    for number, row in enumerate(rows):
        look = {"color": FRONT, "lw": 0.9, "alpha": 0.8, "zorder": 2} if row["on_front"] else {"color": PALE, "lw": 0.6}
        look = {"color": INK, "lw": 1.6, "zorder": 3} if number == best else look
        axes.plot([places[name][number] for name in columns], **look)
    for position, name in enumerate(columns):
        axes.axvline(position, color=GREY, lw=0.5, zorder=0)
        values = [row[name] for row in rows]
        axes.text(position, 1.1, _written(max(values)), ha="center", va="bottom", fontsize=6.5)
        axes.text(position, -0.1, _written(min(values)), ha="center", va="top", fontsize=6.5)
    axes.set_ylim(-0.2, 1.2)
    axes.set_yticks([])
    axes.minorticks_off()
    axes.set_xticks(range(len(columns)), columns.values(), rotation=30, ha="right")
    axes.tick_params(axis="x", length=0, top=False)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


def _scaled(rows: Sequence[Row], name: str) -> np.ndarray:
    """Return a column scaled to 0 to 1; if it has few distinct values, equal ones are spread over a band."""
    values = _numbers(rows, name)
    values = np.log(values) if _spans_decades(values) else values
    span = np.ptp(values)
    scaled = (values - values.min()) / span if span else np.full(len(values), 0.5)
    different = len(set(values))
    if different > len(rows) / 2:
        return scaled
    ranks = np.argsort(np.argsort([row["score"] for row in rows]))
    return scaled + BAND / different * (ranks / len(rows) - 0.5)


def _spans_decades(values: np.ndarray) -> bool:
    return values.min() > 0 and values.max() > 10 * values.min()


def _numbers(rows: Sequence[Row], name: str) -> np.ndarray:
    """Return a column as numbers; words are numbered alphabetically."""
    values = [row[name] for row in rows]
    if all(isinstance(value, int | float) for value in values):
        return np.array(values, dtype=float)
    words = sorted({str(value) for value in values})
    return np.array([words.index(str(value)) for value in values], dtype=float)


def _written(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def short(name: str) -> str:
    """Return the last two names of an axis, as words."""
    return " ".join(_last_names(name))


def _last_names(name: str) -> list[str]:
    """Return the last two parts of an axis's name, such as `encoder 1`, `weight bits`, without `precision`."""
    names = [part.replace("_", " ") for part in name.split(".")[-2:]]
    return names[1:] if names[0] == "precision" else names


@styled
def partial_dependence(rows: Sequence[Row], names: Sequence[str]) -> CaptionedFigure:
    """Draw the partial dependence of each quantity on each axis, from a random forest.

    Args:
        rows: Designs of the scan that succeeded.
        names: Axes of the space; the most important ones are drawn.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import partial_dependence as dependence

    inputs = np.stack([_numbers(rows, name) for name in names], axis=1)
    forests = {}
    for quantity in QUANTITIES:
        forest = RandomForestRegressor(TREES, min_samples_leaf=2, random_state=FORESTS_SEED)
        forests[quantity] = forest.fit(inputs, _numbers(rows, quantity))
    weight = sum(forest.feature_importances_ for forest in forests.values())
    varied = [number for number in np.argsort(-weight, kind="stable") if np.ptp(inputs[:, number])]
    shown = sorted(int(number) for number in varied[:LARGEST_PANELS])
    data: dict[str, list[object]] = {"axis": [], "quantity": [], "value": [], "mean": []}
    figure = new_figure(
        PAGE_WIDTH,
        4.2,
        title="Effect of each axis",
        caption="How do accuracy, L1 and LUTs depend on each axis of the space? Lines are partial dependences of a "
        "random forest fitted to the designs of the scan (the other axes averaged over); dots are the designs. With "
        f"{len(rows)} designs this is a guide, not a measurement.",
        data=data,
    )
    panels = figure.subplots(len(QUANTITIES), len(shown), sharex="col", sharey="row", squeeze=False)
    for line, (quantity, words) in zip(panels, QUANTITIES.items(), strict=True):
        for axes, number in zip(line, shown, strict=True):
            found = dependence(forests[quantity], inputs, [number], kind="average", grid_resolution=30)
            places, means = found["grid_values"][0], found["average"][0]
            axes.plot(inputs[:, number], _numbers(rows, quantity), ls="", marker=".", ms=3, color=PALE, zorder=1)
            axes.plot(places, means, color=BASE, zorder=2)
            _choose_scale(axes, inputs[:, number])
            data["axis"] += [names[number]] * len(places)
            data["quantity"] += [quantity] * len(places)
            data["value"] += list(places)
            data["mean"] += list(means)
        line[0].set_ylabel(words)
    for axes, number in zip(panels[-1], shown, strict=True):
        axes.set_xlabel("\n".join(_last_names(names[number])))
    figure.data = data
    return figure


def _choose_scale(axes: Axes, values: np.ndarray) -> None:
    """Choose a logarithmic axis for values over decades, and integer ticks for whole numbers."""
    if _spans_decades(values):
        axes.set_xscale("log")
    elif np.all(values == np.rint(values)):
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.xaxis.set_minor_locator(MaxNLocator(1))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.xaxis.set_major_formatter("{x:g}")  # no offset text, which would overlap the label
