"""Quantization-aware training from float weights, with zeros held from the float network or raised."""

from collections.abc import Collection, Mapping

import numpy as np

from common.images.samples import Samples
from common.networks import architecture, quantization, training
from common.networks.legacy_keras import keras, make_deterministic
from common.networks.quantization import QuantizedNetwork
from common.networks.recipe import Raised, Recipe
from common.running import threads

Curves = dict[str, list[float]]
Trained = dict[str, tuple[keras.Model, Curves]]
"""Compiled network with its optimizer state, and its learning curves, by variant."""


def train_with_zeros_held(
    quantized: QuantizedNetwork,
    sources: dict[str, keras.Model],
    recipe: Recipe,
    train_samples: Samples,
    test_samples: Samples,
) -> Trained:
    """Train all variants in parallel from their float networks' weights, keeping the zeros of the pruned one.

    Args:
        quantized: Layers and types of the network.
        sources: The float network of each variant.
        recipe: Training recipe.
        train_samples: Training samples.
        test_samples: Samples for the test curves, not used for any choice.
    """

    def train(variant: str, source: keras.Model) -> tuple[keras.Model, Curves]:
        make_deterministic(recipe.seed)
        held = quantized.layers if variant == "quantized_pruned" else ()
        samples = (train_samples, test_samples)
        return quantization.train(source, quantized, held, *samples, recipe, f"{quantized.network} {variant}")

    return dict(zip(sources, threads.run_together(train, list(sources.items())), strict=True))


def train_with_zeros_raised(
    quantized: QuantizedNetwork,
    source: keras.Model,
    recipe: Recipe,
    raised: Raised,
    train_samples: Samples,
    test_samples: Samples,
    variants: Collection[str] = ("quantized", "quantized_pruned"),
) -> Trained:
    """Train variants in parallel from the complete float network's weights; `quantized_pruned` is pruned meanwhile.

    Args:
        quantized: Layers and types of the network.
        source: The complete float network.
        recipe: Training recipe.
        raised: Sparsity schedule of `quantized_pruned`, and L1 penalties on weights of both.
        train_samples: Training samples.
        test_samples: Samples for the test curves, not used for any choice.
        variants: Variants to train.
    """
    images = len(train_samples.labels)

    def train(variant: str, sparsities: Mapping[str, float]) -> tuple[keras.Model, Curves]:
        make_deterministic(recipe.seed)
        masks = quantization.no_zeros(quantization.build(quantized))
        rounded_logits = quantized.trains_rounded_logits
        masked = quantization.build(quantized, masks, penalties=raised.penalty, rounded_logits=rounded_logits)
        quantization.copy_weights(source, masked, left_out=quantized.layout.decoder)
        begin, end = raised.begin * recipe.epochs, raised.share * recipe.epochs  # epochs

        def raise_sparsity(epoch: int) -> None:
            if begin <= epoch < max(end, begin + 1):
                time = min((epoch + 1 - begin) / (end - begin), 1.0) if end > begin else 1.0
                prune_smallest(masked, {name: (1 - (1 - time) ** 3) * target for name, target in sparsities.items()})

        def after(epoch: int, _: object) -> None:
            raise_sparsity(epoch + 1)
            if epoch + 1 == round(raised.penalty_share * recipe.epochs) < recipe.epochs:
                end_penalties(masked, sparsities)

        raise_sparsity(0)
        callback = keras.callbacks.LambdaCallback(on_epoch_end=after)
        training.compile_network(masked, recipe, images)
        samples = (train_samples, test_samples)
        curves = training.train(masked, *samples, recipe, f"{quantized.network} {variant}", callbacks=[callback])
        return quantization.unmasked(masked, quantized, recipe, images), curves

    wanted = {name: raised.sparsity[name] for name in quantized.layers if raised.sparsity[name]}
    targets = {name: wanted if name == "quantized_pruned" else {} for name in variants}
    return dict(zip(targets, threads.run_together(train, list(targets.items())), strict=True))


def end_penalties(model: keras.Model, layers: Collection[str]) -> None:
    """Hold all weights at zero that are rounded to zero in these layers, and end any penalty on the others.

    Args:
        model: A network whose layers have a `quantization.KeepZeros` constraint.
        layers: Names of the layers.
    """
    quantized, dense = architecture.weights_of(model), architecture.dense_layers(model)
    for name in layers:
        mask = (quantized[name][0] != 0).astype(np.float32)
        dense[name].kernel_constraint.mask.assign(mask)
        dense[name].kernel.assign(dense[name].kernel * mask)
        if dense[name].kernel_regularizer is not None:
            dense[name].kernel_regularizer.weight.assign(0)


def prune_smallest(model: keras.Model, sparsities: Mapping[str, float]) -> None:
    """Set the smallest weights of each named layer to zero, and hold them there.

    Args:
        model: A network whose layers have a `quantization.KeepZeros` constraint.
        sparsities: Fraction of weights to set to zero, by layer.
    """
    for name, sparsity in sparsities.items():
        layer = architecture.dense_layers(model)[name]
        kernel = layer.kernel.numpy()
        mask = np.ones(kernel.size, np.float32)
        mask[np.argsort(np.abs(kernel), axis=None, kind="stable")[: round(sparsity * kernel.size)]] = 0
        layer.kernel_constraint.mask.assign(mask.reshape(kernel.shape))
        layer.kernel.assign(kernel * mask.reshape(kernel.shape))
