"""Training in phases: a start chosen among several, quantization and sparsity that come step by step."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from common import networks, quantization, training
from common.errors import PipelineError
from common.legacy_keras import keras, make_deterministic
from common.precision import NetworkPrecision
from common.recipe import Recipe, Staged, Starts
from common.samples import Samples

Curves = dict[str, list[float]]
STEPS = (0.2, 0.4, 0.55, 0.7, 0.8, 0.87, 0.92, 0.96, 1.0)  # of the target sparsity: the fewer weights, the smaller


def choose_start(
    build: Callable[[], keras.Model], starts: Starts, recipe: Recipe, samples: Samples, title: str
) -> keras.Model:
    """Train several initial networks for a short while and return the best on images held out.

    The one chosen has still to be compiled afresh and trained, on all images again: those held out have done their
    part, and are worth more as a sixth of what there is to learn from.

    Args:
        build: Returns an untrained network, its weights random.
        starts: How many, how long, and what chooses.
        recipe: Of the short trainings, but for their number of epochs; start i has seed 100 x seed + i.
        samples: Training images; some of them are held out.
        title: Of the progress lines.

    Raises:
        PipelineError: There are too few images to hold any out.
    """
    if starts.validation_images >= len(samples.digits):
        raise PipelineError(
            f"{starts.validation_images} of {len(samples.digits)} training images cannot be held out; "
            "lower validation-images"
        )
    rest, validation = samples.shuffled(recipe.seed).split(starts.validation_images)
    found = []
    for number in range(starts.count):
        short = dataclasses.replace(recipe, epochs=starts.epochs, seed=(100 * recipe.seed + number) % 2**32)
        make_deterministic(short.seed)
        model = build()
        training.compile_network(model, short, len(rest.digits))
        training.train(model, rest, validation, short, f"{title}, start {number + 1}", part="validation")
        values = training.evaluate(model, validation)
        score = values["accuracy"] - starts.l1_weight * values["l1"] if "accuracy" in values else -values["l1"]
        found.append((score, model))
    return max(found, key=lambda pair: pair[0])[1]


def prune_smallest(model: keras.Model, sparsities: Mapping[str, float]) -> None:
    """Set the fraction of smallest weights of each named layer to zero, and hold them there.

    Args:
        model: A network whose layers have a `quantization.KeepZeros` constraint.
        sparsities: Fraction of weights that become zero, by layer.
    """
    for name, sparsity in sparsities.items():
        layer = networks.dense_layers(model)[name]
        kernel = layer.kernel.numpy()
        mask = np.ones(kernel.size, np.float32)
        mask[np.argsort(np.abs(kernel), axis=None, kind="stable")[: round(sparsity * kernel.size)]] = 0
        layer.kernel_constraint.mask.assign(mask.reshape(kernel.shape))
        layer.kernel.assign(kernel * mask.reshape(kernel.shape))


def train_encoder_first(
    network: str,
    precision: NetworkPrecision,
    staged: Staged,
    train_samples: Samples,
    test_samples: Samples,
    recipe: Recipe,
    title: str,
) -> tuple[keras.Model, Curves]:
    """Choose a start and train it, pixels and encoder quantized from the first step, decoder and classifier float.

    Returns:
        The network, and the learning curves of the one chosen behind the choice.
    """

    def build() -> keras.Model:
        behind = tuple({**networks.DECODER, **networks.CLASSIFIER})
        model = quantization.build(network, precision, quantization.no_zeros(network), float_layers=behind)
        quantization.copy_weights(networks.build(network, "he_uniform"), model)
        return model

    phase = dataclasses.replace(
        recipe,
        epochs=staged.encoder_epochs,
        learning_rate=staged.encoder_learning_rate,
        schedule="cosine",
        cross_entropy_weight=staged.encoder_cross_entropy_weight,
    )
    model = choose_start(build, staged.starts, phase, train_samples, title)
    training.compile_network(model, phase, len(train_samples.digits))
    return model, training.train(model, train_samples, test_samples, phase, title)


def train_pruned_by_steps(
    source: keras.Model,
    network: str,
    precision: NetworkPrecision,
    staged: Staged,
    sparsities: Mapping[str, float],
    train_samples: Samples,
    test_samples: Samples,
    recipe: Recipe,
    title: str,
) -> tuple[keras.Model, Curves]:
    """Quantize all of a network, raise its sparsity step by step, then train it by `recipe` at fixed zeros.

    Args:
        source: A network of float or partly quantized layers, whose weights are the initial ones.
        network: `autoencoder` or `classifier`.
        precision: Types of all tensors.
        staged: Epochs of each step, and the penalty on absolute weights.
        sparsities: Fraction of weights that become zero, by layer.
        train_samples: What it learns from.
        test_samples: Evaluated after each epoch for the curves; they choose nothing.
        recipe: Of the last training, with an optimizer of its own; the steps share its rate, constant.
        title: Of the progress lines.

    Returns:
        The quantized network, compiled and with its optimizer state, and its learning curves.
    """
    images = len(train_samples.digits)
    masked = quantization.build(
        network, precision, quantization.no_zeros(network), penalties=dataclasses.asdict(staged.penalty)
    )
    quantization.copy_weights(source, masked)
    epochs = len(STEPS) * staged.pruning_epochs
    # A fixed number of epochs for the variant without zeros too, so that both have seen as much.
    steps = dataclasses.replace(recipe, epochs=epochs, schedule="constant", seed=(recipe.seed + 1) % 2**32)
    behind = 0

    def raise_sparsity() -> None:
        nonlocal behind
        if behind % staged.pruning_epochs == 0 and behind < epochs:
            step = STEPS[behind // staged.pruning_epochs]
            prune_smallest(masked, {name: step * sparsity for name, sparsity in sparsities.items()})
        behind += 1

    raise_sparsity()
    training.compile_network(masked, steps, images)
    raising = training.train(masked, train_samples, test_samples, steps, f"{title}, steps", after_epoch=raise_sparsity)
    training.compile_network(masked, recipe, images)
    final = training.train(masked, train_samples, test_samples, recipe, title)
    model = quantization.unmasked(masked, network, precision, recipe, images)
    return model, training.joined(raising, final)
