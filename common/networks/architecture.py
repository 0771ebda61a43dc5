"""The two networks (paper, figures 3 to 5): the autoencoder alone, and with a classifier on its latent space."""

import io
import json
from pathlib import Path

import h5py
import numpy as np

from common.errors import PipelineError
from common.networks.layout import CLASS, CLASSIFIER, IMAGE, LATENT, LATENT_LAYERS, Layout
from common.networks.legacy_keras import keras, tf
from common.networks.soap import Soap
from common.stages.artifacts import UNREADABLE

FUNCTIONS = {IMAGE: "sigmoid", CLASS: "softmax"}
SOAP_TRAINING = "soap_training_config"
KERAS_2_FIELDS = {"fn", "is_legacy_optimizer", "jit_compile", "reduction"}


class LeadingBits(keras.layers.Layer):
    """Keep the leading `bits` of each pixel: in hardware, the other wires are unconnected."""

    def __init__(self, bits: int, **keywords: object) -> None:
        super().__init__(**keywords)
        self.bits = bits

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Round intensities down to a multiple of 2^-bits."""
        return tf.floor(inputs * 2.0**self.bits) / 2.0**self.bits

    def get_config(self) -> dict[str, object]:
        """Return the configuration to rebuild the layer."""
        return {**super().get_config(), "bits": self.bits}


def build(network: str, layout: Layout, initial_weights: str = "glorot_uniform") -> keras.Model:
    """Return an untrained float network: intensities in; `image` and, for `classifier`, `class` out.

    Each dense layer is followed by an activation layer `NAME_relu`, the output layers by a sigmoid `image` and a
    softmax `class`, a linear latent layer by none. Initial weights are uniform up to sqrt(6 / (inputs + nodes)), for
    `he_uniform` up to sqrt(6 / inputs); biases are 0.

    Args:
        network: `autoencoder` or `classifier`.
        layout: Its layers.
        initial_weights: Keras's name of the initializer.
    """

    def chain(tensor: tf.Tensor, layers: dict[str, int], output: str | None = None) -> tf.Tensor:
        for name, nodes in layers.items():
            tensor = keras.layers.Dense(nodes, name=name, kernel_initializer=initial_weights)(tensor)
            if name == LATENT and layout.hidden.latent_activation == "linear":
                continue
            is_output = output is not None and name == [*layers][-1]
            function, title = (FUNCTIONS[output], output) if is_output else ("relu", f"{name}_relu")
            tensor = keras.layers.Activation(function, name=title)(tensor)
        return tensor

    pixels = keras.Input((layout.pixels,), name="pixels")
    latent = chain(pixels, layout.encoder)
    outputs = [chain(latent, layout.decoder, IMAGE)]
    if network == CLASSIFIER:
        outputs.append(chain(latent, layout.classifier, CLASS))
    return keras.Model(pixels, outputs, name=network)


def cut(model: keras.Model, name: str) -> keras.Model:
    """Return the part of a `classifier` network that becomes hardware, sharing its weights.

    `encoder` ends at the latent space, `encoder_classifier` at the logits, `full` at image and logits. The hardware has
    no softmax: the largest logit is the largest probability.

    Raises:
        PipelineError: The network has no such part.
    """
    logits = layer_of(model, CLASS).input
    outputs = {
        "encoder": lambda: [latent_layer(model).output],
        "encoder_classifier": lambda: [logits],
        "full": lambda: [layer_of(model, IMAGE).output, logits],
    }
    return keras.Model(model.input, outputs[name](), name=name)


def latent_layer(model: keras.Model) -> keras.layers.Layer:
    """Return the layer whose output is the latent point.

    Raises:
        PipelineError: The network has none.
    """
    names = {layer.name for layer in model.layers}
    return layer_of(model, next((name for name in LATENT_LAYERS if name in names), LATENT))


def layer_of(model: keras.Model, name: str) -> keras.layers.Layer:
    """Return the layer of this name.

    Raises:
        PipelineError: The network has no such layer.
    """
    for layer in model.layers:
        if layer.name == name:
            return layer
    names = ", ".join(layer.name for layer in model.layers)
    raise PipelineError(f"network {model.name} has no layer {name}, which later stages need; it has {names}")


def downstream_of_latent(model: keras.Model) -> tuple[keras.Model, keras.Model | None]:
    """Return the part of a cut from the latent space to the outputs, sharing its layers and weights.

    Where outputs depend on the pixels too, as the distance of image and pixels does, this part ends at the image; a
    second part leads from pixels and image to the outputs. Keras adds a second call to each of these layers, which
    makes their `output` ambiguous.
    """
    latent = latent_layer(model).output
    joint = next((layer for layer in model.layers if isinstance(layer.input, list)), None)
    if joint is None:
        return keras.Model(latent, model.outputs), None
    image, pixels = joint.input
    return keras.Model(latent, image), keras.Model([pixels, image], model.outputs)


def latent_points(model: keras.Model, intensities: np.ndarray) -> np.ndarray:
    """Return the latent point, float32 [N, dimensions], of each image, float32 [N, pixels]."""
    return predict(keras.Model(model.input, latent_layer(model).output), intensities)


def predict(model: keras.Model, intensities: np.ndarray) -> np.ndarray | list[np.ndarray]:
    """Return a model's outputs for all images, computed in one batch: several times as fast as `Model.predict`."""
    return model.predict_on_batch(intensities)


