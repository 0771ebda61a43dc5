"""Netlists: every cell against CXXRTL, gates against their truth tables, refusals, register depth."""

import json

import numpy as np
import pytest
from cxxrtl import CYCLES, assert_same, random_inputs, run_cxxrtl, yosys

from common.errors import PipelineError
from common.verification.netlist_simulation import simulate
from common.verification.netlists import load_netlist, register_depth


def xilinx_cells():
    """Return Verilog with every modelled Xilinx cell, with random tables."""
    generator = np.random.default_rng(5)
    cells = [("INV", ".I(x[0])", {"O": 1})]
    for size in range(1, 7):
        inputs = ", ".join(f".I{index}(x[{index}])" for index in range(size))
        for table in generator.integers(0, 2, (8, 1 << size)):
            cells.append((f"LUT{size} #(.INIT({1 << size}'b{''.join(map(str, table))}))", inputs, {"O": 1}))
    inputs = ", ".join(f".I{index}(x[{index}])" for index in range(6))
    for table in generator.integers(0, 2, (8, 64)):
        cells.append((f"LUT6_2 #(.INIT(64'b{''.join(map(str, table))}))", inputs, {"O6": 1, "O5": 1}))
    cells += [(f"MUXF{size}", ".I0(x[0]), .I1(x[1]), .S(x[2])", {"O": 1}) for size in (7, 8, 9)]
    for kind, reset in (("FDRE", "R"), ("FDSE", "S")):
        for value in (0, 1):
            inputs = f".C(clk), .CE(1'b1), .D(x[0]), .{reset}(x[1])"
            cells.append((f"{kind} #(.INIT(1'b{value}))", inputs, {"Q": 1}))
    for carry in (".CI(x[16]), .CYINIT(1'b0)", ".CI(1'b0), .CYINIT(x[16])", ".CI(1'b0), .CYINIT(1'b1)"):
        cells.append(("CARRY4", f"{carry}, .DI(x[3:0]), .S(x[11:8])", {"O": 4, "CO": 4}))
    for carry in ("x[16]", "1'b0"):
        cells.append(("CARRY8", f".CI({carry}), .CI_TOP(1'b0), .DI(x[7:0]), .S(x[15:8])", {"O": 8, "CO": 8}))
    return module_of(cells)


def lattice_cells():
    """Return Verilog with every modelled cell of the ECP5, with random tables."""
    generator = np.random.default_rng(6)
    cells = [("PFUMX", ".ALUT(x[0]), .BLUT(x[1]), .C0(x[2])", {"Z": 1})]
    cells += [("L6MUX21", ".D0(x[0]), .D1(x[1]), .SD(x[2])", {"Z": 1})]
    pins = ", ".join(f".{name}(x[{index}])" for index, name in enumerate("ABCD"))
    halves = ", ".join(
        f".{name}(x[{index}])" for index, name in enumerate(("A0", "B0", "C0", "D0", "A1", "B1", "C1", "D1"))
    )
    for first, second in generator.integers(0, 1 << 16, (8, 2)):
        cells.append((f"LUT4 #(.INIT(16'd{first}))", pins, {"Z": 1}))
        parameters = f'.INIT0(16\'d{first}), .INIT1(16\'d{second}), .INJECT1_0("NO"), .INJECT1_1("NO")'
        cells.append((f"CCU2C #({parameters})", f"{halves}, .CIN(x[16])", {"S0": 1, "S1": 1, "COUT": 1}))
    for value in ("SET", "RESET"):
        cells.append((f'TRELLIS_FF #(.REGSET("{value}"))', ".CLK(clk), .LSR(x[1]), .DI(x[0])", {"Q": 1}))
    return module_of(cells)


def module_of(cells):
    """Return Verilog of independent cells: type, input pins, output pins with their widths."""
    lines, width = [], 0
    for number, (kind, inputs, outputs) in enumerate(cells):
        pins = [inputs]
        for pin, size in outputs.items():
            pins.append(f".{pin}(y[{width + size - 1}:{width}])")
            width += size
        lines.append(f"{kind} cell{number} ({', '.join(pins)});")
    return "\n".join([f"module top (input clk, input [16:0] x, output [{width - 1}:0] y);", *lines, "endmodule"])


@pytest.mark.parametrize(
    ("cells", "library"), [(xilinx_cells, "xilinx/cells_sim.v"), (lattice_cells, "lattice/cells_sim_ecp5.v")]
)
def test_every_cell_matches_cxxrtl(tmp_path, cells, library):
    (tmp_path / "cells.v").write_text(cells(), encoding="utf-8")
    read = f"read_verilog cells.v; read_verilog {{}} +/{library}"
    yosys(tmp_path, f"{read.format('-lib')}; hierarchy -top top; select top; write_json -selected top.json")
    netlist = load_netlist(tmp_path / "top.json", "top")
    inputs = random_inputs(netlist)
    assert_same(simulate(netlist, inputs), run_cxxrtl(tmp_path, "cells", read.format("-overwrite"), netlist, inputs))


GATES = {
    "$_BUF_": lambda a: a,
    "$_NOT_": lambda a: not a,
    "$_AND_": lambda a, b: a and b,
    "$_NAND_": lambda a, b: not (a and b),
    "$_OR_": lambda a, b: a or b,
    "$_NOR_": lambda a, b: not (a or b),
    "$_XOR_": lambda a, b: a != b,
    "$_XNOR_": lambda a, b: a == b,
    "$_ANDNOT_": lambda a, b: a and not b,
    "$_ORNOT_": lambda a, b: a or not b,
    "$_MUX_": lambda a, b, s: b if s else a,
    "$_NMUX_": lambda a, b, s: not (b if s else a),
}


