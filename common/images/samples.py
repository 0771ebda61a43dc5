"""Samples for training and testing networks, and the format of their images."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class ImageFormat:
    """Format of prepared images.

    Attributes:
        side: Height and width [pixel].
        bits: Colour depth [bit].
        class_names: What images of each label show, in words.
        noun: What a class is called: `digit`, or `class`.
    """

    side: int = 8
    bits: int = 5
    class_names: tuple[str, ...] = tuple("0123456789")
    noun: str = "digit"

    @property
    def pixels(self) -> int:
        """Number of pixels of an image."""
        return self.side**2

    @property
    def levels(self) -> int:
        """Number of grey levels of a pixel."""
        return 2**self.bits

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def plural(self) -> str:
        """What classes are called."""
        return "classes" if self.noun == "class" else f"{self.noun}s"

    def intensities(self, levels: np.ndarray) -> np.ndarray:
        """Return the networks' input, float32 [N, pixels]: k / 2^bits for level k of images [N, side, side]."""
        return levels.reshape(len(levels), -1).astype(np.float32) / self.levels


PAPER_FORMAT = ImageFormat()
"""Format of the paper's images: 8 x 8 pixels of 5 bits, ten digits."""


@dataclass(frozen=True)
class Samples:
    """Intensities, float32 [N, pixels] in [0, 1), and the label of each image, uint8 [N]."""

    intensities: np.ndarray
    labels: np.ndarray
    format: ImageFormat = PAPER_FORMAT

    def split(self, count: int) -> tuple["Samples", "Samples"]:
        """Return all but the last `count` samples, and the last `count`."""
        cut = len(self.labels) - count
        return self._selected(slice(cut)), self._selected(slice(cut, None))

    def shuffled(self, seed: int) -> "Samples":
        """Return all samples in random order."""
        return self._selected(np.random.default_rng(seed).permutation(len(self.labels)))

    def of_classes(self, labels: Collection[int]) -> "Samples":
        """Return the samples with these labels; all of them if there are none."""
        return self._selected(np.isin(self.labels, list(labels))) if labels else self

    def _selected(self, which: "slice | np.ndarray") -> "Samples":
        return replace(self, intensities=self.intensities[which], labels=self.labels[which])

    def first_of_each_class(self) -> np.ndarray:
        """Return the index of the first image of each class, int [classes]."""
        return np.array([int(np.argmax(self.labels == label)) for label in range(self.format.classes)])

    def accuracy(self, scores: np.ndarray) -> float:
        """Return the fraction of samples whose label has the largest score, of scores [N, classes]."""
        return float(np.mean(scores.argmax(axis=1) == self.labels))
