"""Figures of what a network is made of: its nodes and lines, and how its weights are distributed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from common.plot_style import (
    INK,
    NEGATIVE,
    PAGE_WIDTH,
    POSITIVE,
    SMALL,
    CaptionedFigure,
    new_figure,
    styled,
    variant_style,
)

Weights = Mapping[str, tuple[np.ndarray, np.ndarray]]

# Layers are named after their branch; the encoder's last one is the latent plane.
BRANCHES = {"encoder": ("encoder", "latent"), "decoder": ("decoder",), "classifier": ("classifier",)}

BRANCH_DISTANCE = 12.0  # between decoder and classifier, in distances of neighbouring nodes
LABEL_DISTANCE = 2.5  # between a layer's label and the nodes, in the same unit
LABEL_HEIGHT = 11.0  # of three lines, in the same unit
SIZES = 8  # classes of line widths

LOWEST_BAR = 0.5  # foot of the bars on the logarithmic axis, so that a single weight is seen
STRIP_WIDTH = 0.15  # part of a panel that the zeros have for themselves
BARS = 40  # about so many in a histogram
MOST_MARKED_LEVELS = 80  # quantization levels denser than this are told in words


@styled
def network_diagram(weights: Weights, network: str) -> CaptionedFigure:
    """Draw a network to scale: each node a dot, each weight that is not zero a line (paper, figures 3 to 5).

    Args:
        weights: Kernel [inputs, nodes] and bias [nodes] of each dense layer, by name.
        network: `classifier` (decoder and classifier behind the latent plane) or `autoencoder` (the decoder alone).
    """
    branches = _branches(weights)
    if network == "autoencoder":
        branches.pop("classifier", None)
    kernels = {name: weights[name][0] for names in branches.values() for name in names}
    total = sum(array.size for name in kernels for array in weights[name])
    left = sum(np.count_nonzero(array) for name in kernels for array in weights[name])
    encoder, *behind = branches
    figure = new_figure(
        PAGE_WIDTH,
        5.8 if len(behind) > 1 else 4.0,
        title=f"The {network} network",
        caption=f"What is the {network} network made of, and what is left of it? Every node is a dot, to scale. Every "
        "weight that is not zero is a line, wider and darker the larger it is within its layer; blue is positive, "
        "orange negative. An open dot has lines on one side at most: it hears nothing, or nothing hears it. "
        f"Weights and biases together, {left:,} of {total:,} parameters are not zero.",
        data=_weight_columns({name: weights[name] for name in kernels}),
    )
    axes = figure.subplots()
    axes.set_axis_off()
    connected = _connected(kernels, branches)
    pixels = _node_positions(0, 0.0, len(connected["pixels"]))
    _draw_nodes(axes, pixels, connected["pixels"])
    axes.text(0, pixels[0, 1] + LABEL_DISTANCE, f"pixels\n{len(pixels)} nodes\n ", ha="center", va="bottom", size=SMALL)
    latent = _draw_branch(axes, kernels, branches[encoder], connected, pixels, (0.0, len(pixels)), above=True)
    heights = {name: max(kernels[layer].shape[1] for layer in branches[name]) for name in behind}
    highest = (sum(heights.values()) + BRANCH_DISTANCE * (len(behind) - 1)) / 2
    top = highest
    for name, height in heights.items():
        centre = top - height / 2
        _draw_branch(axes, kernels, branches[name], connected, latent, (centre, height), above=name == behind[0])
        top -= height + BRANCH_DISTANCE
    room = LABEL_DISTANCE + LABEL_HEIGHT
    axes.set_ylim(-highest - (room if len(behind) > 1 else LABEL_DISTANCE), highest + room)
    axes.set_xlim(-0.5, len(branches[encoder]) + max(len(branches[name]) for name in behind) + 0.5)
    handles = [
        Line2D([], [], color=POSITIVE, lw=1.6, label="weight > 0"),
        Line2D([], [], color=NEGATIVE, lw=1.6, label="weight < 0"),
        Line2D([], [], color=INK, marker="o", ls="", ms=3, label="node"),
        Line2D([], [], color=INK, marker="o", ls="", ms=3, mfc="white", label="node without lines on one side"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, handlelength=1.6)
    return figure


@styled
def weight_distributions(weights: Weights, variant: str, steps: Mapping[str, float] | None) -> CaptionedFigure:
    """Draw the distribution of each layer's weights (paper, figures 6, 7, 11 and 12).

    Args:
        weights: Kernel [inputs, nodes] and bias [nodes] of each dense layer, by name.
        variant: `complete`, `pruned`, `quantized` or `quantized_pruned`.
        steps: Distance of neighbouring values of a weight's fixed-point type, for each quantized layer by name.
    """
    branches = _branches(weights)
    label = variant_style(variant).label
    caption = (
        f"How are the weights of the {label} network distributed, layer by layer? Bars count the weights that are not "
        "zero. Those that are exactly zero, which need no hardware, stand apart in the strip at the left."
    )
    if steps:
        caption += (
            " Ticks below the bars mark the values that a layer's fixed-point type can take; where they lie too close "
            "to be drawn, their distance is given."
        )
    figure = new_figure(
        PAGE_WIDTH,
        1.7 * len(branches) + 0.15,
        title=f"Weights of the {label} network",
        caption=caption,
        data=_weight_columns(weights),
    )
    grid = figure.subplots(len(branches), max(len(names) for names in branches.values()), sharey=True, squeeze=False)
    grid[0, 0].set(
        yscale="log", ylim=(0.2 if steps else LOWEST_BAR, 4 * max(kernel.size for kernel, _ in weights.values()))
    )
    grid[0, 0].yaxis.set_major_formatter("{x:,.0f}")
    for row, names in zip(grid, branches.values(), strict=True):
        row[0].set_ylabel("weights in a bar")
        for axes in row[len(names) :]:
            axes.set_axis_off()
        for axes, name in zip(row, names, strict=False):
            kernel = weights[name][0]
            axes.set_title(name.replace("_", " "), loc="left", pad=4)
            axes.set_title(f"{np.count_nonzero(kernel):,} of {kernel.size:,} not zero", loc="right", pad=4, size=SMALL)
            _draw_zeros(axes, kernel, variant)
            _draw_histogram(axes, kernel, variant, (steps or {}).get(name))
    for axes in grid[-1]:
        axes.set_xlabel("weight")
    return figure


def _branches(weights: Weights) -> dict[str, list[str]]:
    """Return the layers of each branch that a network has, in order."""
    found = {branch: sorted(name for name in weights if name.startswith(names)) for branch, names in BRANCHES.items()}
    return {branch: names for branch, names in found.items() if names}


def _weight_columns(weights: Weights) -> dict[str, list[object]]:
    """Return one row a parameter: layer, input (or `bias`), node, value."""
    columns: dict[str, list[object]] = {"layer": [], "input": [], "node": [], "value": []}
    for name, (kernel, bias) in weights.items():
        inputs, nodes = (index.ravel() for index in np.indices(kernel.shape))
        columns["layer"] += [name] * (kernel.size + bias.size)
        columns["input"] += [*inputs, *["bias"] * bias.size]
        columns["node"] += [*nodes, *range(bias.size)]
        columns["value"] += [*kernel.ravel(), *bias]
    return columns


def _connected(kernels: Mapping[str, np.ndarray], branches: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Return which nodes of each layer, pixels too, have a weight that is not zero on each side that has weights."""
    encoder, *behind = branches.values()
    source = {encoder[0]: "pixels", **{names[0]: encoder[-1] for names in behind}}
    for names in branches.values():
        source.update(zip(names[1:], names, strict=False))
    connected = {"pixels": np.ones(len(kernels[encoder[0]]), dtype=bool)}
    connected |= {name: kernel.any(axis=0) for name, kernel in kernels.items()}
    for layer in {*source.values()}:
        heard = [kernels[reader].any(axis=1) for reader, read in source.items() if read == layer]
        connected[layer] &= np.any(heard, axis=0)
    return connected


