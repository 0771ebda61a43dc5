"""Diagram of a network: nodes and nonzero weights, to scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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

# Distances in units of the height of a figure's nodes, over how many nodes of the paper's networks it has.
BRANCH_DISTANCE = 12.0  # between decoder and classifier
LABEL_DISTANCE = 2.5  # between a layer's label and the nodes
LABEL_HEIGHT = 11.0  # of three lines of text, or of four in small type
PAPERS_HEIGHT = {"whole": 96, "autoencoder": 64, "classifier": 32}  # nodes above each other
SIZES = 8  # classes of line widths
MOST_NODES = 128  # drawn of a layer
MOST_LINES = 2_500  # drawn between two layers
MOST_LAYERS = 8  # in a figure as wide as a page; with more it is wider
LONGEST_COUNT = 13  # characters of the number of weights in one line of a label

# Name of each diagram, and its branches; the one of the classifier starts at the latent space.
NETWORKS = {
    "whole": ("classifier network", ("encoder", "decoder", "classifier")),
    "autoencoder": ("autoencoder network", ("encoder", "decoder")),
    "classifier": ("classifier on the latent space", ("classifier",)),
}


@styled
def network_diagram(weights: Weights, network: str, variant: str) -> CaptionedFigure:
    """Draw a network to scale: a dot per node, a line per nonzero weight (paper, figures 3 to 5).

    Args:
        weights: Kernel [inputs, nodes] and bias [nodes] of each dense layer, by name.
        network: `whole` (encoder, decoder and classifier), `autoencoder` or `classifier` (from the latent space on).
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
    if max(map(len, connected.values())) > MOST_NODES:
        caption += f"Of larger layers, {MOST_NODES} nodes are drawn, evenly chosen. "
    drawn = {name: _drawn_nodes(len(nodes)) for name, nodes in connected.items()}
    shown = {
        name: kernel[np.ix_(drawn[source], drawn[name])]
        for name, (kernel, source) in _sources(kernels, branches, first).items()
    }
    if max(map(np.count_nonzero, shown.values())) > MOST_LINES:
        caption += f"Of more than {MOST_LINES:,} weights between two layers, the largest are drawn. "
    columns = len(branches.get("encoder", ())) + max(len(branches[name]) for name in downstream) + 1
    figure = new_figure(
        PAGE_WIDTH * max(columns / MOST_LAYERS, 1),
        5.8 if len(downstream) > 1 else 4.2 if first == "pixels" else 2.8,
        title=f"The {label} {words}",
        caption=f"{caption}{left:,} of {total:,} parameters (weights and biases) are nonzero.",
        data=weight_columns({name: weights[name] for name in kernels}),
    )
    axes = figure.subplots()
    axes.set_axis_off()
    counts = {name: len(nodes) for name, nodes in drawn.items()}
    heights = {name: max(counts[layer] for layer in branches[name]) for name in downstream}
    encoder_height = max(counts[name] for name in (first, *branches.get("encoder", ())))
    tallest = max(sum(heights.values()), encoder_height)
    unit = (
        tallest
        / PAPERS_HEIGHT["whole" if len(downstream) > 1 else "autoencoder" if first == "pixels" else "classifier"]
    )
    height = encoder_height if "encoder" in branches else max(heights.values())
    pen = _Pen(axes, kernels, shown, {name: connected[name][nodes] for name, nodes in drawn.items()}, unit)
    inputs = _node_positions(0, 0.0, counts[first])
    pen.draw_nodes(inputs, first)
    text = f"{first}\n{len(connected[first])} nodes\n "
    axes.text(0, height / 2 + LABEL_DISTANCE * unit, text, ha="center", va="bottom", size=SMALL)
    latent = pen.draw_branch(branches.get("encoder", ()), inputs, (0.0, height), above=True)
    between = BRANCH_DISTANCE * unit
    downstream_height = sum(heights.values()) + between * (len(downstream) - 1)
    highest = max(downstream_height, height) / 2
    top = downstream_height / 2
    for name, height in heights.items():
        pen.draw_branch(branches[name], latent, (top - height / 2, height), above=name == downstream[0])
        top -= height + between
    room = (LABEL_DISTANCE + LABEL_HEIGHT) * unit
    axes.set_ylim(-highest - (room if len(downstream) > 1 else LABEL_DISTANCE * unit), highest + room)
    axes.set_xlim(-0.5, columns - 0.5)
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


