"""Figures of the latent space: latent points, decision regions, the effect of quantization.

One dimension is drawn as a histogram for each class, two as a plane, and more as planes of the dimensions with the most
variance.
"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from scipy import ndimage

from common.figures.labels import MOST_LABELS, label_classes
from common.figures.style import (
    COLUMN_WIDTH,
    GREY,
    INK,
    PAGE_WIDTH,
    PALE,
    CaptionedFigure,
    class_colours,
    new_figure,
    styled,
    variant_style,
)
from common.images.samples import ImageFormat

POINTS_OVER_REGIONS = 150  # of each class
ARROWS = 15  # of each class
SHIFTED = 60  # of each class, along one dimension
DRAWN_DIMENSIONS = 3  # of a latent space with more dimensions
BARS = 80  # in a histogram, unless there are fewer values
ROW_OVERLAP = 0.9  # height of the largest bar, in distances of two rows of histograms
Pair = tuple[int, int]


@styled
def latent_space(points: np.ndarray, labels: np.ndarray, variant: str, image_format: ImageFormat) -> CaptionedFigure:
    """Draw the latent points of the test images, coloured by class, and each class's median (paper, figure 9).

    Args:
        points: Latent points, [N, dimensions].
        labels: True labels, [N].
        variant: Variant of the network.
        image_format: Names of the classes.
    """
    network, noun, plural = variant_style(variant).label, image_format.noun, image_format.plural
    dimensions = points.shape[1]
    question = f"Where does the {network} network map the {plural} in its latent {_space(dimensions)}? "
    data = {**_coordinates(points), noun: _names(labels, image_format)}
    if dimensions == 1:
        caption = (
            f"{question}Each row is the histogram of the latent coordinate of the test images of one {noun}, scaled to "
            f"its largest bar, for {len(points):,} images in all. Rows are in the order of their medians, the black "
            f"marks. The more two rows overlap, the harder the two {plural} are to distinguish for the classifier."
        )
        height = 0.8 + 0.26 * len(np.unique(labels))
        figure = new_figure(
            PAGE_WIDTH, height, title=f"Latent coordinate of the {network} network", caption=caption, data=data
        )
        _draw_histograms(figure.subplots(), points[:, 0], labels, image_format)
        return figure
    caption = (
        f"{question}Each point is one of {len(points):,} test images, coloured by {noun}; "
        f"{_discs(image_format)} mark the {plural}' medians. The closer two {plural} are, the harder they are to "
        "distinguish for the classifier."
    )
    if (points >= 0).all():
        caption += " Points on the axes are images for which a latent ReLU is zero."

    def draw(axes: Axes, pair: Pair) -> None:
        shown = points[:, pair]
        axes.scatter(
            *shown.T, s=2.2 if dimensions == 2 else 1.2, c=_colours(labels, image_format), linewidths=0, rasterized=True
        )
        _frame_plane(axes, shown)
        _label_medians(axes, shown, labels, image_format)

    if dimensions == 2:
        figure = new_figure(5.6, 5.0, title=f"Latent plane of the {network} network", caption=caption, data=data)
        axes = figure.subplots()
        draw(axes, (0, 1))
        _name_plane(axes, (0, 1))
        return figure
    title = f"Latent space of the {network} network"
    return _draw_pairs(points, title, caption, data, draw)


@styled
def decision_regions(
    regions: np.ndarray,
    extent: tuple[float, float, float, float],
    points: np.ndarray,
    labels: np.ndarray,
    image_format: ImageFormat,
) -> CaptionedFigure:
    """Draw the predicted class across the latent plane, and test images over it.

    Args:
        regions: Predicted label at the centre of each cell of a grid, [rows, columns]; row 0 is the lowest.
        extent: Left, right, bottom and top edge of the grid, latent coordinates.
        points: Latent points of the test images, [N, 2].
        labels: True labels, [N].
        image_format: Names of the classes.
    """
    rows, columns = regions.shape
    left, right, bottom, top = extent
    noun, plural = image_format.noun, image_format.plural
    figure = new_figure(
        5.6,
        5.0,
        title="Decision regions in the latent plane",
        caption=f"Which {noun} does the classifier predict where in the latent plane? Areas are predictions, each "
        f"labelled in its largest part. Points are test images in the colour of their true {noun}, up to "
        f"{POINTS_OVER_REGIONS} of each; a point on an area of another colour is misclassified. Neighbouring areas "
        f"belong to {plural} that look alike.",
        data={
            "z2": bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows,
            **{
                f"decided at z1 = {left + (column + 0.5) * (right - left) / columns:.4f}": _names(
                    regions[:, column], image_format
                )
                for column in range(columns)
            },
        },
    )
    axes = figure.subplots()
    pale = 1 - 0.42 * (1 - np.array([to_rgb(colour) for colour in class_colours(image_format.classes)]))
    axes.imshow(pale[regions], extent=extent, origin="lower", aspect="auto")
    inside = (points >= (left, bottom)).all(axis=1) & (points <= (right, top)).all(axis=1)
    shown = _some_of_each(labels, POINTS_OVER_REGIONS, inside)
    colours = _colours(labels[shown], image_format)
    # Points on the axes are not clipped.
    axes.scatter(*points[shown].T, s=7, c=colours, ec=INK, lw=0.25, rasterized=True, clip_on=False, zorder=3)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    found = [int(label) for label in np.unique(regions)]
    for label in found if len(found) > 1 else ():
        axes.contour(regions == label, levels=[0.5], colors=INK, linewidths=0.5, extent=extent, origin="lower")
    label_classes(axes, {label: _middle(regions == label, extent) for label in found}, image_format.class_names)
    _name_plane(axes, (0, 1))
    return figure


@styled
def quantization_shift(
    before: np.ndarray, after: np.ndarray, labels: np.ndarray, parent: str, image_format: ImageFormat
) -> CaptionedFigure:
    """Draw how quantization moves latent points: arrows for some test images, or before against after in one dimension.

    Args:
        before: Latent points of the float network that the quantized one was trained from, [N, dimensions].
        after: Latent points of the quantized network, [N, dimensions].
        labels: True labels, [N].
        parent: Variant of that float network.
        image_format: Names of the classes.
    """
    noun, plural, dimensions = image_format.noun, image_format.plural, before.shape[1]
    shift = np.median(np.linalg.norm(after - before, axis=1))
    spread = np.median(np.linalg.norm(before - np.median(before, axis=0), axis=1))
    title = f"Effect of quantization on the latent {_space(dimensions)}"
    question = f"How far does quantization move the {plural} in the latent {_space(dimensions)}? "
    of_both = (
        f"Over all test images the median shift is {shift:.2f}; before quantization, half of the images were within "
        f"{spread:.2f} of the median point. "
    )
    networks = f"{variant_style(parent).label} float network", "quantized and pruned network trained from it"
    data = {
        **_coordinates(before, "_before"),
        **_coordinates(after, "_after"),
        noun: _names(labels, image_format),
    }
    if dimensions == 1:
        shown = _some_of_each(labels, SHIFTED)
        caption = (
            f"{question}Each point is a test image: to the right, its latent coordinate in the {networks[0]}; upward, "
            f"that in the {networks[1]}. Up to {SHIFTED} images of each {noun} are drawn; {_discs(image_format)} mark "
            f"the {plural}' medians. {of_both}Points on the grey line have not moved. A straight line of another slope "
            "is a change of scale, which the downstream layers learn to undo; points off a line mix "
            f"{plural}."
        )
        figure = new_figure(COLUMN_WIDTH, 4.2, title=title, caption=caption, data=data)
        axes = figure.subplots()
        both = np.column_stack([before[:, 0], after[:, 0]])
        axes.scatter(*both[shown].T, s=4, c=_colours(labels[shown], image_format), linewidths=0, zorder=2)
        _frame_plane(axes, both[shown])
        axes.axline((0, 0), slope=1, color=GREY, lw=0.8, zorder=1)
        axes.set(xlabel="latent coordinate before", ylabel="latent coordinate after")
        _label_medians(axes, both, labels, image_format)
        return figure
    shown = _some_of_each(labels, ARROWS)
    caption = (
        f"{question}Arrows lead from the latent points of the {networks[0]} to those of the {networks[1]}, for the "
        f"first {ARROWS} test images of each {noun}; {_discs(image_format)} mark the {plural}' medians after "
        f"quantization. {of_both}Parallel arrows are a change of scale, which the downstream layers learn to undo; "
        f"crossing arrows mix {plural}."
    )

    def draw(axes: Axes, pair: Pair) -> None:
        start, end = before[shown][:, pair], after[shown][:, pair]
        colours = _colours(labels[shown], image_format)
        axes.scatter(*start.T, s=4, c=colours, linewidths=0)
        axes.quiver(
            *start.T,
            *(end - start).T,
            color=colours,
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.0022,
            headwidth=5,
            headlength=6,
            minlength=0,
        )
        _frame_plane(axes, np.concatenate([start, end]))
        _label_medians(axes, after[:, pair], labels, image_format)

    if dimensions == 2:
        figure = new_figure(5.6, 5.0, title=title, caption=caption, data=data)
        axes = figure.subplots()
        draw(axes, (0, 1))
        _name_plane(axes, (0, 1))
        return figure
    return _draw_pairs(after, title, caption, data, draw)


def largest_dimensions(points: np.ndarray) -> list[int]:
    """Return the dimensions with the most variance, up to three, in their own order, of points [N, dimensions]."""
    by_variance = np.argsort(-points.var(axis=0), kind="stable")
    return sorted(by_variance[:DRAWN_DIMENSIONS].tolist())


def _draw_pairs(
    points: np.ndarray, title: str, caption: str, data: dict[str, np.ndarray], draw: Callable[[Axes, Pair], None]
) -> CaptionedFigure:
    """Return a figure with a panel for each two of the three dimensions with the most variance."""
    dimensions, (first, second, third) = points.shape[1], largest_dimensions(points)
    names = ", ".join(f"z{index + 1}" for index in (first, second, third))
    which = (
        "all three dimensions" if dimensions == 3 else f"the three of {dimensions} dimensions with the most variance"
    )
    caption += f" Panels show each two of {which}: {names}."
    figure = new_figure(PAGE_WIDTH, 6.6, title=title, caption=caption, data=data)
    panels = figure.subplots(2, 2)
    shares = 100 * points.var(axis=0) / max(points.var(axis=0).sum(), 1e-12)
    lines = [f"$z_{{{index + 1}}}$: {shares[index]:.0f} %" for index in (first, second, third)]
    rest = 100 - shares[[first, second, third]].sum()
    lines += [f"{dimensions - 3} more: {max(rest, 0):.0f} %"] if dimensions > 3 else []
    panels[0, 1].set_axis_off()
    text = "\n".join(["share of the variance", "", *lines])
    panels[0, 1].text(0.5, 0.5, text, ha="center", va="center", transform=panels[0, 1].transAxes)
    for axes, pair in (
        (panels[0, 0], (first, second)),
        (panels[1, 0], (first, third)),
        (panels[1, 1], (second, third)),
    ):
        _name_plane(axes, pair)
        draw(axes, pair)
    return figure


def _draw_histograms(axes: Axes, values: np.ndarray, labels: np.ndarray, image_format: ImageFormat) -> None:
    """Draw a histogram for each class that has images, in rows from the lowest median, at the bottom, up."""
    medians = {int(label): float(np.median(values[labels == label])) for label in np.unique(labels)}
    ordered = sorted(medians, key=medians.__getitem__)
    edges = _bin_edges(values)
    colours = class_colours(image_format.classes)
    for row, label in enumerate(ordered):
        counts = np.histogram(values[labels == label], edges)[0]
        heights = row + ROW_OVERLAP * counts / counts.max()
        axes.axhline(row, color=PALE, lw=0.5, zorder=1)
        axes.stairs(heights, edges, baseline=row, fill=True, color=colours[label], zorder=2)
        axes.stairs(heights, edges, baseline=row, color=INK, lw=0.4, zorder=3)
        axes.plot([medians[label]] * 2, [row, row + 0.3], color=INK, lw=1.6, zorder=4)
    axes.set_yticks([row + 0.3 for row in range(len(ordered))], [image_format.class_names[label] for label in ordered])
    axes.tick_params(axis="y", which="both", length=0)
    axes.set(ylim=(-0.15, len(ordered) + 0.1), xlabel="latent coordinate $z_1$")
    margin = 0.01 * (edges[-1] - edges[0])
    axes.set_xlim(edges[0] - margin, edges[-1] + margin)


def _bin_edges(values: np.ndarray) -> np.ndarray:
    """Return edges of bins: around each value of a coordinate of few bits, otherwise equal ones over the range."""
    found = np.unique(values)
    low, high = float(found[0]), float(found[-1])
    if 1 < len(found) <= BARS:
        step = float(np.diff(found).min())
        if (high - low) / step <= 4 * BARS:
            return low + step * (np.arange(round((high - low) / step) + 2) - 0.5)
    return np.linspace(low, high, BARS + 1) if high > low else np.array([low - 0.5, low + 0.5])


def _space(dimensions: int) -> str:
    return {1: "coordinate", 2: "plane"}.get(dimensions, "space")


def _coordinates(points: np.ndarray, suffix: str = "") -> dict[str, np.ndarray]:
    return {f"z{index + 1}{suffix}": column for index, column in enumerate(points.T)}


def _names(labels: np.ndarray, image_format: ImageFormat) -> np.ndarray:
    return np.array(image_format.class_names)[labels]


def _colours(labels: np.ndarray, image_format: ImageFormat) -> np.ndarray:
    return np.array(class_colours(image_format.classes))[labels]


def _discs(image_format: ImageFormat) -> str:
    """Return what marks the medians, in words."""
    if image_format.classes > MOST_LABELS:
        return f"labels, of the first {MOST_LABELS} {image_format.plural},"
    return "discs" if image_format.noun == "digit" else "labels"


def _label_medians(axes: Axes, points: np.ndarray, labels: np.ndarray, image_format: ImageFormat) -> None:
    """Label the median of each class that has images."""
    medians = {int(label): np.median(points[labels == label], axis=0) for label in np.unique(labels)}
    label_classes(axes, medians, image_format.class_names)


def _some_of_each(labels: np.ndarray, count: int, eligible: np.ndarray | None = None) -> np.ndarray:
    """Return the indices of the first `count` eligible images of each class, in the order of the images."""
    eligible = np.ones(len(labels), dtype=bool) if eligible is None else eligible
    chosen = [np.flatnonzero((labels == label) & eligible)[:count] for label in np.unique(labels)]
    return np.sort(np.concatenate(chosen))


def _middle(mask: np.ndarray, extent: tuple[float, float, float, float]) -> np.ndarray:
    """Return the point farthest from the edge of a region's largest connected part, in latent coordinates."""
    parts, _ = ndimage.label(mask)
    largest = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    depth = ndimage.distance_transform_edt(np.pad(largest, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    left, right, bottom, top = extent
    rows, columns = mask.shape
    return np.array([left + (column + 0.5) * (right - left) / columns, bottom + (row + 0.5) * (top - bottom) / rows])


def _frame_plane(axes: Axes, points: np.ndarray) -> None:
    """Set the limits of the axes to all points plus a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.025 * np.where(high > low, high - low, 1)
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - margin[1], high[1] + margin[1])


def _name_plane(axes: Axes, pair: Sequence[int]) -> None:
    axes.set(
        **{f"{axis}label": f"latent coordinate $z_{{{index + 1}}}$" for axis, index in zip("xy", pair, strict=True)}
    )
