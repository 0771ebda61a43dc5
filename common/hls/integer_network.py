"""Converted networks in integers: the computation of the C++ for programs without hls4ml and `ap_fixed`.

A value v of a type with f fraction bits is the integer v x 2^f. `export` converts a model into a JSON dictionary,
`evaluate` runs it in NumPy, and `draw_digit.js` runs it in a browser:

    {"layers": [{"name", "kind": "input",  "type"},
                {"name", "kind": "dense",  "type", "input", "weights", "shift", "bias", "accumulator"},
                {"name", "kind": "cast",   "type", "input", "relu"},
                {"name", "kind": "lookup", "type", "input", "low", "table"},
                {"name", "kind": "distance", "type", "input", "to", "scales", "power"},
                {"name", "kind": "cells", "type", "input", "cell", "table"},
                {"name", "kind": "threshold", "type", "input", "threshold"}],
     "outputs": [names]}

A type is {"width", "fraction", "signed", "rounding", "overflow"}. Layers are in order of computation. A dense layer
sums weights[input][node] x value x 2^shift, adds the bias, and wraps to its accumulator. A lookup layer has a table
entry for each possible input value, starting with `low`. The others make the anomaly score: a distance layer sums
|value x scale - value of `to` x scale|^power over all pixels; a cells layer has a table entry for each cell, by the
bits of all coordinates as the type `cell` has them; a threshold layer is 1 for larger values.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from common.errors import PipelineError
from common.fixed_point import FixedPoint, fixed_point
from common.hls.hls4ml_project import look_up_sigmoid

if TYPE_CHECKING:
    from hls4ml.model.graph import ModelGraph
    from hls4ml.model.layers import Layer

LARGEST_TABLE_BITS = 16
EXACT_BITS = 53  # integers up to 2^53 are exact in float64, which JavaScript and `evaluate` use


def export(model: "ModelGraph") -> dict[str, Any]:
    """Return a converted fully connected model in integers.

    Raises:
        PipelineError: A layer cannot be computed in this form; the message names it.
    """
    layers: list[dict[str, Any]] = []
    types: dict[str, FixedPoint] = {}
    tensors: dict[str, str] = {}
    for layer in model.get_layers():
        variable = layer.get_output_variable()
        result = types[layer.name] = fixed_point(variable.type.precision)
        entry = {"name": layer.name, "kind": "input", "type": _type_entry(result)}
        if layer.class_name == "Distance":
            entry |= _distance(layer, *((tensors[name], types[tensors[name]]) for name in layer.inputs))
        elif layer.class_name != "Input":
            entry["input"] = tensors[layer.inputs[0]]
            entry |= _operation(layer, types[entry["input"]], result)
        tensors[layer.outputs[0]] = layer.name
        layers.append(entry)
    names = {layer.get_output_variable().name: layer.name for layer in model.get_layers()}
    return {"layers": layers, "outputs": [names[variable.name] for variable in model.get_output_variables()]}


def _type_entry(precision: FixedPoint) -> dict[str, Any]:
    return {
        "width": precision.width,
        "fraction": precision.fraction,
        "signed": precision.signed,
        "rounding": precision.rounding,
        "overflow": precision.overflow,
    }


def _operation(layer: "Layer", source: FixedPoint, result: FixedPoint) -> dict[str, Any]:
    activation = layer.get_attr("activation")
    if layer.class_name == "Dense":
        return _dense(layer, source)
    if layer.class_name == "Activation" and activation in ("relu", "linear"):
        return {"kind": "cast", "relu": activation == "relu"}
    if layer.class_name == "Activation" and activation == "sigmoid" and source.width <= LARGEST_TABLE_BITS:
        return {"kind": "lookup", **_sigmoid(layer, source, result)}
    if layer.class_name == "Cells":
        table = _integers(np.array(layer.get_attr("values")), result)
        return {"kind": "cells", "cell": _type_entry(layer.cell), "table": table.tolist()}
    if layer.class_name == "Threshold":
        return {"kind": "threshold", "threshold": int(layer.get_attr("threshold") / source.step)}
    raise PipelineError(
        f"layer {layer.name} ({layer.class_name}, activation {activation}) cannot be exported to integers"
    )


def _dense(layer: "Layer", source: FixedPoint) -> dict[str, Any]:
    accumulator, weight, bias = (fixed_point(layer.types[name].precision) for name in ("accum_t", "weight_t", "bias_t"))
    shift = accumulator.fraction - source.fraction - weight.fraction
    weights = _integers(weight.cast(layer.weights["weight"].data), weight)
    largest = np.abs(weights).sum(axis=0).max() * 2.0 ** (source.width + max(shift, 0))
    if shift < 0 or accumulator.overflow != "WRAP" or largest >= 2.0**EXACT_BITS:
        raise PipelineError(f"layer {layer.name} rounds or saturates its sums, and cannot be exported to integers")
    return {
        "kind": "dense",
        "weights": weights.tolist(),
        "shift": shift,
        "bias": _integers(accumulator.cast(bias.cast(layer.weights["bias"].data)), accumulator).tolist(),
        "accumulator": _type_entry(accumulator),
    }


def _sigmoid(layer: "Layer", source: FixedPoint, result: FixedPoint) -> dict[str, Any]:
    """Return the lookup table of hls4ml's sigmoid, with an entry for each input value."""
    values = np.arange(source.low, source.high + source.step, source.step)
    table = look_up_sigmoid(values, fixed_point(layer.get_attr("table_t").precision), layer.get_attr("table_size"))
    return {"low": int(source.low / source.step), "table": _integers(result.cast(table), result).tolist()}


