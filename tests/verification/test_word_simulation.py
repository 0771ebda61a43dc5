"""The simulation of RTL by words against CXXRTL (Yosys's own simulator, in C++), the gates of the same RTL, alkaid."""

import json
import shutil
from types import SimpleNamespace

import cxxrtl
import numpy as np
import pytest

from common.errors import PipelineError
from common.rtl.ports import bits_to_integers, integers_to_bits
from common.synthesis.yosys import elaborate
from common.verification import netlist_simulation, netlists, word_level, word_simulation
from common.verification.word_arithmetic import LIMB, PINS

pytestmark = pytest.mark.xdist_group("word_simulation")  # one worker makes its fixtures
CYCLES = 300
PORT = 170  # bits of the input port of the cells


def random_bits(width, cycles=CYCLES, seed=1):
    """Bits of one port, in some cycles nearly all of them equal: random words are hardly ever 0 or like each other."""
    generator = np.random.default_rng(seed)
    density = generator.choice([0, 0.01, 0.5, 0.5, 0.99, 1], (cycles, 1))
    return (generator.random((cycles, width)) < density).astype(np.uint8)


def of_cxxrtl(folder, name, script, design, inputs):
    """Return the outputs of CXXRTL for module `top` of a Yosys script, with the ports of the design."""
    nets = {port: range(operand.width) for port, operand in design.outputs.items()}
    of_inputs = {port: range(bits.shape[1]) for port, bits in inputs.items()}
    return cxxrtl.run_cxxrtl(folder, name, script, SimpleNamespace(inputs=of_inputs, outputs=nets), inputs)


def without_probes(design, outputs):
    return {port: outputs[port] for port in design.outputs}


# ------------------------------------------------------------------------------------------------ every cell


def operand(generator, width, mixed=True):
    """Return Verilog of an operand: a range of the port, constants, one bit over and over, or all of these in a row."""
    start = int(generator.integers(0, PORT - width + 1))
    whole = f"x[{start + width - 1}:{start}]"
    if width < 4 or not mixed or generator.random() < 0.5:
        return whole
    bottom, top = sorted(int(cut) for cut in generator.choice(np.arange(1, width), 2, replace=False))
    end, constant = start + top - bottom - 1, "".join(generator.choice(["0", "1"], bottom))
    return f"{{{{{width - top}{{x[{end}]}}}}, x[{end}:{start}], {bottom}'b{constant}}}"


def cell(generator, kind, widths, signs, output):
    """Return Verilog of a cell without its name and output, and the width of that."""
    pins = PINS[kind]
    parameters = [f".Y_WIDTH({output})"]
    for pin, width, sign in zip(pins, widths, signs, strict=False):
        parameters += [f".{pin}_WIDTH({width})", f".{pin}_SIGNED({sign})"]
    mixed = not kind.startswith(("$reduce", "$logic"))  # which a constant bit would decide
    operands = [operand(generator, width, mixed) for width in widths[: len(pins)]]
    if len(set(widths)) == 1 and generator.random() < 0.3:
        operands = operands[:1] * len(operands)  # equal words
    connections = ", ".join(f".{pin}({word})" for pin, word in zip(pins, operands, strict=True))
    return f"\\{kind} #({', '.join(parameters)})", connections, output


def random_cells(kinds, sizes):
    """Cells of each kind in all combinations of signs, of about the widths given."""
    generator = np.random.default_rng(2)
    cells = []
    for kind in kinds:
        shift = kind.startswith(("$sh", "$ssh"))
        logic = kind.startswith("$logic")
        for sign in (0, 1):
            for size in sizes:
                a, b, y = (int(width) for width in generator.integers(max(1, size - 5), min(80, size + 5) + 1, 3))
                a, b = (size, size) if generator.random() < 0.5 else (a, b)
                y = size if generator.random() < 0.5 else y
                b_sign = sign
                if shift:
                    b, b_sign = int(generator.integers(1, 9)), int(kind == "$shift" and generator.integers(0, 2))
                    b = b if generator.random() < 0.8 else 70
                elif logic:
                    b_sign = int(generator.integers(0, 2))
                if kind == "$shiftx" and sign:
                    continue  # no Verilog makes one
                if kind in ("$shr", "$shift") and sign:
                    y = max(a, y)  # CXXRTL loses what lies above the output before it shifts
                cells.append(cell(generator, kind, (a, b), (sign, b_sign), y))
    return cells


