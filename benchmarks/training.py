"""How much faster do stages 02 to 04 train than `fit` as it is, and how near are they to what the machine can do?

Run:     python -m benchmarks.training

All train the same `classifier` network from the same initial weights with the same images in the same order, and
evaluate the test images after each epoch. So they end at the same weights. The stages too call `fit`, but have several
epochs a call, all steps of an epoch in one execution, batches gathered by TensorFlow from images that it holds, and the
test images as one batch; the other `fit` runs as Keras sets it up, an epoch a call.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import tensorflow_model_optimization as tfmot
from threadpoolctl import threadpool_limits

from benchmarks import measure
from common.images.samples import Samples
from common.networks import architecture, precision, pruning, quantization, training
from common.networks.layout import NETWORKS, Layout
from common.networks.legacy_keras import keras, make_deterministic
from common.networks.precision import NetworkPrecision
from common.networks.quantization import QuantizedNetwork
from common.networks.recipe import Recipe, for_each_layer
from common.running import threads

RECIPE, LAYOUT = Recipe(), Layout()
EPOCHS = 5  # of a round: what the stages' `fit` does once a call falls on several, as in a training
SCHEDULE = pruning.PruningSchedule(sparsity=0.8, begin_step=100, end_step=10_000, frequency=100)
STAGES = {"float": "float (stage 02)", "pruned": "pruned (stage 03)", "quantized": "quantized (stage 04)"}


def build(kind: str, images: int, network: str = "classifier") -> keras.Model:
    """Build and compile a network as its stage does."""
    make_deterministic(RECIPE.seed)
    model = architecture.build(network, LAYOUT)
    if kind == "pruned":
        model = pruning.with_pruning(model, LAYOUT.hidden.usually_pruned(), SCHEDULE)
    elif kind == "quantized":
        source = model
        types = NetworkPrecision(5, for_each_layer(precision.PAPER, LAYOUT.hidden), image_bits=6)
        model = quantization.build(QuantizedNetwork(network, LAYOUT, types), quantization.no_zeros(source))
        quantization.copy_weights(source, model)
    training.compile_network(model, RECIPE, images)
    return model


def callbacks_of(kind: str) -> list[keras.callbacks.Callback]:
    """Return what prunes, where that is done."""
    return [tfmot.sparsity.keras.UpdatePruningStep()] if kind == "pruned" else []


def train_as_stages(model: keras.Model, kind: str, train: Samples, test: Samples) -> Callable[[range], float]:
    """Return a function that trains epochs as the stages do and returns the loss of the last."""

    def train_epochs(epochs: range) -> float:
        recipe = replace(RECIPE, epochs=epochs.stop)
        curves = training.train(model, train, test, recipe, kind, epochs.start, callbacks_of(kind))
        return curves["train_loss"][-1]

    return train_epochs


def train_with_fit(model: keras.Model, kind: str, train: Samples, test: Samples) -> Callable[[range], float]:
    """Return a function that trains epochs with `Model.fit` as Keras sets it up; returns the loss of the last."""
    callbacks = callbacks_of(kind)

    def train_epochs(epochs: range) -> float:
        for epoch in epochs:
            order = training.order_of_images(len(train.labels), RECIPE.seed, epoch).numpy()
            history = model.fit(
                *with_targets(train.intensities[order], train.labels[order]),
                batch_size=RECIPE.batch_size,
                shuffle=False,
                validation_data=with_targets(test.intensities, test.labels),
                callbacks=callbacks,
                verbose=0,
            ).history
        return history["image_loss"][-1] + RECIPE.cross_entropy_weight * history["class_loss"][-1]

    return train_epochs


def with_targets(pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return inputs and targets of the `classifier` network, as Keras takes them."""
    return pixels, {"image": pixels, "class": labels}


def rounds(train_epochs: Callable[[range], float]) -> Callable[[], float]:
    """Return a function that trains the next `EPOCHS` epochs."""
    starts = itertools.count(0, EPOCHS)

    def next_round() -> float:
        start = next(starts)
        return train_epochs(range(start, start + EPOCHS))

    return next_round


