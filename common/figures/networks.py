"""Diagram of a network: nodes and nonzero weights, to scale."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from common.figures.style import (
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
from common.figures.weights import Weights, branches_of, weight_columns

BRANCH_DISTANCE = 12.0  # between decoder and classifier, in distances of neighbouring nodes
LABEL_DISTANCE = 2.5  # between a layer's label and the nodes, in the same unit
LABEL_HEIGHT = 11.0  # height of three lines of text, in the same unit
SIZES = 8  # classes of line widths

# Name of each diagram, and its branches; the one of the classifier starts at the latent plane.
NETWORKS = {
    "whole": ("classifier network", ("encoder", "decoder", "classifier")),
    "autoencoder": ("autoencoder network", ("encoder", "decoder")),
    "classifier": ("classifier on the latent plane", ("classifier",)),
}


@styled
def network_diagram(weights: Weights, network: str, variant: str) -> CaptionedFigure:
    """Draw a network to scale: a dot per node, a line per nonzero weight (paper, figures 3 to 5).

    Args:
        weights: Kernel [inputs, nodes] and bias [nodes] of each dense layer, by name.
        network: `whole` (encoder, decoder and classifier), `autoencoder` or `classifier` (from the latent plane on).
        variant: `complete`, `pruned`, `quantized` or `quantized_pruned`.
    """
    words, parts = NETWORKS[network]
    branches = {name: layers for name, layers in branches_of(weights).items() if name in parts}
    kernels = {name: weights[name][0] for names in branches.values() for name in names}
    total = sum(array.size for name in kernels for array in weights[name])
    left = sum(np.count_nonzero(array) for name in kernels for array in weights[name])
    label = variant_style(variant).label
    first = "pixels" if "encoder" in branches else "latent"
    downstream = [name for name in branches if name != "encoder"]
    connected = _connected(kernels, branches, first)
    unconnected = sum(np.count_nonzero(~nodes) for nodes in connected.values())
    caption = (
        f"How is the {label} {words} connected? Every node is a dot. Every nonzero weight is a line, wider and darker "
        "the larger it is within its layer; blue is positive, orange negative. "
    )
    if unconnected:
        caption += "Open dots have no nonzero weight on one side, so they carry no information on the image. "
    figure = new_figure(
        PAGE_WIDTH,
        5.8 if len(downstream) > 1 else 4.2 if first == "pixels" else 2.8,
        title=f"The {label} {words}",
        caption=f"{caption}{left:,} of {total:,} parameters (weights and biases) are nonzero.",
        data=weight_columns({name: weights[name] for name in kernels}),
    )
    axes = figure.subplots()
    axes.set_axis_off()
    inputs = _node_positions(0, 0.0, len(connected[first]))
    heights = {name: max(kernels[layer].shape[1] for layer in branches[name]) for name in downstream}
    height = len(inputs) if "encoder" in branches else max(heights.values())
    _draw_nodes(axes, inputs, connected[first])
    axes.text(0, height / 2 + LABEL_DISTANCE, f"{first}\n{len(inputs)} nodes\n ", ha="center", va="bottom", size=SMALL)
    latent = _draw_branch(axes, kernels, branches.get("encoder", ()), connected, inputs, (0.0, height), above=True)
    highest = (sum(heights.values()) + BRANCH_DISTANCE * (len(downstream) - 1)) / 2
    top = highest
    for name, height in heights.items():
        centre = top - height / 2
        _draw_branch(axes, kernels, branches[name], connected, latent, (centre, height), above=name == downstream[0])
        top -= height + BRANCH_DISTANCE
    room = LABEL_DISTANCE + LABEL_HEIGHT
    axes.set_ylim(-highest - (room if len(downstream) > 1 else LABEL_DISTANCE), highest + room)
    axes.set_xlim(-0.5, latent[0, 0] + max(len(branches[name]) for name in downstream) + 0.5)
    handles = [
        Line2D([], [], color=POSITIVE, lw=1.6, label="weight > 0"),
        Line2D([], [], color=NEGATIVE, lw=1.6, label="weight < 0"),
        Line2D([], [], color=INK, marker="o", ls="", ms=3, label="node"),
    ]
    if unconnected:
        open_dot = {"marker": "o", "ls": "", "ms": 3, "mfc": "white"}
        handles.append(Line2D([], [], color=INK, label="node without weights on one side", **open_dot))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=1.6)
    return figure


def _connected(
    kernels: Mapping[str, np.ndarray], branches: Mapping[str, Sequence[str]], first: str
) -> dict[str, np.ndarray]:
    """Return which nodes of each layer have nonzero weights on both sides; inputs and outputs have one side."""
    source = {}
    for branch, names in branches.items():
        source[names[0]] = "latent" if branch != "encoder" else first
        source.update(zip(names[1:], names, strict=False))
    reader = next(name for name, read in source.items() if read == first)
    connected = {first: np.ones(len(kernels[reader]), dtype=bool)}
    connected |= {name: kernel.any(axis=0) for name, kernel in kernels.items()}
    for layer in {*source.values()}:
        heard = [kernels[reader].any(axis=1) for reader, read in source.items() if read == layer]
        connected[layer] &= np.any(heard, axis=0)
    return connected


def _node_positions(column: float, centre: float, nodes: int) -> np.ndarray:
    """Return positions, [nodes, 2]: in one column, one unit apart, the first node on top."""
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
    """Draw consecutive layers with labels above or below; return the positions of the last one's nodes."""
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
    """Draw the weights in a few classes of size, the largest on top; one path per class keeps files small."""
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
