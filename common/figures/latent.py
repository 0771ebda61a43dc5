"""Figures of the latent plane and of the classifier: latent points, decision regions, confusions, scores."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_rgb
from scipy import ndimage

from common.figures.labels import label_digits, name_categories
from common.figures.style import (
    COLUMN_WIDTH,
    DIGITS,
    IMAGES,
    INK,
    PAGE_WIDTH,
    PALE,
    CaptionedFigure,
    new_figure,
    styled,
    variant_style,
)

POINTS_OVER_REGIONS = 150  # of each digit
ARROWS = 15  # of each digit


@styled
def latent_plane(points: np.ndarray, digits: np.ndarray, variant: str) -> CaptionedFigure:
    """Draw the latent points of the test images, coloured by digit, and each digit's median (paper, figure 9).

    Args:
        points: Latent points, [N, 2].
        digits: True digits, [N].
        variant: Variant of the network.
    """
    label = variant_style(variant).label
    figure = new_figure(
        5.6,
        5.0,
        title=f"Latent plane of the {label} network",
        caption=f"Where does the {label} network map the digits in its latent plane? Each point is one of "
        f"{len(points):,} test images, coloured by digit; discs mark the digits' medians. The closer two digits are, "
        "the harder they are to distinguish for the classifier. Points on the axes are images for which a latent ReLU "
        "is zero.",
        data={"z1": points[:, 0], "z2": points[:, 1], "digit": digits},
    )
    axes = figure.subplots()
    axes.scatter(*points.T, s=2.2, c=np.array(DIGITS)[digits], linewidths=0, rasterized=True)
    _frame_plane(axes, points)
    label_digits(axes, _medians(points, digits))
    return figure


@styled
def decision_regions(
    regions: np.ndarray, extent: tuple[float, float, float, float], points: np.ndarray, digits: np.ndarray
) -> CaptionedFigure:
    """Draw the predicted digit across the latent plane, and test images over it.

    Args:
        regions: Predicted digit at the centre of each cell of a grid, [rows, columns]; row 0 is the lowest.
        extent: Left, right, bottom and top edge of the grid, latent coordinates.
        points: Latent points of the test images, [N, 2].
        digits: True digits, [N].
    """
    rows, columns = regions.shape
    left, right, bottom, top = extent
    figure = new_figure(
        5.6,
        5.0,
        title="Decision regions in the latent plane",
        caption="Which digit does the classifier predict where in the latent plane? Areas are predictions, each "
        "labelled in its largest part. Points are test images in the colour of their true digit, up to "
        f"{POINTS_OVER_REGIONS} of each; a point on an area of another colour is misclassified. Neighbouring areas "
        "belong to digits that look alike.",
        data={
            "z2": bottom + (np.arange(rows) + 0.5) * (top - bottom) / rows,
            **{
                f"decided at z1 = {left + (column + 0.5) * (right - left) / columns:.4f}": regions[:, column]
                for column in range(columns)
            },
        },
    )
    axes = figure.subplots()
    pale = 1 - 0.42 * (1 - np.array([to_rgb(colour) for colour in DIGITS]))
    axes.imshow(pale[regions], extent=extent, origin="lower", aspect="auto")
    inside = (points >= (left, bottom)).all(axis=1) & (points <= (right, top)).all(axis=1)
    shown = _some_of_each(digits, POINTS_OVER_REGIONS, inside)
    colours = np.array(DIGITS)[digits[shown]]
    # Points on the axes are not clipped.
    axes.scatter(*points[shown].T, s=7, c=colours, ec=INK, lw=0.25, rasterized=True, clip_on=False, zorder=3)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    for digit in np.unique(regions):
        axes.contour(regions == digit, levels=[0.5], colors=INK, linewidths=0.5, extent=extent, origin="lower")
    label_digits(axes, {int(digit): _middle(regions == digit, extent) for digit in np.unique(regions)})
    _name_plane(axes)
    return figure


@styled
def quantization_shift(before: np.ndarray, after: np.ndarray, digits: np.ndarray, parent: str) -> CaptionedFigure:
    """Draw how quantization moves latent points, as arrows for some test images of each digit.

    Args:
        before: Latent points of the float network that the quantized one was trained from, [N, 2].
        after: Latent points of the quantized network, [N, 2].
        digits: True digits, [N].
        parent: Variant of that float network.
    """
    lengths = np.hypot(*(after - before).T)
    spread = np.hypot(*(before - np.median(before, axis=0)).T)
    figure = new_figure(
        5.6,
        5.0,
        title="Effect of quantization on the latent plane",
        caption="How far does quantization move the digits in the latent plane? Arrows lead from the latent points of "
        f"the {variant_style(parent).label} float network to those of the quantized and pruned network trained from "
        f"it, for the first {ARROWS} test images of each digit; discs mark the digits' medians after quantization. "
        f"Over all test images the median shift is {np.median(lengths):.2f}; before quantization, half of the images "
        f"were within {np.median(spread):.2f} of the median point. Parallel arrows are a change of scale, which the "
        "downstream layers learn to undo; crossing arrows mix digits.",
        data={
            "z1_before": before[:, 0],
            "z2_before": before[:, 1],
            "z1_after": after[:, 0],
            "z2_after": after[:, 1],
            "digit": digits,
        },
    )
    axes = figure.subplots()
    shown = _some_of_each(digits, ARROWS)
    colours = np.array(DIGITS)[digits[shown]]
    axes.scatter(*before[shown].T, s=4, c=colours, linewidths=0)
    axes.quiver(
        *before[shown].T,
        *(after - before)[shown].T,
        color=colours,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.0022,
        headwidth=5,
        headlength=6,
        minlength=0,
    )
    _frame_plane(axes, np.concatenate([before[shown], after[shown]]))
    label_digits(axes, _medians(after, digits))
    return figure


@styled
def confusion_matrix(matrix: np.ndarray, variant: str) -> CaptionedFigure:
    """Draw the confusion matrix of the classifier.

    Args:
        matrix: Counts of test images, [10, 10]: true digit by row, predicted digit by column.
        variant: Variant of the network.
    """
    label = variant_style(variant).label
    true, decided = (index.ravel() for index in np.indices(matrix.shape))
    wrong = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    worst = np.unravel_index(wrong.argmax(), matrix.shape)
    figure = new_figure(
        COLUMN_WIDTH,
        4.2,
        title=f"Confusion matrix of the {label} network",
        caption=f"Which digits does the {label} network confuse? Rows are true digits, columns predicted digits, "
        "numbers counts of test images; the shade is the share of the row, on a logarithmic scale. "
        f"{np.trace(matrix):,} of {matrix.sum():,} are right; the most common error, {wrong.max():,} times, is to "
        f"take {_article(worst[0])} {worst[0]} for {_article(worst[1])} {worst[1]}.",
        data={"digit": true, "decided": decided, "test_images": matrix.ravel()},
    )
    axes = figure.subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(np.maximum(share, 1e-3), cmap=IMAGES, norm=LogNorm(1e-3, 3))
    for row, column in np.argwhere(matrix > 0):
        bright = share[row, column] > 0.06
        weight = "bold" if row == column else "normal"
        text = {"ha": "center", "va": "center", "size": 7, "color": "white" if bright else INK, "weight": weight}
        axes.text(column, row, f"{matrix[row, column]}", **text)
    name_categories(axes.xaxis, [str(digit) for digit in range(len(matrix))])
    name_categories(axes.yaxis, [str(digit) for digit in range(len(matrix))])
    axes.set(xlabel="predicted digit", ylabel="true digit")
    return figure


@styled
def digit_scores(scores: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> CaptionedFigure:
    """Draw reconstruction loss and accuracy of each digit.

    Args:
        scores: L1 loss, [10], and accuracy, [10] of 0 to 1, of each digit, by variant.
    """
    figure = new_figure(
        PAGE_WIDTH,
        2.9,
        title="L1 loss and accuracy, digit by digit",
        caption="Which digits are hard, and does pruning or quantization make them harder? Left, mean error per pixel "
        "of the reconstruction; right, accuracy; both on the test images of each digit. A 1 has few dark pixels, so "
        "its error is small.",
        data={
            "variant": [variant for variant in scores for _ in range(10)],
            "digit": [*range(10)] * len(scores),
            "l1": np.concatenate([l1 for l1, _ in scores.values()]),
            "accuracy": np.concatenate([accuracy for _, accuracy in scores.values()]),
        },
    )
    panels = figure.subplots(1, 2)
    for order, (variant, (l1, accuracy)) in enumerate(scores.items()):
        look = variant_style(variant)
        places = np.arange(10) + (order - (len(scores) - 1) / 2) * 0.8 / len(scores)
        for axes, values in zip(panels, (l1, 100 * accuracy), strict=True):
            axes.plot(places, values, ls="", marker=look.marker, color=look.colour, mec=INK, mew=0.3, label=look.label)
    for axes, name in zip(panels, ("L1 loss per pixel, mean |r − r̂|", "accuracy [%]"), strict=True):
        for boundary in np.arange(9) + 0.5:
            axes.axvline(boundary, color=PALE, lw=0.5)
        name_categories(axes.xaxis, [str(digit) for digit in range(10)])
        axes.set(xlabel="digit", ylabel=name, xlim=(-0.5, 9.5))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=max(len(scores), 1))
    return figure


def _article(digit: int) -> str:
    return "an" if digit == 8 else "a"


def _medians(points: np.ndarray, digits: np.ndarray) -> dict[int, np.ndarray]:
    return {int(digit): np.median(points[digits == digit], axis=0) for digit in np.unique(digits)}


def _some_of_each(digits: np.ndarray, count: int, eligible: np.ndarray | None = None) -> np.ndarray:
    """Return the indices of the first `count` eligible images of each digit, in the order of the images."""
    eligible = np.ones(len(digits), dtype=bool) if eligible is None else eligible
    chosen = [np.flatnonzero((digits == digit) & eligible)[:count] for digit in np.unique(digits)]
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
    _name_plane(axes)


def _name_plane(axes: Axes) -> None:
    axes.set(xlabel="latent coordinate $z_1$", ylabel="latent coordinate $z_2$")
