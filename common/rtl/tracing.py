"""Tracing of a converted hls4ml model to logic for RTL, with alkaid (distributed arithmetic, no multipliers).

The hls4ml `ModelGraph` is replayed on alkaid's symbolic arrays. Types, weights, tables and rounding come from the
graph, so the traced logic computes what hls4ml's C++ computes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from alkaid.converter.plugin import ALIRTracerPluginBase
from alkaid.trace import FVariable, FVArray, HWConfig, trace
from alkaid.trace.passes import dead_code_elimin
from alkaid.types import CombLogic, QInterval
from hls4ml.model.graph import ModelGraph
from hls4ml.model.layers import Layer

from common.errors import PipelineError
from common.fixed_point import FixedPoint, fixed_point
from common.hls.hls4ml_project import look_up_sigmoid
from common.rtl import score_logic, shared_sums

HARDWARE = HWConfig(adder_size=1, carry_size=1, latency_cutoff=-1)
Aim = Literal["area", "delay"]
# alkaid's solver: extra adder depth allowed in products; -1 is no limit.
SOLVERS: dict[Aim, dict[str, int]] = {"area": {"hard_dc": -1}, "delay": {"hard_dc": 0}}


def cast(values: FVArray, precision: FixedPoint) -> FVArray:
    """Return symbolic values as `precision` represents them.

    Constants are folded here: alkaid 0.8.2 rounds a constant with `RND_CONV` wrongly (0.984375 to four fractional
    bits becomes 0), and a neuron whose weights are all pruned has a constant output.
    """
    sign, integer = int(precision.signed), precision.integer - int(precision.signed)

    def cast_one(value: FVariable) -> FVariable:
        if value.low == value.high:
            return FVariable.from_const(float(precision.cast(value.low)), hwconf=value.hwconf)
        if not precision.signed and precision.overflow == "SAT":
            return _saturated(value, precision)
        return value.quantize(sign, integer, precision.fraction, precision.overflow, precision.rounding)

    array = [cast_one(value) for value in np.asarray(values).ravel()]
    return FVArray(np.array(array).reshape(values.shape), values.solver_options, hwconf=values.hwconf)


def _saturated(value: FVariable, precision: FixedPoint) -> FVariable:
    """Return a value saturated to an unsigned type; negative values become zero, as after a ReLU.

    alkaid compares with both limits, at one adder each. Here bits decide: the sign bit, and any bit above the type's
    highest. Rounding comes first, so that its constant merges with the bias.
    """
    integer, fraction = precision.integer, precision.fraction
    rounded = value.kif[2] > fraction and precision.rounding != "TRN"
    half = 2.0 ** (-fraction - 1)
    spacing = min(_spacing(value), 2 * half)
    above_multiple = value.low % spacing
    ties = rounded and precision.rounding == "RND_CONV" and (above_multiple - half) % spacing == 0
    shifted = value + half if rounded else value
    if rounded and not ties:  # finer bits than the spacing are constant, and decide nothing
        shifted = value + ((above_multiple + half) // spacing * spacing - above_multiple)
    within = shifted.quantize(0, integer, fraction)
    if ties:  # at a tie, the lowest bit of the sum is cleared
        lowest = within.quantize(0, 1 - fraction, fraction)
        below = shifted.quantize(0, -fraction, shifted.kif[2])
        within = within.quantize(0, integer, fraction - 1) + (lowest & below.unary_bit_op("any") * 2.0**-fraction)
    if shifted.high >= 2.0**integer:
        above = shifted.quantize(0, shifted.kif[1], -integer)
        within = above.unary_bit_op("any").msb_mux(2.0**integer - 2.0**-fraction, within)
    return shifted.msb_mux(0.0, within) if shifted.low < 0 else within


def _spacing(value: FVariable) -> float:
    """Return the distance between the values of a variable; its step may be finer, if a constant was added."""
    if value.opr != "cadd":
        return value.step
    (summand,) = value._from
    return summand.step * abs(value._factor / summand._factor)


class Hls4mlTracer(ALIRTracerPluginBase):
    """Tracer of fully connected hls4ml models with one input: dense layers, ReLU, sigmoid, linear casts, a score."""

    model: ModelGraph

    def get_input_shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of the model's inputs."""
        return [tuple(variable.shape) for variable in self.model.get_input_variables()]

    def apply_model(self, verbose: bool, inputs: tuple[FVArray, ...]) -> tuple[dict[str, FVArray], list[str]]:
        """Return the symbolic output of each layer by the layer's name, and the names of the model's outputs.

        Raises:
            PipelineError: A layer or its type is not supported; the message names it.
        """
        return self._replay_layers(inputs), self._output_layers()

    def _replay_layers(
        self, inputs: tuple[FVArray, ...], left_out: Collection[str] = (), known: Mapping[str, FVArray] | None = None
    ) -> dict[str, FVArray]:
        """Return the symbolic output of each layer by its name, without those left out, from outputs that are known."""
        known = known or {}
        given = dict(zip((variable.name for variable in self.model.get_input_variables()), inputs, strict=True))
        tensors: dict[str, FVArray] = {}
        traces: dict[str, FVArray] = {}
        for layer in self.model.get_layers():
            output = layer.get_output_variable()
            result = fixed_point(output.type.precision)
            if layer.name in left_out:
                continue
            if layer.class_name == "Input":
                value = given[output.name]
            elif layer.name in known:
                value = known[layer.name]
            else:
                value = self._replay(layer, [tensors[name] for name in layer.inputs], result)
            traces[layer.name] = tensors[layer.outputs[0]] = cast(value, result)
        return traces

    def _output_layers(self) -> list[str]:
        names = {
            variable.name: layer.name for layer in self.model.get_layers() for variable in [layer.get_output_variable()]
        }
        return [names[variable.name] for variable in self.model.get_output_variables()]

    def _replay(self, layer: Layer, values: Sequence[FVArray], result: FixedPoint) -> FVArray:
        value = values[0]
        activation = layer.get_attr("activation")
        if layer.class_name == "Dense":
            return _dense(layer, value)
        if layer.class_name == "Activation" and activation == "relu":
            saturates = not result.signed and result.overflow == "SAT"
            return value if saturates else value.relu()
        if layer.class_name == "Activation" and activation == "linear":
            return value
        if layer.class_name == "Activation" and activation == "sigmoid":
            return _sigmoid(layer, value, result)
        if layer.class_name in ("Distance", "Cells", "Threshold"):
            return _score(layer, values)
        raise PipelineError(f"layer {layer.name} ({layer.class_name}, activation {activation}) cannot be traced to RTL")


