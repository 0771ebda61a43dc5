"""Netlist simulator on whole designs, against CXXRTL, the traced logic and arithmetic; single faults are detected."""

import json
import shutil

import numpy as np
import pytest
from cxxrtl import assert_same, random_inputs, run_cxxrtl

from common.rtl.ports import bits_to_integers, integers_to_bits
from common.synthesis.yosys import elaborate, synthesize
from common.verification.netlist_simulation import simulate
from common.verification.netlists import load_netlist, register_depth

pytestmark = pytest.mark.xdist_group("netlist_simulation")  # one worker makes its fixtures
SETTLED = slice(4, None)  # before, undefined registers of the handwritten RTL differ between netlists

ARITHMETIC = """
module adder #(parameter WIDTH = 4) (input [WIDTH-1:0] a, b, output [WIDTH:0] sum);
  assign sum = a + b;
endmodule

module ternary_adder #(parameter BW_INPUT0 = 0, SIGNED0 = 0, NEGATE0 = 0, PAD0 = 0,
                       parameter BW_INPUT1 = 0, SIGNED1 = 0, NEGATE1 = 0, PAD1 = 0,
                       parameter BW_INPUT2 = 0, SIGNED2 = 0, NEGATE2 = 0, PAD2 = 0, BW_OUT = 0, DROP_LSBS = 0)
                      (input [8:0] in0, in1, in2, output [10:0] out);
  assign out = in0 + in1 - in2;
endmodule

module top (input clk, select, clear, input [8:0] a, b, c, output reg [9:0] sum, difference, chosen,
            output reg [3:0] old, output reg [2:0] constant, output reg odd, output reg [9:0] cleared,
            output [9:0] product, output [10:0] of_three);
  wire [9:0] total;
  reg [9:0] first;
  reg [3:0] delays [0:2];
  initial odd = 1;
  initial first = 10'h2a5;
  adder #(.WIDTH(9)) adder (.a(a), .b(b), .sum(total));
  ternary_adder #(9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 1, 0, 11, 0) ternary_adder (a, b, c, of_three);
  assign product = a[4:0] * b[4:0];
  always @(posedge clk) begin
    first <= total;
    sum <= first;
    difference <= $signed(a) - $signed(b);
    chosen <= select ? a : ~b;
    delays[0] <= a[3:0];
    delays[1] <= delays[0];
    delays[2] <= delays[1];
    old <= delays[2];
    constant <= 3'b101;
    odd <= ^{a, b, select};
    cleared <= clear ? 10'h3 : total;
  end
endmodule
"""


def find_latency(outputs, expected):
    """Return the delay of the outputs relative to the expected ones [clock cycles]."""
    delays = range(len(outputs) - len(expected) + 1)
    return next(delay for delay in delays if np.array_equal(outputs[delay : delay + len(expected)], expected))


@pytest.fixture(scope="module")
def arithmetic(tmp_path_factory):
    """Return a folder with small handwritten Verilog, elaborated and synthesized."""
    folder = tmp_path_factory.mktemp("arithmetic")
    (folder / "src").mkdir()
    (folder / "src/top.v").write_text(ARITHMETIC, encoding="utf-8")
    elaborate(folder, "top", folder / "gates.json")
    synthesize(folder, "top", folder / "netlist.json")
    return folder


@pytest.fixture(scope="module")
def network(network_rtl, tmp_path_factory):
    """Return a folder with the small network as RTL and as netlist, and its logic."""
    source, logic = network_rtl
    folder = shutil.copytree(source, tmp_path_factory.mktemp("network") / "rtl")
    elaborate(folder, "top", folder / "gates.json")
    synthesize(folder, "top", folder / "netlist.json")
    return folder, logic


def test_handwritten_rtl_matches_cxxrtl(arithmetic):
    netlist = load_netlist(arithmetic / "gates.json", "top")
    inputs = random_inputs(netlist)
    outputs = simulate(netlist, inputs)
    assert_same(outputs, run_cxxrtl(arithmetic, "rtl", "read_verilog src/top.v", netlist, inputs))
    a, b, c = (bits_to_integers(inputs[port], [9], [False])[:, 0] for port in "abc")
    sums, products = (bits_to_integers(outputs[port], [10], [False])[:, 0] for port in ("sum", "product"))
    np.testing.assert_array_equal(products, (a % 32) * (b % 32))
    np.testing.assert_array_equal(bits_to_integers(outputs["of_three"], [11], [True])[:, 0], a + b - c)
    np.testing.assert_array_equal(sums, [0, 0x2A5, *(a + b)[:-2]])


def test_handwritten_netlist_matches_rtl(arithmetic):
    netlist = load_netlist(arithmetic / "netlist.json", "top")
    inputs = random_inputs(netlist)
    expected = simulate(load_netlist(arithmetic / "gates.json", "top"), inputs)
    assert_same(simulate(netlist, inputs), expected, SETTLED)


