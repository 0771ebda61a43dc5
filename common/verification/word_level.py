"""Flattened RTL from Yosys as operations on words: operators of the Verilog, multiplexers, tables, registers.

Each net is one bit of a word. A pipeline register has thousands of bits; it is split into one word for each range of
adjacent bits from the same word. Words wider than an int64 are split as well.

Undefined values (`x`: don't-cares, registers without an initial value) are 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from common.errors import PipelineError
from common.verification import data_flow
from common.verification.word_arithmetic import LIMB
from common.verification.word_cells import Cell, read_cells
from common.verification.yosys_json import (
    check_driven,
    driven_bits,
    name_of,
    ports,
    read_module,
)


class Piece(NamedTuple):
    """Adjacent bits of a word that are part of an operand, or one bit that is repeated in it.

    Attributes:
        word: Index of the word.
        low: Position of the lowest bit in the word.
        width: Number of bits.
        place: Position of the lowest bit in the operand.
        copies: Number of repetitions; more than 1 only for a single bit, as in a sign extension.
    """

    word: int
    low: int
    width: int
    place: int
    copies: int = 1


class Operand(NamedTuple):
    """Input of an operation.

    Attributes:
        width: Number of bits.
        constant: Value of its constant bits, with 0 for the others.
        pieces: Sources of the other bits.
        signed: Whether it is in two's complement.
    """

    width: int
    constant: int
    pieces: tuple[Piece, ...]
    signed: bool = False

    @property
    def words(self) -> list[int]:
        """Words that it reads."""
        return [piece.word for piece in self.pieces]


class Operation(NamedTuple):
    """A cell, a read port of a table, or a part of a register.

    Attributes:
        kind: Type of the cell in Yosys.
        words: Indices of the words of its output, least significant first, each of `LIMB` bits but the last.
        width: Bits of the output.
        operands: Its inputs.
        contents: Initial value of a register, or entries of a table.
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
        inputs: Words of each input port but the clock, least significant first.
        outputs: Sources of each output port.
        operations: Drivers of the other words, each operation after those that it reads from.
        widths: Bits of each word.
        probes: Sources of the internal wires to record, without bits that have no driver.
        positions: Positions of the recorded bits in each of these wires.
        latency_cycles: Number of registers on the longest path from inputs to outputs.
    """

    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, Operand]
    operations: tuple[Operation, ...]
    widths: tuple[int, ...]
    probes: dict[str, Operand]
    positions: dict[str, tuple[int, ...]]
    latency_cycles: int


class _Words:
    """Words of a design, and the position of each net in them."""

    def __init__(self) -> None:
        self.widths: list[int] = []
        self.places: dict[int, tuple[int, int]] = {}

    def add(self, nets: Sequence[int]) -> tuple[int, ...]:
        """Add the words of the output of a cell, or of an input port; return their indices."""
        added = []
        for start in range(0, len(nets), LIMB):
            part = nets[start : start + LIMB]
            self.places |= {net: (len(self.widths), low) for low, net in enumerate(part)}
            added.append(len(self.widths))
            self.widths.append(len(part))
        return tuple(added)

    def operand(self, nets: Sequence[int], signed: bool = False) -> Operand:
        """Return an operand of these nets."""
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
        """Whether the second net is the next bit after the first in one word, or both are constant."""
        if net in (0, 1) or other in (0, 1):
            return net in (0, 1) and other in (0, 1)
        (word, low), place = self.places[net], self.places[other]
        return place == (word, low + 1)


def load(path: Path, top: str, probes: Sequence[str] = ()) -> WordLevelDesign:
    """Read a flattened module of word-level cells from the JSON of Yosys's `write_json`.

    Args:
        path: JSON file.
        top: Name of the module.
        probes: Names of internal wires to record; unknown ones are left out.

    Raises:
        PipelineError: The module is missing, or has something that the simulator does not model: an unknown cell, a
            second clock, a net without a driver or with two, feedback. The message names it.
    """
    module = read_module(path, top)
    try:
        return _design(module, probes)
    except PipelineError as error:
        raise PipelineError(f"{path}: {error}") from error


def _design(module: dict[str, Any], probes: Sequence[str]) -> WordLevelDesign:
    cells, clocks = read_cells(module)
    inputs, outputs = ports(module, clocks)
    driven = _driven_nets(module, cells, inputs, outputs)
    words = _Words()
    of_inputs = {name: words.add(nets) for name, nets in inputs.items()}
    of_cells = [(cell, words.add(cell.output)) for cell in cells if cell.kind != "$dff"]
    of_cells += [(register, words.add(register.output)) for register in _parts_of_registers(cells, words)]
    operations, steps = [], []
    for cell, drives in of_cells:
        operands = tuple(words.operand(*read) for read in cell.operands)
        operations.append(Operation(cell.kind, drives, len(cell.output), operands, cell.contents))
        sources = [word for operand in operands for word in operand.words]
        steps.append(data_flow.Step(drives, sources, cell.kind == "$dff", cell.described))
    order = data_flow.order(steps)
    of_outputs = {name: words.operand(nets) for name, nets in outputs.items()}
    shown = {name: operand.words for name, operand in of_outputs.items()}
    recorded = driven_bits(module, probes, driven)
    return WordLevelDesign(
        of_inputs,
        of_outputs,
        operations=tuple(operations[position] for position in order),
        widths=tuple(words.widths),
        probes={name: words.operand(tuple(nets.values())) for name, nets in recorded.items()},
        positions={name: tuple(nets) for name, nets in recorded.items()},
        latency_cycles=data_flow.register_depth((steps[position] for position in order), of_inputs, shown)[1],
    )


def _driven_nets(
    module: dict[str, Any],
    cells: Sequence[Cell],
    inputs: dict[str, tuple[int, ...]],
    outputs: dict[str, tuple[int, ...]],
) -> set[int]:
    """Return the nets that have a driver, and check that each has only one and that no other net is read."""
    drivers: dict[int, str] = {}
    for cell in cells:
        for net in cell.output:
            if net in drivers:
                raise PipelineError(f"{cell.described}: net {name_of(module, net)} is also driven by {drivers[net]}")
            drivers[net] = cell.described
    driven = {0, 1, *drivers, *(net for nets in inputs.values() for net in nets)}
    readers = [(cell.described, nets) for cell in cells for nets, _ in cell.operands]
    check_driven(module, [*readers, *((f"output port {name}", nets) for name, nets in outputs.items())], driven)
    return driven


def _parts_of_registers(cells: Sequence[Cell], words: _Words) -> Iterator[Cell]:
    """Yield registers, split where adjacent bits come from different words; the caller adds the words they drive.

    A bit that comes from another register waits until that one has words. So shift registers are no feedback.

    Raises:
        PipelineError: Registers form a ring.
    """
    registers = [cell for cell in cells if cell.kind == "$dff"]
    waiting = [(cell, list(zip(cell.output, cell.operands[0][0], cell.contents, strict=True))) for cell in registers]
    while waiting:
        left = []
        for cell, bits in waiting:
            ready = [bit for bit in bits if bit[1] in (0, 1) or bit[1] in words.places]
            start = 0
            for end in range(1, len(ready) + 1):
                if end == len(ready) or end - start == LIMB or not words.follow(ready[end - 1][1], ready[end][1]):
                    outputs, sources, contents = zip(*ready[start:end], strict=True)
                    value = sum(bit << place for place, bit in enumerate(contents))
                    yield Cell(cell.described, "$dff", outputs, ((sources, False),), (value,))
                    start = end
            if len(ready) < len(bits):
                done = set(ready)
                left.append((cell, [bit for bit in bits if bit not in done]))
        if sum(len(bits) for _, bits in left) == sum(len(bits) for _, bits in waiting):
            raise PipelineError(f"feedback through {', '.join(cell.described for cell, _ in left)}")
        waiting = left
