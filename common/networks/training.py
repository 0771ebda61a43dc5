"""Training and evaluation: reconstruction loss (paper, equation 1) plus weighted cross-entropy."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.images.samples import Samples
from common.networks.architecture import predict, weights_of
from common.networks.layout import CLASS, IMAGE
from common.networks.legacy_keras import keras, tf
from common.networks.recipe import Recipe
from common.networks.soap import Soap
from common.running.console import progress_line
from common.running.threads import stop_if_asked

SUMMARY_COLUMNS = ("L1", "MSE", "CE", "MSE+0.1CE", "accuracy")


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Return the number of optimizer steps in an epoch; the last batch may be smaller."""
    return math.ceil(images / batch_size)


def compile_network(model: keras.Model, recipe: Recipe, images: int) -> None:
    """Compile a network with losses, their weights and a new optimizer, given the number of training images."""
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            rate, max(recipe.epochs * steps_per_epoch(images, recipe.batch_size), 1)
        )
    # Objects, not names: Keras 3 cannot load a file with the name "mae".
    l1, mse = keras.metrics.MeanAbsoluteError("l1"), keras.metrics.MeanSquaredError("mse")
    outputs = {
        IMAGE: (keras.losses.MeanAbsoluteError(), [mse])
        if recipe.loss == "l1"
        else (keras.losses.MeanSquaredError(), [l1]),
        CLASS: (
            keras.losses.SparseCategoricalCrossentropy(),
            [keras.metrics.SparseCategoricalAccuracy("accuracy")],
        ),
    }
    losses, metrics = ({name: outputs[name][part] for name in model.output_names} for part in (0, 1))
    weights = {name: recipe.cross_entropy_weight if name == CLASS else 1.0 for name in losses}
    if len(losses) == 1:  # Keras reports the loss of an output, without weight penalties, only for several outputs
        (only,) = losses
        weights[only] = 1.0
        cross_entropy = keras.metrics.SparseCategoricalCrossentropy("cross_entropy")
        metrics[only].append(cross_entropy if only == CLASS else l1 if recipe.loss == "l1" else mse)
    optimizer = Soap(rate) if recipe.optimizer == "soap" else keras.optimizers.Adam(rate)
    model.compile(optimizer, losses, metrics, weights)
    model.optimizer.build(model.trainable_variables)


def total_loss(values: Mapping[str, float], recipe: Recipe) -> float:
    """Return the loss of these scores: of the image plus weighted cross-entropy, or of one output alone."""
    if recipe.loss not in values:
        return values["cross_entropy"]
    return values[recipe.loss] + recipe.cross_entropy_weight * values.get("cross_entropy", 0.0)


def order_of_images(images: int, seed: int, epoch: int) -> tf.Tensor:
    """Return the order of the images in an epoch, int32 [images], which depends only on seed and epoch."""
    return tf.random.experimental.stateless_shuffle(tf.range(images), seed=[seed, epoch])