def _dense(layer: Layer, value: FVArray) -> FVArray:
    """Multiply and accumulate as hls4ml's `dense_latency` does: products and sums have the accumulator's type."""
    accumulator = fixed_point(layer.types["accum_t"].precision)
    kernel = fixed_point(layer.types["weight_t"].precision).cast(layer.weights["weight"].data)
    bias = fixed_point(layer.types["bias_t"].precision).cast(layer.weights["bias"].data)
    weight_fraction = _fraction_bits(kernel)
    value_fraction = max(int(fraction) for fraction in np.ravel(value.kif[2]))
    if weight_fraction + value_fraction <= accumulator.fraction and accumulator.overflow == "WRAP":
        return cast(value @ kernel + accumulator.cast(bias), accumulator)
    products = cast(value[:, None] * kernel, accumulator)
    total = FVArray(np.array(accumulator.cast(bias), dtype=object), value.solver_options, hwconf=value.hwconf)
    for product in products:
        total = cast(total + product, accumulator)
    return total


def _fraction_bits(values: np.ndarray) -> int:
    """Return the fraction bits that the values need [bit]."""
    fraction = 0
    while np.any(values * 2.0**fraction % 1):
        fraction += 1
    return fraction


def _sigmoid(layer: Layer, value: FVArray, result: FixedPoint) -> FVArray:
    """Return the sigmoid from hls4ml's table."""
    entries, size = fixed_point(layer.get_attr("table_t").precision), layer.get_attr("table_size")

    def look_up(x: np.ndarray) -> np.ndarray:
        return result.cast(look_up_sigmoid(x, entries, size))

    sign, integer = int(result.signed), result.integer - int(result.signed)
    return value.apply(look_up).quantize(sign, integer, result.fraction)


def _score(layer: Layer, values: Sequence[FVArray]) -> FVArray:
    """Return the output of a layer of the anomaly score."""
    if layer.class_name == "Distance":
        return score_logic.distance(*values, layer.get_attr("power"))
    if layer.class_name == "Cells":
        return score_logic.value_of_cell(cast(values[0], layer.cell), layer.cell, np.array(layer.get_attr("values")))
    return score_logic.exceeds(values[0], layer.get_attr("threshold"))


