"""Training and evaluation: L1 reconstruction (equation 1) plus weighted cross-entropy, an epoch a call."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.images.samples import Samples
from common.networks.architecture import predict, weights_of
from common.networks.legacy_keras import keras, tf
from common.networks.recipe import Recipe
from common.networks.soap import Soap
from common.running.console import progress_line
from common.running.threads import stop_if_asked

SUMMARY_COLUMNS = ("L1", "MSE", "CE", "MSE+0.1CE", "accuracy")
CURVES = ("loss", "l1", "mse", "cross_entropy", "accuracy")


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Return the number of optimizer steps in an epoch; the last batch may be smaller."""
    return math.ceil(images / batch_size)


def compile_network(model: keras.Model, recipe: Recipe, images: int) -> None:
    """Attach losses, their weights and a fresh optimizer; `images` is the number of training images."""
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            rate, max(recipe.epochs * steps_per_epoch(images, recipe.batch_size), 1)
        )
    # Objects, not their names: Keras 3 cannot read a file that says "mae".
    losses, metrics = {"image": keras.losses.MeanAbsoluteError()}, {"image": [keras.metrics.MeanSquaredError("mse")]}
    weights = {"image": 1.0}
    if "digit" in model.output_names:
        losses["digit"] = keras.losses.SparseCategoricalCrossentropy()
        weights["digit"] = recipe.cross_entropy_weight
        metrics["digit"] = [keras.metrics.SparseCategoricalAccuracy("accuracy")]
    optimizer = Soap(rate) if recipe.optimizer == "soap" else keras.optimizers.Adam(rate)
    model.compile(optimizer, losses, metrics, weights)
    model.optimizer.build(model.trainable_variables)


def epoch_function(model: keras.Model, samples: Samples, recipe: Recipe) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return a function that trains one epoch inside of TensorFlow, given the order of the images.

    `Model.fit` returns to Python after every step, or every few, and collects metrics in between; for networks of
    6,268 parameters that costs more than the arithmetic.
    """
    images, digits = tf.constant(samples.intensities), tf.constant(samples.digits.astype(np.int32))
    classifies = "digit" in model.output_names
    names = CURVES if classifies else CURVES[:3]

    def step(batch: tf.Tensor) -> tf.Tensor:
        pixels, truth = tf.gather(images, batch), tf.gather(digits, batch)
        with tf.GradientTape() as tape:
            outputs = model(pixels, training=True)
            difference = (outputs[0] if classifies else outputs) - pixels
            loss = l1 = tf.reduce_mean(tf.abs(difference))
            values = [l1, tf.reduce_mean(tf.square(difference))]
            if classifies:
                cross_entropy = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(truth, outputs[1]))
                loss = l1 + recipe.cross_entropy_weight * cross_entropy
                right = tf.equal(tf.argmax(outputs[1], axis=1, output_type=tf.int32), truth)
                values += [cross_entropy, tf.reduce_mean(tf.cast(right, tf.float32))]
            minimised = tf.add_n([loss, *model.losses])  # with the penalties on weights, where there are any
        weights = model.trainable_variables
        # A weight held at zero has no gradient, or it would turn the basis of its neighbours' steps.
        masks = [getattr(variable.constraint, "mask", 1.0) for variable in weights]
        gradients = [mask * each for mask, each in zip(masks, tape.gradient(minimised, weights), strict=True)]
        model.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return tf.stack([loss, *values])

    @tf.function
    def epoch(order: tf.Tensor) -> dict[str, tf.Tensor]:
        sums = tf.zeros(len(names))
        for start in tf.range(0, len(samples.digits), recipe.batch_size):
            batch = order[start : start + recipe.batch_size]
            sums += step(batch) * tf.cast(tf.size(batch), tf.float32)
        return dict(zip(names, tf.unstack(sums / len(samples.digits)), strict=True))

    return epoch


def order_of_images(images: int, seed: int, epoch: int) -> tf.Tensor:
    """Return the order in which an epoch sees the images, int32 [images]: a function of seed and epoch alone."""
    return tf.random.experimental.stateless_shuffle(tf.range(images), seed=[seed, epoch])


def train(
    model: keras.Model,
    train_samples: Samples,
    test_samples: Samples,
    recipe: Recipe,
    title: str,
    initial_epoch: int = 0,
    after_epoch: Callable[[], None] | None = None,
    part: str = "test",
) -> dict[str, list[float]]:
    """Train a compiled network in place and return its learning curves.

    A training resumed goes on exactly as it would have without the break.

    Args:
        model: A network with its optimizer: from `compile_network`, or loaded.
        train_samples: What it learns from.
        test_samples: Evaluated after each epoch for the curves; they choose nothing.
        recipe: Epochs in all, batch size, weight of the cross-entropy, seed.
        title: Of the progress line.
        initial_epoch: Number of epochs that the network has behind it.
        after_epoch: Called after each epoch, before it is evaluated.
        part: Name of `test_samples` in the curves, where they are held-out training images.

    Returns:
        A list with a value an epoch for each of `train_*` and `test_*`: `loss` (L1 + weighted cross-entropy), `l1`,
        `mse`, `cross_entropy` and `accuracy`. Training values are means over the epoch, while the weights move.

    Raises:
        PipelineError: The loss became infinite or not a number.
    """
    train_epoch = epoch_function(model, train_samples, recipe)
    curves: dict[str, list[float]] = {}
    with progress_line(title, recipe.epochs - initial_epoch) as line:
        for epoch in range(initial_epoch, recipe.epochs):
            stop_if_asked()
            order = order_of_images(len(train_samples.digits), recipe.seed, epoch)
            values = {f"train_{name}": float(value) for name, value in train_epoch(order).items()}
            if after_epoch is not None:
                after_epoch()
            test = evaluate(model, test_samples)
            test["loss"] = test["l1"] + recipe.cross_entropy_weight * test.get("cross_entropy", 0.0)
            values |= {f"{part}_{name}": value for name, value in test.items()}
            for name, value in values.items():
                if not np.isfinite(value):
                    raise PipelineError(f"{title}: {name} is {value} in epoch {epoch + 1}; lower --learning-rate")
                curves.setdefault(name, []).append(value)
            shown = [name for name in (f"{part}_l1", f"{part}_accuracy") if name in values]
            line.advance("  ".join(f"{name} {values[name]:.4f}" for name in shown))
    return curves


def evaluate(model: keras.Model, samples: Samples) -> dict[str, float]:
    """Return a network's `scores` on `samples`."""
    outputs = predict(model, samples.intensities)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return scores(dict(zip(model.output_names, outputs, strict=True)), samples)