def write_module(folder, cells, inputs=("clk", "a", "b", "s"), outputs=("y",)):
    """Write a module of one-bit nets; cells have a type, the net of each pin, and parameters."""
    nets = {"0": "0", "1": "1"}

    def bits(name):
        return [nets.setdefault(name, len(nets))]

    module = {
        "ports": {
            name: {"direction": direction, "bits": bits(name)}
            for direction, names in (("input", inputs), ("output", outputs))
            for name in names
        },
        "cells": {
            name: {
                "type": kind,
                "parameters": dict(*parameters),
                "connections": {pin: bits(net) for pin, net in pins.items()},
            }
            for name, (kind, pins, *parameters) in cells.items()
        },
    }
    module["netnames"] = {name: {"bits": bits(name), "attributes": {}} for name in nets if name not in "01"}
    path = folder / "module.json"
    path.write_text(json.dumps({"modules": {"top": module}}), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", GATES)
def test_gate_follows_its_truth_table(tmp_path, kind):
    pins = {"A": "a", "B": "b", "S": "s"}
    pins = dict(list(pins.items())[: GATES[kind].__code__.co_argcount]) | {"Y": "y"}
    netlist = load_netlist(write_module(tmp_path, {"gate": (kind, pins)}, inputs=("a", "b", "s")), "top")
    inputs = random_inputs(netlist, 64)
    rows = zip(*(inputs[net][:, 0].tolist() for pin, net in pins.items() if pin != "Y"), strict=True)
    np.testing.assert_array_equal(simulate(netlist, inputs)["y"][:, 0], [bool(GATES[kind](*row)) for row in rows])


REGISTER = ("$_DFF_P_", {"C": "clk", "D": "a", "Q": "y"})
REFUSALS = {
    "cell odd of type \\$_TBUF_: this type is not modelled": {"odd": ("$_TBUF_", {"A": "a", "Y": "y"})},
    "cell odd of type \\$_AND_ lacks 'B'": {"odd": ("$_AND_", {"A": "a", "Y": "y"})},
    "net lost\\[0\\], read by cell odd of type \\$_NOT_, has no driver": {"odd": ("$_NOT_", {"A": "lost", "Y": "y"})},
    "net y\\[0\\], read by output port y, has no driver": {},
    "cell second of type \\$_NOT_: net y\\[0\\] is also driven by cell first of type \\$_NOT_": {
        "first": ("$_NOT_", {"A": "a", "Y": "y"}),
        "second": ("$_NOT_", {"A": "b", "Y": "y"}),
    },
    "combinational loop through cell (odd|even) of type \\$_NOT_, cell (odd|even) of type \\$_NOT_$": {
        "odd": ("$_NOT_", {"A": "n", "Y": "y"}),
        "even": ("$_NOT_", {"A": "y", "Y": "n"}),
    },
    "feedback through cell .* of type \\$_DFF_P_": {
        "toggle": ("$_DFF_P_", {"C": "clk", "D": "n", "Q": "y"}),
        "even": ("$_NOT_", {"A": "y", "Y": "n"}),
    },
    "cell held of type FDRE: its clock enable": {
        "held": ("FDRE", {"C": "clk", "CE": "b", "D": "a", "R": "0", "Q": "y"}, {"INIT": "0"}),
    },
    "cell low of type FDRE: IS_D_INVERTED is not modelled": {
        "low": ("FDRE", {"C": "clk", "CE": "1", "D": "a", "R": "0", "Q": "y"}, {"IS_D_INVERTED": "1"}),
    },
    "cell held of type TRELLIS_FF: CEMUX CE is not modelled": {
        "held": ("TRELLIS_FF", {"CLK": "clk", "CE": "b", "DI": "a", "LSR": "0", "Q": "y"}, {"CEMUX": "CE"}),
    },
    "cell chain of type CCU2C: INJECT1_0 is not modelled": {
        "chain": ("CCU2C", {"CIN": "a", "S0": "y"}, {"INJECT1_0": "YES"}),
    },
    "clk\\[0\\], s\\[0\\] are 2 clocks": {
        "first": ("$_DFF_P_", {"C": "clk", "D": "a", "Q": "n"}),
        "second": ("$_DFF_P_", {"C": "s", "D": "n", "Q": "y"}),
    },
}


@pytest.mark.parametrize("message", REFUSALS)
def test_unsupported_netlists_are_refused_with_the_cause(tmp_path, message):
    path = write_module(tmp_path, REFUSALS[message])
    with pytest.raises(PipelineError, match=f"{path}: {message}"):
        load_netlist(path, "top")


def test_missing_module_is_refused(tmp_path):
    with pytest.raises(PipelineError, match="no module other, but top"):
        load_netlist(write_module(tmp_path, {"register": REGISTER}), "other")


def test_mismatched_inputs_are_refused(tmp_path):
    netlist = load_netlist(write_module(tmp_path, {"register": REGISTER}), "top")
    inputs = random_inputs(netlist)
    for wrong in ({}, {"a": inputs["a"]}, inputs | {"b": inputs["b"][:-1]}, inputs | {"s": np.zeros((CYCLES, 2))}):
        with pytest.raises(PipelineError, match="were given to a netlist of"):
            simulate(netlist, wrong)


def test_register_depth_detects_unbalanced_paths(tmp_path):
    cells = {
        "register": ("$_DFF_P_", {"C": "clk", "D": "a", "Q": "late"}),
        "gate": ("$_AND_", {"A": "late", "B": "b", "Y": "y"}),
    }
    assert register_depth(load_netlist(write_module(tmp_path, cells), "top")) == (0, 1)
    constant = {"gate": ("$_AND_", {"A": "0", "B": "1", "Y": "y"})}
    with pytest.raises(PipelineError, match="no output of the netlist depends"):
        register_depth(load_netlist(write_module(tmp_path, constant), "top"))
