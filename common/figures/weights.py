"""Figure of the weight distribution of each layer, with separate zeros, and quantization levels."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from common.figures.style import INK, PAGE_WIDTH, SMALL, CaptionedFigure, new_figure, styled, variant_style

Weights = Mapping[str, tuple[np.ndarray, np.ndarray]]

# Prefixes of the layers of each branch; the encoder's last layer is the latent one.
BRANCHES = {"encoder": ("encoder", "latent"), "decoder": ("decoder",), "classifier": ("classifier",)}

LOWEST_BAR = 0.5  # base of the bars on the logarithmic axis, so that a single weight is visible
STRIP_WIDTH = 0.15  # share of a panel for the zeros
BARS = 40  # approximate number in a histogram
MOST_COLUMNS = 3  # panels in a row; a branch with more layers has several rows
MOST_MARKED_LEVELS = 80  # with more quantization levels, their distance is written instead


@styled
def weight_distributions(weights: Weights, variant: str, steps: Mapping[str, float] | None) -> CaptionedFigure:
    """Draw the distribution of each layer's weights (paper, figures 6, 7, 11 and 12).

    Args:
        weights: Kernel [inputs, nodes] and bias [nodes] of each dense layer, by name.
        variant: `complete`, `pruned`, `quantized` or `quantized_pruned`.
        steps: Step of the weights' fixed-point type, by quantized layer.
    """
    rows = [
        names[start : start + MOST_COLUMNS]
        for names in branches_of(weights).values()
        for start in range(0, len(names), MOST_COLUMNS)
    ]
    label = variant_style(variant).label
    caption = (
        f"How are the weights of the {label} network distributed, layer by layer? Bars count the nonzero weights. The "
        "strip at the left counts the zeros, which need no hardware."
    )
    if steps:
        caption += (
            " Ticks below the bars mark the values of a layer's fixed-point type; if they are too dense to be drawn, "
            "their distance is given."
        )
    figure = new_figure(
        PAGE_WIDTH,
        1.7 * len(rows) + 0.15,
        title=f"Weights of the {label} network",
        caption=caption,
        data=weight_columns(weights),
    )
    grid = figure.subplots(len(rows), max(map(len, rows)), sharey=True, squeeze=False)
    grid[0, 0].set(
        yscale="log", ylim=(0.2 if steps else LOWEST_BAR, 10 * max(kernel.size for kernel, _ in weights.values()))
    )
    grid[0, 0].yaxis.set_major_formatter("{x:,.0f}")
    for row, names in zip(grid, rows, strict=True):
        row[0].set_ylabel("weights per bar")
        for axes in row[len(names) :]:
            axes.set_axis_off()
        for axes, name in zip(row, names, strict=False):
            kernel = weights[name][0]
            axes.set_title(name.replace("_", " "), loc="left", pad=4)
            axes.set_title(f"{np.count_nonzero(kernel):,} of {kernel.size:,} nonzero", loc="right", pad=4, size=SMALL)
            _draw_zeros(axes, kernel, variant)
            _draw_histogram(axes, kernel, variant, (steps or {}).get(name))
    for axes in grid[-1]:
        axes.set_xlabel("weight" if axes.axison else "")
    return figure


def branches_of(weights: Weights) -> dict[str, list[str]]:
    """Return the layers of each branch of a network, in order."""

    def place(name: str) -> tuple[bool, int]:
        number = name.rpartition("_")[2]
        return name == "latent", int(number) if number.isdecimal() else 0

    found = {branch: [name for name in weights if name.startswith(names)] for branch, names in BRANCHES.items()}
    return {branch: sorted(names, key=place) for branch, names in found.items() if names}


def weight_columns(weights: Weights) -> dict[str, list[object]]:
    """Return one row per parameter: layer, input (or `bias`), node, value."""
    columns: dict[str, list[object]] = {"layer": [], "input": [], "node": [], "value": []}
    for name, (kernel, bias) in weights.items():
        inputs, nodes = (index.ravel() for index in np.indices(kernel.shape))
        columns["layer"] += [name] * (kernel.size + bias.size)
        columns["input"] += [*inputs, *["bias"] * bias.size]
        columns["node"] += [*nodes, *range(bias.size)]
        columns["value"] += [*kernel.ravel(), *bias]
    return columns


def _draw_zeros(axes: Axes, kernel: np.ndarray, variant: str) -> None:
    """Draw the strip with the zeros at the left of a panel."""
    zeros = kernel.size - np.count_nonzero(kernel)
    place = axes.get_yaxis_transform()  # x as a share of the panel, y as a number of weights
    text = {"x": STRIP_WIDTH / 2, "ha": "center", "size": SMALL}
    if zeros:
        corner, height = (0.2 * STRIP_WIDTH, LOWEST_BAR), zeros - LOWEST_BAR
        colour = variant_style(variant).colour
        axes.add_patch(Rectangle(corner, 0.6 * STRIP_WIDTH, height, transform=place, fc=colour, ec=INK, hatch="////"))
    axes.text(y=max(zeros, LOWEST_BAR) * 1.3, s=str(zeros), transform=place, va="bottom", **text)
    axes.text(y=0.96, s="= 0", transform=axes.transAxes, va="top", **text)
    axes.plot([STRIP_WIDTH] * 2, [0, 1], transform=axes.transAxes, color=INK, lw=axes.spines["left"].get_linewidth())
    axes.tick_params(axis="y", which="both", left=False)


def _draw_histogram(axes: Axes, kernel: np.ndarray, variant: str, step: float | None) -> None:
    """Draw bars centred on their values; with quantization, a whole number of steps wide."""
    values = kernel[kernel != 0]
    low, high = values.min(initial=0.0), values.max(initial=0.0)
    width = _bar_width(max(high - low, 1e-9), step)
    edges = (np.arange(np.rint(low / width), np.rint(high / width) + 2) - 0.5) * width
    counts = np.histogram(values, edges)[0]
    axes.stairs(
        np.maximum(counts, LOWEST_BAR), edges, baseline=LOWEST_BAR, fill=True, color=variant_style(variant).colour
    )
    margin = 0.03 * (edges[-1] - edges[0])
    right, left = edges[-1] + margin, edges[0] - margin
    axes.set_xlim(right - (right - left) / (1 - STRIP_WIDTH), right)
    for minor in (False, True):
        axes.set_xticks([tick for tick in axes.get_xticks(minor=minor) if left <= tick <= right], minor=minor)
    notes = ["one value per bar" if width == step else f"bars {width:.3g} wide"]
    if step:
        levels = np.arange(np.ceil(edges[0] / step), np.floor(edges[-1] / step) + 1) * step
        if len(levels) <= MOST_MARKED_LEVELS:
            axes.vlines(levels, 0.25, 0.4, color=INK, lw=0.5)
        else:
            notes.append(f"values $2^{{{np.log2(step):.0f}}}$ apart")
    axes.text(STRIP_WIDTH + 0.03, 0.96, "\n".join(notes), transform=axes.transAxes, va="top", size=SMALL)


def _bar_width(span: float, step: float | None) -> float:
    """Return a width for about `BARS` bars: 1, 2 or 5 times a power of ten, or a step times a power of two."""
    if step:
        return step * 2.0 ** max(np.floor(np.log2(span / BARS / step)), 0)
    decade = 10.0 ** np.floor(np.log10(span / BARS))
    return float(decade * next(factor for factor in (10, 5, 2, 1) if decade * factor <= span / BARS))