TRAININGS = {"stages": train_as_stages, "fit": train_with_fit}


def floating_point_operations(model: keras.Model, images: int) -> int:
    """Count multiplications and additions of the matrix products in an epoch.

    Two a weight and image forward, as many for the gradient of the weights, as many for that of the layer's input,
    which the first layer does without.
    """
    kernels = [kernel.size for kernel, _ in architecture.weights_of(model).values()]
    return images * (6 * sum(kernels) - 2 * kernels[0])


def peak_of_one_core(size: int = 2048) -> float:
    """Measure what a core does in a large matrix product in single precision [FLOP/s]."""
    matrix = np.random.default_rng(0).random((size, size), np.float32)
    with threadpool_limits(1):
        seconds = measure.in_turn({"product": lambda: matrix @ matrix})["product"]
    return 2 * size**3 / min(seconds)


def main() -> None:
    """Time an epoch of each stage's training in turn with Keras's `fit`."""
    benchmark = measure.Benchmark(
        "training",
        "Training, an epoch of 60,000 images: as the stages do beside fit as Keras sets it up",
        ["", "stages [s]", "fit [s]", "beside fit", "losses apart", "of peak"],
    )
    train, test = measure.mnist_samples()
    images = len(train.labels)
    peak = peak_of_one_core()
    for kind, words in STAGES.items():
        losses: dict[str, list[float]] = {name: [] for name in TRAININGS}
        next_round = {
            name: rounds(function(build(kind, images), kind, train, test)) for name, function in TRAININGS.items()
        }
        of_rounds = measure.in_turn(
            {
                name: lambda function=function, losses=losses[name]: losses.append(function())
                for name, function in next_round.items()
            }
        )
        seconds = {name: [time / EPOCHS for time in times] for name, times in of_rounds.items()}
        faster = measure.ratio(seconds["fit"], seconds["stages"])
        apart = abs(losses["fit"][-1] / losses["stages"][-1] - 1)
        times = {name: measure.Spread.of(values).median for name, values in seconds.items()}
        share = floating_point_operations(build("float", images), images) / times["stages"] / peak
        medians = [f"{median:.3f}" for median in times.values()]
        benchmark.row(words, *medians, f"{faster:.2f}", f"{apart:.1e}" if apart else "0", f"{share:.1%}")
        benchmark.values[kind] = {
            "ratio": faster.median,
            "seconds": seconds,
            "losses": losses,
            "share_of_peak": share,
        }
    together = two_at_once(train, test)
    benchmark.notes += [
        f"stages: fit, {EPOCHS} epochs a call, all steps of an epoch in one execution (`steps_per_execution`), batches "
        "gathered by TensorFlow, the test images as one batch; fit: an epoch a call, as Keras sets it up",
        f"losses apart: relative, after {(measure.REPETITIONS + 1) * EPOCHS} epochs; peak: one core in a large matrix "
        f"product, {peak / 1e9:.0f} GFLOP/s",
        f"two networks at the same time, as the stages train them: {together:.2f} times as fast as in a row",
    ]
    benchmark.values |= {"peak_flop_per_second": peak, "together_ratio": together.median}
    benchmark.finish()


def two_at_once(train: Samples, test: Samples) -> measure.Spread:
    """Return by what factor two networks are trained faster at the same time than one after the other."""
    models = [build("float", len(train.labels), network) for network in NETWORKS]
    trainings = [rounds(train_as_stages(model, "float", train, test)) for model in models]
    seconds = measure.in_turn(
        {
            "in a row": lambda: [next_round() for next_round in trainings],
            "together": lambda: threads.run_together(lambda next_round: next_round(), [(each,) for each in trainings]),
        }
    )
    return measure.ratio(seconds["in a row"], seconds["together"])


if __name__ == "__main__":
    measure.run(main)
