"""The figure that opens the README: latent plane, reconstructions and LUTs of one run, beside the paper's."""

from collections.abc import Mapping, Sequence
from math import isqrt

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from common.figures.labels import label_classes, name_categories
from common.figures.style import (
    GREY,
    IMAGES,
    INK,
    PAGE_WIDTH,
    CaptionedFigure,
    class_colours,
    new_figure,
    styled,
    variant_style,
)
from common.images.samples import PAPER_FORMAT, ImageFormat
from common.published_designs import OVERESTIMATES, overestimate
from common.records import ESTIMATE, DesignRecord

IMAGES_A_PLACE = 4  # where as many share a latent point on average, these are drawn as discs
IMAGE_GAP = 2  # between two images [pixel]
LARGEST_DISC = 0.9  # diameter, as a share of the distance of two grid points
OF_DISCS = ", a disc for all images of a point, in the colour of their commonest {}"
Bar = tuple[str, int, bool]


@styled
def overview(
    points: np.ndarray,
    labels: np.ndarray,
    originals: np.ndarray,
    reconstructed: np.ndarray,
    luts: Sequence[Bar],
    image_format: ImageFormat = PAPER_FORMAT,
) -> CaptionedFigure:
    """Draw the latent plane, reconstructed images, and LUTs.

    Args:
        points: Latent points of the test images, [N, 2].
        labels: Their labels, [N].
        originals: Some images, [k, pixels] of 0 to 1.
        reconstructed: What the network makes of them, [k, pixels] of 0 to 1.
        luts: Bars from top to bottom: the design, its LUTs, and whether these are a C-synthesis estimate.
        image_format: Names of the classes.
    """
    noun = image_format.noun
    figure = new_figure(
        PAGE_WIDTH,
        3.5,
        title="The network and its hardware at a glance",
        caption=f"Left: the two numbers to which the network reduces each of {len(points):,} test images"
        f"{OF_DISCS.format(noun) if _shares_places(points) else ''}; a ring marks each {noun}'s median. Upper right: "
        f"a test image of each {noun}, and below it the reconstruction from these two numbers. Lower right: LUTs of "
        f"the quantized and pruned designs and of the paper's. {overestimate()}: "
        "black bars show the estimates divided by that.",
        data={"design": [name for name, _, _ in luts], "lut": [count for _, count, _ in luts]},
    )
    left, right = figure.add_gridspec(1, 2, width_ratios=(1, 1.12))
    above, below = right.subgridspec(2, 1, height_ratios=(1, 1.9))
    subject = "Digits" if noun == "digit" else "Images"
    _draw_images(figure.add_subplot(above), f"{subject} and their reconstructions", originals, reconstructed)
    _draw_luts(figure.add_subplot(below), luts)
    _draw_plane(figure.add_subplot(left), points, labels, image_format)
    return figure


def _shares_places(points: np.ndarray) -> bool:
    """Whether a latent layer of few bits puts many images on one point."""
    return len(points) >= IMAGES_A_PLACE * len(np.unique(points, axis=0))


def _title(axes: Axes, words: str) -> None:
    axes.set_title(words, loc="left", weight="bold", pad=5)


def _draw_plane(axes: Axes, points: np.ndarray, labels: np.ndarray, image_format: ImageFormat) -> None:
    """Draw each point, or, where a few-bit latent layer puts many images on one point, a disc for all of them."""
    _title(axes, "Latent plane of the test images")
    colours = np.array(class_colours(image_format.classes))
    axes.set(xlabel="latent coordinate $z_1$", ylabel="latent coordinate $z_2$")
    places, place_of, counts = np.unique(points, axis=0, return_inverse=True, return_counts=True)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.04 * np.where(high > low, high - low, 1)
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
    if not _shares_places(points):
        size = np.clip(6_000 / len(points), 1.2, 6)
        axes.scatter(*points.T, s=size, c=colours[labels], linewidths=0, rasterized=True)
    else:
        table = np.zeros((len(places), len(colours)), dtype=int)
        np.add.at(table, (place_of.ravel(), labels), 1)
        areas = np.clip(counts / np.quantile(counts, 0.95), 0.03, 1)
        diameters = LARGEST_DISC * _grid_step(axes, places) * np.sqrt(areas)
        axes.scatter(*places.T, s=diameters**2, c=colours[table.argmax(axis=1)], linewidths=0)
    medians = {int(each): np.median(points[labels == each], axis=0) for each in np.unique(labels)}
    label_classes(axes, medians, image_format.class_names)


