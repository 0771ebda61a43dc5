"""Training: the loss, resuming, and reproducibility."""

import csv
import shutil

import h5py
import numpy as np
import pytest
from paper_networks import build, quantized
from stage_runs import ALLOWED, fork_well

from common.errors import PipelineError
from common.images.samples import Samples
from common.networks import architecture, quantization, training
from common.networks.layout import NETWORKS
from common.networks.legacy_keras import keras, make_deterministic
from common.networks.recipe import Recipe

CURVES = {"autoencoder": ["loss", "l1", "mse"], "classifier": ["loss", "l1", "mse", "cross_entropy", "accuracy"]}
RECIPE = Recipe(epochs=2, batch_size=16, learning_rate=1e-3, schedule="constant", cross_entropy_weight=0.1, seed=0)


def random_samples(count: int, seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    return Samples(rng.integers(32, size=(count, 64)).astype(np.float32) / 32, rng.integers(10, size=count))


def trained_weights(test_samples: Samples, recipe: Recipe = RECIPE) -> list[np.ndarray]:
    make_deterministic(recipe.seed)
    model = build("autoencoder")
    training.compile_network(model, recipe, 40)
    training.train(model, random_samples(40, 5), test_samples, recipe, "test")
    return model.get_weights()


def test_scores_match_a_calculation_by_hand():
    samples = Samples(np.zeros((2, 64), np.float32), np.array([3, 4]))
    image = np.zeros((2, 64), np.float32)
    image[0, :32] = 0.5
    probabilities = np.full((2, 10), 0.05, np.float32)
    probabilities[0, 3] = probabilities[1, 5] = 0.55
    found = training.scores({"image": image, "class": probabilities}, samples)
    assert found["l1"] == pytest.approx(0.125)
    assert found["mse"] == pytest.approx(0.0625)
    assert found["cross_entropy"] == pytest.approx(-(np.log(0.55) + np.log(0.05)) / 2)
    assert found["accuracy"] == 0.5


def test_loss_is_l1_plus_weighted_cross_entropy(demo_outputs):
    with (demo_outputs / "02_train_autoencoder" / "learning_curves.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["network"] == "classifier"]
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(1, 51)]
    for row in rows:
        for part in ("train", "test"):
            loss = float(row[f"{part}_l1"]) + 0.1 * float(row[f"{part}_cross_entropy"])
            assert float(row[f"{part}_loss"]) == pytest.approx(loss, rel=1e-4)
    assert float(rows[-1]["test_loss"]) < 0.7 * float(rows[0]["test_loss"])


@pytest.mark.parametrize("images", [10, 32, 40])  # less than a batch, whole batches, a smaller last batch
def test_each_epoch_uses_every_image_once_in_its_own_order(images):
    samples = random_samples(images, 5)
    found = [pixels.numpy() for pixels, _ in training.batches(samples, RECIPE, range(3, 5), ["image"])]
    assert [len(pixels) for pixels in found] == {10: [10], 32: [16, 16], 40: [16, 16, 8]}[images] * 2
    orders = [training.order_of_images(images, RECIPE.seed, epoch).numpy() for epoch in (3, 4)]
    assert not np.array_equal(*orders)
    np.testing.assert_array_equal(np.concatenate(found), samples.intensities[np.concatenate(orders)])


def test_order_of_images_accepts_the_largest_seed():
    recipe = Recipe(**{**vars(RECIPE), "seed": 2**32 - 1})
    samples = random_samples(16, 5)
    ((_, truth),) = training.batches(samples, recipe, range(1), ["class"])
    np.testing.assert_array_equal(truth["class"], samples.labels[training.order_of_images(16, 2**32 - 1, 0)])


def test_trained_network_can_be_trained_further_and_predicts():
    model, samples = build("autoencoder"), random_samples(40, 5)
    training.compile_network(model, RECIPE, 40)
    for images in (10, 40, 10):  # 1, 3 and 1 steps per epoch
        training.train(model, random_samples(images, 5), samples, RECIPE, "test")
    assert int(model.optimizer.iterations) == RECIPE.epochs * (1 + 3 + 1)
    batch_by_batch = model.predict(samples.intensities, batch_size=16, verbose=0)
    np.testing.assert_allclose(batch_by_batch, architecture.predict(model, samples.intensities), rtol=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_training_curves_are_means_over_images_without_penalties(network):
    """With a negligible learning rate, they equal the scores of the unchanged network."""
    samples, recipe = random_samples(40, 5), Recipe(**{**vars(RECIPE), "learning_rate": 1e-30})
    model = quantization.build(quantized(network), penalties={"encoder_1": 0.5})
    training.compile_network(model, recipe, 40)
    curves = training.train(model, samples, samples, recipe, "test")
    assert curves.keys() == {f"{part}_{name}" for part in ("train", "test") for name in CURVES[network]}
    for name in CURVES[network]:
        assert curves[f"train_{name}"] == pytest.approx(curves[f"test_{name}"], rel=1e-5)


def test_callbacks_change_weights_before_the_network_is_evaluated():
    samples, zeros = random_samples(40, 5), {}
    model = build("autoencoder")
    training.compile_network(model, RECIPE, 40)

    def to_zero(epoch, _):
        model.set_weights([np.zeros_like(weights) for weights in model.get_weights()])
        zeros[epoch] = training.evaluate(model, samples)["l1"]

    callback = keras.callbacks.LambdaCallback(on_epoch_end=to_zero)
    curves = training.train(model, samples, samples, RECIPE, "test", callbacks=[callback])
    assert curves["test_l1"] == list(zeros.values())


@pytest.mark.parametrize("error", [KeyboardInterrupt, StopIteration, PipelineError])
def test_exception_of_a_callback_ends_the_training(error):
    def fail(*_):
        raise error

    model = build("autoencoder")
    training.compile_network(model, RECIPE, 40)
    callback = keras.callbacks.LambdaCallback(on_epoch_end=fail)
    with pytest.raises(error):
        training.train(model, *[random_samples(40, 5)] * 2, RECIPE, "test", callbacks=[callback])


def test_test_images_do_not_affect_the_weights():
    with_some, with_others = (trained_weights(random_samples(10, seed)) for seed in (6, 7))
    assert all(np.array_equal(a, b) for a, b in zip(with_some, with_others, strict=True))


@pytest.mark.fault("numbers")
def test_loss_that_is_not_a_number_is_named():
    recipe = Recipe(**{**vars(RECIPE), "learning_rate": 1e38})
    with pytest.raises(PipelineError, match=r"test: train_loss is (nan|inf) in epoch [12]; lower --learning-rate"):
        trained_weights(random_samples(10, 6), recipe)


def arrays_of(path):
    """Return all arrays of an HDF5 file: weights and optimizer state."""
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    assert {"model_weights", "optimizer_weights"} == {name.split("/")[0] for name in arrays}
    return arrays


def assert_same_networks(first, second):
    for name in ("autoencoder.h5", "classifier.h5"):
        one, other = (arrays_of(outputs / "02_train_autoencoder" / name) for outputs in (first, second))
        assert one.keys() == other.keys()
        for key, array in one.items():
            np.testing.assert_array_equal(array, other[key], err_msg=f"{name} {key}")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    outputs = tmp_path_factory.mktemp("prepared") / "outputs"
    fork_well("01_prepare_data", "--preset", "demo", outputs=outputs)
    return outputs


@pytest.fixture(scope="module")
def four_epochs(prepared, tmp_path_factory):
    outputs = shutil.copytree(prepared, tmp_path_factory.mktemp("four_epochs") / "outputs")
    fork_well("02_train_autoencoder", "--epochs", "4", *ALLOWED, outputs=outputs)
    return outputs


@pytest.mark.xdist_group("training")  # one worker makes their fixtures
def test_two_epochs_and_two_resumed_equal_four(prepared, four_epochs, tmp_path):
    outputs = shutil.copytree(prepared, tmp_path / "outputs")
    fork_well("02_train_autoencoder", "--epochs", "2", *ALLOWED, outputs=outputs)
    fork_well("02_train_autoencoder", "--epochs", "2", "--resume", *ALLOWED, outputs=outputs)
    assert_same_networks(outputs, four_epochs)
    curves = "02_train_autoencoder/learning_curves.csv"
    assert (outputs / curves).read_text(encoding="utf-8") == (four_epochs / curves).read_text(encoding="utf-8")
    assert len((outputs / curves).read_text(encoding="utf-8").splitlines()) == 1 + 2 * 4


@pytest.mark.xdist_group("training")  # one worker makes their fixtures
def test_same_seed_gives_the_same_networks_bit_for_bit(prepared, four_epochs, tmp_path, run_here):
    outputs = shutil.copytree(prepared, tmp_path / "outputs")
    status, _, errors = run_here("02_train_autoencoder", "--epochs", "4", *ALLOWED, outputs=outputs)
    assert status == 0, errors
    assert_same_networks(outputs, four_epochs)
