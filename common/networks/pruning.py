"""Magnitude pruning during training, with TensorFlow Model Optimization (paper, section 4)."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import tensorflow_model_optimization as tfmot

from common.errors import PipelineError
from common.images.samples import Samples
from common.networks import training
from common.networks.architecture import copy_optimizer_state, dense_layers
from common.networks.legacy_keras import keras


@dataclass(frozen=True)
class PruningSchedule:
    """Constant sparsity: every `frequency` steps from `begin_step` to `end_step` the smallest weights are masked.

    Attributes:
        sparsity: Fraction of a layer's weights set to zero.
        begin_step: Optimizer step of the first masking.
        end_step: Optimizer step of the last masking; may exceed the length of the training.
        frequency: Steps between maskings.
    """

    sparsity: float
    begin_step: int
    end_step: int
    frequency: int


def with_pruning(model: keras.Model, layers: Collection[str], schedule: PruningSchedule) -> keras.Model:
    """Return a copy of an untrained network whose `layers` are pruned during training."""
    constant = tfmot.sparsity.keras.ConstantSparsity(
        schedule.sparsity, schedule.begin_step, schedule.end_step, schedule.frequency
    )

    def wrap(layer: keras.layers.Layer) -> keras.layers.Layer:
        if layer.name not in layers:
            return layer
        return tfmot.sparsity.keras.prune_low_magnitude(layer, constant, name=layer.name)

    return keras.models.clone_model(model, clone_function=wrap)


def copy_weights(source: keras.Model, pruned: keras.Model) -> None:
    """Copy weights and biases of a network into one from `with_pruning`."""
    for wrapper in dense_layers(pruned).values():
        layer = getattr(wrapper, "layer", wrapper)
        layer.set_weights(source.get_layer(layer.name).get_weights())


def train(
    pruned: keras.Model, train_samples: Samples, test_samples: Samples, recipe: training.Recipe, title: str
) -> dict[str, list[float]]:
    """Train a network from `with_pruning`, with masks applied after each epoch; return its learning curves."""
    callbacks = [tfmot.sparsity.keras.UpdatePruningStep()]
    return training.train(pruned, train_samples, test_samples, recipe, title, callbacks=callbacks)


def strip(pruned: keras.Model, plain: keras.Model) -> None:
    """Copy weights and optimizer state of a pruned network into a compiled one without pruning wrappers."""
    stripped = tfmot.sparsity.keras.strip_pruning(pruned)
    plain.set_weights(stripped.get_weights())
    copy_optimizer_state(pruned, plain)


def nonzero_parameters(model: keras.Model) -> dict[str, tuple[int, int]]:
    """Return the numbers of nonzero weights and nonzero biases of each dense layer."""
    return {
        name: (np.count_nonzero(layer.kernel.numpy()), np.count_nonzero(layer.bias.numpy()))
        for name, layer in dense_layers(model).items()
    }


def check_sparsity(model: keras.Model, layers: Collection[str], sparsity: float) -> None:
    """Check the number of nonzero weights in each pruned layer.

    Raises:
        PipelineError: The number differs from the target of the schedule.
    """
    for name in layers:
        kernel = dense_layers(model)[name].kernel.numpy()
        target, nonzero = max(round(kernel.size * (1 - sparsity)), 1), int(np.count_nonzero(kernel))
        if nonzero != target:
            raise PipelineError(f"pruning missed its target: layer {name} has {nonzero} nonzero weights, not {target}")