def _distance(layer: "Layer", reconstructed: tuple[str, FixedPoint], pixels: tuple[str, FixedPoint]) -> dict[str, Any]:
    names, types = zip(reconstructed, pixels, strict=True)
    finest = max(each.fraction for each in types)
    return {
        "kind": "distance",
        "input": names[0],
        "to": names[1],
        "scales": [2 ** (finest - each.fraction) for each in types],
        "power": layer.get_attr("power"),
    }


def _integers(values: np.ndarray, precision: FixedPoint) -> np.ndarray:
    return np.rint(values / precision.step).astype(np.int64)


def evaluate(network: Mapping[str, Any], given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the layer outputs of an exported network.

    Args:
        network: Result of `export`.
        given: Outputs of one or more layers as integers, int [N, nodes], by name; usually of the input layer.

    Returns:
        The given values and those of all layers downstream, int64 [N, nodes], by name.
    """
    values = {name: np.asarray(array, dtype=np.int64) for name, array in given.items()}
    types = {layer["name"]: layer["type"] for layer in network["layers"]}
    for layer in network["layers"]:
        source = values.get(layer.get("input", ""))
        if source is None or layer["name"] in values or layer.get("to", layer["input"]) not in values:
            continue
        fraction = types[layer["input"]]["fraction"]
        if layer["kind"] == "dense":
            accumulator = layer["accumulator"]
            sums = source.astype(float) @ np.array(layer["weights"], dtype=float) * 2.0 ** layer["shift"]
            fraction = accumulator["fraction"]
            source = _cast(sums + np.array(layer["bias"]), fraction, accumulator)
        elif layer["kind"] == "lookup":
            values[layer["name"]] = np.array(layer["table"])[source - layer["low"]]
            continue
        elif layer["kind"] in _SCALARS:
            values[layer["name"]] = _SCALARS[layer["kind"]](layer, source, fraction, values)[:, None]
            continue
        elif layer["relu"]:
            source = np.maximum(source, 0)
        values[layer["name"]] = _cast(source, fraction, layer["type"])
    return values


def _summed_distance(
    layer: Mapping[str, Any], source: np.ndarray, _: int, values: Mapping[str, np.ndarray]
) -> np.ndarray:
    scale, other_scale = layer["scales"]
    return (np.abs(source * scale - values[layer["to"]] * other_scale) ** layer["power"]).sum(axis=1)


def _value_of_cell(layer: Mapping[str, Any], source: np.ndarray, fraction: int, _: object) -> np.ndarray:
    size = 2 ** layer["cell"]["width"]
    places = size ** np.arange(source.shape[1])[::-1]
    return np.array(layer["table"])[_cast(source, fraction, layer["cell"]) % size @ places]


def _exceeds(layer: Mapping[str, Any], source: np.ndarray, *_: object) -> np.ndarray:
    return (source[:, 0] > layer["threshold"]).astype(np.int64)


_SCALARS = {"distance": _summed_distance, "cells": _value_of_cell, "threshold": _exceeds}


def _cast(values: np.ndarray, fraction: int, target: Mapping[str, Any]) -> np.ndarray:
    """Return integers with `fraction` fraction bits converted to the type `target`."""
    precision = FixedPoint(
        target["width"],
        target["width"] - target["fraction"],
        target["signed"],
        target["rounding"],
        target["overflow"],
    )
    return _integers(precision.cast(values * 2.0**-fraction), precision)
