"""Figures of digits as images: prepared, reconstructed, decoded from the latent plane, misclassified."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, FuncNorm
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from common.figures.labels import hide_ticks
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
from common.images.preprocessing import SIZE
from common.images.samples import ImageFormat


@styled
def example_images(
    originals: np.ndarray, crop: int, prepared: Mapping[str, np.ndarray], image_format: ImageFormat
) -> CaptionedFigure:
    """Draw one image of each class before and after preparation (paper, figure 2).

    Args:
        originals: Original images, uint8 [classes, height, width].
        crop: Height and width of the centre that is kept.
        prepared: Prepared images, uint8 [classes, side, side], by downsampling method.
        image_format: Their format.
    """
    height, width = originals.shape[1:]
    side = image_format.side
    rows = {f"original\n{height} × {width}": (originals, 255)}
    for method, images in prepared.items():
        name = method.replace("_", " ")
        rows[f"{name}\n{side} × {side}, {image_format.bits} bit"] = (images, image_format.levels - 1)
    figure = new_figure(
        PAGE_WIDTH,
        0.2 + 0.62 * len(rows),
        title=f"The {image_format.plural}, before and after preparation",
        caption=f"What does the network see of an image? Above, original images, with a frame around the {crop} × "
        f"{crop} pixels that are kept; below, the prepared images of {side} × {side} pixels with "
        f"{image_format.bits} bits.",
        data=_image_columns("version", {name.partition("\n")[0]: images for name, (images, _) in rows.items()}),
    )
    panels = figure.subplots(len(rows), image_format.classes, squeeze=False)
    for row, (name, (images, brightest)) in enumerate(rows.items()):
        _name_row(panels[row, 0], name)
        for axes, image in zip(panels[row], images, strict=True):
            _draw_image(axes, image, brightest)
            if row == 0 and crop < max(height, width):
                corner = (width - crop) // 2 - 0.5, (height - crop) // 2 - 0.5
                axes.add_patch(Rectangle(corner, crop, crop, fill=False, ec=NEGATIVE, lw=0.9))
    return figure


@styled
def reconstructions(originals: np.ndarray, reconstructed: Mapping[str, np.ndarray]) -> CaptionedFigure:
    """Draw images, their reconstruction by each variant, and the errors (paper, figure 10).

    Args:
        originals: Intensities, [10, 64] of 0 to 1.
        reconstructed: Reconstructions by each variant, [10, 64] of 0 to 1.
    """
    rows = 1 + 2 * len(reconstructed)
    figure = new_figure(
        PAGE_WIDTH,
        0.75 + 0.65 * rows,
        title="Reconstructed digits",
        caption="How good are reconstructions from two latent coordinates? The first row shows test images; the next "
        "rows show, for each variant, the reconstruction and the error |r − r̂| of each pixel. The number is the "
        "image's mean error, the L1 loss. Strokes are smoothed, and unusual shapes become typical ones.",
        data=_image_columns("version", {"original": originals, **reconstructed}),
    )
    panels = figure.subplots(rows, len(originals), squeeze=False)
    _name_row(panels[0, 0], "original")
    for axes, image in zip(panels[0], originals, strict=True):
        ink = _draw_image(axes, image)
    for index, (variant, images) in enumerate(reconstructed.items()):
        _name_row(panels[2 * index + 1, 0], variant_style(variant).label.replace(", ", ",\n"))
        _name_row(panels[2 * index + 2, 0], "error")
        for column, (original, image) in enumerate(zip(originals, images, strict=True)):
            error = np.abs(image - original)
            _draw_image(panels[2 * index + 1, column], image)
            tint = _draw_image(panels[2 * index + 2, column], error, colours=ERRORS)
            panels[2 * index + 2, column].set_xlabel(f"{error.mean():.3f}", loc="center", fontsize=SMALL, labelpad=1.5)
    half = len(originals) // 2
    for mappable, below, name in ((ink, panels[-1, :half], "intensity"), (tint, panels[-1, half:], "error |r − r̂|")):
        bar = figure.colorbar(mappable, ax=below.tolist(), location="bottom", aspect=30, shrink=0.8, label=name)
        bar.minorticks_off()
    return figure


@styled
def decoded_plane(images: np.ndarray, extent: tuple[float, float, float, float], points: np.ndarray) -> CaptionedFigure:
    """Draw images decoded from a grid over the latent plane, and the density of the test images.

    Args:
        images: Images decoded from the centres of the cells, [rows, columns, 8, 8] of 0 to 1; row 0 has the smallest
            second coordinate.
        extent: Left, right, bottom and top edge of the grid, latent coordinates.
        points: Latent points of the test images, [N, 2].
    """
    rows, columns = images.shape[:2]
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
        "the cell. Digits change continuously into each other across the plane; cells without test images show what "
        "the decoder extrapolates.",
        data={
            "z1": left + (horizontal + 0.5) * (right - left) / columns,
            "z2": bottom + (vertical + 0.5) * (top - bottom) / rows,
            "test_images": counts.ravel(),
            **{f"pixel_{index}": column for index, column in enumerate(pixels.T)},
        },
    )
    axes = figure.subplots()
    # Black ink on paper tinted by the density; 64 pixels per cell, row by row from below.
    tint = ScalarMappable(FuncNorm((np.log1p, np.expm1), 0, max(counts.max(), 1)), DENSITY)
    paper = tint.to_rgba(counts)[..., :3].repeat(SIZE, axis=0).repeat(SIZE, axis=1)
    upright = images.reshape(rows, columns, SIZE, SIZE)[:, :, ::-1].transpose(0, 2, 1, 3)
    ink = upright.reshape(rows * SIZE, columns * SIZE, 1)
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
def worst_digits(
    images: np.ndarray, digits: np.ndarray, predicted: np.ndarray, probability: np.ndarray
) -> CaptionedFigure:
    """Draw the misclassified images with the highest predicted probability.

    Args:
        images: Intensities, [k, 64] of 0 to 1, the worst first.
        digits: True digits, [k].
        predicted: Predicted digits, [k].
        probability: Their probabilities, [k] of 0 to 1.
    """
    columns = 10
    rows = max(-(-len(images) // columns), 1)
    figure = new_figure(
        PAGE_WIDTH,
        0.98 * rows + 0.1,
        title="Worst misclassifications",
        caption="Which digits are misclassified, and why? Above each image, its true digit and, after the arrow, the "
        "predicted one; below, the probability of the prediction. At 8 × 8 pixels most of these are hard to read for "
        "humans too.",
        data={
            "digit": digits,
            "predicted": predicted,
            "probability": probability,
            **{f"pixel_{index}": column for index, column in enumerate(images.T)},
        },
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, image, digit, wrong, sure in zip(panels, images, digits, predicted, probability, strict=False):
        _draw_image(axes, image)
        axes.set_title(f"{digit} → {wrong}", pad=3, weight="bold")
        text = "p > 0.999" if sure > 0.9995 else f"p = {sure:.3f}"
        axes.set_xlabel(text, loc="center", fontsize=SMALL, labelpad=2.5)
    for axes in panels[len(images) :]:
        axes.set_axis_off()
    return figure


def _draw_image(axes: Axes, image: np.ndarray, brightest: float = 1.0, colours: Colormap = IMAGES) -> AxesImage:
    side = int(np.sqrt(image.size))
    hide_ticks(axes)
    axes.spines[:].set(linewidth=0.5, color=GREY)
    return axes.imshow(image if image.ndim == 2 else image.reshape(side, side), cmap=colours, vmin=0, vmax=brightest)


def _name_row(axes: Axes, name: str) -> None:
    axes.set_ylabel(name, rotation=0, ha="right", va="center", y=0.5, fontsize=7)


def _image_columns(key: str, versions: Mapping[str, np.ndarray]) -> dict[str, list[object]]:
    """Return one row per pixel: version, image, row, column and value."""
    columns: dict[str, list[object]] = {key: [], "image": [], "row": [], "column": [], "value": []}
    for name, images in versions.items():
        side = int(np.sqrt(images[0].size))
        size = images.shape[1:] if images.ndim == 3 else (side, side)
        image, row, column = (index.ravel() for index in np.indices((len(images), *size)))
        for each, values in zip(
            columns.values(), ([name] * len(image), image, row, column, images.ravel()), strict=True
        ):
            each.extend(values)
    return columns