def random_choices(sizes):
    """Multiplexers of two and of three words, at most one select bit of the latter set."""
    generator = np.random.default_rng(3)
    cells = []
    for width in sizes:
        words = [operand(generator, width) for _ in range(3)]
        cells.append((f"\\$mux #(.WIDTH({width}))", f".A({words[0]}), .B({words[1]}), .S(x[{width}])", width))
        connections = f".A({words[0]}), .B({{{words[1]}, {words[2]}}}), .S({{x[3] & ~x[4], x[4]}})"
        cells.append((f"\\$pmux #(.WIDTH({width}), .S_WIDTH(2))", connections, width))
    return cells


def write_cells(folder, cells, commands=""):
    """Write cells side by side as Verilog and as Yosys's JSON; return, for each bit of the output, its cell."""
    lines, owners = [], []
    for number, (kind, connections, width) in enumerate(cells):
        lines.append(f"{kind} cell{number} ({connections}, .Y(y[{len(owners) + width - 1}:{len(owners)}]));")
        owners += [f"cell{number}: {kind} ({connections})"] * width
    module = [f"module top (input [{PORT - 1}:0] x, output [{len(owners) - 1}:0] y);", *lines, "endmodule"]
    (folder / "cells.v").write_text("\n".join(module), encoding="utf-8")
    cxxrtl.yosys(folder, f"read_verilog -icells cells.v; hierarchy -top top; write_json words.json; {commands}")
    return owners


def assert_cells_same(found, expected, owners):
    wrong = np.flatnonzero((found != expected).any(axis=0))
    assert {owners[bit] for bit in wrong} == set()


def test_every_cell_matches_cxxrtl(tmp_path):
    """Widths lie on both sides of a machine word's."""
    sizes = (1, 16, LIMB, 80)
    owners = write_cells(tmp_path, random_cells(PINS, sizes) + random_choices(sizes))
    design, bits = word_level.load(tmp_path / "words.json", "top"), random_bits(PORT)
    assert {operation.kind for operation in design.operations} >= {*PINS, "$mux", "$pmux"}
    found = word_simulation.simulate(design, {"x": bits})["y"]
    expected = of_cxxrtl(tmp_path, "cells", "read_verilog -icells cells.v", design, {"x": bits})["y"]
    assert_cells_same(found, expected, owners)
    varying = {owners[bit] for bit in np.flatnonzero((expected[:-1] != expected[1:]).any(axis=0))}
    assert len(varying) > 0.85 * len(set(owners))


def test_every_cell_matches_its_gates(tmp_path):
    """Products have few bits, each of which is many gates; a bit beyond the end of a word may be any gate."""
    cells = random_cells(PINS.keys() - {"$mul", "$shiftx"}, (1, 16, 80)) + random_cells(["$mul"], (1, 12))
    owners = write_cells(tmp_path, cells, "techmap; simplemap; opt_clean; write_json gates.json")
    bits = random_bits(PORT)
    found = word_simulation.simulate(word_level.load(tmp_path / "words.json", "top"), {"x": bits})["y"]
    gates = netlists.load_netlist(tmp_path / "gates.json", "top")
    assert_cells_same(found, netlist_simulation.simulate(gates, {"x": bits})["y"], owners)


# ----------------------------------------------------------------------------------------------- whole designs

