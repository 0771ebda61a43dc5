"""RTL out of Yosys as words: sums, comparisons, choices, tables and registers of whole words, not yet gates.

A net is a bit of a word. A register between two pipeline stages holds thousands of bits, and becomes one word for each
range of bits that lie side by side in one word before it; what is wider than an int64 becomes several words.

What the design leaves open (`x`: don't-cares, registers without an initial value) is 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import PipelineError
from common.verification import data_flow
from common.verification.word_cells import LIMB, PINS
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


class Piece(NamedTuple):
    """Bits of an operand that lie side by side in one word, or one bit that is repeated.

    Attributes:
        word: Where they come from.
        low: Position of the lowest one in that word.
        width: How many.
        place: Position of the lowest one in the operand.
        copies: How often they follow each other in the operand; more than once only where `width` is 1.
    """

    word: int
    low: int
    width: int
    place: int
    copies: int = 1


class Operand(NamedTuple):
    """What a cell reads at one of its inputs.

    Attributes:
        width: Number of bits.
        constant: Its constant bits, with 0 for the others.
        pieces: The others.
        signed: Whether the cell reads it in two's complement.
    """

    width: int
    constant: int
    pieces: tuple[Piece, ...]
    signed: bool = False


class Operation(NamedTuple):
    """A cell, a port of a table, or a part of a register.

    Attributes:
        kind: Type of the cell.
        words: What it drives, the lowest `LIMB` bits first.
        width: Bits of these in all.
        operands: What it reads.
        contents: Of a register, its value in the first cycle; of a table, its entries.
    """

    kind: str
    words: tuple[int, ...]
    width: int
    operands: tuple[Operand, ...]
    contents: tuple[int, ...] = ()


@dataclass(frozen=True)
class WordLevelDesign:
    """A flattened design in the order of its data flow.

    Attributes:
        inputs: Words of each input port but the clock, the lowest `LIMB` bits first.
        outputs: What each output port shows.
        operations: What drives the other words, each operation after those it reads from.
        widths: Bits of each word.
        probes: Inner wires to be shown beside the outputs, without the bits that have no driver.
        positions: Of the bits that each probe shows, in the wire.
        latency_cycles: Registers on the longest path from inputs to outputs.
    """

    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, Operand]
    operations: tuple[Operation, ...]
    widths: tuple[int, ...]
    probes: dict[str, Operand]
    positions: dict[str, tuple[int, ...]]
    latency_cycles: int


class _Cell(NamedTuple):
    """A cell as it is read: nets of its output and of each operand."""

    described: str
    kind: str
    output: tuple[int, ...]
    operands: tuple[tuple[tuple[int, ...], bool], ...]
    contents: tuple[int, ...] = ()


class _Words:
    """The words that hold the nets of a design."""

    def __init__(self) -> None:
        self.widths: list[int] = []
        self.places: dict[int, tuple[int, int]] = {}  # word and position in it

    def add(self, nets: Sequence[int]) -> tuple[int, ...]:
        """Add the words that an output or a port drives."""
        added = []
        for start in range(0, len(nets), LIMB):
            part = nets[start : start + LIMB]
            self.places |= {net: (len(self.widths), low) for low, net in enumerate(part)}
            added.append(len(self.widths))
            self.widths.append(len(part))
        return tuple(added)

    def operand(self, nets: Sequence[int], signed: bool = False) -> Operand:
        """Return where the bits of an operand come from."""
        pieces: list[Piece] = []
        constant = 0
        for place, net in enumerate(nets):
            if net in (0, 1):
                constant |= net << place
                continue
            word, low = self.places[net]
            last = pieces[-1] if pieces else Piece(-1, 0, 0, 0)
            if word == last.word and place == last.place + last.width * last.copies:
                if low == last.low + last.width and last.copies == 1:
                    pieces[-1] = last._replace(width=last.width + 1)
                    continue
                if low == last.low and last.width == 1:
                    pieces[-1] = last._replace(copies=last.copies + 1)
                    continue
            pieces.append(Piece(word, low, 1, place))
        return Operand(len(nets), constant, tuple(pieces), signed)

    def follow(self, net: int, other: int) -> bool:
        """Whether the second net lies above the first in one word, or both are constant."""
        if net in (0, 1) or other in (0, 1):
            return net in (0, 1) and other in (0, 1)
        (word, low), place = self.places[net], self.places[other]
        return place == (word, low + 1)


def load(path: Path, top: str, probes: Sequence[str] = ()) -> WordLevelDesign:
    """Read a flattened module of word-level cells from the JSON of Yosys's `write_json`.

    Args:
        path: JSON file.
        top: Name of the module.
        probes: Names of wires to be shown beside the outputs; one that is not there is left out.

    Raises:
        PipelineError: The module is missing, or holds what this simulator does not model: another type of cell, a
            second clock, a net without a driver or with two, feedback. The culprit is named.
    """
    module = read_module(path, top)
    try:
        return _design(module, probes)
    except PipelineError as error:
        raise PipelineError(f"{path}: {error}") from error


def _design(module: dict[str, Any], probes: Sequence[str]) -> WordLevelDesign:
    cells, clocks = _cells(module)
    inputs, outputs = ports(module, clocks)
    drivers: dict[int, str] = {}
    for cell in cells:
        for net in cell.output:
            if net in drivers:
                raise PipelineError(f"{cell.described}: net {name_of(module, net)} is also driven by {drivers[net]}")
            drivers[net] = cell.described
    readers = [(cell.described, nets) for cell in cells for nets, _ in cell.operands]
    readers += [(f"output port {name}", nets) for name, nets in outputs.items()]
    driven = {0, 1, *drivers, *(net for nets in inputs.values() for net in nets)}
    check_driven(module, readers, driven)

    words = _Words()
    of_inputs = {name: words.add(nets) for name, nets in inputs.items()}
    logic = [cell for cell in cells if cell.kind != "$dff"]
    driving = [words.add(cell.output) for cell in logic]
    for register in _parts_of_registers([cell for cell in cells if cell.kind == "$dff"], words):
        logic.append(register)
        driving.append(words.add(register.output))
    operations = [
        Operation(cell.kind, drives, len(cell.output), tuple(words.operand(*read) for read in cell.operands), contents)
        for (cell, drives, contents) in zip(logic, driving, (cell.contents for cell in logic), strict=True)
    ]
    steps = [
        data_flow.Step(
            operation.words,
            [piece.word for operand in operation.operands for piece in operand.pieces],
            operation.kind == "$dff",
            cell.described,
        )
        for operation, cell in zip(operations, logic, strict=True)
    ]
    order = data_flow.order(steps)
    of_outputs = {name: words.operand(nets) for name, nets in outputs.items()}
    ends = {name: [piece.word for piece in operand.pieces] for name, operand in of_outputs.items()}
    seen = driven_bits(module, probes, driven)
    return WordLevelDesign(
        of_inputs,
        of_outputs,
        tuple(operations[position] for position in order),
        tuple(words.widths),
        {name: words.operand(tuple(nets.values())) for name, nets in seen.items()},
        {name: tuple(nets) for name, nets in seen.items()},
        data_flow.register_depth([steps[position] for position in order], of_inputs, ends)[1],
    )


def _cells(module: dict[str, Any]) -> tuple[list[_Cell], set[int]]:
    """Return the cells of a module, and the clocks of its registers."""
    initial = initial_values(module)
    cells: list[_Cell] = []
    clocks: set[int] = set()
    for name, cell in module["cells"].items():
        described = f"cell {name} of type {cell['type']}"
        try:
            pins = {pin: nets_of(bits) for pin, bits in cell["connections"].items()}
            if cell["type"] == "$dff":
                clocks.update(pins["CLK"])
            cells += _read(described, cell["type"], pins, cell["parameters"], initial)
        except KeyError as error:
            raise PipelineError(f"{described} lacks {error}") from error
        except PipelineError as error:
            raise PipelineError(f"{described}: {error}") from error
    return cells, clocks


def _read(
    described: str,
    kind: str,
    pins: Mapping[str, tuple[int, ...]],
    parameters: Mapping[str, str],
    initial: Mapping[int, int],
) -> Iterator[_Cell]:
    if kind in PINS:
        signs = [number(parameters[f"{pin}_SIGNED"]) == 1 for pin in PINS[kind]]
        if not kind.startswith(("$sh", "$ssh", "$logic")) and len(set(signs)) > 1:
            raise PipelineError("one operand with a sign and one without are not modelled")
        yield _Cell(described, kind, pins["Y"], tuple((pins[pin], s) for pin, s in zip(PINS[kind], signs, strict=True)))
    elif kind in ("$mux", "$pmux"):
        choices, width = pins["B"], len(pins["Y"])
        words = [pins["A"], *(choices[start : start + width] for start in range(0, len(choices), width)), pins["S"]]
        yield _Cell(described, kind, pins["Y"], tuple((nets, False) for nets in words))
    elif kind == "$dff":
        if number(parameters["CLK_POLARITY"]) != 1:
            raise PipelineError("a falling edge of the clock is not modelled")
        contents = tuple(initial.get(net, 0) for net in pins["Q"])
        yield _Cell(described, kind, pins["Q"], ((pins["D"], False),), contents)
    elif kind == "$mem_v2":
        yield from _ports_of_table(described, pins, parameters)
    else:
        raise PipelineError("this type is not modelled")


def _ports_of_table(
    described: str, pins: Mapping[str, tuple[int, ...]], parameters: Mapping[str, str]
) -> Iterator[_Cell]:
    """Return the ports at which a table is read; memories that are written, or read in step with a clock, are none."""
    if number(parameters["WR_PORTS"]) or number(parameters["RD_CLK_ENABLE"]):
        raise PipelineError("a memory that is written, or has a clock, is not modelled")
    width, address_width = number(parameters["WIDTH"]), number(parameters["ABITS"])
    bits = parameters["INIT"].rjust(number(parameters["SIZE"]) * width, "0")
    entries = [number(bits[end - width : end]) for end in range(len(bits), 0, -width)]
    contents = (*[0] * number(parameters["OFFSET"]), *entries)
    for port in range(number(parameters["RD_PORTS"])):
        address = pins["RD_ADDR"][port * address_width : (port + 1) * address_width]
        output = pins["RD_DATA"][port * width : (port + 1) * width]
        yield _Cell(described, "$mem_v2", output, ((address, False),), contents)


def _parts_of_registers(registers: Sequence[_Cell], words: _Words) -> Iterator[_Cell]:
    """Cut registers where their inputs change from one word to another; the words they drive are added by the caller.

    A register that reads from registers waits until these are cut, bit by bit, so that a shift register is none of
    the cases of feedback.

    Raises:
        PipelineError: Registers read from each other in a ring.
    """
    waiting = [(cell, list(zip(cell.output, cell.operands[0][0], cell.contents, strict=True))) for cell in registers]
    while waiting:
        left = []
        for cell, bits in waiting:
            ready = [bit for bit in bits if bit[1] in (0, 1) or bit[1] in words.places]
            start = 0
            for end in range(1, len(ready) + 1):
                whole = end == len(ready) or end - start == LIMB or not words.follow(ready[end - 1][1], ready[end][1])
                if whole:
                    outputs, sources, contents = zip(*ready[start:end], strict=True)
                    value = sum(bit << place for place, bit in enumerate(contents))
                    yield _Cell(cell.described, "$dff", outputs, ((sources, False),), (value,))
                    start = end
            if len(ready) < len(bits):
                done = set(ready)
                left.append((cell, [bit for bit in bits if bit not in done]))
        if sum(len(bits) for _, bits in left) == sum(len(bits) for _, bits in waiting):
            raise PipelineError(f"feedback through {', '.join(cell.described for cell, _ in left)}")
        waiting = left