def _sources(
    kernels: Mapping[str, np.ndarray], branches: Mapping[str, Sequence[str]], first: str
) -> dict[str, tuple[np.ndarray, str]]:
    """Return the kernel of each layer and the layer that it reads, `pixels` or `latent` for the first of a branch."""
    source = {}
    for branch, names in branches.items():
        source[names[0]] = "latent" if branch != "encoder" else first
        source.update(zip(names[1:], names, strict=False))
    return {name: (kernels[name], read) for name, read in source.items()}


def _connected(
    kernels: Mapping[str, np.ndarray], branches: Mapping[str, Sequence[str]], first: str
) -> dict[str, np.ndarray]:
    """Return which nodes of each layer have nonzero weights on both sides; inputs and outputs have one side."""
    source = {name: read for name, (_, read) in _sources(kernels, branches, first).items()}
    reader = next(name for name, read in source.items() if read == first)
    connected = {first: np.ones(len(kernels[reader]), dtype=bool)}
    connected |= {name: kernel.any(axis=0) for name, kernel in kernels.items()}
    for layer in {*source.values()}:
        heard = [kernels[reader].any(axis=1) for reader, read in source.items() if read == layer]
        connected[layer] &= np.any(heard, axis=0)
    return connected


def _drawn_nodes(count: int) -> np.ndarray:
    """Return which nodes of a layer are drawn: all, or `MOST_NODES` of them, evenly chosen."""
    return np.arange(count) if count <= MOST_NODES else np.linspace(0, count - 1, MOST_NODES).round().astype(int)


def _node_positions(column: float, centre: float, nodes: int) -> np.ndarray:
    """Return positions, [nodes, 2]: in one column, one unit apart, the first node on top."""
    return np.column_stack([np.full(nodes, column), centre + (nodes - 1) / 2 - np.arange(nodes)])


@dataclass(frozen=True)
class _Pen:
    """What is needed to draw layers.

    Attributes:
        axes: The panel.
        kernels: All weights of each layer, [inputs, nodes].
        shown: Those between nodes that are drawn.
        connected: Which of these nodes have nonzero weights on both sides.
        unit: Of distances, in those of neighbouring nodes.
    """

    axes: Axes
    kernels: Mapping[str, np.ndarray]
    shown: Mapping[str, np.ndarray]
    connected: Mapping[str, np.ndarray]
    unit: float

    def draw_nodes(self, positions: np.ndarray, name: str) -> None:
        """Draw the nodes of a layer at positions, [nodes, 2]."""
        faces = np.where(self.connected[name], INK, "white")
        size = 5 / max(self.unit, 1)
        self.axes.scatter(*positions.T, s=size, c=faces, edgecolors=INK, linewidths=0.5, zorder=3)

    def draw_branch(
        self, names: Sequence[str], start: np.ndarray, centre_and_height: tuple[float, float], *, above: bool
    ) -> np.ndarray:
        """Draw consecutive layers with labels above or below; return the positions of the last one's nodes."""
        centre, height = centre_and_height
        for name in names:
            kernel = self.shown[name]
            end = _node_positions(start[0, 0] + 1, centre, kernel.shape[1])
            _draw_lines(self.axes, kernel, start, end)
            self.draw_nodes(end, name)
            self.axes.text(
                end[0, 0],
                centre + (height / 2 + LABEL_DISTANCE * self.unit) * (1 if above else -1),
                self._label(name),
                ha="center",
                va="bottom" if above else "top",
                size=SMALL,
                linespacing=1.2 if self._label(name).count("\n") == 2 else 0.95,
            )
            start = end
        return start

    def _label(self, name: str) -> str:
        kernel = self.kernels[name]
        count = np.count_nonzero(kernel)
        share = f"{count:,}" if count == kernel.size else f"{count:,} of {kernel.size:,}"
        if len(share) > LONGEST_COUNT:
            share = share.replace(" of ", "\nof ")
        return f"{name.replace('_', ' ')}\n{kernel.shape[1]} nodes\n{share} weights"


def _draw_lines(axes: Axes, kernel: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Draw the weights in a few classes of size, the largest on top; one path per class keeps files small."""
    sizes = np.abs(kernel)
    largest = sizes.max(initial=0)
    if np.count_nonzero(kernel) > MOST_LINES:
        kernel = np.where(sizes > np.partition(sizes.ravel(), -MOST_LINES - 1)[-MOST_LINES - 1], kernel, 0)
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
