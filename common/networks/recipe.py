"""Training recipes as configuration: epochs, learning rate, choice of the initial network, sparsity."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, TypeVar

from common.errors import PipelineError
from common.networks.layout import HiddenLayers
from common.stages.configuration import BatchSize, Epochs, Fraction, Interval, Rate, Seed, Weight

InitialWeights = Literal["glorot_uniform", "he_uniform", "lecun_uniform"]
Value = TypeVar("Value")


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
    loss: Literal["l1", "mse"] = "l1"
    """Loss of the reconstruction: mean |r - r^| of a pixel (paper, equation 1), or mean (r - r^)^2."""
    cross_entropy_weight: Weight = 0.1
    """Weight of the class's cross-entropy relative to the image's loss (the author's published code)."""
    seed: Seed = 0
    """Seed of initial weights and of the order of images."""
    allow: tuple[Literal["dead_unit", "chance", "failed_input", "large_layer"], ...] = ()
    """Faults that become warnings: a latent unit that is constant over all images, a classifier at chance level, input
    from a failed stage, a layer too large for hls4ml."""


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


def for_each_layer(
    values: Mapping[str, Value], hidden: HiddenLayers, otherwise: Value | None = None
) -> dict[str, Value]:
    """Return a value for each layer: its own, or that of its kind, or `otherwise`.

    Args:
        values: Values by the name of a layer, or by a kind of layers.
        hidden: Hidden layers of the network.
        otherwise: Value of layers that have none.
    """
    return {name: values.get(name, values.get(kind, otherwise)) for name, kind in hidden.kinds().items()}


@dataclass(frozen=True)
class Raised:
    """Magnitude pruning during quantization-aware training: the smallest weights become zero first."""

    sparsity: Mapping[str, Fraction] = field(default_factory=dict)
    """Final sparsity of each layer, approached as 1 - (1 - t)^3 (Zhu and Gupta, arXiv:1710.01878)."""
    begin: Annotated[float, Interval(0, 1)] = 0.0
    """Fraction of the training before which nothing is pruned."""
    share: Annotated[float, Interval(0.01, 1)] = 0.5
    """Fraction of the training at which the sparsity is reached; afterwards the zeros are fixed."""
    penalty: Mapping[str, Weight] = field(default_factory=dict)
    """L1 penalty on the weights of each layer, for few and small weights."""
    penalty_share: Annotated[float, Interval(0.01, 1)] = 1.0
    """Fraction of the training after which pruned layers have no penalty; their weights that round to zero then stay
    zero, and the others recover."""

    def check(self) -> None:
        """Refuse a rise that ends before it begins."""
        if self.share < self.begin:
            raise PipelineError(f"share {self.share} is before begin {self.begin}")
        if self.penalty_share < self.share:
            raise PipelineError(f"penalty-share {self.penalty_share} is before share {self.share}")

    def for_each_layer(self, hidden: HiddenLayers) -> "Raised":
        """Return it with sparsity and penalty of every layer; 0 where none is given."""
        return replace(
            self,
            sparsity=for_each_layer(self.sparsity, hidden, 0.0),
            penalty=for_each_layer(self.penalty, hidden, 0.0),
        )
