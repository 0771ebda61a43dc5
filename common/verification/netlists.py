"""Flattened netlists out of Yosys: gates or FPGA cells, every output of every cell a truth table of a few nets.

Logic shows its table at once, a register one cycle later, so that one description serves both.

What the design leaves open (`x`: don't-cares, registers without an initial value) is 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import PipelineError
from common.verification import data_flow
from common.verification.yosys_json import (
    check_driven,
    driven_bits,
    initial_values,
    name_of,
    nets_of,
    number,
    ports,
    read_module,
)

# Input pins, output pin, truth table: bit i of the table is the output where the pins, the first one lowest, spell i.
_COPY, _NOT, _XOR, _MUX = 0b10, 0b01, 0b0110, 0b1100_1010
_LOGIC: dict[str, tuple[Sequence[str], str, int]] = {
    "$_BUF_": ("A", "Y", _COPY),
    "$_NOT_": ("A", "Y", _NOT),
    "$_AND_": ("AB", "Y", 0b1000),
    "$_NAND_": ("AB", "Y", 0b0111),
    "$_OR_": ("AB", "Y", 0b1110),
    "$_NOR_": ("AB", "Y", 0b0001),
    "$_XOR_": ("AB", "Y", _XOR),
    "$_XNOR_": ("AB", "Y", 0b1001),
    "$_ANDNOT_": ("AB", "Y", 0b0010),
    "$_ORNOT_": ("AB", "Y", 0b1011),
    "$_MUX_": ("ABS", "Y", _MUX),
    "$_NMUX_": ("ABS", "Y", 0b0011_0101),
    "INV": ("I", "O", _NOT),
    "MUXF7": (("I0", "I1", "S"), "O", _MUX),
    "MUXF8": (("I0", "I1", "S"), "O", _MUX),
    "MUXF9": (("I0", "I1", "S"), "O", _MUX),
    "PFUMX": (("BLUT", "ALUT", "C0"), "Z", _MUX),
    "L6MUX21": (("D0", "D1", "SD"), "Z", _MUX),
}
# Clock pin, the pins that decide the next value, truth table of those.
_REGISTERS: dict[str, tuple[str, Sequence[str], int]] = {
    "$_DFF_P_": ("C", "D", _COPY),
    "FDRE": ("C", "DR", 0b0010),
    "FDSE": ("C", "DS", 0b1110),
    "TRELLIS_FF": ("CLK", ("DI", "LSR"), 0b0010),
}
_LATTICE_MODES = {"CEMUX": "1", "CLKMUX": "CLK", "LSRMUX": "LSR", "SRMODE": "LSR_OVER_CE", "LSRMODE": "LSR"}


class Node(NamedTuple):
    """One output bit of a cell.

    Attributes:
        output: Net it drives.
        inputs: Nets it reads.
        table: Truth table: bit i is the output where the inputs, the first one lowest, spell i.
        initial: None for logic; of a register, which shows its table one cycle late, the value in the first cycle.
    """

    output: int
    inputs: tuple[int, ...]
    table: int
    initial: int | None = None


@dataclass(frozen=True)
class Netlist:
    """A flattened design in the order of its data flow. Nets 0 and 1 are the constants.

    Attributes:
        inputs: Nets of each input port but the clock, least significant bit first.
        outputs: Nets of each output port.
        nodes: What drives the other nets, each node after those it reads.
        probes: Inner wires to be shown beside the outputs: nets by their position in the wire, those without a driver
            (optimized away) left out.
    """

    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    nodes: tuple[Node, ...]
    probes: dict[str, dict[int, int]]


def load_netlist(path: Path, top: str, probes: Sequence[str] = ()) -> Netlist:
    """Read a flattened module from the JSON of Yosys's `write_json`.

    Args:
        path: JSON file.
        top: Name of the module.
        probes: Names of wires to be shown beside the outputs; one that has been optimized away is left out.

    Raises:
        PipelineError: The module is missing, or holds what this simulator does not model: another type of cell, a
            second clock, a clock enable, a net without a driver or with two, feedback. The culprit is named.
    """
    module = read_module(path, top)
    nodes: dict[int, Node] = {}
    cells: dict[int, str] = {}
    clocks: set[int] = set()
    wire_values = initial_values(module)
    for name, cell in module["cells"].items():
        described = f"cell {name} of type {cell['type']}"
        try:
            if cell["type"] in _REGISTERS:
                clocks.update(nets_of(cell["connections"][_REGISTERS[cell["type"]][0]]))
            for node in _nodes_of(cell, wire_values):
                if node.output in nodes:
                    raise PipelineError(f"net {name_of(module, node.output)} is also driven by {cells[node.output]}")
                nodes[node.output] = node
                cells[node.output] = described
        except KeyError as error:
            raise PipelineError(f"{path}: {described} lacks {error}") from error
        except PipelineError as error:
            raise PipelineError(f"{path}: {described}: {error}") from error
    try:
        inputs, outputs = ports(module, clocks)
        readers = [(cells[node.output], node.inputs) for node in nodes.values()]
        readers += [(f"output port {name}", nets) for name, nets in outputs.items()]
        driven = {0, 1, *nodes, *(net for nets in inputs.values() for net in nets)}
        check_driven(module, readers, driven)
        order = data_flow.order([_step(node, cells[node.output]) for node in nodes.values()])
    except PipelineError as error:
        raise PipelineError(f"{path}: {error}") from error
    found = tuple(nodes.values())
    ordered = tuple(found[position] for position in order)
    return Netlist(inputs, outputs, ordered, driven_bits(module, probes, driven))


def _nodes_of(cell: dict[str, Any], wire_values: Mapping[int, int]) -> Iterator[Node]:
    """What a cell drives, bit by bit."""
    kind, parameters = cell["type"], cell["parameters"]
    pins = {name: nets_of(bits) for name, bits in cell["connections"].items()}
    for name, value in parameters.items():
        if name.startswith("IS_") and "1" in value:
            raise PipelineError(f"{name} is not modelled")
    if kind in _LOGIC:
        names, output, table = _LOGIC[kind]
        yield Node(*pins[output], tuple(pins[name][0] for name in names), table)
    elif kind == "LUT4" and "Z" in pins:  # Lattice's; Xilinx names its pins otherwise
        yield Node(*pins["Z"], tuple(pins[name][0] for name in "ABCD"), number(parameters["INIT"]))
    elif kind in {"LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6"}:
        inputs = tuple(pins[f"I{index}"][0] for index in range(int(kind[-1])))
        yield Node(*pins["O"], inputs, number(parameters["INIT"]))
    elif kind == "LUT6_2":
        inputs, table = tuple(pins[f"I{index}"][0] for index in range(6)), number(parameters["INIT"])
        yield Node(*pins["O6"], inputs, table)
        yield Node(*pins["O5"], inputs[:5], table & 0xFFFF_FFFF)
    elif kind == "TRELLIS_FF":
        yield _lattice_register(pins, parameters)
    elif kind in _REGISTERS:
        _, names, table = _REGISTERS[kind]
        if pins.get("CE", (1,)) != (1,):
            raise PipelineError("its clock enable is not constantly 1, which feeds the register back into itself")
        initial = number(parameters["INIT"]) if "INIT" in parameters else wire_values.get(pins["Q"][0], 0)
        yield Node(*pins["Q"], tuple(pins[name][0] for name in names), table, initial)
    elif kind == "CCU2C":
        connected = {name: nets for name, nets in pins.items() if cell["connections"][name] != ["x"]}
        yield from _lattice_carry(connected, parameters)
    elif kind in {"CARRY4", "CARRY8"}:
        yield from _carry_chain(pins, parameters)
    else:
        raise PipelineError("this type is not modelled")


def _lattice_register(pins: Mapping[str, tuple[int, ...]], parameters: Mapping[str, str]) -> Node:
    """A register that powers up as it is set or reset, which happens in step with the clock."""
    for name, value in parameters.items():
        if name in _LATTICE_MODES and value.strip() != _LATTICE_MODES[name]:
            raise PipelineError(f"{name} {value.strip()} is not modelled")
    _, names, table = _REGISTERS["TRELLIS_FF"]
    initial = int(parameters["REGSET"] == "SET")
    if initial:
        table = 0b1110
    return Node(*pins["Q"], tuple(pins[name][0] for name in names), table, initial)


def _lattice_carry(pins: Mapping[str, tuple[int, ...]], parameters: Mapping[str, str]) -> Iterator[Node]:
    """Two bits of a Lattice carry chain.

    Where the LUT of a bit gives 1 the carry goes on, else the first four entries of its table, over A and B, make a new
    one; the sum is LUT XOR carry. The carry between the two bits has no net in the netlist and gets one here.
    """
    outputs = [pins[name][0] for name in ("S0", "S1", "COUT") if name in pins]
    if "CIN" not in pins and number(parameters["INIT0"]) >> 4:
        raise PipelineError("CIN is open, but may go on")
    carry, between = pins.get("CIN", (0,))[0], -min(outputs)
    for bit, carry_out in enumerate((between, pins["COUT"][0] if "COUT" in pins else None)):
        if parameters[f"INJECT1_{bit}"] != "NO":
            raise PipelineError(f"INJECT1_{bit} is not modelled")
        inputs = (*(pins[f"{name}{bit}"][0] for name in "ABCD"), carry)
        table = number(parameters[f"INIT{bit}"])
        selects = table << 16 | table  # whether the carry goes on, where the pins and the carry, the highest, spell i
        carries = 0xFFFF0000
        makes = sum((table >> (place & 3) & 1) << place for place in range(32))
        if f"S{bit}" in pins:
            yield Node(*pins[f"S{bit}"], inputs, selects ^ carries)
        if carry_out is not None:
            yield Node(carry_out, inputs, selects & carries | ~selects & makes & 0xFFFFFFFF)
        carry = between


def _carry_chain(pins: Mapping[str, tuple[int, ...]], parameters: Mapping[str, str]) -> Iterator[Node]:
    """A slice's carry chain: the carry goes on where selected, else data enters; the sum is select XOR carry."""
    first, second = *pins["CI"], *pins.get("CYINIT", (0,))
    if first and second:
        raise PipelineError("CI and CYINIT are both in use")
    if parameters.get("CARRY_TYPE", "SINGLE_CY8") != "SINGLE_CY8":
        raise PipelineError(f"CARRY_TYPE {parameters['CARRY_TYPE']} is not modelled")
    carry = first or second
    for index, (data, select) in enumerate(zip(pins["DI"], pins["S"], strict=True)):
        if "O" in pins:
            yield Node(pins["O"][index], (select, carry), _XOR)
        yield Node(pins["CO"][index], (data, carry, select), _MUX)
        carry = pins["CO"][index]


def register_depth(netlist: Netlist) -> tuple[int, int]:
    """Numbers of registers on the paths from inputs to outputs: the smallest and the largest [clock cycles].

    They are the same in a balanced pipeline, and then are its latency. Paths that begin at a constant do not count.

    Raises:
        PipelineError: No output depends on any input.
    """
    return data_flow.register_depth(map(_step, netlist.nodes), netlist.inputs, netlist.outputs)


def _step(node: Node, described: str = "") -> data_flow.Step:
    return data_flow.Step((node.output,), node.inputs, node.initial is not None, described)
