"""Anomalies: images unlike those that the networks learn, of left-out classes or made from test images.

The networks learn some classes, the normal ones. Part of their training images is held out: thresholds of the anomaly
score are set on these, which no network has seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.images.originals import Originals
from common.images.samples import ImageFormat
from common.stages.artifacts import UNREADABLE

FILE = "anomalies.npz"
KINDS = {
    "left_out": "classes left out",
    "turned": "turned by 180°",
    "occluded": "a quarter blank",
    "noise": "noise",
    "shuffled": "pixels shuffled",
}
"""Kinds of anomalies in words; all but the first are made from the normal test images."""
HELD_OUT = "held_out"


@dataclass(frozen=True)
class Anomalies:
    """Images to set and to test thresholds of the anomaly score.

    Attributes:
        held_out: Normal training images that no network learns, float32 [N, pixels].
        kinds: Anomalous images by the kinds of `KINDS`, in their order, float32 [N, pixels]; none is empty.
    """

    held_out: np.ndarray
    kinds: Mapping[str, np.ndarray]

    def after(self, test_images: np.ndarray) -> np.ndarray:
        """Return test images followed by all anomalies: the test vectors of a design that scores images."""
        return np.concatenate([test_images, *self.kinds.values()])

    def by_kind(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Split one value for each image of `after`, [N], by kind; the test images' kind is `normal`."""
        counts = [len(images) for images in self.kinds.values()]
        starts = np.cumsum([len(values) - sum(counts), *counts])[:-1]
        return dict(zip(("normal", *self.kinds), np.split(values, starts), strict=True))


def divide(found: Originals, normal: Sequence[int], share: float) -> tuple[Originals, np.ndarray, np.ndarray]:
    """Return the normal images, those of them that are held out, and the other test images.

    Args:
        found: Images of all classes.
        normal: Labels of the normal classes.
        share: Fraction of the normal training images that is held out, the last ones.

    Raises:
        PipelineError: A label is not of a class.
    """
    if unknown := sorted(set(normal) - set(range(len(found.class_names)))):
        raise PipelineError(f"--normal {unknown[0]}: labels are 0 to {len(found.class_names) - 1}")
    train, test = (np.isin(labels, normal) for labels in (found.y_train, found.y_test))
    kept = np.flatnonzero(train)
    kept, held_out = np.split(kept, [len(kept) - max(round(share * len(kept)), 1)])
    images = {"x_train": found.x_train[kept], "x_test": found.x_test[test]}
    labels = {"y_train": found.y_train[kept], "y_test": found.y_test[test]}
    return replace(found, **images, **labels), found.x_train[held_out], found.x_test[~test]


def make(images: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return anomalies made from prepared images, uint8 [N, side, side], by kind.

    Noise has the intensities of the images at each pixel, and no relation of one pixel to another: each pixel is that
    of another image. Shuffled pixels keep the intensities of each image.
    """
    rng = np.random.default_rng(seed)
    count, side, _ = images.shape
    flat, half = images.reshape(count, -1), side // 2
    occluded = images.copy()
    for image, quarter in zip(occluded, rng.integers(4, size=count), strict=True):
        rows, columns = (slice(half) if first else slice(side - half, None) for first in (quarter < 2, quarter % 2))
        image[rows, columns] = 0
    return {
        "turned": images[:, ::-1, ::-1],
        "occluded": occluded,
        "noise": rng.permuted(flat, axis=0).reshape(images.shape),
        "shuffled": rng.permuted(flat, axis=1).reshape(images.shape),
    }


def save(path: Path, held_out: np.ndarray, kinds: Mapping[str, np.ndarray]) -> None:
    """Write held-out images and anomalies, uint8 [N, side, side]; kinds without images are left out."""
    found = {kind: kinds[kind] for kind in KINDS if len(kinds[kind])}
    np.savez_compressed(path, **{HELD_OUT: held_out}, **found)


def load(path: Path, image_format: ImageFormat) -> Anomalies:
    """Return what `save` wrote.

    Raises:
        PipelineError: The file is not what `save` writes for images of this format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in (HELD_OUT, *KINDS) if name in file}
        for images in found.values():
            if images.dtype != np.uint8 or images.shape[1:] != (image_format.side,) * 2 or not len(images):
                raise ValueError(f"images of {images.dtype}, {images.shape}")
        intensities = {name: image_format.intensities(images) for name, images in found.items()}
        return Anomalies(intensities.pop(HELD_OUT), intensities)
    except UNREADABLE as error:
        raise PipelineError(f"{path} does not hold anomalies ({error}); prepare the images again") from None
