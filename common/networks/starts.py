"""The choice of an initial network: several are trained for a short while, images held out decide."""

import dataclasses
import functools
from collections.abc import Callable

from common.errors import PipelineError
from common.images.samples import Samples
from common.networks import architecture, training
from common.networks.legacy_keras import keras, make_deterministic
from common.networks.recipe import Recipe, Starts


def begin(network: str, initial_weights: str, starts: Starts, recipe: Recipe, samples: Samples) -> keras.Model:
    """Return a float network at its start, one of several or the only one, compiled for the training by `recipe`.

    Args:
        network: `autoencoder` or `classifier`.
        initial_weights: Their distribution, see `networks.build`.
        starts: How many there are to choose from, and how.
        recipe: Of the training that follows.
        samples: Training images.
    """
    make_deterministic(recipe.seed)
    build = functools.partial(architecture.build, network, initial_weights)
    model = choose_start(build, starts, recipe, samples, network) if starts.count > 1 else build()
    training.compile_network(model, recipe, len(samples.digits))
    return model


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
