"""Tables over the latent space: hardware looks up everything downstream of it.

Image and logits depend on the latent coordinates alone. With two of 4 bits there are 256 latent points, and a table
costs at most four 6-input LUTs per output bit, whatever the precision of decoder and classifier. An anomaly score that
also depends on the pixels is computed from the image, which is looked up.
"""

import numpy as np
from alkaid.trace import FVariable, FVArray
from hls4ml.model.graph import ModelGraph

from common.hls import integer_network, latent_space
from common.hls.latent_space import LatentSpace
from common.rtl import score_logic
from common.rtl.tracing import HARDWARE, Hls4mlTracer, TracedModel

_INPUT, _LOOKUP = -1, 8  # operations of alkaid


class TabulatingTracer(Hls4mlTracer):
    """Tracer that looks up in a table what the latent point alone determines, and replays all other layers."""

    def apply_model(self, verbose: bool, inputs: tuple[FVArray, ...]) -> tuple[dict[str, FVArray], list[str]]:
        """Return the symbolic outputs of the remaining layers, by name, and the names of the model's outputs.

        Raises:
            PipelineError: The model has no latent layer, or too many latent points for a table.
        """
        space = latent_space.latent_space(self.model)
        latent_space.check(space.type.width, space.dimensions)
        alone, joint = latent_space.downstream(self.model)
        traces = self._replay_layers(inputs, left_out=(*alone, *joint))
        outputs = self._output_layers()
        read = {self.model.graph[name].name for layer in joint for name in self.model.graph[layer].inputs}
        needed = [name for name in alone if name in (*outputs, *read)]
        address, points = _address(traces[space.layer], space)
        for name, table in zip(needed, _values_at(self.model, space.layer, points, needed), strict=True):
            looked_up = np.array([address.lookup(np.ascontiguousarray(column)) for column in table.T])
            traces[name] = FVArray(looked_up, traces[space.layer].solver_options, hwconf=HARDWARE)
        if joint:
            traces = self._replay_layers(inputs, left_out=set(alone) - set(needed), known=traces)
        return traces, outputs


def _address(latent: FVArray, space: LatentSpace) -> tuple[FVariable, np.ndarray]:
    """Return all coordinates side by side, and the latent point of each address, int [N, dimensions]."""
    address = score_logic.concatenated(latent, space.type)
    low, high, spacing = address.qint
    addresses = low + np.arange(round((high - low) / spacing) + 1) * spacing
    return address, space.codes(np.rint(addresses / space.type.step).astype(int))


def entries(model: ModelGraph, traced: TracedModel) -> tuple[np.ndarray, np.ndarray]:
    """Return the table entries of a traced model, also at latent points that no image reaches.

    Outputs that depend on the pixels too are those of a blank image.

    Returns:
        The address of each entry in the `LatentSpace`, int [entries], and the outputs of the traced logic,
        float64 [entries, outputs]; no entries if every output is constant.
    """
    logic, (pixels, outputs) = traced.logic, traced.logic.shape
    _, joint = latent_space.downstream(model)  # these may have tables of their own
    layers = (*traced.layers, "")
    places = {
        operation.addr[0]
        for operation, layer in zip(logic.ops, traced.layer_of_operation, strict=True)
        if operation.opcode == _LOOKUP and layers[layer] not in joint
    }
    if not places:
        return np.zeros(0, int), np.zeros((0, outputs))
    (place,) = places  # all tables over the latent space share one address, which becomes an input
    asked = logic.ops[place]._replace(addr=(), opcode=_INPUT, data=(pixels,))
    from_address = logic._replace(
        shape=(pixels + 1, outputs),
        inp_shifts=[*logic.inp_shifts, 0],
        ops=[*logic.ops[:place], asked, *logic.ops[place + 1 :]],
    )
    inputs = np.zeros((round((asked.qint.max - asked.qint.min) / asked.qint.step) + 1, pixels + 1))
    inputs[:, pixels] = asked.qint.min + np.arange(len(inputs)) * asked.qint.step
    # alkaid may have scaled the address, so addresses are computed from the coordinates.
    space = latent_space.latent_space(model)
    intervals = traced.layer_intervals(space.layer)
    spacing = min(each.step * place for each, place in zip(intervals, space.places, strict=True))
    start = sum(max(each.min, 0.0) * place for each, place in zip(intervals, space.places, strict=True))
    addresses = start + np.arange(len(inputs)) * spacing
    return np.rint(addresses / space.type.step).astype(int), from_address.predict(inputs)


def _values_at(model: ModelGraph, latent: str, points: np.ndarray, layers: list[str]) -> list[np.ndarray]:
    """Return the outputs of downstream layers at latent points, from the integer network, [points, nodes] each."""
    if not layers:
        return []
    network = integer_network.export(model)
    values = integer_network.evaluate(network, {latent: points})
    fraction = {layer["name"]: layer["type"]["fraction"] for layer in network["layers"]}
    return [values[name] * 2.0 ** -fraction[name] for name in layers]
