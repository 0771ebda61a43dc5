"""Quantized networks in QKeras (paper, section 5): quantization-aware training, and post-training quantization."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import qkeras

from common.errors import PipelineError
from common.fixed_point import FixedPoint
from common.images.samples import Samples
from common.networks import architecture, training
from common.networks.architecture import LeadingBits, copy_optimizer_state
from common.networks.layout import CLASS, CLASSIFIER, IMAGE, LATENT, Layout
from common.networks.legacy_keras import keras, tf
from common.networks.precision import NetworkPrecision


@keras.utils.register_keras_serializable("mnist_autoencoder")
class KeepZeros(keras.constraints.Constraint):
    """Constraint that holds pruned weights at zero; `mask`, 0 or 1 per weight, may change between epochs."""

    def __init__(self, mask: np.ndarray) -> None:
        self.mask = tf.Variable(mask, trainable=False, dtype=tf.float32)

    def __call__(self, weights: tf.Tensor) -> tf.Tensor:
        """Return the weights, masked."""
        return weights * self.mask


class L1Penalty(keras.regularizers.Regularizer):
    """Penalty `weight` x sum of |w|; the weight may change between epochs."""

    def __init__(self, weight: float) -> None:
        self.weight = tf.Variable(weight, trainable=False, dtype=tf.float32)

    def __call__(self, weights: tf.Tensor) -> tf.Tensor:
        """Return the penalty."""
        return self.weight * tf.reduce_sum(tf.abs(weights))


@dataclass(frozen=True)
class QuantizedNetwork:
    """A network to quantize, and its types.

    Attributes:
        network: `autoencoder` or `classifier`.
        layout: Layers of the float network.
        precision: Types of all tensors.
        with_decoder: Whether a `classifier` network has the decoder, and with it the image.
        trains_rounded_logits: Whether training rounds the logits as the trained network does.
    """

    network: str
    layout: Layout
    precision: NetworkPrecision
    with_decoder: bool = True
    trains_rounded_logits: bool = True

    @property
    def layers(self) -> dict[str, int]:
        """Nodes of its dense layers, by name."""
        left_out = () if self.with_decoder else self.layout.decoder
        return {name: nodes for name, nodes in self.layout.layers(self.network).items() if name not in left_out}


def build(
    quantized: QuantizedNetwork,
    masks: Mapping[str, np.ndarray] | None = None,
    *,
    penalties: Mapping[str, float] | None = None,
    rounded_logits: bool = True,
) -> keras.Model:
    """Return an untrained quantized network with the layers of `architecture.build`.

    An additional layer `NAME_rounded` after each dense layer without ReLU rounds its output to a fixed-point type.

    Args:
        quantized: Its layers and types.
        masks: For each layer held sparse, 0 or 1 per weight.
        penalties: L1 penalty on the weights of each layer.
        rounded_logits: Whether the logits are rounded to their type.
    """
    layout, precision = quantized.layout, quantized.precision

    def chain(tensor: tf.Tensor, layers: dict[str, int], output: str | None = None) -> tf.Tensor:
        for name, nodes in layers.items():
            types = precision.layers[name]
            penalty = penalties.get(name) if penalties else None
            tensor = qkeras.QDense(
                nodes,
                name=name,
                kernel_quantizer=qkeras.quantized_bits(types.weight_bits, types.weight_integer_bits, alpha=1),
                bias_quantizer=qkeras.quantized_bits(types.bias_bits, types.bias_integer_bits, alpha=1),
                kernel_constraint=KeepZeros(masks[name]) if masks and name in masks else None,
                kernel_regularizer=L1Penalty(penalty) if penalty else None,
            )(tensor)
            is_output = output is not None and name == [*layers][-1]
            if is_output and output == CLASS and not rounded_logits:
                break
            if is_output or (name == LATENT and layout.hidden.latent_activation == "linear"):
                quantizer = qkeras.quantized_bits(types.activation_bits, types.activation_integer_bits, alpha=1)
                tensor = qkeras.QActivation(quantizer, name=f"{name}_rounded")(tensor)
            else:
                quantizer = qkeras.quantized_relu(types.activation_bits, types.activation_integer_bits)
                tensor = qkeras.QActivation(quantizer, name=f"{name}_relu")(tensor)
        return last_activation[output]()(tensor) if output else tensor

    last_activation = {
        IMAGE: lambda: qkeras.QActivation(
            qkeras.quantized_sigmoid(precision.image_bits, use_real_sigmoid=True), name=IMAGE
        ),
        CLASS: lambda: keras.layers.Activation("softmax", name=CLASS),
    }
    pixels = tensor = keras.Input((layout.pixels,), name="pixels")
    if precision.input_bits < layout.bits:
        tensor = LeadingBits(precision.input_bits, name="pixels_leading_bits")(pixels)
    latent = chain(tensor, layout.encoder)
    outputs = [chain(latent, layout.decoder, IMAGE)] if quantized.with_decoder else []
    if quantized.network == CLASSIFIER:
        outputs.append(chain(latent, layout.classifier, CLASS))
    return keras.Model(pixels, outputs, name=quantized.network)


def copy_weights(source: keras.Model, target: keras.Model, left_out: Collection[str] = ()) -> None:
    """Copy weights and biases between float and quantized networks, layer by layer.

    Args:
        source: Network with the weights.
        target: Network that gets them.
        left_out: Layers that the target need not have.

    Raises:
        PipelineError: Another layer of `source` has weights, and `target` has no such layer.
    """
    layers = architecture.dense_layers(target)
    for layer in source.layers:
        if layer.weights and layer.name not in layers and layer.name not in left_out:
            raise PipelineError(
                f"layer {layer.name} ({type(layer).__name__}) of network {source.name} has weights, but the quantized "
                "network has no such layer: add it to `build` in common/networks/quantization.py, or leave it out and "
                "train again"
            )
    for name, layer in layers.items():
        layer.set_weights(source.get_layer(name).get_weights())


def pruning_masks(model: keras.Model, layers: Collection[str]) -> dict[str, np.ndarray]:
    """Return a mask for each of `layers`: 0 for each zero weight, 1 for the others."""
    dense = architecture.dense_layers(model)
    return {name: (dense[name].kernel.numpy() != 0).astype(np.float32) for name in layers if name in dense}


def no_zeros(model: keras.Model) -> dict[str, np.ndarray]:
    """Return masks of ones for all dense layers."""
    return {name: np.ones(layer.kernel.shape, np.float32) for name, layer in architecture.dense_layers(model).items()}


def unmasked(masked: keras.Model, quantized: QuantizedNetwork, recipe: training.Recipe, images: int) -> keras.Model:
    """Return a copy of a trained network without masks and penalties, with its weights and optimizer state."""
    model = build(quantized)
    model.set_weights(masked.get_weights())
    training.compile_network(model, recipe, images)
    copy_optimizer_state(masked, model)
    return model


def count_revived(model: keras.Model, masks: dict[str, np.ndarray]) -> int:
    """Return the number of nonzero weights whose mask is 0."""
    weights = architecture.weights_of(model)
    return sum(int(np.count_nonzero(weights[name][0][mask == 0])) for name, mask in masks.items())


def post_training_outputs(model: keras.Model, types: FixedPoint, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Return the outputs of a float network after post-training quantization to one fixed-point type.

    All weights and layer outputs are rounded: the baseline for quantization-aware training. Sums are exact here;
    hls4ml's default also truncates products, which stage 05 shows.

    Args:
        model: A float network.
        types: Fixed-point type of all weights, biases and layer outputs.
        pixels: Intensities, float32 [N, pixels].

    Returns:
        `image` [N, pixels] and, of a classifier, `class` [N, classes] (probabilities).
    """
    tensors = {"pixels": types.cast(pixels)}
    dense = architecture.dense_layers(model)
    for layer in model.layers[1:]:
        tensor = tensors[layer.input.node.layer.name]
        if layer.name in dense:
            kernel, bias = (types.cast(weights) for weights in layer.get_weights())
            tensor = tensor @ kernel + bias
        elif layer.name == CLASS:
            tensors[CLASS] = np.asarray(keras.activations.softmax(tf.constant(tensor)))
            continue
        else:
            tensor = np.asarray(getattr(layer, "activation", layer)(tf.constant(tensor)))
        tensors[layer.name] = types.cast(tensor)
    return {name: tensors[name] for name in model.output_names}


def train(
    source: keras.Model,
    quantized: QuantizedNetwork,
    pruned_layers: Collection[str],
    train_samples: Samples,
    test_samples: Samples,
    recipe: training.Recipe,
    title: str,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train a quantized network from the weights of a float one, keeping the zeros of `pruned_layers`.

    Returns:
        The quantized network, compiled and with its optimizer state, and its learning curves.

    Raises:
        PipelineError: A pruned weight is no longer zero.
    """
    masks = pruning_masks(source, pruned_layers)
    masked = build(quantized, masks, rounded_logits=quantized.trains_rounded_logits)
    copy_weights(source, masked, left_out=quantized.layout.decoder)
    training.compile_network(masked, recipe, len(train_samples.labels))
    curves = training.train(masked, train_samples, test_samples, recipe, title)
    model = unmasked(masked, quantized, recipe, len(train_samples.labels))
    if count_revived(model, masks):
        raise PipelineError(f"{title}: {count_revived(model, masks)} pruned weights are no longer zero")
    return model, curves
