"""Prepared images: the file `mnist8x8.npz`, and the samples loaded from it."""

from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.images.preprocessing import LEVELS, SIZE, intensities
from common.images.samples import Samples
from common.stages.artifacts import UNREADABLE

MNIST, DIGITS = "mnist", "digits"  # names of datasets; others are named by their hash
FILE = "mnist8x8.npz"
NAMES = ("x_train", "y_train", "x_test", "y_test")


def caution(name: str | None) -> str | None:
    """Return the warning to show beside results of this dataset, or None for MNIST or no dataset."""
    if name in (None, MNIST):
        return None
    demo = "DEMO PRESET: THESE ARE SCIKIT-LEARN'S 8 × 8 DIGITS, NOT MNIST."
    what = demo if name == DIGITS else f"THESE IMAGES ARE NOT MNIST BUT {name.upper()}."
    return f"{what} NO NUMBER HERE COMPARES WITH THE PAPER'S."


def save(path: Path, **arrays: np.ndarray) -> None:
    """Write `x_train`, `x_test` (uint8 [N, 8, 8], 0 to 31) and `y_train`, `y_test` (uint8 [N], 0 to 9)."""
    np.savez_compressed(path, **{name: arrays[name] for name in NAMES})


def load(path: Path) -> tuple[Samples, Samples]:
    """Return the training and the test samples.

    Raises:
        PipelineError: The file is not what `save` writes.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            x_train, y_train, x_test, y_test = (file[name] for name in NAMES)
    except UNREADABLE as error:
        raise PipelineError(f"{path} does not hold prepared images ({error}); prepare them again") from None
    for images, digits in ((x_train, y_train), (x_test, y_test)):
        if images.shape != (len(digits), SIZE, SIZE) or images.dtype != np.uint8 or images.max() >= LEVELS:
            raise PipelineError(f"{path} does not hold 8 x 8 images of 5 bits; prepare them again")
    return Samples(intensities(x_train), y_train), Samples(intensities(x_test), y_test)
