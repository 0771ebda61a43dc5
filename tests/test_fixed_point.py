"""Fixed-point casts, compared with the `ap_fixed` headers that hls4ml ships with each project."""

import itertools
import subprocess
from pathlib import Path

import hls4ml
import numpy as np
import pytest
from hls4ml.model.types import (
    ExponentPrecisionType,
    FixedPrecisionType,
    FloatPrecisionType,
    IntegerPrecisionType,
    UnspecifiedPrecisionType,
    XnorPrecisionType,
)
from hypothesis import given
from hypothesis import strategies as st

from common.errors import PipelineError
from common.fixed_point import FixedPoint, fixed_point

AP_TYPES = Path(hls4ml.__file__).parent / "templates" / "vivado" / "ap_types"
MODES = tuple(itertools.product(("TRN", "RND", "RND_CONV"), ("WRAP", "SAT")))
PROGRAM = """
#include "ap_fixed.h"
#include <cstdio>
template <class T> void cast(const double *values, int count) {
    for (int i = 0; i < count; i++) {
        ap_fixed<60, 30> exact = values[i];
        T result = exact;
        double written = result.to_double();
        fwrite(&written, sizeof written, 1, stdout);
    }
}
int main() {
    static double values[COUNT];
    if (fread(values, sizeof(double), COUNT, stdin) != COUNT) return 1;
    CASTS
}
"""


def random_types(count: int) -> list[FixedPoint]:
    """Return types of 1 to 24 bits in all rounding and overflow modes, some with the binary point outside."""
    rng = np.random.default_rng(2)
    return [
        FixedPoint(width, int(rng.integers(-3, width + 4)), bool(rng.integers(2)), *mode)
        for mode in MODES
        for width in map(int, rng.integers(1, 25, count))
    ]


def in_cpp(types: FixedPoint) -> str:
    name = "ap_fixed" if types.signed else "ap_ufixed"
    return f"{name}<{types.width}, {types.integer}, AP_{types.rounding}, AP_{types.overflow}>"


def test_cast_is_bit_exact_with_ap_fixed(tmp_path):
    rng = np.random.default_rng(3)
    values = np.concatenate(
        [
            np.round(rng.uniform(-1, 1, 600) * 2.0 ** rng.integers(-12, 14, 600) * 2**14) / 2**14,
            np.arange(-400, 400) / 16,  # with ties, where rounding modes differ
            2.0 ** np.arange(-14, 14),
            -(2.0 ** np.arange(-14, 14)),
        ]
    )
    types = random_types(6)
    casts = "\n".join(f"cast<{in_cpp(each)}>(values, COUNT);" for each in types)
    source = tmp_path / "cast.cpp"
    source.write_text(PROGRAM.replace("CASTS", casts).replace("COUNT", str(len(values))), encoding="utf-8")
    subprocess.run(["g++", "-O0", "-w", "-I", AP_TYPES, source, "-o", tmp_path / "cast"], check=True)
    printed = subprocess.run([tmp_path / "cast"], input=values.tobytes(), capture_output=True, check=True).stdout
    expected = np.frombuffer(printed).reshape(len(types), len(values))
    for each, row in zip(types, expected, strict=True):
        np.testing.assert_array_equal(each.cast(values), row, err_msg=str(each))


@st.composite
def any_type(draw):
    width = draw(st.integers(1, 24))
    rounding, overflow = draw(st.sampled_from(MODES))
    return FixedPoint(width, draw(st.integers(-4, width + 4)), draw(st.booleans()), rounding, overflow)


numbers = st.floats(-(2.0**20), 2.0**20, allow_nan=False).map(lambda value: round(value * 2**20) / 2**20)


@given(any_type(), numbers)
def test_cast_is_representable_and_idempotent(types, value):
    result = types.cast(value)
    assert types.low <= result <= types.high
    assert (result - types.low) / types.step % 1 == 0
    assert types.cast(result) == result


@given(any_type(), numbers)
def test_rounding_error_is_below_a_step_without_overflow(types, value):
    if types.low <= value <= types.high:
        error = types.cast(value) - value
        if types.rounding == "TRN":
            assert -types.step < error <= 0
        else:
            assert abs(error) <= types.step / 2


@given(any_type(), numbers)
def test_saturation_and_wrapping_differ_only_out_of_range(types, value):
    saturated = FixedPoint(types.width, types.integer, types.signed, types.rounding, "SAT").cast(value)
    wrapped = FixedPoint(types.width, types.integer, types.signed, types.rounding, "WRAP").cast(value)
    if value < types.low - types.step:
        assert saturated == types.low
    elif value > types.high + types.step:
        assert saturated == types.high
    elif types.low <= value <= types.high - types.step:
        assert saturated == wrapped


@pytest.mark.parametrize(
    ("precision", "expected"),
    [
        (FixedPrecisionType(16, 6), "fixed<16,6,TRN,WRAP>"),
        (FixedPrecisionType(8, 3, False, "RND_CONV", "SAT"), "ufixed<8,3,RND_CONV,SAT>"),
        (IntegerPrecisionType(7), "fixed<7,7,TRN,WRAP>"),
    ],
)
def test_hls4ml_types_are_converted(precision, expected):
    assert str(fixed_point(precision)) == expected


@pytest.mark.parametrize(
    "precision",
    [
        FloatPrecisionType(8, 23),
        XnorPrecisionType(),
        ExponentPrecisionType(4),
        UnspecifiedPrecisionType(),
        FixedPrecisionType(8, 3, True, "RND_ZERO"),
        FixedPrecisionType(8, 3, True, "TRN", "SAT_SYM"),
    ],
)
def test_unsupported_hls4ml_types_are_refused(precision):
    with pytest.raises(PipelineError, match=r"neither fixed-point nor integer|is not supported"):
        fixed_point(precision)
