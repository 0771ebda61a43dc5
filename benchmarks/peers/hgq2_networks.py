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

from benchmarks.peers.hgq2_settings import Settings
from common.images.samples import Samples

NODES = (32, 16, 2, 16, 32, 10)
BATCH = 256
TARGET = 0.945  # accuracy that the smallest network is wanted for
OCTAVE = 0.02  # accuracy below the target that is worth half the LUTs
Values = list[jax.Array]
State = tuple[Values, Values, Values]
"""Values of the trained variables, of the other ones, and of the optimizer."""


@dataclass(frozen=True)
class Point:
    """Network after an epoch: its accuracy on the validation set, its EBOPs, its variables."""

    accuracy: float
    ebops: int
    trained: Values
    others: Values

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
        betas, of_ebops = ([place for place, name in enumerate(names) if name == of] for of in ("beta", "ebops"))
        trainable = [variable.value for variable in fresh.trainable_variables]
        others = [variable.value for variable in fresh.non_trainable_variables]
        of_optimizer = [keras.ops.zeros_like(variable.value) for variable in self.optimizer.variables]
        steps = len(self.train.labels) // BATCH
        for epoch in range(epochs):
            rate, beta = settings.rate(epoch / epochs), settings.beta(epoch / epochs)
            of_optimizer[1] = keras.ops.full_like(of_optimizer[1], rate)
            for place in betas:
                others[place] = keras.ops.full_like(others[place], beta)
            order = random.permutation(len(self.train.labels))[: steps * BATCH].reshape(steps, BATCH)
            batches = self.train.intensities[order], self.train.labels[order].astype(np.int32)
            trainable, others, of_optimizer = self._epoch((trainable, others, of_optimizer), *batches)
            parts = np.split(self.validation.intensities, 10)
            logits = np.concatenate([self._predict(trainable, others, part) for part in parts])
            ebops = sum(int(others[place]) for place in of_ebops)
            yield Point(self.validation.accuracy(logits), ebops, trainable, [*others])

    def write_logic(self, point: Point, path: Path) -> None:
        """Set a network's integer bits by the training images, and write its logic; it is then `model`."""
        variables = self.model.trainable_variables + self.model.non_trainable_variables
        for variable, value in zip(variables, [*point.trained, *point.others], strict=True):
            variable.assign(value)
        trace_minmax(self.model, self.train.intensities, batch_size=2000)
        ports = trace_model(self.model, HWConfig(1, 1, -1), {"hard_dc": -1}, inputs_kif=(0, 0, 5))
        logic = trace(*ports, keep_dead_inputs=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        logic.save(path)
