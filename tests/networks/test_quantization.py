"""Quantization: all values on their grids, zeros kept, and the post-training baseline."""

import json

import numpy as np
import pytest
from paper_networks import build, build_quantized, network_precision
from paper_networks import quantized as quantized_network

from common.errors import PipelineError
from common.fixed_point import FixedPoint
from common.images.dataset import load
from common.networks import architecture, quantization
from common.networks.layout import NETWORKS
from common.networks.legacy_keras import keras

PRECISION = network_precision()
LAST = ("decoder_3", "classifier_3")


def quantized(outputs, name):
    return architecture.load(outputs / "04_quantize" / f"{name}.h5")


def is_on_grid(values: np.ndarray, bits: int, integer: int, *, signed: bool) -> bool:
    types = FixedPoint(bits, integer + signed, signed)
    return bool(np.array_equal(types.cast(values), values))


@pytest.mark.parametrize("network", NETWORKS)
def test_zeros_of_the_pruned_network_stay_zero(demo_outputs, network):
    pruned = architecture.weights_of(architecture.load(demo_outputs / "03_prune" / f"{network}_pruned.h5"))
    after = architecture.weights_of(quantized(demo_outputs, f"{network}_quantized_pruned"))
    zeros = 0
    for layer, (kernel, _) in pruned.items():
        assert not after[layer][0][kernel == 0].any(), layer
        zeros += np.count_nonzero(kernel == 0)
    assert zeros == (576 - 114 if network == "classifier" else 544 - 108)


@pytest.mark.parametrize("name", ["autoencoder_quantized", "classifier_quantized", "classifier_quantized_pruned"])
def test_every_weight_and_activation_is_on_its_grid(demo_outputs, name):
    _, test_samples = load(demo_outputs / "01_prepare_data" / "images.npz")
    model = quantized(demo_outputs, name)
    weights = architecture.weights_of(model)
    outputs = [model.get_layer(f"{layer}_{'rounded' if layer in LAST else 'relu'}").output for layer in weights]
    every = keras.Model(model.input, [*outputs, model.get_layer("image").output])
    *activations, image = architecture.predict(every, test_samples.intensities)
    for (layer, (kernel, bias)), values in zip(weights.items(), activations, strict=True):
        types = PRECISION.layers[layer]
        assert is_on_grid(kernel, types.weight_bits, types.weight_integer_bits, signed=True), layer
        assert is_on_grid(bias, types.bias_bits, types.bias_integer_bits, signed=True), layer
        assert is_on_grid(values, types.activation_bits, types.activation_integer_bits, signed=layer in LAST), layer
        assert len(np.unique(values)) > 2, layer
    assert is_on_grid(image, PRECISION.image_bits, 0, signed=False)


def test_training_starts_from_the_float_weights(demo_outputs):
    source = architecture.load(demo_outputs / "03_prune" / "classifier_pruned.h5")
    target = quantization.build(quantized_network("classifier"), quantization.pruning_masks(source, ("encoder_2",)))
    quantization.copy_weights(source, target)
    for mine, theirs in zip(target.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_layer_that_the_quantized_network_lacks_is_named():
    source = build("autoencoder")
    image = keras.layers.BatchNormalization(name="normalized")(source.output)
    target = build_quantized("autoencoder")
    with pytest.raises(PipelineError, match=r"layer normalized \(BatchNormalization\) of network .* has weights"):
        quantization.copy_weights(keras.Model(source.input, image), target)


def test_revived_weights_are_counted():
    source = build("autoencoder")
    kernel = source.get_layer("latent").kernel
    kernel.assign(np.where(np.arange(32).reshape(16, 2) < 20, 0, 1))
    masks = quantization.pruning_masks(source, ("latent",))
    assert quantization.count_revived(source, masks) == 0
    kernel.assign(np.ones((16, 2)))
    assert quantization.count_revived(source, masks) == 20


@pytest.mark.parametrize("bits", range(1, 6))
def test_leading_bits_are_kept(bits):
    levels = np.arange(32)
    seen = quantization.LeadingBits(bits)(levels[None].astype(np.float32) / 32).numpy()
    np.testing.assert_array_equal(seen * 32, [levels >> (5 - bits) << (5 - bits)])


def test_network_with_fewer_input_bits_ignores_the_others_also_after_loading(tmp_path):
    model = build_quantized("autoencoder", input_bits=3)
    levels = np.random.default_rng(9).integers(32, size=(50, 64))
    given, leading = (array.astype(np.float32) / 32 for array in (levels, levels & 0b11100))
    architecture.save(model, tmp_path / "model.h5")
    for each in (model, architecture.load(tmp_path / "model.h5")):
        np.testing.assert_array_equal(architecture.predict(each, given), architecture.predict(model, leading))


def test_post_training_outputs_match_a_calculation_by_hand():
    """Two pixels, one hidden unit, two outputs, all as ap_fixed<6,3>: steps of 1/8 from -4 to 3.875, rounded down."""
    pixels = keras.Input((2,), name="pixels")
    hidden = keras.layers.Activation("relu", name="latent_relu")(keras.layers.Dense(1, name="latent")(pixels))
    image = keras.layers.Activation("sigmoid", name="image")(keras.layers.Dense(1, name="decoder_3")(hidden))
    probabilities = keras.layers.Activation("softmax", name="class")(keras.layers.Dense(2, name="classifier_3")(hidden))
    model = keras.Model(pixels, [image, probabilities])
    model.get_layer("latent").set_weights([np.array([[1.3], [-0.3]]), np.array([0.2])])  # 1.25, -0.375; 0.125
    model.get_layer("decoder_3").set_weights([np.array([[2.0]]), np.array([0.0])])
    model.get_layer("classifier_3").set_weights([np.array([[9.0, 1.0]]), np.array([0.0, 0.1])])  # 1 (wrapped), 1; 0, 0
    found = quantization.post_training_outputs(model, FixedPoint(6, 3), np.array([[0.99, 0.5], [0.0, 0.99]]))
    # 0.875 x 1.25 - 0.5 x 0.375 + 0.125 = 1.03125, down to 1; doubled, sigmoid 0.8808, down to 0.875.
    # 0.875 x -0.375 + 0.125 < 0, so 0; sigmoid 0.5.
    np.testing.assert_array_equal(found["image"], [[0.875], [0.5]])
    np.testing.assert_allclose(found["class"], [[0.5, 0.5], [0.5, 0.5]])


def test_metrics_have_the_post_training_baseline(demo_outputs):
    models = json.loads((demo_outputs / "metrics.json").read_text(encoding="utf-8"))["models"]
    for variant in ("complete", "pruned"):
        baseline = models[f"classifier/{variant}, fixed<16,6,TRN,WRAP> after training"]
        assert 0 <= baseline["test_accuracy"] <= 1
        assert baseline.keys() == {"test_l1", "test_mse", "test_cross_entropy", "test_accuracy"}
