"""Samples for training and testing networks."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Samples:
    """Intensities, float32 [N, 64] in [0, 1), and the digit that each image shows, uint8 [N]."""

    intensities: np.ndarray
    digits: np.ndarray

    def split(self, count: int) -> tuple["Samples", "Samples"]:
        """Return all but the last `count` samples, and the last `count`."""
        cut = len(self.digits) - count
        return Samples(self.intensities[:cut], self.digits[:cut]), Samples(self.intensities[cut:], self.digits[cut:])

    def shuffled(self, seed: int) -> "Samples":
        """Return all samples in random order."""
        order = np.random.default_rng(seed).permutation(len(self.digits))
        return Samples(self.intensities[order], self.digits[order])

    def first_of_each_digit(self) -> np.ndarray:
        """Return the index of the first image of each digit, int [10]."""
        return np.array([int(np.argmax(self.digits == digit)) for digit in range(10)])

    def accuracy(self, scores: np.ndarray) -> float:
        """Return the fraction of samples whose digit has the largest of ten scores [N, 10]."""
        return float(np.mean(scores.argmax(axis=1) == self.digits))
