"""Recipes of training, as configuration: epochs, learning rate, and what may stand before and behind them."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from common.stages.configuration import BatchSize, Epochs, Fraction, Interval, Rate, Seed, Weight


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the defaults are the paper's. A stage that trains has one as configuration."""

    epochs: Epochs = 30
    """Passes over the training images (paper, section 4.1)."""
    batch_size: BatchSize = 256
    """Images per step; fits the paper's 'bumps near the eighth epoch' when pruning begins at step 2000."""
    optimizer: Literal["adam", "soap"] = "adam"
    """Adam (Keras's default), or SOAP: Adam in the eigenbasis of the gradients, which gets further here."""
    learning_rate: Rate = 1e-3
    """Of the optimizer, at the start (Keras's default for Adam)."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate over the training: as it is, or decayed to zero by a cosine."""
    cross_entropy_weight: Weight = 0.1
    """Of the digit's cross-entropy beside the image's L1 loss (the author's published code)."""
    seed: Seed = 0
    """Of initial weights and of the order of images."""
    allow: tuple[Literal["dead_unit", "chance", "failed_input"], ...] = ()
    """What is only warned of: a latent unit that is the same for every image, a classifier that guesses, input from a
    stage that failed."""


@dataclass(frozen=True)
class Starts:
    """Several initial networks, trained for a few epochs; the best on a validation set is trained on.

    A network with two latent units does not recover from a poor start. The validation set is part of the training
    images, never of the test images; after the choice it is trained on too.
    """

    count: Annotated[int, Interval(1, 1000)] = 1
    """Initial networks; 1 chooses nothing."""
    epochs: Epochs = 25
    """Passes of the short training of each, at the recipe's own rates."""
    l1_weight: Weight = 3.0
    """Accuracy that an L1 of one is worth in the choice: accuracy - l1_weight x L1 (-L1 without a classifier)."""
    validation_images: BatchSize = 10_000
    """Training images that are held out and choose."""


@dataclass(frozen=True)
class EncoderSparsity:
    """Fraction of an encoder layer's weights that becomes zero; what lies behind the latent plane can be tabulated."""

    encoder_1: Fraction = 0.0
    encoder_2: Fraction = 0.0
    latent: Fraction = 0.0


@dataclass(frozen=True)
class EncoderPenalty:
    """What the sum of an encoder layer's absolute weights adds to the loss, a unit of weight: few and small weights."""

    encoder_1: Weight = 0.0
    encoder_2: Weight = 0.0
    latent: Weight = 0.0


@dataclass(frozen=True)
class Raised:
    """Zeros that come while a quantized network trains, the smallest weights first."""

    sparsity: EncoderSparsity = field(default_factory=EncoderSparsity)
    """Target, reached by 1 - (1 - t)^3: fast at first, slow at the end (Zhu and Gupta, arXiv:1710.01878)."""
    share: Annotated[float, Interval(0.01, 1)] = 0.5
    """Of the training, in which the sparsity rises; behind it the zeros stay where they are."""
    penalty: EncoderPenalty = field(default_factory=EncoderPenalty)
    """Penalty on absolute weights, from beginning to end."""
