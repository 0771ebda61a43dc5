"""Quantized networks in QKeras (paper, section 5), trained with the quantization in the loop."""

import numpy as np
import qkeras

from common import networks, training
from common.errors import PipelineError
from common.fixed_point import FixedPoint
from common.legacy_keras import keras, tf
from common.networks import copy_optimizer_state
from common.precision import NetworkPrecision
from common.preprocessing import COLOUR_BITS
from common.samples import Samples


@keras.utils.register_keras_serializable("mnist_autoencoder")
class LeadingBits(keras.layers.Layer):
    """Keep the leading `bits` of each pixel's five: in hardware these are wires left unconnected."""

    def __init__(self, bits: int, **keywords: object) -> None:
        super().__init__(**keywords)
        self.bits = bits

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Round intensities down to a multiple of 2^-bits."""
        return tf.floor(inputs * 2.0**self.bits) / 2.0**self.bits

    def get_config(self) -> dict[str, object]:
        """Return what rebuilds the layer."""
        return {**super().get_config(), "bits": self.bits}


@keras.utils.register_keras_serializable("mnist_autoencoder")
class KeepZeros(keras.constraints.Constraint):
    """Hold the weights of a pruned layer at zero where they were zero, `mask` being 0 or 1 a weight."""

    def __init__(self, mask: np.ndarray) -> None:
        self.mask = tf.constant(mask, tf.float32)

    def __call__(self, weights: tf.Tensor) -> tf.Tensor:
        """Return the weights, masked."""
        return weights * self.mask


def build(network: str, precision: NetworkPrecision, masks: dict[str, np.ndarray] | None = None) -> keras.Model:
    """Build an untrained quantized network of the same layers as `networks.build`.

    Between the last dense layers and sigmoid or softmax stands one more layer, named `*_logits`, that rounds what
    enters them to a fixed-point type.

    Args:
        network: `autoencoder` or `classifier`.
        precision: Types of all tensors.
        masks: For each layer to be held sparse, 0 or 1 a weight.
    """

    def chain(tensor: tf.Tensor, layers: dict[str, int]) -> tf.Tensor:
        for name, nodes in layers.items():
            types = getattr(precision, name)
            tensor = qkeras.QDense(
                nodes,
                name=name,
                kernel_quantizer=qkeras.quantized_bits(types.weight_bits, types.weight_integer_bits, alpha=1),
                bias_quantizer=qkeras.quantized_bits(types.bias_bits, types.bias_integer_bits, alpha=1),
                kernel_constraint=KeepZeros(masks[name]) if masks and name in masks else None,
            )(tensor)
            if name in ("decoder_3", "classifier_3"):
                quantizer = qkeras.quantized_bits(types.activation_bits, types.activation_integer_bits, alpha=1)
                tensor = qkeras.QActivation(quantizer, name=f"{name}_logits")(tensor)
                tensor = last_activation[name](tensor)
            else:
                quantizer = qkeras.quantized_relu(types.activation_bits, types.activation_integer_bits)
                tensor = qkeras.QActivation(quantizer, name=networks.activation_name(name))(tensor)
        return tensor

    last_activation = {
        "decoder_3": qkeras.QActivation(
            qkeras.quantized_sigmoid(precision.image_bits, use_real_sigmoid=True), name="image"
        ),
        "classifier_3": keras.layers.Activation("softmax", name="digit"),
    }
    pixels = tensor = keras.Input((networks.PIXELS,), name="pixels")
    if precision.input_bits < COLOUR_BITS:
        tensor = LeadingBits(precision.input_bits, name="pixels_leading_bits")(pixels)
    latent = chain(tensor, networks.ENCODER)
    outputs = [chain(latent, networks.DECODER)]
    if network == "classifier":
        outputs.append(chain(latent, networks.CLASSIFIER))
    return keras.Model(pixels, outputs, name=network)


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy weights and biases between float and quantized networks, layer by layer."""
    layers = networks.dense_layers(target)
    for name, layer in networks.dense_layers(source).items():
        layers[name].set_weights(layer.get_weights())


def pruning_masks(model: keras.Model, layers: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return 0 for each weight of `layers` that is zero and 1 for the others."""
    dense = networks.dense_layers(model)
    return {name: (dense[name].kernel.numpy() != 0).astype(np.float32) for name in layers if name in dense}


def count_revived(model: keras.Model, masks: dict[str, np.ndarray]) -> int:
    """Return how many weights are not zero although their mask is 0."""
    weights = networks.weights_of(model)
    return sum(int(np.count_nonzero(weights[name][0][mask == 0])) for name, mask in masks.items())


def post_training_outputs(model: keras.Model, types: FixedPoint, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Run a float network with every weight and every layer's output cast to one fixed-point type.

    This is quantization after training, the baseline beside training with quantization. Sums are exact here; hls4ml's
    default also truncates each product, which stage 05 shows.

    Args:
        model: A float network.
        types: Fixed-point type of all weights, biases and layer outputs.
        pixels: Intensities, float32 [N, 64].

    Returns:
        `image` [N, 64] and, of a classifier, `digit` [N, 10] (probabilities).
    """
    tensors = {"pixels": types.cast(pixels)}
    for layer in model.layers[1:]:
        tensor = tensors[layer.input.node.layer.name]
        if layer.name in networks.LAYERS:
            kernel, bias = (types.cast(weights) for weights in layer.get_weights())
            tensor = tensor @ kernel + bias
        elif layer.name == "digit":
            tensors["digit"] = np.asarray(keras.activations.softmax(tf.constant(tensor)))
            continue
        else:
            tensor = np.asarray(layer.activation(tf.constant(tensor)))
        tensors[layer.name] = types.cast(tensor)
    return {name: tensors[name] for name in ("image", "digit") if name in tensors}


def train(
    source: keras.Model,
    network: str,
    precision: NetworkPrecision,
    pruned_layers: tuple[str, ...],
    train_samples: Samples,
    test_samples: Samples,
    recipe: training.Recipe,
    title: str,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train a quantized network that starts from a float one, zeros of `pruned_layers` held at zero.

    Returns:
        The quantized network, compiled and with its optimizer state, and its learning curves.

    Raises:
        PipelineError: A pruned weight came back to life.
    """
    masks = pruning_masks(source, pruned_layers)
    masked, model = build(network, precision, masks), build(network, precision)
    copy_weights(source, masked)
    training.compile_network(masked, recipe, len(train_samples.digits))
    curves = training.train(masked, train_samples, test_samples, recipe, title)
    model.set_weights(masked.get_weights())
    training.compile_network(model, recipe, len(train_samples.digits))
    copy_optimizer_state(masked, model)
    if count_revived(model, masks):
        raise PipelineError(f"{title}: {count_revived(model, masks)} pruned weights are no longer zero")
    return model, curves
