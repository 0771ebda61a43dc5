"""Evaluation of a trained classifier network on test images: in the latent space, and class by class."""

from dataclasses import dataclass
from math import isqrt

import numpy as np

from common.images.samples import Samples
from common.networks import layout
from common.networks.architecture import latent_layer, predict
from common.networks.legacy_keras import keras

GRID = 15  # decoded images along each axis of the latent plane
REGION_CELLS = 300  # cells along each axis of the map of decisions
WORST = 20  # misclassified images in the figure
SMALLEST_EXTENT = 1e-3  # of the latent plane along an axis, where all images share a coordinate


@dataclass(frozen=True)
class Evaluation:
    """Outputs of a classifier network for N test images.

    Attributes:
        latent: Points in the latent space, float32 [N, dimensions].
        images: Reconstructed intensities, float32 [N, pixels], or None for a network without decoder.
        probabilities: Probabilities of the classes, float32 [N, classes].
        samples: The test images and their labels.
    """

    latent: np.ndarray
    images: np.ndarray | None
    probabilities: np.ndarray
    samples: Samples

    @property
    def decided(self) -> np.ndarray:
        """The most probable label of each image, int [N]."""
        return self.probabilities.argmax(axis=1)

    def confusion(self) -> np.ndarray:
        """Return the confusion matrix, int [classes, classes]: rows are true labels, columns predicted ones."""
        counts = np.zeros((self.samples.format.classes,) * 2, dtype=int)
        np.add.at(counts, (self.samples.labels, self.decided), 1)
        return counts

    def class_scores(self) -> tuple[np.ndarray | None, np.ndarray]:
        """Return mean L1 loss per pixel [classes], or None without images, and accuracy [classes].

        Both are NaN for classes without test images.
        """
        accuracy = self._mean_of_each_class(self.decided == self.samples.labels)
        if self.images is None:
            return None, accuracy
        return self._mean_of_each_class(np.abs(self.images - self.samples.intensities).mean(axis=1)), accuracy

    def worst(self) -> np.ndarray:
        """Return the indices of the images misclassified with the highest probability, worst first."""
        wrong = np.flatnonzero(self.decided != self.samples.labels)
        return wrong[np.argsort(-self.probabilities[wrong].max(axis=1), kind="stable")][:WORST]

    def extent(self) -> tuple[float, float, float, float]:
        """Return left, right, bottom and top of the part of a latent plane that holds nearly all images.

        An axis ends at the 99th percentile. It starts at 0, or at the first percentile if there are negative values.
        """
        (left, bottom), (right, top) = np.percentile(self.latent, (1, 99), axis=0)
        left, bottom = np.where(self.latent.min(axis=0) < 0, (left, bottom), 0.0)
        right, top = max(right, left + SMALLEST_EXTENT), max(top, bottom + SMALLEST_EXTENT)
        return float(left), float(right), float(bottom), float(top)

    def _mean_of_each_class(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of one value per image over the images of each class, [classes]."""
        classes = self.samples.format.classes
        counts = np.bincount(self.samples.labels, minlength=classes)
        sums = np.bincount(self.samples.labels, values, minlength=classes)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def evaluate_classifier(model: keras.Model, samples: Samples) -> Evaluation:
    """Run a classifier network, with or without decoder, over test images."""
    latent, *outputs = predict(
        keras.Model(model.input, [latent_layer(model).output, *model.outputs]), samples.intensities
    )
    return Evaluation(latent, *_images_and_probabilities(model, outputs), samples)


def decode_grid(
    model: keras.Model, extent: tuple[float, float, float, float], cells: int
) -> tuple[np.ndarray | None, np.ndarray]:
    """Run the layers after a latent plane for the centres of a grid of cells across it.

    Returns:
        Images, float32 [cells, cells, side, side], or None for a network without decoder, and the most probable label,
        int [cells, cells]; row 0 is the lowest.
    """
    left, right, bottom, top = extent
    centres = (np.arange(cells) + 0.5) / cells
    x, y = np.meshgrid(left + (right - left) * centres, bottom + (top - bottom) * centres)
    points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    outputs = predict(keras.Model(latent_layer(model).output, model.outputs), points)
    images, probabilities = _images_and_probabilities(model, outputs if isinstance(outputs, list) else [outputs])
    if images is not None:
        side = isqrt(images.shape[1])
        images = images.reshape(cells, cells, side, side)
    return images, probabilities.argmax(axis=1).reshape(cells, cells)


def _images_and_probabilities(model: keras.Model, outputs: list[np.ndarray]) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the two outputs of a classifier network, None for images if it has no decoder."""
    found = dict(zip(model.output_names, outputs, strict=True))
    images = found.pop(layout.IMAGE, None)
    (probabilities,) = found.values()
    return images, probabilities
