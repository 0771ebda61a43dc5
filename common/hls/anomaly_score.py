"""The anomaly score of an image, as layers after the network: how unlike the training images it is.

    l1      sum of |r - r^| over all pixels: intensity r, reconstructed intensity r^
    mse     sum of (r - r^)^2
    latent  -log2 of the share of the training images in the cell of the latent space that the image falls into

Scores of quantized networks are exact in Keras: values of a fixed-point type, all of which float32 holds. A trigger is
1 where the score exceeds a threshold, which is set for a rate of false alarms on held-out images.
"""

from dataclasses import dataclass
from math import ceil, floor, log2

import numpy as np

from common.errors import PipelineError
from common.fixed_point import FixedPoint
from common.hls.designs import ANOMALY, Score, Scoring
from common.hls.latent_space import LatentSpace
from common.networks import architecture
from common.networks.architecture import latent_layer, layer_of
from common.networks.layout import IMAGE
from common.networks.legacy_keras import keras, tf

POWERS = {"l1": 1, "mse": 2}
SCORE, TRIGGER = "score", "trigger"  # names of the layers
CELL_BITS = 8  # of the address of a cell, at most
WITHIN = 0.999  # share of the training images' coordinates that the cells cover
SURPRISE = FixedPoint(8, 4, signed=False, rounding="RND", overflow="SAT")  # type of the score `latent`
BIT = FixedPoint(1, 1, signed=False)
EXACT_BITS = 24  # of an integer that float32 holds


class ScalarLayer(keras.layers.Layer):
    """Layer of one output of a fixed-point type, `result`."""

    result: FixedPoint


