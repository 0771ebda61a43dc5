"""Training recipes as configuration: epochs, learning rate, choice of the initial network, sparsity."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from common.stages.configuration import BatchSize, Epochs, Fraction, Interval, Rate, Seed, Weight


@dataclass(frozen=True)
class Recipe:
    """Training settings, with the paper's values as defaults; base class of the training stages' configurations."""

    epochs: Epochs = 30
    """Epochs (paper, section 4.1)."""
    batch_size: BatchSize = 256
    """Images per step; fits the paper's 'bumps near the eighth epoch' when pruning begins at step 2000."""
    optimizer: Literal["adam", "soap"] = "adam"
    """Adam (Keras's default), or SOAP: Adam in the eigenbasis of the gradients, which reaches a lower loss here."""
    learning_rate: Rate = 1e-3
    """Initial learning rate (Keras's default for Adam)."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate schedule: constant, or cosine decay to zero."""
    cross_entropy_weight: Weight = 0.1
    """Weight of the digit's cross-entropy relative to the image's L1 loss (the author's published code)."""
    seed: Seed = 0
    """Seed of initial weights and of the order of images."""
    allow: tuple[Literal["dead_unit", "chance", "failed_input"], ...] = ()
    """Faults that become warnings: a latent unit that is constant over all images, a classifier at chance level, input
    from a failed stage."""


@dataclass(frozen=True)
class Starts:
    """Choice among several initial networks, each trained for a few epochs, by their score on a validation set.

    A network with two latent units does not recover from a poor start. The validation set is part of the training
    images, never of the test images; the full training uses it too.
    """

    count: Annotated[int, Interval(1, 1000)] = 1
    """Number of initial networks; 1 for no choice."""
    epochs: Epochs = 25
    """Epochs of each short training, at the recipe's learning rates."""
    l1_weight: Weight = 3.0
    """Weight of L1 in the score: accuracy - l1_weight x L1 (-L1 without a classifier)."""
    validation_images: BatchSize = 10_000
    """Training images held out as validation set."""


@dataclass(frozen=True)
class EncoderSparsity:
    """Target sparsity of each encoder layer; layers after the latent plane can be tabulated instead."""

    encoder_1: Fraction = 0.0
    encoder_2: Fraction = 0.0
    latent: Fraction = 0.0


@dataclass(frozen=True)
class EncoderPenalty:
    """L1 penalty on the weights of each encoder layer, for few and small weights."""

    encoder_1: Weight = 0.0
    encoder_2: Weight = 0.0
    latent: Weight = 0.0


@dataclass(frozen=True)
class Raised:
    """Magnitude pruning during quantization-aware training: the smallest weights become zero first."""

    sparsity: EncoderSparsity = field(default_factory=EncoderSparsity)
    """Final sparsity, approached as 1 - (1 - t)^3 (Zhu and Gupta, arXiv:1710.01878)."""
    share: Annotated[float, Interval(0.01, 1)] = 0.5
    """Fraction of the training over which the sparsity rises; afterwards the zeros are fixed."""
    penalty: EncoderPenalty = field(default_factory=EncoderPenalty)
    """L1 penalty on weights during the whole training."""
