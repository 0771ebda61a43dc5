"""Original images with labels, before preparation: a public data set, a folder like it, or scikit-learn's digits."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.images import data_sets, idx_files
from common.images.idx_sets import DIGITS, IdxSet
from common.images.preprocessing import CROPPED_SIZE
from common.stages import artifacts

MOST_CLASSES = 256  # labels are stored in a byte
TRAIN_DIGITS = 1500  # of scikit-learn's 1,797 digits; the rest is the test set


@dataclass(frozen=True)
class Originals:
    """Grey images with labels.

    Attributes:
        x_train: Training images, uint8 [N, height, width], 0 to 255.
        y_train: Their labels, uint8 [N], 0 to K - 1.
        x_test: Test images of the same size.
        y_test: Their labels.
        class_names: What images of each label show, K names.
        noun: What a class is called: `digit`, or `class`.
        name: Name of the data in all results.
        crop: Height and width of the centre that is kept unless the user says otherwise [pixel].
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    class_names: tuple[str, ...]
    noun: str
    name: str
    crop: int


def of_idx_set(wanted: IdxSet, files: dict[str, Path], *, allow_other: bool) -> Originals:
    """Return the images of a data set, or of other files in its format, which are named by their hash.

    Args:
        wanted: The data set that the files should be.
        files: Paths of its files, as `downloads.locate` returns them.
        allow_other: Whether to accept other data; its classes are named by their labels.

    Raises:
        PipelineError: A file is damaged or swapped with another, labels are not 0 to K - 1, or the data is not the
            wanted one and other data is not allowed.
    """
    try:
        x_train, y_train, x_test, y_test, content_sha256 = _read(wanted, files)
    except PipelineError as error:
        raise PipelineError(f"{error}; {wanted.remedy}") from None
    fault = _why_other(wanted, files, content_sha256)
    if fault and not allow_other:
        raise PipelineError(f"{fault}; {wanted.remedy}, or accept other data with --allow-other-data")
    size = x_train.shape[1:]
    crop = CROPPED_SIZE if size == (28, 28) else min(size)
    if not fault:
        return Originals(x_train, y_train, x_test, y_test, wanted.class_names, wanted.noun, wanted.key, crop)
    of_all = hashlib.sha256("".join(content_sha256.values()).encode()).hexdigest()
    class_names = tuple(map(str, range(int(y_train.max()) + 1)))
    return Originals(x_train, y_train, x_test, y_test, class_names, "class", data_sets.other_data(of_all), crop)


def _read(wanted: IdxSet, files: dict[str, Path]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict]:
    """Return images and labels of both parts, and the hashes of the uncompressed files by name."""
    paths = [_open(wanted, files, name) for name in wanted.names]
    (x_train, *hashes), (y_train, *more), (x_test, *test), (y_test, *last) = (
        idx_files.read(path, dimensions) for path, dimensions in zip(paths, (3, 1, 3, 1), strict=True)
    )
    for images, labels, of_images, of_labels in ((x_train, y_train, *paths[:2]), (x_test, y_test, *paths[2:])):
        if len(images) != len(labels):
            raise PipelineError(f"{of_labels} has {len(labels)} labels, and {of_images} has {len(images)} images")
        if not images.size:
            raise PipelineError(f"{of_images} has no pixels: its shape is {images.shape}")
    if x_train.shape[1:] != x_test.shape[1:]:
        sizes = (" x ".join(map(str, images.shape[1:])) for images in (x_train, x_test))
        raise PipelineError(f"images of {paths[0]} and {paths[2]} must have one size, not {' and '.join(sizes)} pixels")
    check_labels(y_train, y_test, str(paths[1]), str(paths[3]))
    if wanted.transposed:
        x_train, x_test = (np.ascontiguousarray(images.transpose(0, 2, 1)) for images in (x_train, x_test))
    digests = dict(zip(wanted.names, (*hashes, *more, *test, *last), strict=True))
    return x_train, y_train, x_test, y_test, digests


def _open(wanted: IdxSet, files: dict[str, Path], name: str) -> Path | zipfile.Path:
    if wanted.archive not in files:
        return files[name]
    try:
        return zipfile.Path(files[wanted.archive], f"{wanted.archive_folder}/{name}.gz")
    except artifacts.UNREADABLE as error:
        raise PipelineError(f"{files[wanted.archive]} is not a zip archive ({error})") from None


def _why_other(wanted: IdxSet, files: dict[str, Path], content_sha256: dict[str, str]) -> str | None:
    """Return why files are not the wanted data set, or None if they are.

    An IDX file is known by its content if the hash of that is known, else as the file that the mirrors have.
    """
    for name, path in files.items():
        if name in wanted.content_sha256:
            what, known, found = "its content has", wanted.content_sha256[name], content_sha256[name]
        elif name == wanted.archive:
            what, known, found = "it has", wanted.sha256[name], artifacts.sha256(path)
        elif wanted.archive:
            return f"{path} is not known as {wanted.title}'s, of which only {wanted.archive} is known by its SHA-256"
        else:
            what, known, found = f"as {name}.gz it has", wanted.sha256[f"{name}.gz"], artifacts.sha256(path)
        if found != known:
            return f"{path} is not {wanted.title}'s: {what} SHA-256 {found}, not {known}"
    return None


def check_labels(train: np.ndarray, test: np.ndarray, of_train: str, of_test: str) -> None:
    """Check that labels are 0 to K - 1, 2 <= K <= 256, each in the training set.

    Args:
        train: Labels of the training images, integers [N].
        test: Labels of the test images, integers [N].
        of_train: What holds the training labels, for messages.
        of_test: What holds the test labels.

    Raises:
        PipelineError: They are not.
    """
    rule = f"labels are 0 to K - 1, and K, the number of classes, is 2 to {MOST_CLASSES}"
    for labels, where in ((train, of_train), (test, of_test)):
        if labels.min() < 0 or labels.max() >= MOST_CLASSES:
            wrong = labels.min() if labels.min() < 0 else labels.max()
            raise PipelineError(f"{where} has label {wrong}; {rule}")
    classes = int(train.max()) + 1
    if classes == 1:
        raise PipelineError(f"{of_train} has label 0 alone; {rule}")
    missing = sorted(set(range(classes)) - set(train.tolist()))
    if missing:
        raise PipelineError(
            f"{of_train} has labels up to {classes - 1}, but {_listed(missing)} is missing; {rule}, and the training "
            "set has images of each"
        )
    unknown = sorted(set(test.tolist()) - set(range(classes)))
    if unknown:
        raise PipelineError(f"{of_test} has label {_listed(unknown)}, and the training set has only 0 to {classes - 1}")


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (", ..." if numbers[5:] else "")


def of_digits(seed: int) -> Originals:
    """Return scikit-learn's 1,797 digits of 8 x 8 pixels, 0 to 16 rescaled to 0 to 255, split at random by a seed."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    train, test = order[:TRAIN_DIGITS], order[TRAIN_DIGITS:]
    images, labels = np.rint(digits.images * (255 / 16)).astype(np.uint8), digits.target.astype(np.uint8)
    return Originals(
        images[train], labels[train], images[test], labels[test], DIGITS, "digit", data_sets.DIGITS, images.shape[1]
    )
