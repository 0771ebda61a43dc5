"""The layers of the anomaly score in hls4ml, which has none like them, by its extension API.

Each layer gives its own C++, which hls4ml writes into the design.
"""

from collections.abc import Sequence
from typing import Any

from hls4ml.converters.keras_v2_to_hls import (
    get_supported_keras_layers,
    parse_default_keras_layer,
    register_keras_v2_layer_handler,
)
from hls4ml.model.graph import ModelGraph
from hls4ml.model.layers import Layer, register_layer

from common.fixed_point import FixedPoint, fixed_point

_PARAMETERS = ("power", "cell", "values", "threshold")


class _ScalarLayer(Layer):
    """Layer of one output."""

    def initialize(self) -> None:
        """Add the output."""
        self.add_output_variable([1])

    def cpp(self) -> list[str]:
        """Return its C++, line by line."""
        raise NotImplementedError


class Distance(_ScalarLayer):
    """Sum over all pixels of |r - r^| to a power; r^ is the first input, r the second."""

    def cpp(self) -> list[str]:
        """Return its C++, line by line."""
        reconstructed, intensities = (self.get_input_variable(name) for name in self.inputs)
        result = self.get_output_variable()
        types = [fixed_point(each.type.precision) for each in (reconstructed, intensities)]
        integer, fraction = max(each.integer for each in types) + 2, max(each.fraction for each in types)
        return [
            f"{result.type.name} {self.name} = 0;",
            f"for (unsigned i = 0; i < {reconstructed.size()}; i++) {{",
            "    #pragma HLS UNROLL",
            f"    ap_fixed<{integer + fraction}, {integer}> difference = {intensities.name}[i];",
            f"    difference -= {reconstructed.name}[i];",
            "    if (difference < 0) difference = -difference;",
            f"    {self.name} += {' * '.join(['difference'] * self.get_attr('power'))};",
            "}",
            f"{result.name}[0] = {self.name};",
        ]


class Cells(_ScalarLayer):
    """Value of the cell of the latent space that a point falls into."""

    @property
    def cell(self) -> FixedPoint:
        """Type of a coordinate of a cell."""
        return FixedPoint(**self.get_attr("cell"), overflow="SAT")

    def cpp(self) -> list[str]:
        """Return its C++, line by line."""
        points, result, values = self.get_input_variable(), self.get_output_variable(), self.get_attr("values")
        width, sign = self.cell.width, "" if self.cell.signed else "u"
        return [
            f"static const {result.type.name} {self.name}[{len(values)}] = {{{', '.join(map(str, values))}}};",
            f"ap_uint<{points.size() * width}> cell = 0;",
            f"for (unsigned i = 0; i < {points.size()}; i++) {{",
            "    #pragma HLS UNROLL",
            f"    ap_{sign}fixed<{width}, {self.cell.integer}, AP_TRN, AP_SAT> coordinate = {points.name}[i];",
            f"    ap_uint<{width}> bits = coordinate.range();",
            f"    cell = (cell << {width}) | bits;",
            "}",
            f"{result.name}[0] = {self.name}[cell];",
        ]


class Threshold(_ScalarLayer):
    """1 where a score exceeds the threshold, else 0."""

    def cpp(self) -> list[str]:
        """Return its C++, line by line."""
        scores, result = self.get_input_variable(), self.get_output_variable()
        return [f"{result.name}[0] = {scores.name}[0] > {scores.type.name}({self.get_attr('threshold')});"]


LAYERS = (Distance, Cells, Threshold)


def register() -> None:
    """Make the layers known to hls4ml."""
    for layer in LAYERS:
        if layer.__name__ not in get_supported_keras_layers():
            register_layer(layer.__name__, layer)
            register_keras_v2_layer_handler(layer.__name__, _parse)


def _parse(
    keras_layer: dict[str, Any], input_names: list[str], input_shapes: Sequence[list[int]], _reader: object
) -> tuple[dict[str, Any], list[int]]:
    config = keras_layer["config"]
    parameters = {name: config[name] for name in _PARAMETERS if name in config}
    return parse_default_keras_layer(keras_layer, input_names) | parameters, [input_shapes[0][0], 1]


def set_cpp(model: ModelGraph) -> None:
    """Give the layers of a converted model their C++; a template of hls4ml would be part of every other model too."""
    for layer in model.get_layers():
        if isinstance(layer, LAYERS):
            layer.set_attr("function_cpp", layer.cpp())
