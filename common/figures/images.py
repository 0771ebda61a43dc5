"""Figures of images: prepared, reconstructed, decoded from the latent plane, misclassified."""

from collections.abc import Iterable, Mapping, Sequence
from math import isqrt

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, FuncNorm
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from common.figures.labels import hide_ticks, wrapped
from common.figures.style import (
    DENSITY,
    ERRORS,
    GREY,
    IMAGES,
    NEGATIVE,
    PAGE_WIDTH,
    SMALL,
    CaptionedFigure,
    new_figure,
    styled,
    variant_style,
)
from common.images.samples import ImageFormat

METHODS = {
    "anti_aliased": "Anti-aliased resizing averages over neighbours and keeps the strokes connected",
    "every_third_pixel": "every third pixel, as in a plain spline zoom from 22 to 8 pixels, breaks them",
    "spline_zoom": "a spline zoom interpolates between pixels without averaging",
}
"""What a downsampling method does to images, by its name."""
COLUMNS = 10  # images in a row
LONGEST_IN_TITLE = 3  # characters of the name of a class above a small image; longer names need more room


@styled
def example_images(
    originals: np.ndarray, crop: int, prepared: Mapping[str, np.ndarray], image_format: ImageFormat
) -> CaptionedFigure:
    """Draw one image of each class, of ten at most, before and after preparation (paper, figure 2).

    Args:
        originals: Original images, uint8 [classes, height, width].
        crop: Height and width of the part that is kept [pixel].
        prepared: Prepared images, uint8 [classes, side, side], by the method of downsampling, the one in use first.
        image_format: Format of the prepared images.
    """
    noun, plural, side = image_format.noun, image_format.plural, image_format.side
    height, width = originals.shape[1:]
    is_cropped, shown = crop < max(height, width), min(len(originals), COLUMNS)
    size = f"{side} × {side}, {image_format.bits} bit"
    rows = {f"original\n{height} × {width}": (originals, originals.max(initial=1))}
    for method, images in prepared.items():
        rows[f"{method.replace('anti_', 'anti-').replace('_', ' ')}\n{size}"] = images, image_format.levels - 1
    caption = (
        f"What does the network see of a {noun}? Above, original images"
        + (f", with a frame around the {crop} × {crop} pixels that are kept" if is_cropped else "")
        + f"; below, the prepared images of {side} × {side} pixels with {image_format.bits} bits."
    )
    if len(prepared) > 1:
        known = [METHODS[method] for method in prepared if method in METHODS]
        sentence = "; ".join(known)
        caption += f" {sentence[:1].upper()}{sentence[1:]}." if known else ""
    caption += _first_of_all(shown, len(originals), plural)
    figure = new_figure(
        PAGE_WIDTH,
        0.2 + 0.62 * len(rows) + 0.3 * (noun != "digit"),
        title=f"The {_number(len(originals))} {plural}, before and after preparation",
        caption=caption,
        data=_image_columns("version", {name.partition("\n")[0]: images[:shown] for name, (images, _) in rows.items()}),
    )
    panels = figure.subplots(len(rows), max(shown, COLUMNS // 2), squeeze=False)
    for axes in panels[:, shown:].flat:
        axes.set_axis_off()
    for row, (name, (images, brightest)) in enumerate(rows.items()):
        _name_row(panels[row, 0], name)
        for axes, image in zip(panels[row], images[:shown], strict=False):
            _draw_image(axes, image, brightest)
            if row == 0 and is_cropped:
                corner = (width - crop) // 2 - 0.5, (height - crop) // 2 - 0.5
                axes.add_patch(Rectangle(corner, crop, crop, fill=False, ec=NEGATIVE, lw=0.9))
    _name_columns(panels[0], range(shown), image_format)
    return figure


@styled
def reconstructions(
    originals: np.ndarray,
    labels: np.ndarray,
    reconstructed: Mapping[str, np.ndarray],
    dimensions: int,
    image_format: ImageFormat,
) -> CaptionedFigure:
    """Draw images, their reconstruction by each variant, and the errors (paper, figure 10).

    Args:
        originals: Intensities, [k, pixels] of 0 to 1.
        labels: Their labels, [k].
        reconstructed: Reconstructions by each variant, [k, pixels] of 0 to 1.
        dimensions: Dimensions of the latent space.
        image_format: Names of the classes.
    """
    rows = 1 + 2 * len(reconstructed)
    noun, plural = image_format.noun, image_format.plural
    behaviour = "Strokes are smoothed, and unusual shapes become typical ones." if noun == "digit" else ""
    coordinates = f"{_number(dimensions)} latent coordinate{'s' if dimensions > 1 else ''}"
    figure = new_figure(
        PAGE_WIDTH,
        0.75 + 0.65 * rows + 0.3 * (noun != "digit"),
        title=f"Reconstructed {plural if noun == 'digit' else 'images'}",
        caption=f"How good are reconstructions from {coordinates}? The first row shows test images; the next "
        "rows show, for each variant, the reconstruction and the error |r − r̂| of each pixel. The number is the "
        f"image's mean error, the L1 loss. {behaviour}".rstrip()
        + _first_of_all(len({*np.asarray(labels).tolist()}), image_format.classes, plural),
        data=_image_columns("version", {"original": originals, **reconstructed}),
    )
    panels = figure.subplots(rows, len(originals), squeeze=False)
    _name_row(panels[0, 0], "original")
    for axes, image in zip(panels[0], originals, strict=True):
        ink = _draw_image(axes, image)
    _name_columns(panels[0], labels, image_format)
    for index, (variant, images) in enumerate(reconstructed.items()):
        _name_row(panels[2 * index + 1, 0], variant_style(variant).label.replace(", ", ",\n"))
        _name_row(panels[2 * index + 2, 0], "error")
        for column, (original, image) in enumerate(zip(originals, images, strict=True)):
            error = np.abs(image - original)
            _draw_image(panels[2 * index + 1, column], image)
            tint = _draw_image(panels[2 * index + 2, column], error, colours=ERRORS)
            panels[2 * index + 2, column].set_xlabel(f"{error.mean():.3f}", loc="center", fontsize=SMALL, labelpad=1.5)
    half = max(len(originals) // 2, 1)
    for mappable, below, name in ((ink, panels[-1, :half], "intensity"), (tint, panels[-1, -half:], "error |r − r̂|")):
        bar = figure.colorbar(mappable, ax=below.tolist(), location="bottom", aspect=30, shrink=0.8, label=name)
        bar.minorticks_off()
    return figure


def examples_of(labels: np.ndarray) -> np.ndarray:
    """Return indices of up to ten images to show: the first ones of the first ten classes that have images."""
    found = np.unique(labels)[:COLUMNS]
    return np.concatenate([np.flatnonzero(labels == label)[: max(COLUMNS // len(found), 1)] for label in found])


@styled
def decoded_plane(
    images: np.ndarray, extent: tuple[float, float, float, float], points: np.ndarray, image_format: ImageFormat
) -> CaptionedFigure:
    """Draw images decoded from a grid over the latent plane, and the density of the test images.

    Args:
        images: Images decoded from the centres of the cells, [rows, columns, side, side] of 0 to 1; row 0 has the
            smallest second coordinate.
        extent: Left, right, bottom and top edge of the grid, latent coordinates.
        points: Latent points of the test images, [N, 2].
        image_format: What a class is called.
    """
    rows, columns, _, side = images.shape
    left, right, bottom, top = extent
    edges = np.linspace(bottom, top, rows + 1), np.linspace(left, right, columns + 1)
    counts = np.histogram2d(points[:, 1], points[:, 0], bins=edges)[0].astype(int)
    vertical, horizontal = np.divmod(np.arange(rows * columns), columns)
    pixels = images.reshape(rows * columns, -1)
    figure = new_figure(
        6.0,
        5.0,
        title="Decoded images across the latent plane",
        caption=f"What does the decoder draw across the latent plane? Each of the {rows} × {columns} cells shows the "
        "image decoded from its centre, in black. The blue background shows how many test images the encoder maps to "
        f"the cell. {image_format.plural.capitalize()} change continuously into each other across the plane; cells "
        "without test images show what the decoder extrapolates.",
        data={
            "z1": left + (horizontal + 0.5) * (right - left) / columns,
            "z2": bottom + (vertical + 0.5) * (top - bottom) / rows,
            "test_images": counts.ravel(),
            **{f"pixel_{index}": column for index, column in enumerate(pixels.T)},
        },
    )
    axes = figure.subplots()
    # Black ink on paper tinted by the density; all pixels of each cell, row by row from below.
    tint = ScalarMappable(FuncNorm((np.log1p, np.expm1), 0, max(counts.max(), 1)), DENSITY)
    paper = tint.to_rgba(counts)[..., :3].repeat(side, axis=0).repeat(side, axis=1)
    upright = images.reshape(rows, columns, side, side)[:, :, ::-1].transpose(0, 2, 1, 3)
    ink = upright.reshape(rows * side, columns * side, 1)
    axes.imshow(paper * (1 - ink), extent=extent, origin="lower", aspect="auto")
    for draw_line, inner in zip((axes.axhline, axes.axvline), edges, strict=True):
        for edge in inner[1:-1]:
            draw_line(edge, color="white", lw=0.8)
    axes.set(xlabel="latent coordinate $z_1$", ylabel="latent coordinate $z_2$")
    ticks = [number for number in (0, 1, 3, 10, 30, 100, 300, 1000, 3000) if number <= counts.max()]
    bar = figure.colorbar(tint, ax=axes, aspect=30, pad=0.02, ticks=ticks)
    bar.minorticks_off()
    bar.ax.yaxis.set_major_formatter("{x:.0f}")
    bar.set_label("test images in a cell")
    return figure


@styled
def worst_images(
    images: np.ndarray, labels: np.ndarray, predicted: np.ndarray, probability: np.ndarray, image_format: ImageFormat
) -> CaptionedFigure:
    """Draw the misclassified images with the highest predicted probability.

    Args:
        images: Intensities, [k, pixels] of 0 to 1, the worst first.
        labels: True labels, [k].
        predicted: Predicted labels, [k].
        probability: Their probabilities, [k] of 0 to 1.
        image_format: Names of the classes.
    """
    noun, side = image_format.noun, image_format.side
    names = np.array(image_format.class_names)
    is_long = max(map(len, image_format.class_names)) > LONGEST_IN_TITLE
    columns = COLUMNS // 2 if is_long else COLUMNS
    rows = max(-(-len(images) // columns), 1)
    subject = "digits" if noun == "digit" else "images"
    figure = new_figure(
        PAGE_WIDTH,
        (1.15 if is_long else 0.98) * rows + 0.1,
        title="Worst misclassifications",
        caption=f"Which {subject} are misclassified, and why? Above each image, its true {noun} and, after the arrow, "
        f"the predicted one; below, the probability of the prediction. At {side} × {side} pixels most of these are "
        "hard to read for humans too.",
        data={
            noun: names[labels],
            "predicted": names[predicted],
            "probability": probability,
            **{f"pixel_{index}": column for index, column in enumerate(images.T)},
        },
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    shown = zip(panels, images, names[labels], names[predicted], probability, strict=False)
    for axes, image, name, wrong, sure in shown:
        _draw_image(axes, image)
        title = f"{wrapped(name, 22, 1)}\n→ {wrapped(wrong, 20, 1)}" if is_long else f"{name} → {wrong}"
        axes.set_title(title, pad=3, weight="bold", fontsize=7 if is_long else 8)
        text = "p > 0.999" if sure > 0.9995 else f"p = {sure:.3f}"
        axes.set_xlabel(text, loc="center", fontsize=SMALL, labelpad=2.5)
    for axes in panels[len(images) :]:
        axes.set_axis_off()
    return figure


def _draw_image(axes: Axes, image: np.ndarray, brightest: float = 1.0, colours: Colormap = IMAGES) -> AxesImage:
    hide_ticks(axes)
    axes.spines[:].set(linewidth=0.5, color=GREY)
    return axes.imshow(_upright(image), cmap=colours, vmin=0, vmax=brightest)


def _upright(image: np.ndarray) -> np.ndarray:
    """Return an image, [height, width], given so or as the pixels of a square one."""
    return image if image.ndim == 2 else image.reshape(isqrt(image.size), -1)


def _name_row(axes: Axes, name: str) -> None:
    axes.set_ylabel(name, rotation=0, ha="right", va="center", y=0.5, fontsize=7)


def _name_columns(panels: Sequence[Axes], labels: Iterable[int], image_format: ImageFormat) -> None:
    """Write the name of each image's class above it, unless these are digits, which need no name."""
    if image_format.noun != "digit":
        for axes, label in zip(panels, labels, strict=False):
            axes.set_title(wrapped(image_format.class_names[label]), fontsize=SMALL, pad=3)


def _first_of_all(shown: int, count: int, plural: str) -> str:
    if count <= COLUMNS:
        return f" {plural.capitalize()} without test images are left out." if shown < count else ""
    return f" The first {shown} of {count} {plural} are shown."


def _number(count: int) -> str:
    words = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[count - 1] if count <= len(words) else str(count)


def _image_columns(key: str, versions: Mapping[str, np.ndarray]) -> dict[str, list[object]]:
    """Return one row per pixel: version, image, row, column and value."""
    columns: dict[str, list[object]] = {key: [], "image": [], "row": [], "column": [], "value": []}
    for name, images in versions.items():
        image, row, column = (index.ravel() for index in np.indices((len(images), *_upright(images[0]).shape)))
        for each, values in zip(
            columns.values(), ([name] * len(image), image, row, column, images.ravel()), strict=True
        ):
            each.extend(values)
    return columns
