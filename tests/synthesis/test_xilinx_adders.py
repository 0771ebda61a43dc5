"""Adders from cells of a Xilinx slice: random widths, signs, shifts and constants, against the traced logic."""

import numpy as np
import pytest
from alkaid.codegen import RTLModel
from alkaid.types import CombLogic, Op, QInterval

from common.rtl import ports
from common.rtl.shared_sums import ADD, ADD_CONSTANT, ADD_THREE, NEGATE, SUBTRACT, with_estimates
from common.synthesis import yosys
from common.verification import netlist_simulation, netlists

pytestmark = pytest.mark.xdist_group("xilinx_adders")  # one worker makes its fixtures
INPUTS, ADDERS = 24, 120


def interval_of(terms):
    """Return the range of a sum of (interval, sign, exponent)."""
    ends = [sorted(sign * 2.0**exponent * end for end in interval[:2]) for interval, sign, exponent in terms]
    step = min(interval.step * 2.0**exponent for interval, _, exponent in terms)
    return QInterval(sum(low for low, _ in ends), sum(high for _, high in ends), step)


def random_adder(generator, intervals):
    """Return a random addition, subtraction or negation of inputs, as alkaid writes it."""
    sources = tuple(int(source) for source in generator.choice(INPUTS, 3, replace=False))
    signs = [(1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1), (1, -1, -1), (-1, 1, -1)][generator.integers(6)]
    exponents = [int(exponent) for exponent in generator.integers(-4, 5, 3)]
    kind = int(generator.choice([NEGATE, ADD, SUBTRACT, ADD_CONSTANT, ADD_THREE, ADD_THREE, ADD_THREE]))
    if kind == ADD_THREE:
        data = tuple(number for pair in zip(signs, exponents, strict=True) for number in (int(pair[0] > 0), pair[1]))
    elif kind == ADD_CONSTANT:
        data = (int(2 * generator.integers(1, 8) + 1) * signs[2], int(generator.integers(0, 5)))
    else:
        sources, data = (sources[:1], ()) if kind == NEGATE else (sources[:2], (exponents[0],))
        signs, exponents = (-1,) if kind == NEGATE else (1, 1 - 2 * kind), [0, exponents[0]]
    if kind == ADD_CONSTANT:
        value, sources = data[0] * 2.0 ** -data[1], sources[:1]
        terms = [(intervals[sources[0]], 1, 0), (QInterval(value, value, 2.0 ** -data[1]), 1, 0)]
    else:
        terms = [(intervals[source], *pair) for source, *pair in zip(sources, signs, exponents, strict=False)]
    return Op(sources, kind, data, interval_of(terms), 0.0, 0.0)


@pytest.fixture(scope="module")
def adders(tmp_path_factory):
    """Return combinational logic of independent adders, its netlist and its utilization."""
    generator = np.random.default_rng(8)
    folder = tmp_path_factory.mktemp("adders")
    intervals = []
    for _ in range(INPUTS):
        signed, width = int(generator.integers(2)), int(generator.integers(1, 7))
        step = 2.0 ** -generator.integers(0, 4)
        intervals.append(QInterval(-signed * 2.0**width * step, (2.0**width - 1) * step, step))
    inputs = [Op((), -1, (index,), interval, 0.0, 0.0) for index, interval in enumerate(intervals)]
    operations = [*inputs, *(random_adder(generator, intervals) for _ in range(ADDERS))]
    outputs = list(range(INPUTS, len(operations)))
    logic = CombLogic(
        (INPUTS, ADDERS), [0] * INPUTS, outputs, [0] * ADDERS, [False] * ADDERS, operations, carry_size=1, adder_size=1
    )
    RTLModel(logic, folder, "top", ternary_fuse=False, print_latency=False).write()
    used = yosys.synthesize(folder, "top", folder / "netlist.json")
    return logic, netlists.load_netlist(folder / "netlist.json", "top"), used


def test_every_adder_is_exact(adders):
    logic, netlist, _ = adders
    signed, _, fraction = logic.inp_kifs
    widths = logic.inp_kifs.sum(axis=0)
    bits = np.random.default_rng(9).integers(0, 2, (2000, widths.sum()), np.uint8)
    values = ports.bits_to_integers(bits, widths, signed) * 2.0**-fraction
    found = netlist_simulation.simulate(netlist, {"model_inp": bits})["model_out"]
    signed, _, fraction = logic.out_kifs
    found = ports.bits_to_integers(found, logic.out_kifs.sum(axis=0), signed) * 2.0**-fraction
    wrong = np.flatnonzero((found != logic.predict(values)).any(axis=0))
    assert [logic.ops[INPUTS + index] for index in wrong] == []


def test_lut_estimate_is_close(adders):
    logic, _, used = adders
    estimate = with_estimates(logic).cost
    assert 0.9 * estimate < used.lut + used.inverter + used.route_through <= estimate
    assert used.carry > 0
