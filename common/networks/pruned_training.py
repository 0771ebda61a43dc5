"""Training of a pruned float network, from the choice of initial weights to the target sparsity."""

import functools
from collections.abc import Collection

from common.images.samples import Samples
from common.networks import architecture, pruning, training
from common.networks.layout import Layout
from common.networks.legacy_keras import keras, make_deterministic
from common.networks.pruning import PruningSchedule
from common.networks.recipe import Recipe, Starts
from common.networks.starts import choose_start


def train(
    network: str,
    layout: Layout,
    pruned_layers: Collection[str],
    schedule: PruningSchedule,
    initial_weights: str,
    starts: Starts,
    recipe: Recipe,
    train_samples: Samples,
    test_samples: Samples,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train and prune a network from scratch, and check the sparsity of each pruned layer.

    Args:
        network: `autoencoder` or `classifier`.
        layout: Its layers.
        pruned_layers: Dense layers to prune; layers that the network lacks are ignored.
        schedule: Steps of pruning and target sparsity.
        initial_weights: Distribution of initial weights, see `architecture.build`.
        starts: Choice of the initial network, before pruning.
        recipe: Training recipe.
        train_samples: Training samples.
        test_samples: Samples for the test curves, not used for any choice.

    Returns:
        The network without pruning wrappers, compiled and with its optimizer state, and its learning curves.

    Raises:
        PipelineError: A layer misses the target sparsity.
    """
    make_deterministic(recipe.seed)
    layers = [layer for layer in pruned_layers if layer in layout.layers(network)]
    build = functools.partial(architecture.build, network, layout, initial_weights)
    start = choose_start(build, starts, recipe, train_samples, network) if starts.count > 1 else None
    model = build()
    pruned = pruning.with_pruning(model, layers, schedule)
    if start is not None:
        pruning.copy_weights(start, pruned)
    images = len(train_samples.labels)
    training.compile_network(pruned, recipe, images)
    curves = pruning.train(pruned, train_samples, test_samples, recipe, f"{network}, pruned")
    training.compile_network(model, recipe, images)
    pruning.strip(pruned, model)
    pruning.check_sparsity(model, layers, schedule.sparsity)
    return model, curves
