"""Sums rebuilt from ternary adders: same values and fewer LUTs, with all signs, shifts and constants."""

import numpy as np
import pytest
from alkaid.trace import FVArray, HWConfig, trace

from common.rtl import shared_sums
from common.rtl.shared_sums import ADD_THREE, rebuild, with_estimates

HARDWARE = HWConfig(adder_size=1, carry_size=1, latency_cutoff=-1)


def inputs_of(count, signed=0, fraction=4):
    return FVArray.from_kif(*(np.full(count, value) for value in (signed, 0, fraction)), HARDWARE)


def random_values(logic, count=500):
    generator = np.random.default_rng(0)
    signed, integer, fraction = logic.inp_kifs
    low = -(2.0 ** (integer + fraction)) * signed
    return generator.integers(low, 2.0 ** (integer + fraction), (count, len(low))) * 2.0**-fraction


def matrix_product(seed, signed):
    generator = np.random.default_rng(seed)
    inputs = inputs_of(12, signed)
    kernel = generator.integers(-7, 8, (12, 6)) * (generator.random((12, 6)) < 0.7) / 8
    return trace(inputs, inputs @ kernel + generator.integers(-9, 10, 6) / 16, keep_dead_inputs=True)


def two_layers():
    """Return two layers with saturation between; some columns are all negative, or copies of an input."""
    generator = np.random.default_rng(5)
    inputs = inputs_of(8)
    kernel = generator.integers(-3, 4, (8, 6)) / 4
    kernel[:, 0] = -abs(kernel[:, 0]) - 0.25
    kernel[:, 1] = np.arange(8) == 2
    kernel[:, 2] = (np.arange(8) == 3) / -2
    hidden = (inputs @ kernel + 0.375).quantize(*(np.full(6, value) for value in (1, 1, 3)))
    return trace(inputs, hidden.relu() @ generator.integers(-3, 4, (6, 3)) / 2, keep_dead_inputs=True)


def negative_sums():
    inputs = inputs_of(4)
    total = inputs[0] + inputs[1] * 2
    outputs = [-total, -total - 1, total * -4, -inputs[2], -inputs[0] - inputs[1] - inputs[2] - inputs[3]]
    return trace(inputs, np.array(outputs), keep_dead_inputs=True)


LOGIC = {
    "unsigned": lambda: matrix_product(1, 0),
    "signed": lambda: matrix_product(2, 1),
    "two layers": two_layers,
    "negative": negative_sums,
}


@pytest.mark.parametrize("kind", LOGIC)
def test_values_do_not_change(kind):
    logic = LOGIC[kind]()
    rebuilt = rebuild(logic)
    values = random_values(logic)
    np.testing.assert_array_equal(rebuilt.predict(values), logic.predict(values))
    assert rebuilt.shape == logic.shape
    assert [interval.kif for interval in rebuilt.out_qint] == [interval.kif for interval in logic.out_qint]


@pytest.mark.parametrize("kind", ["unsigned", "signed", "two layers"])
def test_rebuild_saves_a_quarter_of_the_luts(kind):
    logic = LOGIC[kind]()
    rebuilt = with_estimates(rebuild(logic))
    assert rebuilt.cost < 0.75 * with_estimates(logic).cost
    assert any(operation.opcode == ADD_THREE for operation in rebuilt.ops)


def test_partial_sum_stays_shared_if_copies_cost_more():
    inputs = inputs_of(12)
    shared = np.sum(inputs[:8])
    logic = trace(inputs, np.array([shared + inputs[8 + index] for index in range(4)]), keep_dead_inputs=True)
    assert len(shared_sums._Sums(logic).summands) == 5  # before any copy
    adders = [operation for operation in rebuild(logic).ops if operation.opcode in (0, 1, ADD_THREE)]
    assert len(adders) == 4 + 4


def test_costs_are_carried_along():
    """Costs are used as layer numbers, so an adder must not get that of the layer that reads it."""
    inputs = inputs_of(6)
    logic = trace(inputs, np.array([np.sum(inputs), np.sum(inputs[:4]) - 1]), keep_dead_inputs=True)
    tagged = rebuild(logic._replace(ops=[operation._replace(cost=7.0) for operation in logic.ops]))
    assert {operation.cost for operation in tagged.ops} == {7.0}