DESCRIBED = """
module top (input clk, input [79:0] a, b, input [2:0] key, output reg [80:0] sum, output reg signed [40:0] product,
            output reg [6:0] chosen, output reg [7:0] old, output reg [69:0] entry, output reg [4:0] squares,
            output reg [3:0] part, output reg less, output [15:0] shown);
  reg [299:0] wide;
  reg [7:0] delays = 8'h5a;
  reg [69:0] table_of_70 [0:3];
  wire signed [20:0] first = a[20:0];
  wire signed [19:0] second = b[19:0];
  initial begin
    sum = 81'h1_2345;
    table_of_70[0] = 70'h3f_ffff_ffff_ffff_ffff;
    table_of_70[1] = 70'h1;
    table_of_70[2] = 70'h20_0000_0000_0000_0003;
    table_of_70[3] = 70'h15_5555_5555_5555_5555;
  end
  assign shown = {wide[150:141], {4{delays[7]}}, 2'b10};
  always @(posedge clk) begin
    wide <= {a[9:0], 60'd7, b, a, {5{key}}, a[79:25]};
    delays <= {delays[6:0], a[0]};
    old <= delays;
    sum <= wide[79:0] + b;
    product <= first * second;
    case (key)
      0: chosen <= a[6:0];
      1: chosen <= b[6:0];
      5: chosen <= ~a[6:0];
      default: chosen <= key;
    endcase
    entry <= table_of_70[key[1:0]];
    case (a[2:0])
      1: squares <= 1;
      2: squares <= 4;
      3: squares <= 9;
      4: squares <= 16;
      5: squares <= 25;
      default: squares <= 0;
    endcase
    part <= a[key +: 4];
    less <= first < second;
  end
endmodule
"""


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    folder = tmp_path_factory.mktemp("described")
    (folder / "src").mkdir()
    (folder / "src/top.v").write_text(DESCRIBED, encoding="utf-8")
    elaborate(folder, "top", folder / "words.json", "words")
    return folder


def test_rtl_by_hand_matches_cxxrtl_and_plain_arithmetic(described):
    design = word_level.load(described / "words.json", "top", probes=["wide"])
    kinds = {operation.kind for operation in design.operations}
    assert {"$dff", "$mem_v2", "$pmux", "$shiftx", "$mul", "$lt"} <= kinds
    inputs = {"a": random_bits(80), "b": random_bits(80, seed=2), "key": random_bits(3, seed=3)}
    outputs = word_simulation.simulate(design, inputs)
    expected = of_cxxrtl(described, "rtl", "read_verilog src/top.v", design, inputs)
    cxxrtl.assert_same(without_probes(design, outputs), expected)
    first, second = (
        bits_to_integers(inputs[port][:, :width], [width], [True]) for port, width in (("a", 21), ("b", 20))
    )
    products = bits_to_integers(outputs["product"], [41], [True])
    np.testing.assert_array_equal(products[1:], (first * second)[:-1])
    np.testing.assert_array_equal(outputs["wide"][1:, 70:150], inputs["a"][:-1])
    np.testing.assert_array_equal(outputs["sum"][0], integers_to_bits(np.array([[0x1_2345, 0]]), [60, 21])[0])


@pytest.fixture(scope="module")
def network(network_rtl, tmp_path_factory):
    """Return a folder with the small network, elaborated to words and to gates, and its logic."""
    source, logic = network_rtl
    folder = shutil.copytree(source, tmp_path_factory.mktemp("network") / "rtl")
    for level in ("words", "gates"):
        elaborate(folder, "top", folder / f"{level}.json", level)
    return folder, logic


