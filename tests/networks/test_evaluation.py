"""Evaluation of networks of any latent space, with and without decoder."""

import numpy as np
import pytest

from common.images.samples import ImageFormat, Samples
from common.networks import evaluation
from common.networks.legacy_keras import keras

FORMAT = ImageFormat(10, 4, ("cat", "dog", "bird"), "class")


def network(dimensions, *, decoder, activation="linear"):
    """Return an untrained network for 10 x 10 pixels and three classes."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((100,), name="pixels")
    latent = keras.layers.Dense(dimensions, name="latent")(pixels)
    if activation == "relu":
        latent = keras.layers.Activation("relu", name="latent_relu")(latent)
    outputs = [keras.layers.Dense(100, activation="sigmoid", name="image")(latent)] if decoder else []
    outputs.append(keras.layers.Dense(3, activation="softmax", name="class")(latent))
    return keras.Model(pixels, outputs)


@pytest.fixture
def samples():
    """Return samples without an image of the second class."""
    generator = np.random.default_rng(0)
    labels = (2 * (np.arange(60) % 2)).astype(np.uint8)
    return Samples(generator.random((60, 100), dtype=np.float32), labels, FORMAT)


@pytest.mark.parametrize("dimensions", [1, 2, 5])
@pytest.mark.parametrize("decoder", [True, False])
@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_networks_are_evaluated_with_and_without_decoder(samples, dimensions, decoder, activation):
    found = evaluation.evaluate_classifier(network(dimensions, decoder=decoder, activation=activation), samples)
    assert found.latent.shape == (60, dimensions)
    assert (found.latent.min() < 0) == (activation == "linear")
    assert found.probabilities.shape == (60, 3)
    assert (found.images is not None) == decoder
    losses, accuracy = found.class_scores()
    assert np.isnan(accuracy).tolist() == [False, True, False]
    for label in (0, 2):
        mask = samples.labels == label
        assert accuracy[label] == pytest.approx((found.decided[mask] == label).mean())
        if decoder:
            assert losses[label] == pytest.approx(np.abs(found.images - samples.intensities)[mask].mean(), rel=1e-5)
    assert decoder or losses is None
    matrix = found.confusion()
    assert matrix.sum() == 60 and matrix[1].sum() == 0
    assert set(found.worst()) <= set(np.flatnonzero(found.decided != samples.labels))


@pytest.mark.parametrize("decoder", [True, False])
def test_grid_is_decoded_from_the_centres_of_its_cells(decoder):
    model = network(2, decoder=decoder)
    images, labels = evaluation.decode_grid(model, (-1.0, 1.0, 0.0, 4.0), 4)
    assert labels.shape == (4, 4)
    assert (images is not None) == decoder
    if decoder:
        assert images.shape == (4, 4, 10, 10)
        weights, bias = model.get_layer("image").get_weights()
        expected = 1 / (1 + np.exp(-(np.array([0.75, 0.5]) @ weights + bias)))
        np.testing.assert_allclose(images[0, 3].ravel(), expected, rtol=1e-5)


def test_extent_starts_at_zero_unless_there_are_negative_coordinates(samples):
    points = np.column_stack([np.linspace(0, 10, 101), np.linspace(-5, 5, 101)])
    found = evaluation.Evaluation(points, None, np.zeros((101, 3)), samples).extent()
    assert found == pytest.approx((0, 9.9, -4.9, 4.9))
    dead = evaluation.Evaluation(0 * points, None, np.zeros((101, 3)), samples).extent()
    assert dead[0] < dead[1] and dead[2] < dead[3]
