"""How much faster do stages 02 to 04 train than Keras's own `fit`, and how near are they to what the machine can do?

Run:     python -m benchmarks.training

Both train the same `classifier` network from the same initial weights with the same images in the same order, and
evaluate the test images after each epoch. So both end at the same loss, but for the rounding of sums.
"""

from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import measure
from common import networks, precision, pruning, quantization, threads, training
from common.legacy_keras import keras, make_deterministic
from common.recipe import Recipe
from common.samples import Samples

RECIPE = Recipe()
SCHEDULE = pruning.PruningSchedule(sparsity=0.8, begin_step=100, end_step=10_000, frequency=100)
STAGES = {"float": "float (stage 02)", "pruned": "pruned (stage 03)", "quantized": "quantized (stage 04)"}


def build(kind: str, images: int, network: str = "classifier") -> keras.Model:
    """Build and compile a network as its stage does."""
    make_deterministic(RECIPE.seed)
    model = networks.build(network)
    if kind == "pruned":
        model = pruning.with_pruning(model, networks.PRUNED_LAYERS, SCHEDULE)
    elif kind == "quantized":
        source = model
        model = quantization.build(network, precision.NetworkPrecision(), quantization.no_zeros(network))
        quantization.copy_weights(source, model)
    training.compile_network(model, RECIPE, images)
    return model


def epochs_of_ours(model: keras.Model, kind: str, train: Samples, test: Samples) -> Callable[[], float]:
    """Return a function that trains the next epoch as `training.train` does and returns its loss."""
    train_epoch = training.epoch_function(model, train, RECIPE)
    callback = pruning.mask_callback(model) if kind == "pruned" else None
    epoch = -1

    def next_epoch() -> float:
        nonlocal epoch
        epoch += 1
        loss = float(train_epoch(training.order_of_images(len(train.digits), RECIPE.seed, epoch))["loss"])
        if callback is not None:
            callback.on_epoch_end(None)
        training.evaluate(model, test)
        return loss

    return next_epoch


def epochs_of_keras(model: keras.Model, kind: str, train: Samples, test: Samples) -> Callable[[], float]:
    """Return a function that trains the next epoch with `Model.fit` and returns its loss."""
    callbacks = [pruning.mask_callback(model)] if kind == "pruned" else []
    truth = {"image": test.intensities, "digit": test.digits}
    epoch = -1

    def next_epoch() -> float:
        nonlocal epoch
        epoch += 1
        order = training.order_of_images(len(train.digits), RECIPE.seed, epoch).numpy()
        pixels = train.intensities[order]
        history = model.fit(
            pixels,
            {"image": pixels, "digit": train.digits[order]},
            batch_size=RECIPE.batch_size,
            shuffle=False,
            validation_data=(test.intensities, truth),
            callbacks=callbacks,
            verbose=0,
        )
        return history.history["loss"][0]

    return next_epoch


def floating_point_operations(model: keras.Model, images: int) -> int:
    """Count multiplications and additions of the matrix products in an epoch.

    Two a weight and image forward, as many for the gradient of the weights, as many for that of the layer's input,
    which the first layer does without.
    """
    kernels = [kernel.size for kernel, _ in networks.weights_of(model).values()]
    return images * (6 * sum(kernels) - 2 * kernels[0])


def peak_of_one_core(size: int = 2048) -> float:
    """Measure what a core does in a large matrix product in single precision [FLOP/s]."""
    matrix = np.random.default_rng(0).random((size, size), np.float32)
    with threadpool_limits(1):
        seconds = measure.in_turn({"product": lambda: matrix @ matrix})["product"]
    return 2 * size**3 / min(seconds)


def main() -> None:
    """Time an epoch of each stage's training in turn with Keras's."""
    benchmark = measure.Benchmark(
        "training",
        "Training, an epoch of 60,000 images: ours beside Keras's fit",
        ["", "ours [s]", "fit [s]", "ratio", "losses apart", "of peak"],
    )
    train, test = measure.mnist_samples()
    images = len(train.digits)
    peak = peak_of_one_core()
    for kind, words in STAGES.items():
        losses: dict[str, list[float]] = {"ours": [], "fit": []}
        ours, fit = (function(build(kind, images), kind, train, test) for function in (epochs_of_ours, epochs_of_keras))
        seconds = measure.in_turn(
            {
                "ours": lambda ours=ours, losses=losses: losses["ours"].append(ours()),
                "fit": lambda fit=fit, losses=losses: losses["fit"].append(fit()),
            }
        )
        faster = measure.ratio(seconds["fit"], seconds["ours"])
        last = {name: values[-1] for name, values in losses.items()}
        apart = abs(last["ours"] / last["fit"] - 1)
        times = {name: measure.Spread.of(values) for name, values in seconds.items()}
        share = floating_point_operations(build("float", images), images) / times["ours"].median / peak
        medians = [f"{times[name].median:.3f}" for name in ("ours", "fit")]
        benchmark.row(words, *medians, f"{faster:.1f}", f"{apart:.1e}" if apart else "0", f"{share:.1%}")
        benchmark.values[kind] = {"ratio": faster.median, "seconds": seconds, "losses": losses, "share_of_peak": share}
    together = two_at_once(train, test)
    benchmark.notes += [
        f"losses apart: relative, after {measure.REPETITIONS + 1} epochs; peak: one core in a large matrix product, "
        f"{peak / 1e9:.0f} GFLOP/s",
        f"two networks at the same time, as the stages train them: {together:.2f} times as fast as in a row",
    ]
    benchmark.values |= {"peak_flop_per_second": peak, "together_ratio": together.median}
    benchmark.finish()


def two_at_once(train: Samples, test: Samples) -> measure.Spread:
    """Return by what factor two networks are trained faster at the same time than one after the other."""
    models = [build("float", len(train.digits), network) for network in networks.NETWORKS]
    epochs = [epochs_of_ours(model, "float", train, test) for model in models]
    seconds = measure.in_turn(
        {
            "in a row": lambda: [epoch() for epoch in epochs],
            "together": lambda: threads.run_together(lambda epoch: epoch(), [(epoch,) for epoch in epochs]),
        }
    )
    return measure.ratio(seconds["in a row"], seconds["together"])


if __name__ == "__main__":
    measure.run(main)