def test_rtl_of_alkaid_matches_cxxrtl_gates_and_alkaid(network):
    folder, logic = network
    registers = ["model_inp_reg", *(f"stage{number}_inp" for number in range(1, 9))]
    design = word_level.load(folder / "words.json", "top", registers)
    assert {"$dff", "$mem_v2", "$add"} <= {operation.kind for operation in design.operations}
    inputs = {"model_inp": random_bits(20, 2000)}
    outputs = word_simulation.simulate(design, inputs)
    sources = " ".join(str(path.relative_to(folder)) for path in (folder / "src").rglob("*.v"))
    expected = of_cxxrtl(folder, "rtl", f"read_verilog -defer {sources}", design, inputs)
    cxxrtl.assert_same(without_probes(design, outputs), expected)

    gates = netlists.load_netlist(folder / "gates.json", "top", registers)
    of_gates = netlist_simulation.simulate(gates, inputs)
    assert len(gates.probes) == len(design.positions) > 2
    for name, bits in gates.probes.items():
        shared = [design.positions[name].index(position) for position in bits]
        np.testing.assert_array_equal(outputs[name][:, shared], of_gates[name], err_msg=name)
    assert netlists.register_depth(gates)[1] == design.latency_cycles

    latency, (signed, _, fraction) = design.latency_cycles, logic.inp_kifs
    pixels = bits_to_integers(inputs["model_inp"], logic.inp_kifs.sum(axis=0), signed) * 2.0**-fraction
    integers = np.rint(logic.predict(pixels) * 2.0 ** logic.out_kifs[2]).astype(int)
    bits = integers_to_bits(integers, logic.out_kifs.sum(axis=0))
    np.testing.assert_array_equal(outputs["model_out"][latency:], bits[:-latency])
    assert len(np.unique(bits, axis=0)) > 50


# ------------------------------------------------------------------------------------------- modules by hand


def write_module(folder, cells, inputs=("clk", "a", "b", "s"), outputs=("y",)):
    """Write a module of nets of two bits: cells by name, each a type, its pins' nets by name, and its parameters."""
    nets = {"zero": ["0", "0"], "open": ["z", "z"]}

    def bits(name):
        return nets.setdefault(name, [2 * len(nets), 2 * len(nets) + 1])

    for name in ("clk", "s"):
        nets[name] = [2 * len(nets)]
    module = {
        "ports": {
            name: {"direction": direction, "bits": bits(name)}
            for direction, names in (("input", inputs), ("output", outputs))
            for name in names
        },
        "cells": {
            name: {
                "type": kind,
                "parameters": {"A_SIGNED": "0", "B_SIGNED": "0", "CLK_POLARITY": "1"} | dict(*parameters),
                "connections": {pin: bits(net) for pin, net in pins.items()},
            }
            for name, (kind, pins, *parameters) in cells.items()
        },
    }
    named = {name: {"bits": bits, "attributes": {}} for name, bits in nets.items() if name not in ("zero", "open")}
    path = folder / "module.json"
    path.write_text(json.dumps({"modules": {"top": module | {"netnames": named}}}), encoding="utf-8")
    return path


def register(source, output, clock="clk", **parameters):
    return ("$dff", {"CLK": clock, "D": source, "Q": output}, parameters)


REFUSALS = {
    "cell odd of type \\$div: this type is not modelled": {"odd": ("$div", {"A": "a", "B": "b", "Y": "y"})},
    "cell odd of type \\$add lacks 'B'": {"odd": ("$add", {"A": "a", "Y": "y"})},
    "cell odd of type \\$add: one signed and one unsigned operand": {
        "odd": ("$add", {"A": "a", "B": "b", "Y": "y"}, {"A_SIGNED": "1"}),
    },
    "cell odd of type \\$not: an undriven constant \\(z\\) is connected": {"odd": ("$not", {"A": "open", "Y": "y"})},
    "net lost\\[0\\], read by cell odd of type \\$not, has no driver": {"odd": ("$not", {"A": "lost", "Y": "y"})},
    "net lost\\[0\\], read by cell odd of type \\$dff, has no driver": {"odd": register("lost", "y")},
    "net y\\[0\\], read by output port y, has no driver": {},
    "cell second of type \\$neg: net y\\[0\\] is also driven by cell first of type \\$not": {
        "first": ("$not", {"A": "a", "Y": "y"}),
        "second": ("$neg", {"A": "b", "Y": "y"}),
    },
    "combinational loop through cell (odd|even) of type \\$not, cell (odd|even) of type \\$not$": {
        "odd": ("$not", {"A": "n", "Y": "y"}),
        "even": ("$not", {"A": "y", "Y": "n"}),
    },
    "feedback through cell .* of type \\$dff": {
        "toggle": register("n", "y"),
        "even": ("$not", {"A": "y", "Y": "n"}),
    },
    "feedback through cell first of type \\$dff, cell second of type \\$dff": {
        "first": register("y", "n"),
        "second": register("n", "y"),
    },
    "cell falling of type \\$dff: a falling edge": {"falling": register("a", "y", CLK_POLARITY="0")},
    "cell written of type \\$mem_v2: a memory with a write port or a clock": {
        "written": ("$mem_v2", {"RD_ADDR": "a", "RD_DATA": "y"}, {"WR_PORTS": "1", "RD_CLK_ENABLE": "0"}),
    },
    "cell slow of type \\$mem_v2: a memory with a write port or a clock": {
        "slow": ("$mem_v2", {"RD_ADDR": "a", "RD_DATA": "y"}, {"WR_PORTS": "0", "RD_CLK_ENABLE": "1"}),
    },
    "(clk|s)\\[0\\], (clk|s)\\[0\\] are 2 clocks": {"first": register("a", "n"), "second": register("n", "y", "s")},
}


