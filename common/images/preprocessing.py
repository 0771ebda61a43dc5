"""Preprocessing from 28 x 28 pixels of 8 bits to 8 x 8 pixels of 5 bits (paper, section 2)."""

from typing import Literal

import numpy as np

Downsampling = Literal["anti_aliased", "every_third_pixel"]

CROPPED_SIZE = 22
SIZE = 8
COLOUR_BITS = 5
LEVELS = 2**COLOUR_BITS
ROUNDING = 1e-3  # [level]; exceeds the total error in single precision, 100 terms x 2^-24 x 32 levels = 2e-4


def centre_crop(images: np.ndarray, size: int = CROPPED_SIZE) -> np.ndarray:
    """Return the central `size` x `size` pixels of each image, [N, size, size]."""
    first = (images.shape[1] - size) // 2
    return images[:, first : first + size, first : first + size]


def resize(images: np.ndarray) -> np.ndarray:
    """Return images [N, 22, 22] downsampled to [N, 8, 8] with anti-aliasing (scikit-image).

    The result keeps the range of the images, and their type if it is floating point.
    """
    from skimage.transform import resize

    return resize(images, (len(images), SIZE, SIZE), order=1, anti_aliasing=True, preserve_range=True)


def _resize_to_levels(images: np.ndarray) -> np.ndarray:
    """Return the result of `resize` for uint8 images, rounded down to 5 bits, in a fraction of its time.

    Resizing is linear: its results for the 22 x 22 single-pixel images are the rows of a matrix. The product with all
    images differs from `resize` only by rounding error. Images with a pixel within that error of the border between two
    levels are passed to `resize` itself.
    """
    step = 256 // LEVELS
    single_pixels = np.eye(CROPPED_SIZE**2).reshape(-1, CROPPED_SIZE, CROPPED_SIZE)
    matrix = (resize(single_pixels) / step).reshape(-1, SIZE**2).astype(np.float32)
    shrunk = images.reshape(len(images), -1).astype(np.float32) @ matrix
    levels = shrunk.astype(np.uint8)
    border = np.rint(shrunk)
    uncertain = np.any((np.abs(shrunk - border) < ROUNDING) & (border > 0), axis=1)  # no border at 0, the lowest level
    if uncertain.any():
        levels[uncertain] = (resize(images[uncertain].astype(np.float32)) / step).reshape(-1, SIZE**2)
    return levels.reshape(-1, SIZE, SIZE)


def prepare_images(images: np.ndarray, method: Downsampling) -> np.ndarray:
    """Return MNIST images, uint8 [N, 28, 28], cropped, downsampled and truncated to 5 bits: uint8 [N, 8, 8], 0 to 31.

    `anti_aliased` smooths before sampling. `every_third_pixel` is equal to a spline zoom from 22 to 8 pixels, whose
    stride of (22-1)/(8-1) = 3 selects pixels without averaging.
    """
    cropped = centre_crop(images)
    if method == "every_third_pixel":
        stride = (CROPPED_SIZE - 1) // (SIZE - 1)
        return cropped[:, ::stride, ::stride] // (256 // LEVELS)
    return _resize_to_levels(cropped)


def rescale_digits(images: np.ndarray) -> np.ndarray:
    """Return scikit-learn's digits, [N, 8, 8], rescaled from 0 to 16 to uint8 from 0 to 31."""
    return np.rint(images * ((LEVELS - 1) / 16)).astype(np.uint8)
