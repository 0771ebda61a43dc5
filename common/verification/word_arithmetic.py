"""Arithmetic of Yosys's word-level cells, with Verilog's rules of width and sign.

A word over time is a vector of nonnegative integers, one per clock cycle. Up to `LIMB` bits they are int64: overflow
does not change the lower bits of sums and products. Wider words are vectors of Python integers, which are exact.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIMB = 63  # bits of an int64 without its sign
Word = NDArray[Any]  # int64, or Python's integers

# Operands are extended to the width of the result.
_MODULAR: dict[str, Callable[..., Word]] = {
    "$pos": np.positive,
    "$not": np.invert,
    "$neg": np.negative,
    "$and": np.bitwise_and,
    "$or": np.bitwise_or,
    "$xor": np.bitwise_xor,
    "$xnor": lambda a, b: ~(a ^ b),
    "$add": np.add,
    "$sub": np.subtract,
    "$mul": np.multiply,
}
# Operands are extended to the wider one; the result is one bit.
_COMPARISONS: dict[str, Callable[[Word, Word], Word]] = {
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$lt": operator.lt,
    "$le": operator.le,
    "$gt": operator.gt,
    "$ge": operator.ge,
}
# Operands are not extended; the result is one bit.
_TRUTHS: dict[str, Callable[..., Word]] = {
    "$reduce_or": lambda a: a != 0,
    "$reduce_bool": lambda a: a != 0,
    "$logic_not": lambda a: a == 0,
    "$logic_and": lambda a, b: (a != 0) & (b != 0),
    "$logic_or": lambda a, b: (a != 0) | (b != 0),
}
_UNARY = ("$pos", "$not", "$neg", "$reduce_or", "$reduce_bool", "$logic_not", "$reduce_and", "$reduce_xor")
_UNARY += ("$reduce_xnor",)
_SHIFTS = ("$shl", "$sshl", "$shr", "$sshr", "$shift", "$shiftx")
PINS = dict.fromkeys((*_MODULAR, *_COMPARISONS, *_TRUTHS, *_SHIFTS), "AB") | dict.fromkeys(_UNARY, "A")
"""Operand pins of each operator."""


def mask(width: int) -> int:
    """Return the integer of `width` ones."""
    return (1 << width) - 1


def extended(word: Word, width: int, signed: bool) -> Word:
    """Return the value of a word of `width` bits, negative for a signed word with its highest bit set."""
    sign = 1 << (width - 1)
    return (word ^ sign) - sign if signed else word


def evaluate(kind: str, words: Sequence[Word], widths: Sequence[int], signs: Sequence[bool], width: int) -> Word:
    """Return the output of an operator of `PINS`.

    Args:
        kind: Type of the cell.
        words: Operands.
        widths: Bits of each operand.
        signs: Whether each operand is in two's complement.
        width: Bits of the output.
    """
    numbers = [extended(*operand) for operand in zip(words, widths, signs, strict=True)]
    if kind in _MODULAR:
        return _MODULAR[kind](*numbers) & mask(width)
    if kind in _SHIFTS:
        return _shifted(kind, words, widths, numbers, width)
    if kind in _COMPARISONS:
        truth = _COMPARISONS[kind](*numbers)
    elif kind in _TRUTHS:
        truth = _TRUTHS[kind](*words)
    elif kind == "$reduce_and":
        truth = words[0] == mask(widths[0])
    else:
        truth = _parity(words[0], widths[0]) == (kind == "$reduce_xor")
    return truth.astype(np.int64).astype(words[0].dtype)


def _shifted(kind: str, words: Sequence[Word], widths: Sequence[int], numbers: Sequence[Word], width: int) -> Word:
    """Shift the first operand by the second; the first is extended to the width of the output if that is wider."""
    farthest = max(widths[0], width)  # a longer shift gives the same
    number, places = numbers[0], np.minimum(words[1], farthest)
    if kind in ("$shl", "$sshl"):
        return number << places & mask(width)
    if kind == "$sshr":
        return number >> places & mask(width)
    number = number & mask(farthest)
    if kind == "$shr":
        return number >> places & mask(width)
    right, left = (np.clip(direction, 0, farthest) for direction in (numbers[1], -numbers[1]))
    return number >> right << left & mask(width)  # a negative shift is to the left


def _parity(word: Word, width: int) -> Word:
    """Return the XOR of all bits, by repeated XOR of one half of them with the other."""
    while width > 1:
        half = (width + 1) // 2
        word, width = word >> half ^ word & mask(half), half
    return word


def chosen(words: Sequence[Word], select: Word) -> Word:
    """Return the output of a multiplexer: the first word, or one of the others if its bit of `select` is set.

    At most one bit is set, or the output is undefined.
    """
    result, *others = words
    for place, word in enumerate(others):
        result = np.where(select >> place & 1, word, result)
    return result


def looked_up(entries: Sequence[int], address: Word) -> Word:
    """Return the entry of a table at each address, 0 after its end."""
    table = np.array([*entries, 0], object if max(entries) > mask(LIMB) else np.int64)
    return table[np.minimum(address, len(entries)).astype(np.int64)]