def _node_positions(column: float, centre: float, nodes: int) -> np.ndarray:
    """Return [nodes, 2]: in one column, a unit apart, the first node on top."""
    return np.column_stack([np.full(nodes, column), centre + (nodes - 1) / 2 - np.arange(nodes)])


def _draw_nodes(axes: Axes, positions: np.ndarray, connected: np.ndarray) -> None:
    axes.scatter(*positions.T, s=5, c=np.where(connected, INK, "white"), edgecolors=INK, linewidths=0.5, zorder=3)


def _draw_branch(
    axes: Axes,
    kernels: Mapping[str, np.ndarray],
    names: Sequence[str],
    connected: Mapping[str, np.ndarray],
    start: np.ndarray,
    centre_and_height: tuple[float, float],
    *,
    above: bool,
) -> np.ndarray:
    """Draw layers one behind the other, their labels in a row above or below; return the last one's positions."""
    centre, height = centre_and_height
    for name in names:
        kernel = kernels[name]
        end = _node_positions(start[0, 0] + 1, centre, kernel.shape[1])
        _draw_lines(axes, kernel, start, end)
        _draw_nodes(axes, end, connected[name])
        count = np.count_nonzero(kernel)
        share = f"{count:,}" if count == kernel.size else f"{count:,} of {kernel.size:,}"
        axes.text(
            end[0, 0],
            centre + (height / 2 + LABEL_DISTANCE) * (1 if above else -1),
            f"{name.replace('_', ' ')}\n{kernel.shape[1]} nodes\n{share} weights",
            ha="center",
            va="bottom" if above else "top",
            size=SMALL,
        )
        start = end
    return start


