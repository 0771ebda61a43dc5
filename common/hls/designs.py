"""Designs: cuts of variants of the classifier network that become hardware."""

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from common.errors import PipelineError
from common.images.anomalies import Anomalies
from common.stages.configuration import Fraction

ANOMALY = "anomaly"
Score = Literal["l1", "mse", "latent"]
CUTS = {
    "encoder": "encoder",
    "encoder_classifier": "encoder + classifier",
    "full": "full network",
    ANOMALY: "anomaly score",
}
VARIANTS = ("complete", "pruned", "quantized", "quantized_pruned")


@dataclass(frozen=True, order=True)
class Design:
    """A cut (`encoder`, `encoder_classifier`, `full` or `anomaly`) of a variant of the classifier network."""

    cut: str
    variant: str

    def __str__(self) -> str:
        return f"{self.cut}/{self.variant}"

    @property
    def quantized(self) -> bool:
        """Whether its types are those of QKeras, so that hardware is bit-exact with Keras."""
        return self.variant.startswith("quantized")

    @property
    def has_logits(self) -> bool:
        """Whether it classifies; its last outputs are then one logit a class."""
        return self.cut in ("encoder_classifier", "full")

    @property
    def scores_anomalies(self) -> bool:
        """Whether it computes the anomaly score, and is simulated on anomalies too."""
        return self.cut == ANOMALY


ALL = tuple(f"{cut}/{variant}" for cut in CUTS if cut != ANOMALY for variant in VARIANTS)
SCORING = tuple(f"{ANOMALY}/{variant}" for variant in VARIANTS if variant.startswith("quantized"))
"""Designs that need anomalies, which stage 01 makes on request."""


def parse_designs(names: tuple[str, ...]) -> list[Design]:
    """Return the designs named `CUT/VARIANT`, without duplicates; `all` names all twelve that do not score anomalies.

    Raises:
        PipelineError: A name is not a design.
    """
    names = tuple(name for given in names for name in (ALL if given == "all" else (given,)))
    unknown = [name for name in names if name not in ALL + SCORING]
    if unknown:
        raise PipelineError(f"unknown design {unknown[0]}; designs are {', '.join(ALL + SCORING)}, or all")
    return [Design(*name.split("/")) for name in dict.fromkeys(names)]


@dataclass(frozen=True)
class AnomalyOptions:
    """What the designs `anomaly` compute."""

    score: Score = "l1"
    """Anomaly score: sum of |r - r^| over all pixels, sum of squares, or -log2 of the density of training images in the
    latent space."""
    false_alarm_rate: Fraction = 0.0
    """Share of normal images that trigger, at most, as set on held-out training images; 0: no trigger bit."""


@dataclass(frozen=True)
class Scoring:
    """Anomaly score of a design, with the images that it needs.

    Attributes:
        options: Which score, and whether there is a trigger.
        training_images: Images of which the density in the latent space is taken, float32 [N, pixels].
        anomalies: Images on which the threshold is set, and anomalies as further test vectors.
    """

    options: AnomalyOptions
    training_images: np.ndarray
    anomalies: Anomalies

    def ingredients(self) -> tuple[object, ...]:
        """Return all of it, for the key of a finished step."""
        images = (self.anomalies.held_out, *self.anomalies.kinds.values())
        return asdict(self.options), list(self.anomalies.kinds), self.training_images, *images
