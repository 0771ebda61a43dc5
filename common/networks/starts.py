"""Choice of an initial network: several are trained briefly and compared on a validation set."""

import dataclasses
import functools
from collections.abc import Callable

from common.errors import PipelineError
from common.images.samples import Samples
from common.networks import architecture, training
from common.networks.layout import Layout
from common.networks.legacy_keras import keras, make_deterministic
from common.networks.recipe import Recipe, Starts


def begin(
    network: str, layout: Layout, initial_weights: str, starts: Starts, recipe: Recipe, samples: Samples
) -> keras.Model:
    """Return an initial float network, chosen among several if required, compiled for `recipe`.

    Args:
        network: `autoencoder` or `classifier`.
        layout: Its layers.
        initial_weights: Distribution of initial weights, see `architecture.build`.
        starts: Number of candidates, and how to choose.
        recipe: Recipe of the following training.
        samples: Training images.
    """
    make_deterministic(recipe.seed)
    build = functools.partial(architecture.build, network, layout, initial_weights)
    model = choose_start(build, starts, recipe, samples, network) if starts.count > 1 else build()
    training.compile_network(model, recipe, len(samples.labels))
    return model


def choose_start(
    build: Callable[[], keras.Model], starts: Starts, recipe: Recipe, samples: Samples, title: str
) -> keras.Model:
    """Train several initial networks briefly, and return the best one on a validation set.

    The caller compiles it again and trains it on all images, including the validation set, which is a sixth of them.

    Args:
        build: Returns an untrained network with random weights.
        starts: Number of candidates, epochs, and score.
        recipe: Recipe of the short trainings, except for epochs; start i has seed 100 x seed + i.
        samples: Training images, some of which are held out.
        title: Title of the progress lines.

    Raises:
        PipelineError: There are too few images for the validation set.
    """
    if starts.validation_images >= len(samples.labels):
        raise PipelineError(
            f"{starts.validation_images} of {len(samples.labels)} training images cannot be held out; "
            "lower validation-images"
        )
    rest, validation = samples.shuffled(recipe.seed).split(starts.validation_images)
    found = []
    for number in range(starts.count):
        short = dataclasses.replace(recipe, epochs=starts.epochs, seed=(100 * recipe.seed + number) % 2**32)
        make_deterministic(short.seed)
        model = build()
        training.compile_network(model, short, len(rest.labels))
        training.train(model, rest, validation, short, f"{title}, start {number + 1}", part="validation")
        values = training.evaluate(model, validation)
        score = values.get("accuracy", 0.0) - (starts.l1_weight if "accuracy" in values else 1.0) * values["l1"]
        found.append((score, model))
    return max(found, key=lambda pair: pair[0])[1]