class Distance(ScalarLayer):
    """Sum over all pixels of |r - r^| to a power, of a reconstruction r^ and intensities r, [N, pixels] each."""

    def __init__(self, power: int, result: FixedPoint, **keywords: object) -> None:
        super().__init__(**keywords)
        self.power, self.result = power, result

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Return the sums, [N, 1]."""
        reconstructed, intensities = inputs
        return tf.reduce_sum(tf.abs(intensities - reconstructed) ** self.power, axis=1, keepdims=True)

    def get_config(self) -> dict[str, object]:
        """Return the parameters."""
        return {**super().get_config(), "power": self.power}


class Cells(ScalarLayer):
    """Value of the cell of the latent space that a point falls into, of points [N, dimensions].

    A cell holds the points with the same coordinates in the type `cell`; its address is that of a `LatentSpace`.
    """

    def __init__(self, cell: FixedPoint, values: np.ndarray, **keywords: object) -> None:
        super().__init__(**keywords)
        self.cell, self.values, self.result = cell, values, SURPRISE

    def call(self, points: tf.Tensor) -> tf.Tensor:
        """Return the values, [N, 1]."""
        step, low, high = self.cell.step, self.cell.low, self.cell.high
        codes = tf.cast(tf.floor(tf.clip_by_value(points, low, high) / step), tf.int32) % 2**self.cell.width
        places = tf.constant(LatentSpace("", self.cell, points.shape[1]).places, tf.int32)
        return tf.gather(tf.constant(self.values, tf.float32), tf.reduce_sum(codes * places, axis=1, keepdims=True))

    def get_config(self) -> dict[str, object]:
        """Return the parameters."""
        cell = {name: getattr(self.cell, name) for name in ("width", "integer", "signed")}
        return {**super().get_config(), "cell": cell, "values": self.values.tolist()}


class Threshold(ScalarLayer):
    """1 where a score exceeds the threshold, else 0."""

    result = BIT

    def __init__(self, threshold: float, **keywords: object) -> None:
        super().__init__(**keywords)
        self.threshold = threshold

    def call(self, scores: tf.Tensor) -> tf.Tensor:
        """Return the decisions."""
        return tf.cast(scores > self.threshold, tf.float32)

    def get_config(self) -> dict[str, object]:
        """Return the parameters."""
        return {**super().get_config(), "threshold": self.threshold}


@dataclass(frozen=True)
class Density:
    """Density of training images in a latent space, in cells.

    Attributes:
        cell: Type of a coordinate of a cell.
        values: -log2 of the share of the training images in each cell, by its address; each cell counts one image more.
    """

    cell: FixedPoint
    values: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """Return the values at points, [N, dimensions]."""
        return self.values[_addresses(self.cell, points)]


def density_of(points: np.ndarray, finest: float = 0.0) -> Density:
    """Return the density of the latent points of training images, [N, dimensions].

    Cells cover nearly all of the points; points beyond are in the last cells.

    Args:
        points: The latent points.
        finest: Step of their type, below which cells are not divided; 0 for floating point.

    Raises:
        PipelineError: There are too many dimensions.
    """
    width = CELL_BITS // points.shape[1]
    if width == 0:
        raise PipelineError(f"the score latent needs a latent space of at most {CELL_BITS} dimensions")
    signed = bool(points.min() < 0)
    reach = max(float(np.quantile(np.abs(points), WITHIN)), finest, 2.0**-20)
    integer = max(floor(log2(reach)) + 1 + signed, width + round(log2(finest)) if finest else -64)
    cell = FixedPoint(width, integer, signed, overflow="SAT")
    counts = np.bincount(_addresses(cell, points), minlength=2 ** (width * points.shape[1])) + 1
    return Density(cell, SURPRISE.cast(-np.log2(counts / counts.sum())))


def _addresses(cell: FixedPoint, points: np.ndarray) -> np.ndarray:
    return LatentSpace("", cell, points.shape[1]).addresses(cell.cast(points))


def latent_step(model: keras.Model) -> float:
    """Return the step of a latent coordinate, 0 for a network that is not quantized."""
    quantizer = getattr(latent_layer(model), "quantizer", None)
    return 0.0 if quantizer is None else float(quantizer.max() - quantizer.min()) / 2**quantizer.bits


def cut(model: keras.Model, pixel_bits: int, scoring: Scoring) -> keras.Model:
    """Return the cut `anomaly` of a quantized network, sharing its weights: pixels to score, and trigger if wanted.

    Args:
        model: The network.
        pixel_bits: Colour depth of the images [bit].
        scoring: Score and images.

    Raises:
        PipelineError: The network has no decoder, float32 does not hold all scores, or the latent space has too many
            dimensions.
    """
    score, rate = scoring.options.score, scoring.options.false_alarm_rate
    if score == "latent":
        points = architecture.latent_points(model, scoring.training_images)
        density = density_of(points, latent_step(model))
        output = Cells(density.cell, density.values, name=SCORE)(latent_layer(model).output)
    else:
        output = _distance(model, score, pixel_bits)
    scored = keras.Model(model.input, [output], name=ANOMALY)
    if not rate:
        return scored
    threshold = threshold_of(architecture.predict(scored, scoring.anomalies.held_out)[:, 0], rate)
    return keras.Model(model.input, [output, Threshold(threshold, name=TRIGGER)(output)], name=ANOMALY)


def _distance(model: keras.Model, score: Score, pixel_bits: int) -> tf.Tensor:
    image, pixels, power = layer_of(model, IMAGE), model.input.shape[1], POWERS[score]
    fraction, integer = power * max(pixel_bits, int(image.quantizer.bits)), ceil(log2(pixels))
    if integer + fraction > EXACT_BITS:
        raise PipelineError(
            f"the score {score} of {pixels} pixels has {integer + fraction} bits, and Keras holds {EXACT_BITS}"
        )
    result = FixedPoint(integer + fraction, integer, signed=False)
    return Distance(power, result, name=SCORE)([image.output, model.input])


def threshold_of(scores: np.ndarray, false_alarm_rate: float) -> float:
    """Return the lowest of the scores of normal images that at most this share of them exceeds."""
    return float(np.sort(scores)[len(scores) - 1 - int(false_alarm_rate * len(scores))])
