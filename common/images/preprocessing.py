"""Preprocessing: crop the centre, downsample, and truncate the grey levels (paper, section 2)."""

from typing import Literal, get_args

import numpy as np

from common.errors import PipelineError

Downsampling = Literal["anti_aliased", "spline_zoom", "every_third_pixel"]
METHODS: tuple[Downsampling, ...] = get_args(Downsampling)

# The paper's: of 28 x 28 pixels of 8 bits the central 22 x 22, downsampled to 8 x 8, truncated to 5 bits.
CROPPED_SIZE = 22
SIZE = 8
COLOUR_BITS = 5
LEVELS = 2**COLOUR_BITS

BATCH = 10_000  # images that are resized at once
LARGEST_MATRIX = 2**22  # values; beyond it a matrix product is slower than resizing
ROUNDINGS = 5  # allowed rounding error, relative to its estimate


def check(method: Downsampling, crop: int, side: int, size: tuple[int, int] | None = None) -> None:
    """Check that images can be cropped and downsampled as requested.

    Args:
        method: Downsampling method.
        crop: Height and width of the centre that is kept [pixel].
        side: Height and width after downsampling [pixel].
        size: Height and width of the original images [pixel], if known.

    Raises:
        PipelineError: They cannot; the message gives the flag, its value and what is possible.
    """
    if crop < 1 or (size and crop > min(size)):
        limit = f", as the images have {size[0]} x {size[1]} pixels" if size else ""
        raise PipelineError(
            f"--crop must be between {side} and {min(size) if size else 'the image size'}{limit}, not {crop}"
        )
    if side > crop:
        raise PipelineError(f"--side must be at most {crop}, the pixels that are kept of an image (--crop), not {side}")
    if not is_possible(method, crop, side):
        largest = min(size) if size else max(crop, 28)
        crops = [str(each) for each in range(side, largest + 1) if is_possible(method, each, side)]
        raise PipelineError(
            f"--downsampling {method} needs a whole number (crop - 1)/(side - 1), not "
            f"({crop} - 1)/({side} - 1) = {(crop - 1) / (side - 1):.3g}; "
            f"possible are --crop {', '.join(crops)} with --side {side}, or another method"
        )


def is_possible(method: Downsampling, crop: int, side: int) -> bool:
    """Return whether a method can downsample from `crop` to `side` pixels."""
    return method != "every_third_pixel" or crop == side or (side > 1 and (crop - 1) % (side - 1) == 0)


def prepare_images(
    images: np.ndarray, method: Downsampling, crop: int = CROPPED_SIZE, side: int = SIZE, bits: int = COLOUR_BITS
) -> np.ndarray:
    """Return images cropped, downsampled and truncated.

    `anti_aliased` smooths before sampling. `spline_zoom` interpolates with cubic splines and does not smooth
    (`scipy.ndimage.zoom`). Where (crop-1)/(side-1) is a whole number, as (22-1)/(8-1) = 3, it selects every third
    pixel, as `every_third_pixel` does.

    Args:
        images: Original images, uint8 [N, height, width].
        method: Downsampling method; it does nothing where `crop` equals `side`.
        crop: Height and width of the centre that is kept [pixel].
        side: Height and width of the result [pixel].
        bits: Colour depth of the result, 1 to 8 [bit].

    Returns:
        uint8 [N, side, side], 0 to 2^bits - 1.

    Raises:
        PipelineError: The images cannot be cropped and downsampled in this way.
    """
    check(method, crop, side, images.shape[1:])
    cropped, shift = centre_crop(images, crop), 8 - bits
    if crop == side:
        return cropped >> shift
    if method == "anti_aliased":
        batches = (cropped[first : first + BATCH] for first in range(0, len(cropped), BATCH))
        return np.concatenate([_resize_to_levels(batch, side, bits) for batch in batches])
    if method == "spline_zoom":
        return _spline_zoom(cropped, side) >> shift
    stride = (crop - 1) // (side - 1)
    return cropped[:, ::stride, ::stride] >> shift


def centre_crop(images: np.ndarray, size: int = CROPPED_SIZE) -> np.ndarray:
    """Return the central `size` x `size` pixels of images [N, height, width]."""
    top, left = ((length - size) // 2 for length in images.shape[1:])
    return images[:, top : top + size, left : left + size]


def resize(images: np.ndarray, side: int = SIZE) -> np.ndarray:
    """Return images [N, size, size] downsampled to [N, side, side] with anti-aliasing (scikit-image).

    The result keeps the range of the images, and their type if it is floating point.
    """
    from skimage.transform import resize

    return resize(images, (len(images), side, side), order=1, anti_aliasing=True, preserve_range=True)


def _resize_to_levels(images: np.ndarray, side: int, bits: int) -> np.ndarray:
    """Return the result of `resize` for uint8 images, rounded down to levels, in a fraction of its time.

    Resizing is linear: its results for single bright pixels are the rows of a matrix. The product with all images
    differs from `resize` only by rounding error. Images with a pixel within that error of the border between two levels
    are passed to `resize` itself.
    """
    size, step = images.shape[1], 2 ** (8 - bits)
    if (size * side) ** 2 > LARGEST_MATRIX:
        return (resize(images.astype(np.float32), side) / step).astype(np.uint8)
    matrix = _resizing_matrix(size, side)
    rounding = ROUNDINGS * np.count_nonzero(matrix, axis=0).max() * 2.0**-24 * 2**bits  # of a sum in single precision
    shrunk = images.reshape(len(images), -1).astype(np.float32) @ (matrix / step).astype(np.float32)
    levels = shrunk.astype(np.uint8)
    border = np.rint(shrunk)
    uncertain = np.any((np.abs(shrunk - border) < rounding) & (border > 0), axis=1)  # no border at 0, the lowest level
    if uncertain.any():
        levels[uncertain] = (resize(images[uncertain].astype(np.float32), side) / step).reshape(-1, side**2)
    return levels.reshape(-1, side, side)


def _resizing_matrix(size: int, side: int) -> np.ndarray:
    """Return the matrix [size^2, side^2] that resizes images as `resize` does, rows and columns alike."""
    from skimage.transform import resize

    of_a_line = resize(np.eye(size), (size, side), order=1, anti_aliasing=True, preserve_range=True)
    return np.kron(of_a_line, of_a_line)


def _spline_zoom(images: np.ndarray, side: int) -> np.ndarray:
    """Return uint8 images [N, size, size] interpolated by cubic splines, one by one, rounded to uint8."""
    from scipy.ndimage import zoom

    zoomed = np.empty((len(images), side, side), np.uint8)
    for image, result in zip(images, zoomed, strict=True):
        zoom(image, side / len(image), output=result)
    return zoomed