def scores(outputs: dict[str, np.ndarray], samples: Samples) -> dict[str, float]:
    """Return mean L1 and MSE an image pixel and, where there is a classifier, cross-entropy [nat] and accuracy.

    Args:
        outputs: `image` [N, 64] and perhaps `digit` [N, 10], probabilities.
        samples: The truth.
    """
    difference = outputs["image"].astype(np.float64) - samples.intensities
    values = {"l1": np.abs(difference).mean(), "mse": np.square(difference).mean()}
    if "digit" in outputs:
        of_truth = outputs["digit"][np.arange(len(samples.digits)), samples.digits].astype(np.float64)
        values["cross_entropy"] = -np.log(np.clip(of_truth, 1e-7, 1)).mean()
        values["accuracy"] = (outputs["digit"].argmax(axis=1) == samples.digits).mean()
    return {name: float(value) for name, value in values.items()}


def describe(model: keras.Model, train_samples: Samples, test_samples: Samples) -> dict[str, float]:
    """Return a network's row of `metrics.json`: parameters, weights left, losses, accuracies.

    Weights left are those that are not zero as the network uses them, quantized ones behind their quantizer.
    """
    row: dict[str, float] = {
        "parameters": model.count_params(),
        "nonzero_weights": sum(int(np.count_nonzero(kernel)) for kernel, _ in weights_of(model).values()),
    }
    for part, samples in (("train", train_samples), ("test", test_samples)):
        row |= {f"{part}_{name}": round(value, 6) for name, value in evaluate(model, samples).items()}
    return row


def summary_cells(row: dict[str, float]) -> list[str | None]:
    """Return the cells of `SUMMARY_COLUMNS`, for test images; CE is the cross-entropy [nat].

    The paper's 'L1 loss' of 0.0628 is not a mean absolute error; MSE + 0.1 x cross-entropy comes to that size. All are
    shown side by side.

    Args:
        row: A row of `metrics.json`.
    """
    cross_entropy = row.get("test_cross_entropy")
    total = None if cross_entropy is None else row["test_mse"] + 0.1 * cross_entropy
    values = [row["test_l1"], row["test_mse"], cross_entropy, total, row.get("test_accuracy")]
    return [None if value is None else f"{value:.4f}" for value in values]


def joined(first: dict[str, list[float]], second: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the learning curves of two trainings in a row as one."""
    return {name: [*first.get(name, []), *values] for name, values in second.items()}


def save_curves(path: Path, curves: dict[str, dict[str, list[float]]]) -> None:
    """Write learning curves as CSV, a line a network and epoch."""
    names = sorted({name for values in curves.values() for name in values})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["network", "epoch", *names])
        for network, values in curves.items():
            columns = [values.get(name) for name in names]
            for epoch in range(len(values["train_loss"])):
                row = ["" if column is None else f"{column[epoch]:.6g}" for column in columns]
                writer.writerow([network, epoch + 1, *row])


def load_curves(path: Path) -> dict[str, dict[str, list[float]]]:
    """Read what `save_curves` wrote."""
    curves: dict[str, dict[str, list[float]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values = curves.setdefault(row.pop("network"), {})
            for name, value in row.items():
                if name != "epoch" and value:
                    values.setdefault(name, []).append(float(value))
    return curves
