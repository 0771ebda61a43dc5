"""Bit-exact simulation of RTL by words, with time as the vector axis.

As in `netlist_simulation`, a pipeline without feedback needs no loop over clock cycles. Each word is one vector of
integers, an integer a cycle, and each cell of the RTL is one operation of NumPy: a tenth of the cells that the gates
are, and no translation to gates.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from common.errors import PipelineError
from common.rtl.ports import Bits
from common.verification.word_cells import LIMB, PINS, Word, chosen, evaluate, looked_up, mask
from common.verification.word_level import Operand, Operation, WordLevelDesign


def simulate(design: WordLevelDesign, inputs: Mapping[str, Bits]) -> dict[str, Bits]:
    """Run RTL for as many clock cycles as the inputs have rows.

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
    readers = Counter(_words_of(*shown.values()))
    for operation in design.operations:
        readers.update(_words_of(*operation.operands))
    for operation in design.operations:
        result = _result(operation, values, design.widths, cycles)
        for position, word in enumerate(operation.words):
            values[word] = _limb(result, position) if len(operation.words) > 1 else result.astype(np.int64, copy=False)
        for word in _words_of(*operation.operands):
            readers[word] -= 1
            if not readers[word]:
                del values[word]  # of all words over time at once, memory would be full
    return {name: _unpack(operand, values, cycles) for name, operand in shown.items()}


def _words_of(*operands: Operand) -> list[int]:
    return [piece.word for operand in operands for piece in operand.pieces]


def _result(operation: Operation, values: Mapping[int, Word], widths: tuple[int, ...], cycles: int) -> Word:
    """Evaluate an operation over all cycles."""
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
    """Put an operand together from its pieces."""
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
    """From [cycles, width] to one integer a cycle."""
    packed = np.packbits(np.pad(bits, ((0, 0), (0, 64 - bits.shape[1]))), axis=1, bitorder="little")
    return packed.view("<i8")[:, 0]


def _unpack(operand: Operand, values: Mapping[int, Word], cycles: int) -> Bits:
    """From words to [cycles, width]."""
    bits = np.empty((operand.width, cycles), np.uint8)
    bits[:] = np.array([operand.constant >> place & 1 for place in range(operand.width)], np.uint8)[:, None]
    for word, low, width, place, copies in operand.pieces:
        octets = np.ascontiguousarray(values[word], "<i8").view(np.uint8).reshape(cycles, 8)
        of_word = np.unpackbits(octets, axis=1, count=low + width, bitorder="little")
        bits[place : place + width * copies] = of_word[:, low:].T
    return bits.T
