"""Bit-exact simulation of RTL and netlists, vectorized over time.

A pipeline without feedback needs no loop over clock cycles. Each net is a bit vector over time, 64 cycles per machine
word, and each cell is evaluated once.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from common.errors import PipelineError
from common.rtl.ports import Bits
from common.verification.netlists import Netlist

_Vector = NDArray[np.uint64]  # net over time, the earliest cycle in the lowest bit


def simulate(netlist: Netlist, inputs: Mapping[str, Bits]) -> dict[str, Bits]:
    """Return the outputs of a netlist, simulated for one clock cycle per input row.

    Registers change at the end of a cycle, so a pipeline of latency L gives the result of input row i in output row
    i + L. Append L rows to the inputs to get the last results.

    Args:
        netlist: From `load_netlist`.
        inputs: Bits of every input port except the clock, of shape [cycles, width].

    Returns:
        Bits of every output port, of shape [cycles, width], and of the driven bits of every probe.

    Raises:
        PipelineError: The ports, their widths or their numbers of cycles do not fit the netlist or each other.
    """
    given = {name: bits.shape[1:] for name, bits in inputs.items()}
    expected = {name: (len(nets),) for name, nets in netlist.inputs.items()}
    cycles = {len(bits) for bits in inputs.values()}
    if given != expected or len(cycles) != 1:
        raise PipelineError(f"inputs of {given} and {sorted(cycles)} cycles were given to a netlist of {expected}")
    (cycles,) = cycles

    zeros = np.zeros(-(-cycles // 64), np.uint64)
    values = {0: zeros, 1: ~zeros}
    for name, nets in netlist.inputs.items():
        values.update(zip(nets, _pack(inputs[name]), strict=True))
    for output, nets, table, initial in netlist.nodes:
        vector = _look_up(table, [values[net] for net in nets], values)
        values[output] = vector if initial is None else _delayed(vector, initial)
    shown = {name: tuple(bits.values()) for name, bits in netlist.probes.items()} | netlist.outputs
    return {name: _unpack([values[net] for net in nets], cycles) for name, nets in shown.items()}


def _look_up(table: int, inputs: Sequence[_Vector], constants: Mapping[int, _Vector]) -> _Vector:
    """Return a truth table evaluated on vectors, by Shannon expansion along the last input."""
    if not inputs:
        return constants[table]
    *others, select = inputs
    ones = (1 << (1 << len(others))) - 1
    low, high = table & ones, table >> (1 << len(others))
    if low == 0 and high == ones:
        vector = select
    elif low == 0:
        vector = select & _look_up(high, others, constants)
    elif high == ones:
        vector = select | _look_up(low, others, constants)
    else:
        vector = _look_up(low, others, constants)
        if low ^ high == ones:
            vector = vector ^ select
        elif low != high:
            vector = vector ^ (select & (vector ^ _look_up(high, others, constants)))
    return vector


def _delayed(vector: _Vector, initial: int) -> _Vector:
    """Return a vector one clock cycle later: all bits shifted up by one, across words."""
    later = vector << np.uint64(1)
    later[1:] |= vector[:-1] >> np.uint64(63)
    later[:1] |= np.uint64(initial)
    return later


def _pack(bits: Bits) -> _Vector:
    """Return [cycles, width] packed to [width, words], 64 cycles per word, the earliest in the lowest bit."""
    packed = np.packbits(np.pad(bits, ((0, -len(bits) % 64), (0, 0))), axis=0, bitorder="little")
    return np.ascontiguousarray(packed.T).view("<u8")


def _unpack(vectors: Sequence[_Vector], cycles: int) -> Bits:
    """Return `width` vectors of words unpacked to [cycles, width]."""
    packed = np.array(vectors, "<u8").view(np.uint8).reshape(len(vectors), -(-cycles // 64) * 8)
    return np.unpackbits(packed, axis=1, count=cycles, bitorder="little").T
