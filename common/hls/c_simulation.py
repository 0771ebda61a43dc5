"""C simulation of an hls4ml project with g++, and its agreement with Keras by layer."""

import contextlib
import io
import shutil
from pathlib import Path

import numpy as np
from hls4ml.model.graph import ModelGraph

from common.errors import ToolError
from common.fixed_point import fixed_point
from common.networks import plausibility
from common.networks.legacy_keras import keras
from common.running.processes import check_may_execute


def c_simulate(model: ModelGraph, intensities: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Compile the project's C++ with g++ and run it.

    Args:
        model: A converted model.
        intensities: float32 [N, pixels].

    Returns:
        All outputs, concatenated, float32 [N, values], and each layer's output by name, float32 [N, nodes].

    Raises:
        ToolError: g++ is missing or failed, or the project's folder is mounted noexec.
    """
    if shutil.which("g++") is None:
        raise ToolError("g++ was not found; install it (Debian, Ubuntu: apt install g++)")
    check_may_execute(Path(model.config.get_output_dir()))
    log = io.StringIO()
    try:
        with contextlib.redirect_stdout(log):
            outputs, traces = model.trace(np.ascontiguousarray(intensities, dtype=np.float32))
    except Exception as error:
        if "Failed to compile" not in str(error):
            raise
        path = Path(model.config.get_output_dir()) / "g++.log"
        path.write_text(log.getvalue(), encoding="utf-8")
        raise ToolError(
            f"g++ failed to compile the generated C++; its log is {path}; it ends with: "
            f"{' '.join(log.getvalue().split())[-300:]}"
        ) from None
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return _side_by_side(outputs), {name: values.reshape(len(values), -1) for name, values in traces.items()}


def c_simulate_elsewhere(model: ModelGraph, intensities: np.ndarray, folder: Path) -> dict[str, np.ndarray]:
    """Compile and run a loaded model's C++ in `folder`; return each layer's output by name, float32 [N, nodes]."""
    model.config.config["OutputDir"] = str(folder)
    model.config.trace_output = True
    return c_simulate(model, intensities)[1]


def _side_by_side(outputs: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([values.reshape(len(values), -1) for values in outputs], axis=1)


def keras_outputs(model: keras.Model, intensities: np.ndarray) -> np.ndarray:
    """Return all outputs of a Keras cut, concatenated, float32 [N, values]."""
    outputs = model.predict(intensities, batch_size=4096, verbose=0)
    return _side_by_side(outputs if isinstance(outputs, list) else [outputs])


def keras_layer_outputs(model: keras.Model, names: list[str], intensities: np.ndarray) -> dict[str, np.ndarray]:
    """Return Keras's values for each hls4ml layer by name, float32 [N, nodes]."""
    layers = [layer.output for layer in _counterparts(model, names).values()]
    return dict(
        zip(names, keras.Model(model.input, layers).predict(intensities, batch_size=4096, verbose=0), strict=True)
    )


def _counterparts(model: keras.Model, names: list[str]) -> dict[str, keras.layers.Layer]:
    """Return the Keras layer with the values of each hls4ml layer: hls4ml merges quantizers into dense layers."""
    known = {layer.name for layer in model.layers}
    return {name: model.get_layer(f"{name}_rounded" if f"{name}_rounded" in known else name) for name in names}


FLOAT_TOLERANCE = 1 / 32  # a step of the input; floating and fixed point do not agree bit for bit


def agreement(expected: dict[str, np.ndarray], found: dict[str, np.ndarray], tolerance: float) -> dict[str, float]:
    """Return the fraction of values that differ by at most `tolerance`, by layer."""
    return {name: float(np.mean(np.abs(values - found[name]) <= tolerance)) for name, values in expected.items()}


def overflows(model: ModelGraph, expected: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Return a message for each layer whose type overflows on Keras's values."""
    types = {layer.name: layer.get_output_variable().type.precision for layer in model.get_layers()}
    found = {name: plausibility.overflow(values, fixed_point(types[name])) for name, values in expected.items()}
    return tuple(f"layer {name}: {words}" for name, words in found.items() if words)


def bit_differences(
    model: ModelGraph, expected: dict[str, np.ndarray], found: dict[str, np.ndarray]
) -> dict[str, list[float]]:
    """Return the fraction of values that differ in each bit of a layer's type, least significant bit first.

    Expected values are first converted to the layer's type in hardware.
    """
    differences = {}
    for name, values in expected.items():
        output = fixed_point(model.graph[name].get_output_variable().type.precision)
        codes = [np.rint(output.cast(each) / output.step).astype(np.int64) for each in (values, found[name])]
        changed = codes[0] ^ codes[1]
        differences[name] = [float(np.mean(changed >> bit & 1)) for bit in range(output.width)]
    return differences


def types_of(model: ModelGraph) -> dict[str, tuple[str, ...]]:
    """Return the C++ type of each unit, by layer name."""
    variables = {layer.name: layer.get_output_variable() for layer in model.get_layers()}
    return {name: (str(variable.type.precision),) * variable.size() for name, variable in variables.items()}


def keras_types_of(model: keras.Model, names: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the Keras type of each unit of each hls4ml layer: its QKeras quantizer, or float32."""
    types = {}
    for name, layer in _counterparts(model, names).items():
        quantizer = getattr(layer, "quantizer", None)
        types[name] = (str(quantizer) if quantizer else "float32",) * int(layer.output.shape[-1])
    return types
