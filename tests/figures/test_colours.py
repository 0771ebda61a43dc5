"""Colours of the figures: distinguishable with red-green blindness and in greyscale."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from skimage.color import rgb2gray, rgb2lab

from common.figures import style

# The matrices of Machado et al. (2009) for complete red and green blindness, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}


def seen_as(colours, blindness: str) -> np.ndarray:
    rgb = np.array([to_rgb(colour) for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(BLINDNESS[blindness]), 0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_are_distinguishable(blindness):
    variants = [look.colour for look in style.VARIANTS.values()]
    for colours, least in ((variants, 25), (style.DIGITS, 17)):
        assert len(set(colours)) == len(colours)
        for colour, other in itertools.combinations(seen_as(colours, blindness), 2):
            assert np.linalg.norm(colour - other) > least


def test_variants_differ_in_greyscale_marker_and_line():
    looks = style.VARIANTS.values()
    lightness = sorted(seen_as([look.colour for look in looks], "none")[:, 0])
    assert np.diff(lightness).min() > 10
    assert max(lightness) < 80  # seen on white
    for attribute in ("colour", "line", "marker", "label"):
        assert len({str(getattr(look, attribute)) for look in looks}) == len(looks)
    assert abs(np.diff(seen_as([style.POSITIVE, style.NEGATIVE], "none")[:, 0])) > 30


@pytest.mark.parametrize("colours", [style.IMAGES, style.ERRORS, style.DENSITY])
def test_colour_maps_are_monotonic_in_greyscale(colours):
    grey = rgb2gray(colours(np.linspace(0, 1, 64))[None, :, :3])[0]
    assert (np.diff(grey) < 0).all()


def test_further_classes_have_further_colours():
    assert style.class_colours(10) == list(style.DIGITS)
    assert style.class_colours(7) == list(style.DIGITS[:7])
    assert len({*style.class_colours(47)}) == 47
    assert len(style.class_colours(256)) == 256
