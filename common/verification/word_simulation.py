"""Bit-exact simulation of RTL on words, with time as the vector axis.

As in `netlist_simulation`, a pipeline without feedback needs no loop over clock cycles. Each word is one vector of
integers, one per clock cycle, and each operator of the Verilog is one or a few operations of NumPy. The RTL need not
be translated to gates, of which there are ten times as many.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from common.errors import PipelineError
from common.rtl.ports import Bits
from common.verification.word_arithmetic import LIMB, PINS, Word, chosen, evaluate, looked_up, mask
from common.verification.word_level import Operand, Operation, WordLevelDesign


def simulate(design: WordLevelDesign, inputs: Mapping[str, Bits]) -> dict[str, Bits]:
    """Simulate RTL for as many clock cycles as the inputs have rows.

    Arguments, result and errors are those of `netlist_simulation.simulate`.
    """
    given = {name: bits.shape[1:] for name, bits in inputs.items()}
    expected = {name: (sum(design.widths[word] for word in words),) for name, words in design.inputs.items()}
    cycles = {len(bits) for bits in inputs.values()}
    if given != expected or len(cycles) != 1:
        raise PipelineError(f"inputs of {given} and {sorted(cycles)} cycles were given to RTL of {expected}")
    (cycles,) = cycles

    values: dict[int, Word] = {}
    for name, words in design.inputs.items():
        for position, word in enumerate(words):
            values[word] = _pack(inputs[name][:, position * LIMB : (position + 1) * LIMB])
    shown = design.probes | design.outputs
    read = [*shown.values(), *(operand for operation in design.operations for operand in operation.operands)]
    readers = Counter(word for operand in read for word in operand.words)
    for operation in design.operations:
        result = _result(operation, values, design.widths, cycles)
        for position, word in enumerate(operation.words):
            values[word] = _limb(result, position) if len(operation.words) > 1 else result.astype(np.int64, copy=False)
        for word in (word for operand in operation.operands for word in operand.words):
            readers[word] -= 1
            if not readers[word]:
                del values[word]  # all words at once would need a gigabyte
    return {name: _unpack(operand, values, cycles) for name, operand in shown.items()}


def _result(operation: Operation, values: Mapping[int, Word], widths: tuple[int, ...], cycles: int) -> Word:
    """Return the output of an operation in all cycles."""
    kind, _, width, operands, contents = operation
    bits = [operand.width for operand in operands]
    dtype = object if max(width, *bits) > LIMB else np.int64
    words = [_read(operand, values, widths, cycles, dtype) for operand in operands]
    if kind in PINS:
        return evaluate(kind, words, bits, [operand.signed for operand in operands], width)
    if kind == "$dff":
        return np.concatenate([contents, words[0]])[:cycles]
    if kind == "$mem_v2":
        return looked_up(contents, words[0])
    return chosen(words[:-1], words[-1])


def _read(operand: Operand, values: Mapping[int, Word], widths: tuple[int, ...], cycles: int, dtype: type) -> Word:
    """Return the value of an operand in all cycles."""
    total = None
    for word, low, width, place, copies in operand.pieces:
        part = values[word].astype(dtype, copy=False)
        part = part >> low if low else part
        part = part & mask(width) if low + width < widths[word] else part
        if copies > 1:
            part = part * (mask(copies) << place)
        elif place:
            part = part << place
        total = part if total is None else total | part
    if total is None:
        return np.full(cycles, operand.constant, dtype)
    return total | operand.constant if operand.constant else total


def _limb(wide: Word, position: int) -> Word:
    return (wide >> (position * LIMB) & mask(LIMB)).astype(np.int64)


def _pack(bits: Bits) -> Word:
    """Convert bits, [cycles, width], to integers."""
    packed = np.packbits(np.pad(bits, ((0, 0), (0, 64 - bits.shape[1]))), axis=1, bitorder="little")
    return packed.view("<i8")[:, 0]


def _unpack(operand: Operand, values: Mapping[int, Word], cycles: int) -> Bits:
    """Convert integers to bits, [cycles, width]."""
    bits = np.empty((operand.width, cycles), np.uint8)
    bits[:] = np.array([operand.constant >> place & 1 for place in range(operand.width)], np.uint8)[:, None]
    for word, low, width, place, copies in operand.pieces:
        octets = np.ascontiguousarray(values[word], "<i8").view(np.uint8).reshape(cycles, 8)
        of_word = np.unpackbits(octets, axis=1, count=low + width, bitorder="little")
        bits[place : place + width * copies] = of_word[:, low:].T
    return bits.T
