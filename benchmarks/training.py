"""How much faster do stages 02 to 04 train than Keras's own `fit`, and how near are they to what the machine can do?

Run:     python -m benchmarks.training

All train the same `classifier` network from the same initial weights with the same images in the same order, and
evaluate the test images after each epoch. So they end at the same loss, but for the rounding of sums. `fit` runs as
Keras sets it up, and tuned: many steps a call, batches made before they are needed, the test images as one batch.
"""

import functools
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import measure
from common import networks, precision, pruning, quantization, threads, training
from common.legacy_keras import keras, make_deterministic, tf
from common.recipe import Recipe
from common.samples import Samples

RECIPE = Recipe()
BATCH = RECIPE.batch_size
STEPS_PER_CALL = 47  # of the 235 in an epoch, for the tuned `fit`: 1 is Keras's default, all 235 are no faster
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


def epochs_of_keras(
    model: keras.Model, kind: str, train: Samples, test: Samples, *, tuned: bool = False
) -> Callable[[], float]:
    """Return a function that trains the next epoch with `Model.fit` and returns its loss."""
    if tuned:
        model.steps_per_execution = STEPS_PER_CALL
    callbacks = [pruning.mask_callback(model)] if kind == "pruned" else []
    truth = {"image": test.intensities, "digit": test.digits}
    epoch = -1

    def next_epoch() -> float:
        nonlocal epoch
        epoch += 1
        order = training.order_of_images(len(train.digits), RECIPE.seed, epoch).numpy()
        pixels, digits = train.intensities[order], train.digits[order]
        targets = {"image": pixels, "digit": digits}
        images = {"x": ready_batches(pixels, digits)} if tuned else {"x": pixels, "y": targets, "batch_size": BATCH}
        history = model.fit(
            **images,
            shuffle=False,
            validation_data=(test.intensities, truth),
            validation_batch_size=len(test.digits) if tuned else None,
            callbacks=callbacks,
            verbose=0,
        )
        return history.history["loss"][0]

    return next_epoch


def ready_batches(pixels: np.ndarray, digits: np.ndarray) -> tf.data.Dataset:
    """Return a dataset whose elements are batches already, so that none is put together while `fit` runs."""
    whole = len(pixels) // BATCH * BATCH

    def batches(values: np.ndarray) -> np.ndarray:
        return values[:whole].reshape(-1, BATCH, *values.shape[1:])

    def element(pixels: np.ndarray, digits: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return pixels, {"image": pixels, "digit": digits}

    dataset = tf.data.Dataset.from_tensor_slices(element(batches(pixels), batches(digits)))
    rest = tf.data.Dataset.from_tensors(element(pixels[whole:], digits[whole:]))
    return dataset.concatenate(rest).prefetch(tf.data.AUTOTUNE)


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
    """Time an epoch of each stage's training in turn with Keras's `fit`."""
    benchmark = measure.Benchmark(
        "training",
        "Training, an epoch of 60,000 images: the stages' own loop beside Keras's fit",
        ["", "own loop [s]", "tuned fit [s]", "fit [s]", "beside tuned fit", "beside fit", "losses apart", "of peak"],
    )
    train, test = measure.mnist_samples()
    images = len(train.digits)
    peak = peak_of_one_core()
    trainings = {
        "own loop": epochs_of_ours,
        "tuned fit": functools.partial(epochs_of_keras, tuned=True),
        "fit": epochs_of_keras,
    }
    for kind, words in STAGES.items():
        losses: dict[str, list[float]] = {name: [] for name in trainings}
        next_epoch = {name: function(build(kind, images), kind, train, test) for name, function in trainings.items()}
        seconds = measure.in_turn(
            {
                name: lambda epoch=epoch, losses=losses[name]: losses.append(epoch())
                for name, epoch in next_epoch.items()
            }
        )
        faster = {name: measure.ratio(seconds[name], seconds["own loop"]) for name in ("tuned fit", "fit")}
        last = {name: values[-1] for name, values in losses.items()}
        apart = max(abs(last[name] / last["own loop"] - 1) for name in faster)
        times = {name: measure.Spread.of(values).median for name, values in seconds.items()}
        share = floating_point_operations(build("float", images), images) / times["own loop"] / peak
        medians = [f"{median:.3f}" for median in times.values()]
        ratios = [f"{spread:.2f}" for spread in faster.values()]
        benchmark.row(words, *medians, *ratios, f"{apart:.1e}" if apart else "0", f"{share:.1%}")
        benchmark.values[kind] = {
            "ratios": {name: spread.median for name, spread in faster.items()},
            "seconds": seconds,
            "losses": losses,
            "share_of_peak": share,
        }
    together = two_at_once(train, test)
    benchmark.notes += [
        f"tuned fit: `steps_per_execution` {STEPS_PER_CALL}, a dataset of ready batches, the test images as one batch",
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
