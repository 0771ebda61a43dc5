"""Training of the quantized variants: from the float networks' weights, or from scratch in phases."""

from collections.abc import Collection
from dataclasses import asdict

from common import networks, quantization, staged_training, threads, training
from common.legacy_keras import keras, make_deterministic
from common.precision import NetworkPrecision
from common.recipe import Recipe, Staged
from common.samples import Samples

Trained = dict[str, tuple[keras.Model, dict[str, list[float]]]]
"""By variant: the network, compiled and with its optimizer state, and its learning curves."""


def train_from_float(
    network: str,
    sources: dict[str, keras.Model],
    precision: NetworkPrecision,
    recipe: Recipe,
    train_samples: Samples,
    test_samples: Samples,
) -> Trained:
    """Train each variant, at the same time, from its float network's weights, zeros of the pruned one held at zero.

    Args:
        network: `autoencoder` or `classifier`.
        sources: The float network of each variant.
        precision: Types of all tensors.
        recipe: How each is trained.
        train_samples: What they learn from.
        test_samples: Evaluated after each epoch for the curves; they choose nothing.
    """

    def train(variant: str, source: keras.Model) -> tuple[keras.Model, dict[str, list[float]]]:
        make_deterministic(recipe.seed)
        held = tuple(networks.layers_of(network)) if variant == "quantized_pruned" else ()
        samples = (train_samples, test_samples)
        return quantization.train(source, network, precision, held, *samples, recipe, f"{network} {variant}")

    return dict(zip(sources, threads.run_together(train, list(sources.items())), strict=True))


def train_from_scratch(
    network: str,
    variants: Collection[str],
    precision: NetworkPrecision,
    recipe: Recipe,
    staged: Staged,
    train_samples: Samples,
    test_samples: Samples,
) -> Trained:
    """Train each variant in phases, of which the first, the encoder's, is the same for all.

    Args:
        network: `autoencoder` or `classifier`.
        variants: `quantized`, which has no zeros, and `quantized_pruned`.
        precision: Types of all tensors.
        recipe: Of the last phase.
        staged: The phases before.
        train_samples: What they learn from.
        test_samples: Evaluated after each epoch for the curves; they choose nothing.
    """
    samples = (train_samples, test_samples)
    start, learning = staged_training.train_encoder_first(
        network, precision, staged, *samples, recipe, f"{network} encoder first"
    )

    def train(variant: str) -> tuple[keras.Model, dict[str, list[float]]]:
        sparsities = asdict(staged.sparsity) if variant == "quantized_pruned" else {}
        model, later = staged_training.train_pruned_by_steps(
            start, network, precision, staged, sparsities, *samples, recipe, f"{network} {variant}"
        )
        return model, training.joined(learning, later)

    return dict(zip(variants, threads.run_together(train, [(variant,) for variant in variants]), strict=True))