def batches(samples: Samples, recipe: Recipe, epochs: range, outputs: Sequence[str]) -> tf.data.Dataset:
    """Return the batches of all `epochs`, gathered in TensorFlow: pixels, and the targets of each of `outputs`."""
    images, labels = tf.constant(samples.intensities), tf.constant(samples.labels.astype(np.int32))

    def of_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        order = order_of_images(len(samples.labels), recipe.seed, epoch)

        def batch(start: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
            chosen = order[start : start + recipe.batch_size]
            truth = {IMAGE: tf.gather(images, chosen), CLASS: tf.gather(labels, chosen)}
            return truth[IMAGE], {name: truth[name] for name in outputs}

        return tf.data.Dataset.range(0, len(samples.labels), recipe.batch_size).map(batch)

    return tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(of_epoch).prefetch(tf.data.AUTOTUNE)


def train(
    model: keras.Model,
    train_samples: Samples,
    test_samples: Samples,
    recipe: Recipe,
    title: str,
    initial_epoch: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    part: str = "test",
) -> dict[str, list[float]]:
    """Train a compiled network in place and return its learning curves.

    A resumed training gives the same result as an uninterrupted one.

    Args:
        model: A network with its optimizer, from `compile_network` or loaded.
        train_samples: Training samples.
        test_samples: Samples for the test curves, not used for any choice.
        recipe: Total epochs, batch size, weight of the cross-entropy, seed.
        title: Title of the progress line.
        initial_epoch: Number of epochs that the network has been trained.
        callbacks: Keras callbacks, called at the end of an epoch before the evaluation.
        part: Name of `test_samples` in the curves, `validation` for held-out training images.

    Returns:
        A list with a value per epoch for each of `train_*` and `test_*`: `loss` (see `total_loss`), `l1`, `mse`,
        `cross_entropy` and `accuracy`, as far as the network has these outputs. Training values are means over the
        epoch, as weights change.

    Raises:
        PipelineError: The loss became infinite or not a number.
    """
    curves: dict[str, list[float]] = {}
    losses = {f"{IMAGE}_loss": recipe.loss, f"{CLASS}_loss": "cross_entropy"}  # names of curves by those of Keras

    def record(epoch: int, logs: dict[str, float]) -> None:
        train = {
            losses.get(name, name.removeprefix(f"{IMAGE}_").removeprefix(f"{CLASS}_")): float(value)
            for name, value in logs.items()
            if name != "loss"  # includes weight penalties
        }
        values = {}
        for name, scored in (("train", train), (part, evaluate(model, test_samples))):
            with_loss = {"loss": total_loss(scored, recipe), **scored}
            values |= {f"{name}_{key}": value for key, value in with_loss.items()}
        for name, value in values.items():
            if not np.isfinite(value):
                raise PipelineError(f"{title}: {name} is {value} in epoch {epoch + 1}; lower --learning-rate")
            curves.setdefault(name, []).append(value)
        shown = [name for name in (f"{part}_l1", f"{part}_accuracy") if name in values]
        line.advance("  ".join(f"{name} {values[name]:.4f}" for name in shown))

    epochs, steps = range(initial_epoch, recipe.epochs), steps_per_epoch(len(train_samples.labels), recipe.batch_size)
    model.make_predict_function()  # before steps_per_execution changes, as `predict` needs 1
    model.steps_per_execution = max(steps, 2)  # return to Python once per epoch; Keras lowers 2 to a single step
    with progress_line(title, len(epochs)) as line:
        model.fit(
            batches(train_samples, recipe, epochs, model.output_names),
            initial_epoch=initial_epoch,
            epochs=recipe.epochs,
            steps_per_epoch=steps,
            callbacks=[
                *callbacks,
                keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: stop_if_asked(), on_epoch_end=record),
            ],
            verbose=0,
        )
    model.steps_per_execution = 1
    return curves


def evaluate(model: keras.Model, samples: Samples) -> dict[str, float]:
    """Return a network's `scores` on `samples`."""
    outputs = predict(model, samples.intensities)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return scores(dict(zip(model.output_names, outputs, strict=True)), samples)


def scores(outputs: dict[str, np.ndarray], samples: Samples) -> dict[str, float]:
    """Return mean L1 and MSE per pixel of the image, and cross-entropy [nat] and accuracy of the class.

    Args:
        outputs: `image` [N, pixels], probabilities `class` [N, classes], or both.
        samples: The true images and labels.
    """
    values = {}
    if IMAGE in outputs:
        difference = outputs[IMAGE].astype(np.float64) - samples.intensities
        values = {"l1": np.abs(difference).mean(), "mse": np.square(difference).mean()}
    if CLASS in outputs:
        of_truth = outputs[CLASS][np.arange(len(samples.labels)), samples.labels].astype(np.float64)
        values["cross_entropy"] = -np.log(np.clip(of_truth, 1e-7, 1)).mean()
        values["accuracy"] = (outputs[CLASS].argmax(axis=1) == samples.labels).mean()
    return {name: float(value) for name, value in values.items()}


def describe(model: keras.Model, train_samples: Samples, test_samples: Samples) -> dict[str, float]:
    """Return a network's row of `metrics.json`: parameters, nonzero weights, losses, accuracies.

    Weights of QKeras layers are counted after quantization.
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

    The paper's 'L1 loss' of 0.0628 is not a mean absolute error; MSE + 0.1 x cross-entropy has that size. The table
    has all of them.

    Args:
        row: A row of `metrics.json`.
    """
    cross_entropy = row.get("test_cross_entropy")
    mse = row.get("test_mse")
    total = None if cross_entropy is None or mse is None else mse + 0.1 * cross_entropy
    values = [row.get("test_l1"), mse, cross_entropy, total, row.get("test_accuracy")]
    return [None if value is None else f"{value:.4f}" for value in values]


def joined(first: dict[str, list[float]], second: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the concatenated learning curves of two consecutive trainings."""
    return {name: [*first.get(name, []), *values] for name, values in second.items()}


def save_curves(path: Path, curves: dict[str, dict[str, list[float]]]) -> None:
    """Write learning curves as CSV, one line per network and epoch."""
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
    """Load learning curves written by `save_curves`."""
    curves: dict[str, dict[str, list[float]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values = curves.setdefault(row.pop("network"), {})
            for name, value in row.items():
                if name != "epoch" and value:
                    values.setdefault(name, []).append(float(value))
    return curves