def test_rtl_of_a_network_matches_cxxrtl_and_traced_logic(network):
    folder, logic = network
    netlist = load_netlist(folder / "gates.json", "top")
    inputs = random_inputs(netlist)
    outputs = simulate(netlist, inputs)
    sources = " ".join(str(path.relative_to(folder)) for path in (folder / "src").rglob("*.v"))
    assert_same(outputs, run_cxxrtl(folder, "rtl", f"read_verilog -defer {sources}", netlist, inputs))

    widths, (signed, _, fraction) = logic.inp_kifs.sum(axis=0), logic.inp_kifs
    expected = logic.predict(bits_to_integers(inputs["model_inp"], widths, signed) * 2.0**-fraction)
    integers = np.rint(expected * 2.0 ** logic.out_kifs[2]).astype(int)
    latency = find_latency(outputs["model_out"], integers_to_bits(integers, logic.out_kifs.sum(axis=0))[:-20])
    assert register_depth(netlist) == (latency, latency)
    assert latency > 2


def test_netlist_of_a_network_matches_cxxrtl_and_rtl(network):
    folder, _ = network
    netlist = load_netlist(folder / "netlist.json", "top")
    inputs = random_inputs(netlist)
    outputs = simulate(netlist, inputs)
    script = "read_verilog netlist.v; read_verilog +/xilinx/cells_sim.v"
    assert_same(outputs, run_cxxrtl(folder, "netlist", script, netlist, inputs))
    rtl = load_netlist(folder / "gates.json", "top")
    latency, _ = register_depth(rtl)
    assert register_depth(netlist) == (latency, latency)
    assert_same(outputs, simulate(rtl, inputs), slice(latency, None))


@pytest.mark.parametrize("file", ["gates.json", "netlist.json"])
def test_probes_record_internal_registers(network, file):
    netlist = load_netlist(network[0] / file, "top", probes=["model_inp_reg", "optimized_away"])
    inputs = random_inputs(netlist)
    outputs = simulate(netlist, inputs)
    assert outputs.keys() == {"model_inp_reg", "model_out"}
    positions = list(netlist.probes["model_inp_reg"])
    np.testing.assert_array_equal(outputs["model_inp_reg"][1:], inputs["model_inp"][:-1, positions])


def test_optimized_bits_are_not_probes(network, tmp_path):
    described = json.loads((network[0] / "netlist.json").read_text(encoding="utf-8"))
    bits = described["modules"]["top"]["netnames"]["model_inp_reg"]["bits"]
    bits[1], bits[2] = "x", "0"  # without a driver, and constant
    (tmp_path / "netlist.json").write_text(json.dumps(described), encoding="utf-8")
    probes = load_netlist(tmp_path / "netlist.json", "top", probes=["model_inp_reg"]).probes["model_inp_reg"]
    assert (1 in probes, probes[2]) == (False, 0)


def short_circuit(register):
    pins = register["connections"]
    return {"type": "$_BUF_", "parameters": {}, "connections": {"A": pins["D"], "Y": pins["Q"]}}


def flip_bit(position):
    def flip(lookup_table):
        table = list(lookup_table["parameters"]["INIT"])
        table[~position] = "1" if table[~position] == "0" else "0"
        return lookup_table | {"parameters": {"INIT": "".join(table)}}

    return flip


FAULTS = {
    "gate": ("gates.json", "$_XOR_", lambda gate: gate | {"type": "$_XNOR_"}),
    "register of gates": ("gates.json", "$_DFF_P_", short_circuit),
    "LUT2": ("netlist.json", "LUT2", flip_bit(-1)),
    "sum in a LUT of two outputs": ("netlist.json", "LUT6_2", flip_bit(0b110000)),
    "majority in a LUT of two outputs": ("netlist.json", "LUT6_2", flip_bit(0b010000)),
    "register": ("netlist.json", "FDRE", short_circuit),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_single_fault_is_detected(arithmetic, tmp_path, fault):
    file, kind, change = FAULTS[fault]
    netlist = load_netlist(arithmetic / file, "top")
    inputs = random_inputs(netlist)
    expected = simulate(netlist, inputs)
    module = json.loads((arithmetic / file).read_text(encoding="utf-8"))["modules"]["top"]
    kinds = [name for name, cell in module["cells"].items() if cell["type"] == kind]
    cells = [name for name in kinds if not isinstance(module["cells"][name]["connections"].get("D", [0])[0], str)]
    assert len(cells) > 5
    for name in cells:
        changed = {name: change(module["cells"][name])}
        (tmp_path / file).write_text(
            json.dumps({"modules": {"top": module | {"cells": module["cells"] | changed}}}), encoding="utf-8"
        )
        outputs = simulate(load_netlist(tmp_path / file, "top"), inputs)
        assert any(not np.array_equal(bits, expected[port]) for port, bits in outputs.items()), name
