"""Figures of the classifier: confusions, and scores class by class."""

from collections.abc import Mapping

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm

from common.figures.labels import name_classes
from common.figures.style import (
    COLUMN_WIDTH,
    IMAGES,
    INK,
    PAGE_WIDTH,
    PALE,
    CaptionedFigure,
    new_figure,
    styled,
    variant_style,
)
from common.images.samples import ImageFormat

FEW_CLASSES = 10  # fit side by side, and with large type
MOST_NUMBERED = 30  # with more classes, cells have no numbers
LEAST_SHARE = 1e-3  # of a row, that the shade of a confusion matrix begins at
LEFT_OF_PANEL = 45.0  # for names and the title of an axis [pt]


@styled
def confusion_matrix(matrix: np.ndarray, variant: str, image_format: ImageFormat) -> CaptionedFigure:
    """Draw the confusion matrix of the classifier.

    Args:
        matrix: Counts of test images, [classes, classes]: true label by row, predicted label by column.
        variant: Variant of the network.
        image_format: Names of the classes.
    """
    label, noun, plural, names = (
        variant_style(variant).label,
        image_format.noun,
        image_format.plural,
        image_format.class_names,
    )
    true, decided = (np.array(names)[index.ravel()] for index in np.indices(matrix.shape))
    is_numbered, is_small = len(matrix) <= MOST_NUMBERED, len(matrix) > FEW_CLASSES
    cells = "numbers counts of test images; the shade" if is_numbered else "their shade"
    caption = (
        f"Which {plural} does the {label} network confuse? Rows are true {plural}, columns predicted {plural}, {cells} "
        f"is the share of the row, on a logarithmic scale. {np.trace(matrix):,} of {matrix.sum():,} are right"
    )
    wrong = matrix * (1 - np.eye(len(matrix), dtype=matrix.dtype))
    if wrong.max() > 0:
        worst = np.unravel_index(wrong.argmax(), matrix.shape)
        first, second = (_with_article(names[index], image_format) for index in worst)
        caption += f"; the most common error, {wrong.max():,} times, is to take {first} for {second}"
    size = (PAGE_WIDTH, 6.8) if is_small else (COLUMN_WIDTH, 4.2)
    figure = new_figure(
        *size,
        title=f"Confusion matrix of the {label} network",
        caption=f"{caption}.",
        data={noun: true, "decided": decided, "test_images": matrix.ravel()},
    )
    axes = figure.subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shades = LogNorm(LEAST_SHARE, 3)
    axes.imshow(np.maximum(share, LEAST_SHARE), cmap=IMAGES, norm=shades)
    spacing = (72 * size[1] - LEFT_OF_PANEL) / len(matrix)
    for row, column in np.argwhere(matrix > 0) if is_numbered else ():
        bright = share[row, column] > 0.06
        weight = "bold" if row == column else "normal"
        points = min(7.0, 0.38 * spacing)
        text = {"ha": "center", "va": "center", "size": points, "color": "white" if bright else INK, "weight": weight}
        axes.text(column, row, f"{matrix[row, column]}", **text)
    if not is_numbered:
        bar = figure.colorbar(ScalarMappable(shades, IMAGES), ax=axes, aspect=40, pad=0.02, shrink=0.8)
        bar.ax.set_ylim(LEAST_SHARE, 1)
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        bar.set_label("share of the row")
        bar.minorticks_off()
    name_classes(axes.xaxis, names, spacing)
    name_classes(axes.yaxis, names, spacing)
    axes.set(xlabel=f"predicted {noun}", ylabel=f"true {noun}")
    return figure


@styled
def class_scores(
    scores: Mapping[str, tuple[np.ndarray | None, np.ndarray]], image_format: ImageFormat
) -> CaptionedFigure:
    """Draw accuracy and, of variants that reconstruct images, reconstruction loss of each class.

    Args:
        scores: L1 loss, [classes] or None, and accuracy, [classes] of 0 to 1, by variant; NaN for classes without
            images.
        image_format: Names of the classes.
    """
    noun, plural, names = image_format.noun, image_format.plural, image_format.class_names
    has_images = any(l1 is not None for l1, _ in scores.values())
    is_wide = len(names) > FEW_CLASSES
    first, second = ("Above", "below") if is_wide else ("Left", "right")
    what = (
        f"{first}, mean error per pixel of the reconstruction; {second}, accuracy; both on"
        if has_images
        else "Accuracy on"
    )
    caption = (
        f"Which {plural} are hard, and does pruning or quantization make them harder? {what} the test images of each "
        f"{noun}."
    )
    if has_images and any(l1 is None for l1, _ in scores.values()):
        caption += " Variants without decoder have no reconstruction."
    if has_images and noun == "digit":
        caption += " A 1 has few dark pixels, so its error is small."
    count = len(names)
    data = {
        "variant": [variant for variant in scores for _ in names],
        noun: [*names] * len(scores),
        "l1": [value for l1, _ in scores.values() for value in (l1 if l1 is not None else [""] * count)],
        "accuracy": np.concatenate([accuracy for _, accuracy in scores.values()]),
    }
    if not has_images:
        del data["l1"]
    figure = new_figure(
        PAGE_WIDTH,
        5.2 if has_images and is_wide else 2.9,
        title=f"L1 loss and accuracy, {noun} by {noun}" if has_images else f"Accuracy, {noun} by {noun}",
        caption=caption,
        data=data,
    )
    quantities = {"L1 loss per pixel, mean |r − r̂|": 0} if has_images else {}
    quantities["accuracy [%]"] = 1
    shape = (len(quantities), 1) if is_wide else (1, len(quantities))
    panels = figure.subplots(*shape, squeeze=False).ravel()
    width = PAGE_WIDTH / shape[1]
    for axes, (words, which) in zip(panels, quantities.items(), strict=True):
        for order, (variant, values) in enumerate(scores.items()):
            look = variant_style(variant)
            if values[which] is None:
                continue
            places = np.arange(count) + (order - (len(scores) - 1) / 2) * 0.8 / len(scores)
            marks = {"marker": look.marker, "color": look.colour, "mec": INK, "mew": 0.3, "label": look.label}
            axes.plot(places, values[which] * (100 if which else 1), ls="", ms=min(4, 40 / count + 1.5), **marks)
        for boundary in np.arange(count - 1) + 0.5:
            axes.axvline(boundary, color=PALE, lw=0.5)
        name_classes(axes.xaxis, names, (72 * width - LEFT_OF_PANEL) / count)
        axes.set(xlabel=noun, ylabel=words, xlim=(-0.5, count - 0.5))
    figure.legend(*panels[-1].get_legend_handles_labels(), loc="outside upper center", ncols=max(len(scores), 1))
    return figure


def _with_article(name: str, image_format: ImageFormat) -> str:
    if image_format.noun != "digit":
        return name
    return f"{'an' if name == '8' else 'a'} {name}"
