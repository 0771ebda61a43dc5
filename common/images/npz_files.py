"""Images of the user's own, in a `.npz` file of NumPy."""

from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.images import dataset
from common.images.originals import Originals, check_labels
from common.stages.artifacts import UNREADABLE, sha256

CLASS_NAMES = "class_names"


def read(path: Path) -> Originals:
    """Return the images of a file with `x_train`, `y_train`, `x_test`, `y_test` and, if it likes, `class_names`.

    Images are [N, height, width], uint8, or floating point from 0 to 1, which is converted to rint(255 x). Labels are
    integers from 0 to K - 1. Without `class_names`, classes are called by their labels.

    Raises:
        PipelineError: The file is damaged, or an array is missing or not as above; the message names both.
    """
    arrays = _arrays(path)
    images = {part: _images(arrays[f"x_{part}"], f"{path}: x_{part}") for part in ("train", "test")}
    labels = {part: _labels(arrays[f"y_{part}"], f"{path}: y_{part}") for part in ("train", "test")}
    for part in ("train", "test"):
        if len(images[part]) != len(labels[part]):
            counts = f"{len(images[part])} images, and y_{part} has {len(labels[part])} labels"
            raise PipelineError(f"{path}: x_{part} has {counts}")
    size = images["train"].shape[1:]
    if images["test"].shape[1:] != size:
        sizes = " and ".join("{} x {} pixels".format(*images[part].shape[1:]) for part in ("train", "test"))
        raise PipelineError(f"{path}: images of x_train and x_test must have one size, not {sizes}")
    check_labels(labels["train"], labels["test"], f"{path}: y_train", f"{path}: y_test")
    return Originals(
        images["train"],
        labels["train"].astype(np.uint8),
        images["test"],
        labels["test"].astype(np.uint8),
        _class_names(arrays.get(CLASS_NAMES), int(labels["train"].max()) + 1, f"{path}: {CLASS_NAMES}"),
        "class",
        f"{path.name} (SHA-256 {sha256(path)[:12]})",
        min(size),
    )


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        file = np.load(path, allow_pickle=False)
    except UNREADABLE as error:
        raise PipelineError(f"{path} cannot be read as a .npz file ({error})") from None
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise PipelineError(f"{path} is a single array, not a .npz file; write it with numpy.savez_compressed")
    arrays = {}
    with file:
        for name in (*dataset.NAMES, CLASS_NAMES):
            if name not in file:
                if name in dataset.NAMES:
                    raise PipelineError(f"{path} has no array {name}; it needs {', '.join(dataset.NAMES)}")
                continue
            try:
                arrays[name] = file[name]
            except UNREADABLE as error:  # pickled objects too, which could run code
                raise PipelineError(f"{path}: {name} cannot be read ({error})") from None
    return arrays


def _images(array: np.ndarray, where: str) -> np.ndarray:
    """Return grey images, uint8 [N, height, width]."""
    if array.ndim != 3:
        raise PipelineError(f"{where} must hold grey images, [N, height, width], not an array of shape {array.shape}")
    if not array.size:
        raise PipelineError(f"{where} is empty: its shape is {array.shape}")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise PipelineError(f"{where} must be uint8, or floating point from 0 to 1, not {array.dtype}")
    if np.isnan(array).any():
        raise PipelineError(f"{where} has values that are not a number")
    if array.min() < 0 or array.max() > 1:
        raise PipelineError(f"{where} must be from 0 to 1, as it is {array.dtype}, not {array.min()} to {array.max()}")
    return np.rint(array * 255.0).astype(np.uint8)


def _labels(array: np.ndarray, where: str) -> np.ndarray:
    if array.ndim != 1:
        raise PipelineError(f"{where} must hold a label for each image, [N], not an array of shape {array.shape}")
    if not array.size:
        raise PipelineError(f"{where} is empty")
    if array.dtype.kind not in "iu":
        raise PipelineError(f"{where} must be integers, not {array.dtype}")
    return array


def _class_names(array: np.ndarray | None, classes: int, where: str) -> tuple[str, ...]:
    if array is None:
        return tuple(map(str, range(classes)))
    if array.dtype.kind != "U" or array.shape != (classes,):
        raise PipelineError(
            f"{where} must be {classes} strings, a name for each label, not {array.dtype} of shape {array.shape}"
        )
    names = tuple(name.strip() for name in array.tolist())
    if "" in names or len(set(names)) < classes:
        wrong = next(name for name in names if not name or names.count(name) > 1)
        raise PipelineError(f"{where} must be different and not empty, and {wrong!r} occurs {names.count(wrong)} times")
    return names
