"""Networks of HGQ2 and their training, an epoch in one call of XLA; for the environment of `requirements.txt` here."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jax
import keras
import numpy as np
from alkaid.converter import trace_model
from alkaid.trace import HWConfig, trace
from hgq.config import QuantizerConfig, QuantizerConfigScope
from hgq.layers import QDense, QDenseT
from hgq.utils import trace_minmax

from common.images.samples import Samples

NODES = (32, 16, 2, 16, 32, 10)
BATCH = 256
TARGET = 0.945  # accuracy that the smallest network is wanted for
OCTAVE = 0.02  # accuracy below the target that is worth half the LUTs
Values = list[jax.Array]
State = tuple[Values, Values, Values]
"""Values of the trained variables, of the other ones, and of the optimizer."""


@dataclass(frozen=True)
class Settings:
    """Settings of a training that optuna chooses.

    Attributes:
        learning_rate: At the start; cosine decay to a twentieth.
        first_beta: Weight of EBOPs, HGQ2's estimate of LUTs, in the loss of the first epoch.
        last_beta: The same at the end of the ramp, and from there on.
        ramp: Fraction of the training during which it rises, exponentially.
        bits: Bits of weights and fraction bits of activations at the start [bit].
        tables: First layer made of learnt look-up tables, and the one after the last; none in the peer `dense`.
        seed: Seed of initial weights and of the order of images.
    """

    learning_rate: float
    first_beta: float
    last_beta: float
    ramp: float
    bits: int
    tables: tuple[int, int]
    seed: int

    def rate(self, time: float) -> float:
        """Return the learning rate at a time from 0 to 1."""
        return self.learning_rate * (0.05 + 0.475 * (1 + math.cos(math.pi * time)))

    def beta(self, time: float) -> float:
        """Return the weight of EBOPs at a time from 0 to 1."""
        return self.first_beta * (self.last_beta / self.first_beta) ** min(time / self.ramp, 1.0)


@dataclass(frozen=True)
class Point:
    """Network after an epoch: its accuracy on the validation set, its EBOPs, its variables."""

    accuracy: float
    ebops: int
    variables: tuple[Values, Values]

    @property
    def score(self) -> float:
        """Score for every choice: few EBOPs, at the target's accuracy."""
        return -math.log2(max(self.ebops, 1)) - max(TARGET - self.accuracy, 0.0) / OCTAVE


def build(settings: Settings) -> keras.Model:
    """Return an untrained network from pixels to logits; dense layers have ReLU, tables learn their own activation."""
    keras.utils.set_random_seed(settings.seed)
    with (
        QuantizerConfigScope(place="weight", b0=settings.bits),
        QuantizerConfigScope(place="table", b0=settings.bits),
        QuantizerConfigScope(place="datalane", f0=settings.bits),
    ):
        pixels = tensor = keras.Input((64,))
        for layer, nodes in enumerate(NODES):
            last = layer == len(NODES) - 1
            if layer in range(*settings.tables):
                tensor = QDenseT(nodes, d_hl=4, batch_norm=not last, name=f"layer_{layer}")(tensor)
            else:
                rounding = "TRN" if layer == 0 else "RND"  # a rounded pixel would need an adder
                tensor = QDense(
                    nodes,
                    activation=None if last else "relu",
                    kernel_initializer="he_uniform",
                    iq_conf=QuantizerConfig(place="datalane", round_mode=rounding),
                    name=f"layer_{layer}",
                )(tensor)
    return keras.Model(pixels, tensor)


class Trainer:
    """Trainings of networks with the same layers, which XLA compiles once; an epoch is one call of it."""

    def __init__(self, settings: Settings, train: Samples, validation: Samples) -> None:
        self.train, self.validation = train, validation
        self.model, self.optimizer = build(settings), keras.optimizers.Adam(settings.learning_rate)
        self.optimizer.build(self.model.trainable_variables)
        self._predict = jax.jit(lambda *variables: self.model.stateless_call(*variables, training=False)[0])
        self._epoch = jax.jit(self._of_epoch)

    def _of_epoch(self, state: State, pixels: jax.Array, labels: jax.Array) -> State:
        def loss(trainable: Values, others: Values, pixels: jax.Array, labels: jax.Array) -> tuple[jax.Array, Values]:
            logits, others, of_bits = self.model.stateless_call(
                trainable, others, pixels, training=True, return_losses=True
            )
            error = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
            return keras.ops.mean(error) + sum(of_bits), others

        def step(state: State, batch: tuple[jax.Array, jax.Array]) -> tuple[State, None]:
            trainable, others, of_optimizer = state
            (_, others), gradients = jax.value_and_grad(loss, has_aux=True)(trainable, others, *batch)
            trainable, of_optimizer = self.optimizer.stateless_apply(of_optimizer, gradients, trainable)
            return (trainable, others, of_optimizer), None

        return jax.lax.scan(step, state, (pixels, labels))[0]

    def run(self, settings: Settings, epochs: int) -> Iterator[Point]:
        """Train a network and yield it after each epoch."""
        fresh, random = build(settings), np.random.default_rng(settings.seed)
        names = [variable.name for variable in fresh.non_trainable_variables]
        trainable = [variable.value for variable in fresh.trainable_variables]
        others = [variable.value for variable in fresh.non_trainable_variables]
        of_optimizer = [keras.ops.zeros_like(variable.value) for variable in self.optimizer.variables]
        steps = len(self.train.labels) // BATCH
        for epoch in range(epochs):
            rate, beta = settings.rate(epoch / epochs), settings.beta(epoch / epochs)
            of_optimizer[1] = keras.ops.full_like(of_optimizer[1], rate)
            others = [
                keras.ops.full_like(value, beta) if name == "beta" else value
                for name, value in zip(names, others, strict=True)
            ]
            order = random.permutation(len(self.train.labels))[: steps * BATCH].reshape(steps, BATCH)
            batches = self.train.intensities[order], self.train.labels[order].astype(np.int32)
            trainable, others, of_optimizer = self._epoch((trainable, others, of_optimizer), *batches)
            parts = np.split(self.validation.intensities, 10)
            logits = np.concatenate([self._predict(trainable, others, part) for part in parts])
            ebops = sum(int(value) for name, value in zip(names, others, strict=True) if name == "ebops")
            yield Point(self.validation.accuracy(logits), ebops, (trainable, others))

    def write_logic(self, point: Point, path: Path) -> None:
        """Set a network's integer bits by the training images, and write its logic; it is then `model`."""
        for kept, values in zip(("trainable", "non_trainable"), point.variables, strict=True):
            for variable, value in zip(getattr(self.model, f"{kept}_variables"), values, strict=True):
                variable.assign(value)
        trace_minmax(self.model, self.train.intensities, batch_size=2000)
        ports = trace_model(self.model, HWConfig(1, 1, -1), {"hard_dc": -1}, inputs_kif=(0, 0, 5))
        logic = trace(*ports, keep_dead_inputs=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        logic.save(path)

    def outputs(self, pixels: np.ndarray) -> np.ndarray:
        """Return the outputs of `model`, float32 [N, classes]."""
        return self.model.predict(pixels, batch_size=2000, verbose=0)
