"""Ports: words as bits, and back."""

import numpy as np

from common.rtl.ports import bits_to_integers, integers_to_bits


def test_integers_and_bits_convert_both_ways():
    generator = np.random.default_rng(4)
    widths, signed = [5, 0, 1, 63, 8, 3], [True, False, False, True, False, True]
    lowest = [-(1 << (width - 1)) if sign else 0 for width, sign in zip(widths, signed, strict=True)]
    words = [low + generator.integers(0, 1 << width, 200) for low, width in zip(lowest, widths, strict=True)]
    integers = np.stack(words, axis=1)
    bits = integers_to_bits(integers, widths)
    assert bits.shape == (200, 80)
    np.testing.assert_array_equal(bits_to_integers(bits, widths, signed), integers)
    np.testing.assert_array_equal(integers_to_bits(np.array([[-2, 5]]), [3, 4]), [[0, 1, 1, 1, 0, 1, 0]])
