"""Figure of the front: accuracy against LUTs of presets and of peers, over their seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from common.figures.labels import place_labels
from common.figures.style import GREY, PAGE_WIDTH, VARIANTS, CaptionedFigure, new_figure, styled
from common.published_designs import MNIST_CLASSIFIERS, PublishedDesign

Rows = Sequence[Mapping[str, Any]]
OURS, PEER = VARIANTS["quantized_pruned"], VARIANTS["quantized"]


@styled
def front(
    seeds: Mapping[str, Rows],
    peers: Mapping[str, Rows],
    published: Sequence[PublishedDesign] = MNIST_CLASSIFIERS,
) -> CaptionedFigure:
    """Draw test accuracy against LUTs, medians with the range of the seeds as bars.

    Args:
        seeds: Rows with `lut` and `accuracy` of each seed, by preset.
        peers: Likewise, by the peer's name.
        published: Published designs.
    """
    measured = [(name, rows, look) for group, look in ((seeds, OURS), (peers, PEER)) for name, rows in group.items()]
    figure = new_figure(
        PAGE_WIDTH,
        4.4,
        title="Accuracy against LUTs: presets, peers, published designs",
        caption="How few LUTs give which accuracy? Encoder and classifier on test images, median over the seeds, with "
        "bars from the smallest to the largest; all see 8 × 8 pixels and classify from two latent coordinates. "
        "Squares: published MNIST classifiers of 28 × 28 pixels, without that bottleneck.",
        data={
            "design": [f"{name}, seed {row['seed']}" for name, rows, _ in measured for row in rows]
            + [mark.name for mark in published],
            "lut": [row["lut"] for _, rows, _ in measured for row in rows] + [mark.lut for mark in published],
            "accuracy_percent": [100 * row["accuracy"] for _, rows, _ in measured for row in rows]
            + [mark.accuracy_percent for mark in published],
        },
    )
    axes = figure.subplots()
    points, texts = [], []
    for name, rows, look in measured:
        found = np.array([(row["lut"], 100 * row["accuracy"]) for row in rows])
        middle = np.median(found, axis=0)
        bars = np.abs(np.stack([found.min(axis=0), found.max(axis=0)]) - middle)
        axes.errorbar(*middle, xerr=bars[:, :1], yerr=bars[:, 1:], fmt=look.marker, color=look.colour, elinewidth=0.8)
        points.append(middle)
        texts.append(f"{name}\n{middle[0]:,.0f} LUT, {middle[1]:.2f} %")
    for mark in published:
        error = 0 if mark.decimals else 0.5
        axes.errorbar(mark.lut, mark.accuracy_percent, yerr=error, fmt="s", color=GREY, elinewidth=0.8)
        points.append((mark.lut, mark.accuracy_percent))
        texts.append(f"{mark.name}\n{mark.pixels} × {mark.pixels}")
    axes.set(xscale="log", xlabel="LUT", ylabel="test accuracy [%]")
    axes.margins(x=0.14, y=0.12)
    handles = [
        Line2D([], [], ls="", marker=OURS.marker, color=OURS.colour, label="preset"),
        Line2D([], [], ls="", marker=PEER.marker, color=PEER.colour, label="other method, run here"),
        Line2D([], [], ls="", marker="s", color=GREY, label="published"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    place_labels(axes, np.array(points), texts)
    return figure
