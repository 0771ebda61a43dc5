"""Figures of the latent plane: where digits lie in it, who is told apart there, what quantization moves."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm, to_rgb
from scipy import ndimage

from common.plot_style import (
    COLUMN_WIDTH,
    DIGITS,
    DIGIT_MARKERS,
    GREY,
    IMAGES,
    INK,
    PAGE_WIDTH,
    SMALL,
    CaptionedFigure,
    label_digits,
    name_categories,
    new_figure,
    styled,
    variant_style,
)

POINTS_SHOWN_OVER_REGIONS = 150  # of each digit
ARROWS = 25  # of each digit


@styled
def latent_plane(points: np.ndarray, digits: np.ndarray, variant: str) -> CaptionedFigure:
    """Draw the test images in the latent plane, coloured by digit, with the median of each (paper, figure 9).

    Args:
        points: Latent points, [N, 2].
        digits: True digits, [N].
        variant: Of the network.
    """
    label = variant_style(variant).label
    figure = new_figure(
        5.6,
        5.0,
        title=f"Latent plane of the {label} network",
        caption=f"Where does the {label} network put the digits in its plane of two numbers? Each point is one of "
        f"{len(points):,} test images, its colour the digit; a disc marks each digit's median. The closer two digits "
        "lie, the less the classifier can tell them apart. Points on the axes are images for which a ReLU gives zero.",
        data={"z1": points[:, 0], "z2": points[:, 1], "digit": digits},
    )
    axes = figure.subplots()
    _draw_points(axes, points, digits)
    label_digits(axes, _medians(points, digits))
    _frame_plane(axes, points)
    return figure
