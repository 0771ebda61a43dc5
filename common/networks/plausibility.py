"""Plausibility checks: dead latent units, accuracy at chance level, overflow."""

from typing import TYPE_CHECKING

import numpy as np

from common.fixed_point import FixedPoint
from common.images.samples import Samples
from common.networks import architecture
from common.networks.layout import CLASS

if TYPE_CHECKING:
    from common.networks.legacy_keras import keras

DEVIATIONS = 3  # standard deviations of a binomial distribution: exceeded by chance in one run of 700


def chance(labels: np.ndarray) -> float:
    """Return the accuracy that always guessing the most frequent label exceeds only by chance."""
    guess = np.bincount(labels).max() / len(labels)
    return float(guess + DEVIATIONS * np.sqrt(guess * (1 - guess) / len(labels)))


def findings(model: "keras.Model", samples: Samples, title: str) -> dict[str, str]:
    """Return the implausible results of a trained network, in words by kind: `dead_unit`, `chance`.

    Args:
        model: `autoencoder` or `classifier`, of any variant.
        samples: Images that it was not trained on.
        title: Name of the network in messages.
    """
    found = {}
    latent = architecture.latent_points(model, samples.intensities)
    dead = [unit for unit, values in enumerate(latent.T) if values.min() == values.max()]
    if dead:
        units = " and ".join(f"{unit + 1} ({latent[0, unit]:g})" for unit in dead)
        found["dead_unit"] = f"{title}: constant over all images: latent unit {units}; train with another --seed"
    if CLASS in model.output_names:
        outputs = architecture.predict(model, samples.intensities)
        probabilities = outputs[model.output_names.index(CLASS)] if isinstance(outputs, list) else outputs
        accuracy, guess = samples.accuracy(probabilities), chance(samples.labels)
        if accuracy <= guess:
            found["chance"] = f"{title}: accuracy {accuracy:.4f} is at chance level (up to {guess:.4f}); train longer"
    return found


def overflow(values: np.ndarray, precision: FixedPoint) -> str | None:
    """Return in words how many values overflow a fixed-point type and wrap around, or None if none does."""
    outside = np.count_nonzero((values < precision.low) | (values >= precision.high + precision.step))
    if not outside or precision.overflow != "WRAP":
        return None
    return (
        f"{outside:,} of {values.size:,} values, from {values.min():.4g} to {values.max():.4g}, are outside "
        f"{precision}, {precision.low:g} to {precision.high:g}, and wrap around"
    )