@dataclass(frozen=True)
class TracedModel:
    """Traced logic of a model: combinational, with the layer of each operation.

    Attributes:
        logic: From all inputs to all outputs, concatenated in the model's order.
        layers: Names of the layers, in order.
        layer_of_operation: Index in `layers` of the layer of each operation of `logic`.
        all_layers: From all inputs to the outputs of every layer, concatenated.
        sizes: Number of units of each layer.
    """

    logic: CombLogic
    layers: tuple[str, ...]
    layer_of_operation: tuple[int, ...]
    all_layers: CombLogic
    sizes: tuple[int, ...]

    def luts_by_layer(self) -> dict[str, float]:
        """Return alkaid's LUT estimate of each layer, without layers of 0 LUTs."""
        sums = np.zeros(len(self.layers))
        for operation, layer in zip(self.logic.ops, self.layer_of_operation, strict=True):
            sums[layer] += operation.cost
        return {name: float(luts) for name, luts in zip(self.layers, sums, strict=True) if luts}

    def layer_values(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Return the outputs of each layer for images, float64 [N, units], by name; `pixels` are [N, inputs]."""
        return self._by_layer(self.all_layers.predict(pixels))

    def layer_types(self) -> dict[str, tuple[str, ...]]:
        """Return the type of each unit of each layer, no wider than its range needs."""
        types = np.array([word_type(interval.kif).layout for interval in self.all_layers.out_qint])
        return {name: tuple(words[0].tolist()) for name, words in self._by_layer(types[None]).items()}

    def layer_intervals(self, layer: str) -> list[QInterval]:
        """Return minimum, maximum and step of each unit of a layer."""
        start = sum(self.sizes[: self.layers.index(layer)])
        return self.all_layers.out_qint[start : start + self.sizes[self.layers.index(layer)]]

    def _by_layer(self, values: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(self.layers, np.split(values, np.cumsum(self.sizes)[:-1], axis=1), strict=True))


def word_type(kif: tuple[bool, int, int]) -> FixedPoint:
    """Return alkaid's format (sign bits, integer bits without the sign, fraction bits) as a type."""
    signed, integer, fraction = (int(bits) for bits in kif)
    return FixedPoint(signed + integer + fraction, signed + integer, bool(signed))


def trace_model(
    model: ModelGraph,
    tracer: type[Hls4mlTracer] = Hls4mlTracer,
    further_outputs: Sequence[str] = (),
    aim: Aim = "area",
) -> TracedModel:
    """Return the traced logic of a converted model; all layers are traced, to find the layer of each operation.

    Args:
        model: As hls4ml converts it.
        tracer: How layers become logic; `tabulation.TabulatingTracer` uses tables downstream of the latent space.
        further_outputs: Layers that are outputs too, after the model's.
        aim: `area`: fewest LUTs, with ternary adders, which a Xilinx slice builds as cheaply as binary ones; `delay`:
            fewest adders in series, of two terms each.

    Raises:
        PipelineError: A layer cannot be traced; the message names it.
    """
    inputs = _symbolic_inputs(model, SOLVERS[aim])
    traces, output_layers = tracer(model, HARDWARE, SOLVERS[aim]).apply_model(verbose=False, inputs=inputs)
    layers = tuple(traces)
    flat = {name: np.asarray(values).ravel() for name, values in traces.items()}
    every = trace(
        np.concatenate([np.ravel(values) for values in inputs]),
        np.concatenate(list(flat.values())),
        keep_dead_inputs=True,
    )
    ends = np.cumsum([0, *(len(values) for values in flat.values())])
    outputs = {name: range(ends[index], ends[index + 1]) for index, name in enumerate(layers)}
    tags = [len(layers)] * len(every.ops)
    for number, name in reversed(list(enumerate(layers))):
        for operation in _needed_by(every, [every.out_idxs[output] for output in outputs[name]]):
            tags[operation] = number
    kept = [output for name in (*output_layers, *further_outputs) for output in outputs[name]]
    sizes = tuple(len(values) for values in flat.values())
    logic, tagged = (_with_outputs(comb, kept) for comb in (every, with_costs(every, tags)))
    if aim == "area":
        tagged = shared_sums.rebuild(tagged)
        logic = shared_sums.with_estimates(tagged)
    return TracedModel(logic, layers, tuple(int(operation.cost) for operation in tagged.ops), every, sizes)


def _needed_by(logic: CombLogic, operations: list[int]) -> set[int]:
    """Return the given operations and all their dependencies."""
    needed, waiting = set(), [operation for operation in operations if operation >= 0]
    while waiting:
        operation = waiting.pop()
        if operation not in needed:
            needed.add(operation)
            waiting.extend(logic.ops[operation].input_ids)
    return needed


def with_costs(logic: CombLogic, costs: Sequence[float]) -> CombLogic:
    """Return the logic with other costs: numbers that only reports use, and that passes carry along."""
    operations = [operation._replace(cost=float(cost)) for operation, cost in zip(logic.ops, costs, strict=True)]
    return logic._replace(ops=operations)


def _with_outputs(logic: CombLogic, outputs: list[int]) -> CombLogic:
    """Return the logic with some of its outputs, and without operations that they do not need."""
    selected = logic._replace(
        shape=(logic.shape[0], len(outputs)),
        out_idxs=[logic.out_idxs[output] for output in outputs],
        out_shifts=[logic.out_shifts[output] for output in outputs],
        out_negs=[logic.out_negs[output] for output in outputs],
    )
    return dead_code_elimin(selected, keep_dead_inputs=True)


def _symbolic_inputs(model: ModelGraph, solver: dict[str, int]) -> tuple[FVArray, ...]:
    inputs = []
    for variable in model.get_input_variables():
        precision = fixed_point(variable.type.precision)
        kif = (int(precision.signed), precision.integer - int(precision.signed), precision.fraction)
        shape = tuple(variable.shape)
        arrays = (np.full(shape, value) for value in kif)
        inputs.append(FVArray.from_kif(*arrays, HARDWARE, 0.0, solver))
    return tuple(inputs)
