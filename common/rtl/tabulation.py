"""Tables over the latent space: hardware looks up everything downstream of it.

Image and logits depend on two latent coordinates alone. At 4 bits each there are 256 latent points, and a table costs
at most four 6-input LUTs per output bit, whatever the precision of decoder and classifier.
"""

import numpy as np
from alkaid.trace import FVariable, FVArray
from hls4ml.model.graph import ModelGraph

from common.errors import PipelineError
from common.fixed_point import FixedPoint, fixed_point
from common.hls import integer_network
from common.hls.golden_outputs import LARGEST_WIDTH
from common.rtl.tracing import HARDWARE, Hls4mlTracer, TracedModel

PLANE = "latent_relu"
_INPUT, _LOOKUP = -1, 8  # operations of alkaid


def check(width: int) -> None:
    """Refuse latent coordinates that are too wide for a table.

    Raises:
        PipelineError: They are; the message gives the largest width.
    """
    if width > LARGEST_WIDTH:
        raise PipelineError(
            f"a latent space of {width} bits a coordinate has too many points for a table: run with "
            f"--no-tabulate-latent, or quantize with --precision.latent.activation-bits {LARGEST_WIDTH} or fewer"
        )


class TabulatingTracer(Hls4mlTracer):
    """Tracer that replays a model up to the latent space, and looks up every output downstream of it in a table."""

    def apply_model(self, verbose: bool, inputs: tuple[FVArray, ...]) -> tuple[dict[str, FVArray], list[str]]:
        """Return the symbolic outputs of the remaining layers, by name, and the names of the model's outputs.

        Raises:
            PipelineError: The model has no latent layer, or too many latent points for a table.
        """
        precision = plane_type(self.model)
        check(precision.width)
        traces = self._replay_layers(inputs, last=PLANE)
        outputs = self._output_layers()
        address, points = _address(traces[PLANE], precision)
        downstream = [name for name in outputs if name not in traces]
        for name, table in zip(downstream, _values_at(self.model, points, downstream), strict=True):
            looked_up = np.array([address.lookup(np.ascontiguousarray(column)) for column in table.T])
            traces[name] = FVArray(looked_up, traces[PLANE].solver_options, hwconf=HARDWARE)
        return traces, outputs


def plane_type(model: ModelGraph) -> FixedPoint:
    """Return the type of a latent coordinate.

    Raises:
        PipelineError: The model has no latent layer.
    """
    plane = {layer.name: layer for layer in model.get_layers()}.get(PLANE)
    if plane is None:
        raise PipelineError(f"a model without a layer {PLANE} cannot be tabulated; run with --no-tabulate-latent")
    return fixed_point(plane.get_output_variable().type.precision)


def _address(latent: FVArray, precision: FixedPoint) -> tuple[FVariable, np.ndarray]:
    """Return both coordinates concatenated (wires, no logic), and the latent point of each address, int [N, 2]."""
    first, second = np.ravel(latent)
    address = first * 2.0**precision.width + second
    low, high, spacing = address.qint
    addresses = low + np.arange(round((high - low) / spacing) + 1) * spacing
    return address, np.stack(np.divmod(np.rint(addresses / precision.step).astype(int), 2**precision.width), axis=1)


def entries(model: ModelGraph, traced: TracedModel) -> tuple[np.ndarray, np.ndarray]:
    """Return the table entries of a traced model, also at latent points that no image reaches.

    Returns:
        The address of each entry (both coordinates concatenated), int [entries], and the outputs of the traced logic,
        float64 [entries, outputs]; no entries if every output is constant.
    """
    logic, (pixels, outputs) = traced.logic, traced.logic.shape
    places = {operation.addr[0] for operation in logic.ops if operation.opcode == _LOOKUP}
    if not places:
        return np.zeros(0, int), np.zeros((0, outputs))
    (place,) = places  # all tables share one address, which becomes an input
    asked = logic.ops[place]._replace(addr=(), opcode=_INPUT, data=(pixels,))
    from_address = logic._replace(
        shape=(pixels + 1, outputs),
        inp_shifts=[*logic.inp_shifts, 0],
        ops=[*logic.ops[:place], asked, *logic.ops[place + 1 :]],
    )
    inputs = np.zeros((round((asked.qint.max - asked.qint.min) / asked.qint.step) + 1, pixels + 1))
    inputs[:, pixels] = asked.qint.min + np.arange(len(inputs)) * asked.qint.step
    # alkaid may have scaled the address, so addresses are computed from the coordinates.
    precision = plane_type(model)
    first, second = traced.layer_intervals(PLANE)
    spacing = min(first.step * 2.0**precision.width, second.step)
    addresses = first.min * 2.0**precision.width + second.min + np.arange(len(inputs)) * spacing
    return np.rint(addresses / precision.step).astype(int), from_address.predict(inputs)


def _values_at(model: ModelGraph, points: np.ndarray, layers: list[str]) -> list[np.ndarray]:
    """Return the outputs of downstream layers at latent points, from the integer network, [points, nodes] each."""
    if not layers:
        return []
    network = integer_network.export(model)
    values = integer_network.evaluate(network, {PLANE: points})
    fraction = {layer["name"]: layer["type"]["fraction"] for layer in network["layers"]}
    return [values[name] * 2.0 ** -fraction[name] for name in layers]
