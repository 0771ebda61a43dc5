"""Allow-list for model files: parts of Keras, QKeras and this project that cannot contain code.

Keras imports the modules that a model file names, and calls the functions and classes named in them.
"""

import inspect
from collections.abc import Iterator

import qkeras

from common.networks.legacy_keras import keras

OWN_CLASSES = {"LeadingBits", "Soap"}
CODE = {"Lambda"}  # the only public layer that contains Python code
_MODULES = (
    keras.layers,
    keras.initializers,
    keras.regularizers,
    keras.constraints,
    keras.optimizers,
    keras.optimizers.schedules,
    keras.losses,
    keras.metrics,
)
_KERAS_CLASSES = [value for module in _MODULES for value in vars(module).values() if inspect.isclass(value)]
QKERAS_CLASSES = {
    name for name, value in vars(qkeras).items() if inspect.isclass(value) and value.__module__.startswith("qkeras.")
}
CLASSES = (
    {each.__name__ for each in _KERAS_CLASSES}
    | {keras.utils.get_registered_name(each) for each in _KERAS_CLASSES}
    | {"Functional", "Sequential"}
    | QKERAS_CLASSES
    | OWN_CLASSES
) - CODE
FUNCTIONS = {name for name, value in vars(keras.activations).items() if inspect.isfunction(value)}
FUNCTIONS -= {"deserialize", "get", "serialize"}
FUNCTIONS |= {"leaky_relu", "log_softmax", "relu6", "silu"}  # TensorFlow's, known to Keras by name
PACKAGES = {"keras", "tf_keras", "qkeras"}


def foreign_parts(described: object) -> set[str]:
    """Return the classes, functions and packages in a network's description that are not on the list, at any depth."""
    return set(_foreign_parts(described))


def _foreign_parts(described: object) -> Iterator[str]:
    if isinstance(described, dict):
        yield from (str(value) for key, value in described.items() if value is not None and not _is_known(key, value))
    if isinstance(described, dict | list):
        for each in described.values() if isinstance(described, dict) else described:
            yield from _foreign_parts(each)


def _is_known(key: str, value: object) -> bool:
    """Return whether a field names nothing, or a known part."""
    if key in ("class_name", "registered_name"):
        return value in CLASSES
    if key == "module":
        return str(value).partition(".")[0] in PACKAGES
    if key.endswith(("activation", "quantizer")) and isinstance(value, str):
        return value.partition("(")[0] in FUNCTIONS | QKERAS_CLASSES  # QKeras also writes calls: quantized_relu(4,0)
    return True
