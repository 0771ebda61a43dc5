"""Prepared images: the file `images.npz`, and the samples loaded from it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.images.samples import ImageFormat, Samples
from common.stages.artifacts import UNREADABLE

FILE = "images.npz"
NAMES = ("x_train", "y_train", "x_test", "y_test")


def save(path: Path, image_format: ImageFormat, **arrays: np.ndarray) -> None:
    """Write prepared images with their format.

    Args:
        path: The file.
        image_format: Side, bits and class names.
        arrays: `x_train`, `x_test`, uint8 [N, side, side], and `y_train`, `y_test`, uint8 [N].
    """
    np.savez_compressed(
        path,
        **{name: arrays[name] for name in NAMES},
        bits=image_format.bits,
        class_names=np.array(image_format.class_names),
        noun=image_format.noun,
    )


def load_format(path: Path) -> ImageFormat:
    """Return the format of prepared images, without loading them all.

    Raises:
        PipelineError: The file is not what `save` writes.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return _format(file, file["x_test"].shape[-1])
    except UNREADABLE as error:
        raise PipelineError(f"{path} does not hold prepared images ({error}); prepare them again") from None


def _format(file: Mapping[str, np.ndarray], side: int) -> ImageFormat:
    return ImageFormat(side, int(file["bits"]), tuple(map(str, file["class_names"])), str(file["noun"]))


def load(path: Path) -> tuple[Samples, Samples]:
    """Return the training and the test samples.

    Raises:
        PipelineError: The file is not what `save` writes.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            x_train, y_train, x_test, y_test = (file[name] for name in NAMES)
            found = _format(file, x_train.shape[-1])
    except UNREADABLE as error:
        raise PipelineError(f"{path} does not hold prepared images ({error}); prepare them again") from None
    for images, labels in ((x_train, y_train), (x_test, y_test)):
        right = images.dtype == np.uint8 and images.shape == (len(labels), found.side, found.side)
        if not right or images.max() >= found.levels or labels.max() >= found.classes:
            raise PipelineError(
                f"{path} does not hold square images of {found.bits} bits with labels; prepare them again"
            )
    train, test = ((found.intensities(images), labels) for images, labels in ((x_train, y_train), (x_test, y_test)))
    return Samples(*train, found), Samples(*test, found)
