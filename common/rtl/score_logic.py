"""Logic of the layers of the anomaly score, from symbolic values."""

import numpy as np
from alkaid.trace import FVariable, FVArray

from common.fixed_point import FixedPoint


def distance(reconstructed: FVArray, intensities: FVArray, power: int) -> FVArray:
    """Return the sum of |r - r^| to a power over all pixels, of one value; powers are looked up."""
    differences = np.asarray(intensities - reconstructed).ravel()
    if power == 1:
        terms = [term for difference in differences for term in _magnitude(difference)]
    else:
        terms = [_looked_up(difference, lambda values: np.abs(values) ** power) for difference in differences]
    return _array([np.sum(_array(terms, intensities))], intensities)


def _magnitude(value: FVariable) -> tuple[FVariable, FVariable]:
    """Return two summands of |value|: its bits, inverted if it is negative, and then a 1 in the lowest place.

    To add these to the sum over all pixels costs less than to negate each value.
    """
    signed, integer, fraction = (int(bits) for bits in value.kif)
    if not signed:
        return value, value * 0.0
    inverted = value.quantize(1, integer, -integer) * (value.step * 2.0**-integer)  # the sign bit at each place
    return (value ^ inverted).quantize(0, integer, fraction), -inverted


def value_of_cell(cells: FVArray, cell: FixedPoint, values: np.ndarray) -> FVArray:
    """Return the value of a cell, of one value; `cells` are the coordinates in the type `cell`."""
    address = concatenated(cells, cell)
    low, high, spacing = address.qint
    addresses = np.rint((low + np.arange(round((high - low) / spacing) + 1) * spacing) / cell.step).astype(int)
    return _array([address.lookup(np.ascontiguousarray(values[addresses]))], cells)


def exceeds(scores: FVArray, threshold: float) -> FVArray:
    """Return 1 where a score exceeds the threshold, else 0."""
    return _array([score > threshold for score in np.asarray(scores).ravel()], scores)


def concatenated(coordinates: FVArray, kind: FixedPoint) -> FVariable:
    """Return the bits of coordinates of one type side by side (wires, no logic), the first coordinate's the highest.

    The bits of a signed coordinate are read as an unsigned number.
    """
    address = None
    for coordinate in np.ravel(coordinates):
        negative = kind.signed and coordinate.low < 0
        bits = coordinate.quantize(0, kind.integer, kind.fraction) if negative else coordinate
        address = bits if address is None else address * 2.0**kind.width + bits
    return address


def _looked_up(value: FVariable, function: np.ufunc) -> FVariable:
    low, high, step = value.qint
    return value.lookup(function(low + np.arange(round((high - low) / step) + 1) * step))


def _array(values: list[FVariable], like: FVArray) -> FVArray:
    return FVArray(np.array(values), like.solver_options, hwconf=like.hwconf)
