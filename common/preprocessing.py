"""From 28 x 28 pixels of 8 bits to 8 x 8 pixels of 5 bits (paper, section 2)."""

from typing import Literal

import numpy as np

Downsampling = Literal["anti_aliased", "every_third_pixel"]

CROPPED_SIZE = 22
SIZE = 8
COLOUR_BITS = 5
LEVELS = 2**COLOUR_BITS


def centre_crop(images: np.ndarray, size: int = CROPPED_SIZE) -> np.ndarray:
    """Return the central `size` x `size` pixels of each image, [N, size, size]."""
    first = (images.shape[1] - size) // 2
    return images[:, first : first + size, first : first + size]


def downsample(images: np.ndarray, method: Downsampling) -> np.ndarray:
    """Shrink images [N, 22, 22] to [N, 8, 8], keeping their value range, as floating point.

    `anti_aliased` smooths with a Gaussian before it samples (scikit-image's `resize`), the whole stack at once.
    `every_third_pixel` is what a plain spline zoom from 22 to 8 pixels does: its stride is (22-1)/(8-1) = 3, so it
    picks pixels and averages nothing.
    """
    if method == "every_third_pixel":
        stride = (images.shape[1] - 1) // (SIZE - 1)
        return images[:, ::stride, ::stride].astype(np.float32)
    from skimage.transform import resize

    shape = (len(images), SIZE, SIZE)
    return resize(images.astype(np.float32), shape, order=1, anti_aliasing=True, preserve_range=True)


def prepare_images(images: np.ndarray, method: Downsampling) -> np.ndarray:
    """Crop and downsample MNIST images, uint8 [N, 28, 28], and round them down to 5 bits: uint8 [N, 8, 8], 0 to 31."""
    shrunk = downsample(centre_crop(images), method)
    return np.clip(shrunk // (256 // LEVELS), 0, LEVELS - 1).astype(np.uint8)


def rescale_digits(images: np.ndarray) -> np.ndarray:
    """Return scikit-learn's digits, [N, 8, 8] of 0 to 16, as uint8 of 0 to 31."""
    return np.rint(images * ((LEVELS - 1) / 16)).astype(np.uint8)


def intensities(levels: np.ndarray) -> np.ndarray:
    """Return what the networks see: float32 [N, 64], k/32 for the level k."""
    return levels.reshape(len(levels), -1).astype(np.float32) / LEVELS