def _draw_lines(axes: Axes, kernel: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Draw the weights in a few classes of size, the largest last and on top; one path a class keeps files small."""
    largest = np.abs(kernel).max()
    for size in range(SIZES):
        relative = (size + 0.5) / SIZES
        for sign, colour in ((-1, NEGATIVE), (1, POSITIVE)):
            scaled = sign * kernel / max(largest, 1e-9) * SIZES
            inputs, nodes = np.nonzero((scaled > size) & (scaled <= size + 1))
            vertices = np.stack([start[inputs], end[nodes]], axis=1).reshape(-1, 2)
            if len(vertices):
                lines = Path(vertices, np.tile([Path.MOVETO, Path.LINETO], len(inputs)))
                lines.should_simplify = False
                width, opacity = 0.1 + 1.3 * relative, 0.1 + 0.9 * relative
                axes.add_patch(PathPatch(lines, fill=False, ec=colour, lw=width, alpha=opacity, zorder=1 + relative))


def _draw_zeros(axes: Axes, kernel: np.ndarray, variant: str) -> None:
    """Draw the strip at the left of a panel that holds the zeros."""
    strip = axes.inset_axes((0, 0, STRIP_WIDTH, 1), sharey=axes)
    zeros = kernel.size - np.count_nonzero(kernel)
    if zeros:
        strip.bar(0, zeros - LOWEST_BAR, 0.6, bottom=LOWEST_BAR, color=variant_style(variant).colour, hatch="////")
    strip.text(0, max(zeros, LOWEST_BAR) * 1.3, str(zeros), ha="center", va="bottom", size=SMALL)
    strip.set(xlim=(-0.7, 0.7))
    strip.set_xticks([0], labels=["= 0"])
    strip.tick_params(axis="x", which="both", length=0)
    strip.tick_params(axis="y", which="both", labelleft=False, left=False, right=False)


def _draw_histogram(axes: Axes, kernel: np.ndarray, variant: str, step: float | None) -> None:
    """Draw bars that are a whole number of quantization steps wide, if there are any, and centred on their values."""
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
    axes.set_xticks([tick for tick in axes.get_xticks() if left <= tick <= right])
    notes = ["one value a bar" if width == step else f"bars {width:.3g} wide"]
    if step:
        levels = np.arange(np.ceil(edges[0] / step), np.floor(edges[-1] / step) + 1) * step
        if len(levels) <= MOST_MARKED_LEVELS:
            axes.vlines(levels, 0.25, 0.4, color=INK, lw=0.5)
        else:
            notes.append(f"values $2^{{{np.log2(step):.0f}}}$ apart")
    axes.text(STRIP_WIDTH + 0.03, 0.96, "\n".join(notes), transform=axes.transAxes, va="top", size=SMALL)


def _bar_width(span: float, step: float | None) -> float:
    """Return a width that makes about `BARS` bars: 1, 2 or 5 times a power of ten, or of two where there is a step."""
    if step:
        return step * 2.0 ** max(np.floor(np.log2(span / BARS / step)), 0)
    decade = 10.0 ** np.floor(np.log10(span / BARS))
    return float(decade * next(factor for factor in (10, 5, 2, 1) if decade * factor <= span / BARS))
