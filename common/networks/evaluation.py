"""Evaluation of a trained classifier network on test images: in the latent plane, and digit by digit."""

from dataclasses import dataclass

import numpy as np

from common.images.samples import Samples
from common.networks.architecture import activation_name, predict
from common.networks.legacy_keras import keras

GRID = 15  # decoded images along each axis of the latent plane
REGION_CELLS = 300  # cells along each axis of the map of decisions
WORST = 20  # misclassified images in the figure


@dataclass(frozen=True)
class Evaluation:
    """Outputs of a classifier network for N test images.

    Attributes:
        latent: Points in the latent plane, float32 [N, 2].
        images: Reconstructed intensities, float32 [N, 64].
        probabilities: Probabilities of the ten digits, float32 [N, 10].
        samples: The test images and their digits.
    """

    latent: np.ndarray
    images: np.ndarray
    probabilities: np.ndarray
    samples: Samples

    @property
    def decided(self) -> np.ndarray:
        """The most probable digit of each image, int [N]."""
        return self.probabilities.argmax(axis=1)

    def confusion(self) -> np.ndarray:
        """Return the confusion matrix, int [10, 10]: rows are true digits, columns predicted ones."""
        counts = np.zeros((10, 10), dtype=int)
        np.add.at(counts, (self.samples.labels, self.decided), 1)
        return counts

    def digit_scores(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean L1 loss per pixel [10] and accuracy [10] of each digit."""
        losses = np.abs(self.images - self.samples.intensities).mean(axis=1)
        each = [self.samples.labels == digit for digit in range(10)]
        right = self.decided == self.samples.labels
        return np.array([losses[mask].mean() for mask in each]), np.array([right[mask].mean() for mask in each])

    def worst(self) -> np.ndarray:
        """Return the indices of the images misclassified with the highest probability, worst first."""
        wrong = np.flatnonzero(self.decided != self.samples.labels)
        return wrong[np.argsort(-self.probabilities[wrong].max(axis=1), kind="stable")][:WORST]

    def extent(self) -> tuple[float, float, float, float]:
        """Return left, right, bottom and top of the part of the latent plane with 99 % of the images."""
        right, top = np.percentile(self.latent, 99, axis=0)
        return 0.0, max(float(right), 1e-3), 0.0, max(float(top), 1e-3)


def evaluate_classifier(model: keras.Model, samples: Samples) -> Evaluation:
    """Run a classifier network over test images."""
    latent_layer = model.get_layer(activation_name("latent"))
    inner = keras.Model(model.input, [latent_layer.output, *model.outputs])
    return Evaluation(*predict(inner, samples.intensities), samples)


def decode_grid(
    model: keras.Model, extent: tuple[float, float, float, float], cells: int
) -> tuple[np.ndarray, np.ndarray]:
    """Decode the centres of a grid of cells across the latent plane.

    Returns:
        Images, float32 [cells, cells, 8, 8], and the most probable digit, int [cells, cells]; row 0 is the lowest.
    """
    left, right, bottom, top = extent
    centres = (np.arange(cells) + 0.5) / cells
    x, y = np.meshgrid(left + (right - left) * centres, bottom + (top - bottom) * centres)
    points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    decoder = keras.Model(model.get_layer(activation_name("latent")).output, model.outputs)
    images, probabilities = predict(decoder, points)
    return images.reshape(cells, cells, 8, 8), probabilities.argmax(axis=1).reshape(cells, cells)