def _grid_step(axes: Axes, places: np.ndarray) -> float:
    """Return the distance of neighbouring values of a coordinate, the smaller one of both [pt]."""
    figure = axes.get_figure()
    figure.draw_without_rendering()
    shown = axes.transData.transform(places) * 72 / figure.dpi
    steps = [np.diff(np.unique(column.round(3))) for column in shown.T]
    return min((step.min() for step in steps if step.size), default=10.0)


def _draw_images(axes: Axes, title: str, originals: np.ndarray, reconstructed: np.ndarray) -> None:
    """Draw images in a row, and what the network makes of each below it."""
    _title(axes, title)
    side = isqrt(originals.shape[1])
    step = side + IMAGE_GAP
    names = {"input": originals, "output": reconstructed}
    canvas = np.zeros((2 * step - IMAGE_GAP, len(originals) * step - IMAGE_GAP))
    for row, images in enumerate(names.values()):
        for column, image in enumerate(images):
            corner = (column * step, row * step)
            canvas[corner[1] : corner[1] + side, corner[0] : corner[0] + side] = image.reshape(side, side)
            frame = {"fill": False, "ec": GREY, "lw": 0.5, "clip_on": False}
            axes.add_patch(Rectangle((corner[0] - 0.5, corner[1] - 0.5), side, side, **frame))
    axes.imshow(canvas, cmap=IMAGES, vmin=0, vmax=1)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([(side - 1) / 2, step + (side - 1) / 2], labels=list(names))
    axes.tick_params(which="both", length=0)
    axes.minorticks_off()


def _draw_luts(axes: Axes, luts: Sequence[Bar]) -> None:
    """Draw a bar a design: filled after logic synthesis; hatched where C synthesis estimates, with what to expect."""
    _title(axes, "LUTs of the designs")
    low, high = OVERESTIMATES
    looks = {
        False: {"fc": variant_style("quantized_pruned").colour, "ec": INK, "lw": 0.6},
        True: {"fc": "white", "ec": GREY, "hatch": "////", "lw": 0.6},
    }
    expected = {"fc": INK, "ec": "white", "lw": 0.6}
    for place, (_, count, estimate) in enumerate(luts):
        axes.barh(place, count, 0.62, **looks[estimate])
        if estimate:
            axes.barh(place, count / low - count / high, 0.3, left=count / high, **expected)
        axes.annotate(f"{count:,}", (count, place), (4, 0), textcoords="offset points", va="center", size=7)
    name_categories(axes.yaxis, [name for name, _, _ in luts])
    axes.set(xlabel="LUT", ylim=(len(luts) - 0.45, -0.55), xlim=(0, 1.28 * max(count for _, count, _ in luts)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", nbins=4)
    handles = [
        Patch(**looks[True], label="C-synthesis estimate"),
        Patch(**expected, label=f"estimate ÷ {high:.1f} to {low:.1f}"),
        Patch(**looks[False], label="logic synthesis"),
    ]
    axes.legend(handles=handles, loc="lower right", borderaxespad=0.2, labelspacing=0.3)


def bars(ours: Mapping[str, DesignRecord | None], paper: Mapping[str, DesignRecord]) -> list[Bar]:
    """Return bars of the paper's designs and of those of ours that there are."""
    named = [*((f"paper: {name}", record) for name, record in paper.items()), *ours.items()]
    return [(name, record.lut, record.kind == ESTIMATE) for name, record in named if record]