def dense_layers(model: keras.Model) -> dict[str, keras.layers.Dense]:
    """Return the dense (or QDense) layers of a network by name, in order."""
    return {layer.name: layer for layer in model.layers if hasattr(getattr(layer, "layer", layer), "kernel")}


def weights_of(model: keras.Model) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return kernel [inputs, nodes] and bias [nodes] of each dense layer, quantized for QKeras layers."""
    weights = {}
    for name, layer in dense_layers(model).items():
        quantizers = layer.get_quantizers() if hasattr(layer, "get_quantizers") else (None, None)
        weights[name] = tuple(
            variable.numpy() if quantizer is None else np.asarray(quantizer(variable))
            for variable, quantizer in zip((layer.kernel, layer.bias), quantizers, strict=True)
        )
    return weights


def copy_optimizer_state(source: keras.Model, target: keras.Model) -> None:
    """Copy the optimizer's state between networks with the same trainable weights in the same order."""
    for from_variable, to_variable in zip(source.optimizer.variables, target.optimizer.variables, strict=True):
        to_variable.assign(from_variable)


def load(path: Path) -> keras.Model:
    """Load a network with its training configuration and optimizer state.

    Only names from Keras, QKeras and this project are accepted, so that a file can neither contain code (lambda layers)
    nor make Keras import and call anything else.

    Raises:
        PipelineError: The file is not a Keras model in HDF5, or names anything else.
    """
    from qkeras.utils import load_qmodel

    from common.networks.known_parts import foreign_parts

    try:
        content = io.BytesIO(path.read_bytes())
        with h5py.File(content, "r+") as file:
            if SOAP_TRAINING in file.attrs:
                file.attrs["training_config"] = file.attrs[SOAP_TRAINING]
            described = [json.loads(file.attrs["model_config"]), json.loads(file.attrs.get("training_config", "{}"))]
            if foreign := sorted(foreign_parts(described)):
                raise PipelineError(
                    f"{path} has parts that neither Keras, QKeras nor this project has, or that hold code: "
                    f"{', '.join(foreign)}"
                )
            return load_qmodel(file, custom_objects={"LeadingBits": LeadingBits, "Soap": Soap})
    except UNREADABLE as error:
        raise PipelineError(f"{path} is not a Keras model in HDF5 ({str(error).splitlines()[0]})") from None


def save(model: keras.Model, path: Path) -> None:
    """Save architecture, weights, training configuration and optimizer state as HDF5 (paper, section 4.1).

    A plain `load_model` loads the file (docs/models.md). Fields of the training configuration that Keras 3 refuses are
    left out; they are defaults of Keras 2. SOAP, which Keras lacks, is stored under a key that only `load` reads: other
    programs see an uncompiled network.

    The file is written in memory first, because the HDF5 library crashes on a full disk.
    """
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        model.save(file, save_format="h5")
        if "training_config" in file.attrs:
            training = json.loads(file.attrs.pop("training_config"))
            for part in ("loss", "optimizer_config"):
                training[part] = _without(KERAS_2_FIELDS, training[part])
            name = SOAP_TRAINING if isinstance(model.optimizer, Soap) else "training_config"
            file.attrs[name] = json.dumps(training)
    path.write_bytes(content.getvalue())


def _without(names: set[str], described: object) -> object:
    """Return a description without the fields of these names, at any depth."""
    if isinstance(described, dict):
        return {name: _without(names, value) for name, value in described.items() if name not in names}
    return [_without(names, value) for value in described] if isinstance(described, list) else described