@pytest.mark.parametrize("message", REFUSALS)
def test_what_cannot_be_simulated_is_refused_by_name(tmp_path, message):
    path = write_module(tmp_path, REFUSALS[message])
    with pytest.raises(PipelineError, match=f"{path}: {message}"):
        word_level.load(path, "top")


def test_inputs_that_do_not_fit_are_refused(tmp_path):
    design = word_level.load(write_module(tmp_path, {"register": register("a", "y")}), "top")
    inputs = {"a": random_bits(2), "b": random_bits(2), "s": random_bits(1)}
    assert word_simulation.simulate(design, inputs)["y"].shape == (CYCLES, 2)
    for wrong in ({}, {"a": inputs["a"]}, inputs | {"b": inputs["b"][:-1]}, inputs | {"s": random_bits(2)}):
        with pytest.raises(PipelineError, match="were given to RTL of"):
            word_simulation.simulate(design, wrong)


def test_bits_of_a_wire_that_nothing_drives_are_no_probes(tmp_path):
    path = write_module(tmp_path, {"inverter": ("$not", {"A": "a", "Y": "n"}), "register": register("n", "y")})
    described = json.loads(path.read_text(encoding="utf-8"))
    wires = described["modules"]["top"]["netnames"]
    wires["mixed"] = {"bits": ["x", "1", wires["n"]["bits"][1], 99], "attributes": {}}
    path.write_text(json.dumps(described), encoding="utf-8")
    design = word_level.load(path, "top", probes=["mixed", "optimized_away"])
    inputs = {"a": random_bits(2), "b": random_bits(2), "s": random_bits(1)}
    outputs = word_simulation.simulate(design, inputs)
    assert design.positions == {"mixed": (1, 2)}
    np.testing.assert_array_equal(outputs["mixed"], np.stack([np.ones(CYCLES), 1 - inputs["a"][:, 1]], axis=1))


def test_a_table_is_0_outside_of_its_entries(tmp_path):
    sizes = {"WR_PORTS": "0", "RD_CLK_ENABLE": "0", "RD_PORTS": "1", "WIDTH": "10", "ABITS": "10"}
    table = ("$mem_v2", {"RD_ADDR": "a", "RD_DATA": "n"}, sizes | {"OFFSET": "1", "SIZE": "10", "INIT": "111x"})
    design = word_level.load(write_module(tmp_path, {"table": table, "register": register("n", "y")}), "top")
    address = np.array([0, 1, 2, 3, 0])
    inputs = {"a": integers_to_bits(address[:, None], [2]), "b": random_bits(2, 5), "s": random_bits(1, 5)}
    outputs = word_simulation.simulate(design, inputs)
    np.testing.assert_array_equal(bits_to_integers(outputs["y"], [2], [False])[1:, 0], [0, 2, 3, 0])
