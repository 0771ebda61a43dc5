"""Adders from carry chains of the Lattice ECP5: random widths and signs, synthesized and simulated."""

import json

import numpy as np
import pytest

from common.lattice import ecp5
from common.rtl import ports
from common.verification import netlist_simulation, netlists

pytestmark = pytest.mark.xdist_group("lattice_adders")  # one worker makes its fixtures
ADDERS = 60
OPERATORS = {"+": np.add, "-": np.subtract, "<": np.less, ">=": np.greater_equal}


def random_adders():
    """Yield widths and sign of two terms, width of the result, and operator of each adder."""
    generator = np.random.default_rng(5)
    for index in range(ADDERS):
        signed = bool(generator.integers(2))
        widths = tuple(int(width) for width in generator.integers(1, 15, 2))
        operator = list(OPERATORS)[index % len(OPERATORS)]
        yield widths, signed, 1 if operator in "<>=" else max(widths) + int(generator.integers(2)), operator


@pytest.fixture(scope="module")
def adders(tmp_path_factory):
    """Return the netlist of a design with all adders, each with its own terms."""
    folder = tmp_path_factory.mktemp("adders")
    ports, lines = [], []
    for index, ((first, second), signed, width, operator) in enumerate(random_adders()):
        sign = "signed " if signed else ""
        ports += [f"input {sign}[{first - 1}:0] a{index}", f"input {sign}[{second - 1}:0] b{index}"]
        ports += [f"output [{width - 1}:0] y{index}"]
        lines += [f"assign y{index} = a{index} {operator} b{index};"]
    (folder / "src").mkdir()
    (folder / "src" / "top.v").write_text(
        f"module top({', '.join(ports)});\n" + "\n".join(lines) + "\nendmodule\n", encoding="utf-8"
    )
    ecp5.synthesize(folder, "top", folder / "netlist.json")
    return folder / "netlist.json"


def test_every_adder_is_exact_on_the_ecp5(adders):
    netlist, generator = netlists.load_netlist(adders, "top"), np.random.default_rng(6)
    bits, expected = {}, {}
    for index, ((first, second), signed, width, operator) in enumerate(random_adders()):
        a, b = (
            generator.integers(-(1 << bits - 1) if signed else 0, 1 << bits - signed, 3000) for bits in (first, second)
        )
        for name, values, size in ((f"a{index}", a, first), (f"b{index}", b, second)):
            bits[name] = ports.integers_to_bits(values[:, None], (size,))
        expected[f"y{index}"] = OPERATORS[operator](a, b).astype(np.int64) % (1 << width)
    found = netlist_simulation.simulate(netlist, bits)
    wrong = [
        name
        for name, values in expected.items()
        if (ports.bits_to_integers(found[name], (found[name].shape[1],), (False,))[:, 0] != values).any()
    ]
    assert wrong == []


def test_chains_have_no_extra_cells_to_enter_or_leave(adders):
    cells = json.loads(adders.read_text(encoding="utf-8"))["modules"]["top"]["cells"].values()
    chains = [cell["connections"] for cell in cells if cell["type"] == "CCU2C"]
    starts, ends = ([pins for pins in chains if pins[name] == ["x"]] for name in ("CIN", "COUT"))
    assert len(starts) == len(ends) > ADDERS / 3
    assert not [pins for pins in chains if pins["CIN"] in (["0"], ["1"])]
