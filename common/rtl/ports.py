"""Conversion between the words of a port and its bits over time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]
"""A port over time: 0 or 1, of shape [cycles, width]; column 0 is the least significant bit."""


def integers_to_bits(integers: NDArray[np.integer], widths: Sequence[int]) -> Bits:
    """Return the bits of a port for its words, the first word in the lowest bits, negatives in two's complement.

    Args:
        integers: Of shape [cycles, words].
        widths: Bits of each word, 0 to 63.
    """
    shifts = np.concatenate([np.arange(width) for width in widths])
    return (np.repeat(integers, widths, axis=1) >> shifts & 1).astype(np.uint8)


def bits_to_integers(bits: Bits, widths: Sequence[int], signed: Sequence[bool]) -> NDArray[np.int64]:
    """Return the words of a port, the first word from the lowest bits.

    Args:
        bits: Of shape [cycles, sum of widths].
        widths: Bits of each word, 0 to 63.
        signed: Whether each word is in two's complement.

    Returns:
        Integers of shape [cycles, words].
    """
    words = []
    for word, width, is_signed in zip(np.split(bits, np.cumsum(widths)[:-1], axis=1), widths, signed, strict=True):
        weights = 1 << np.arange(width)
        if is_signed:
            weights[-1:] *= -1
        words.append(word @ weights)
    return np.stack(words, axis=1)
