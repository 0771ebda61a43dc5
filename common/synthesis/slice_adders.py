"""Adders from the cells of a Xilinx slice: one LUT per bit for two terms or three, without a synthesizer.

A bit of the carry chain adds up to three terms. One output of its LUT is their sum, which drives the select of the
chain. If there are three terms, the other output is their majority, which is a fourth term of the next bit (Xilinx,
UG474, 'CLB slices': ternary adder). Negative terms are inverted in the LUT; the ones that complete their two's
complement enter at the start of the chain, as carry input and as majority. Lower bits, where only one positive term has
any, are wires. The XOR of a bit of two terms is left to the mapper, which merges it with the logic before it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from common.errors import PipelineError

Bit = int | str
"""Net number, or a constant: "0", "1", "x"."""

_CARRIES = 4  # bits of a carry chain cell
_ONES = (1 << 32) - 1
_TERMS = 0xAAAAAAAA, 0xCCCCCCCC, 0xF0F0F0F0  # truth tables of the inputs I0 to I2 of a LUT6
_MAJORITY = 0xFF00FF00  # of I3


class _Term(NamedTuple):
    """Operand of an adder: its bits, lowest first, and zeros below it."""

    bits: Sequence[Bit]
    signed: bool
    negative: bool
    zeros: int

    def at(self, position: int) -> Bit:
        """Return the bit at a position of the sum; the sign bit, or 0, above the highest."""
        position -= self.zeros
        if 0 <= position < len(self.bits):
            return self.bits[position]
        return self.bits[-1] if self.signed and position >= 0 else "0"


def replace_adders(module: dict[str, Any]) -> None:
    """Replace the adders of a flat module of Yosys's JSON by LUT6_2 and CARRY4 cells and gates, in place.

    Args:
        module: Its cells `shift_adder`, `negative` and `ternary_adder` have the ports of `xilinx_adders.v`.

    Raises:
        PipelineError: An adder lacks a parameter or a port, or subtracts all its terms; the message names it.
    """
    writer = _Writer(module)
    for name, cell in module["cells"].items():
        try:
            if cell["type"] in _READERS:
                writer.add_up(*_READERS[cell["type"]](cell["connections"], _integers(cell["parameters"])))
            else:
                writer.cells[name] = cell
        except KeyError as error:
            raise PipelineError(f"adder {name} of type {cell['type']} lacks {error}") from error
    for cell in writer.cells.values():
        cell.pop("port_directions", None)
        cell["connections"] = {pin: writer.resolved(bits) for pin, bits in cell["connections"].items()}
    for wire in (*module["ports"].values(), *module["netnames"].values()):
        wire["bits"] = writer.resolved(wire["bits"])
    module["cells"] = writer.cells


def _integers(parameters: Mapping[str, str]) -> dict[str, int]:
    """Return 32-bit parameters in two's complement as integers."""
    return {name: int(bits, 2) - (int(bits[:1] == "1" and len(bits) == 32) << 32) for name, bits in parameters.items()}


_Adder = tuple[list[_Term], Sequence[Bit], int]
"""Terms, output bits, and how many bits of the sum are dropped below them."""


def _ternary_adder(pins: Mapping[str, Sequence[Bit]], values: Mapping[str, int]) -> _Adder:
    terms = [
        _Term(pins[f"in{i}"], bool(values[f"SIGNED{i}"]), bool(values[f"NEGATE{i}"]), values[f"PAD{i}"])
        for i in range(3)
    ]
    return terms, pins["out"], values["DROP_LSBS"]


def _shift_adder(pins: Mapping[str, Sequence[Bit]], values: Mapping[str, int]) -> _Adder:
    shift = values["SHIFT1"]
    first = _Term(pins["in0"], bool(values["SIGNED0"]), negative=False, zeros=max(-shift, 0))
    second = _Term(pins["in1"], bool(values["SIGNED1"]), bool(values["IS_SUB"]), max(shift, 0))
    return [first, second], pins["out"], values["DROP_LSBS"]


def _negative(pins: Mapping[str, Sequence[Bit]], values: Mapping[str, int]) -> _Adder:
    return [_Term(pins["in"], bool(values["IN_SIGNED"]), negative=True, zeros=0)], pins["out"], 0


_READERS = {"ternary_adder": _ternary_adder, "shift_adder": _shift_adder, "negative": _negative}


class _Writer:
    """Writer of cells, with new net numbers above those of a module.

    Attributes:
        cells: Cells by name.
    """

    def __init__(self, module: Mapping[str, Any]) -> None:
        self.cells: dict[str, dict[str, Any]] = {}
        buses = [bits for cell in module["cells"].values() for bits in cell["connections"].values()]
        buses += [wire["bits"] for wire in module["netnames"].values()]
        self._last_net = max((bit for bits in buses for bit in bits if isinstance(bit, int)), default=1)
        self._same: dict[Bit, Bit] = {}  # nets that are wires, by the net that they are the end of
        self._gates: dict[tuple[str, tuple[Bit, ...]], int] = {}

    def resolved(self, bits: Sequence[Bit]) -> list[Bit]:
        """Return the nets, each at the start of its wire."""
        found = []
        for bit in bits:
            while bit in self._same:
                bit = self._same[bit]  # noqa: PLW2901
            found.append(bit)
        return found

    def add_up(self, terms: Sequence[_Term], output: Sequence[Bit], dropped: int) -> None:
        """Write an adder: its lower bits as wires, the others as a carry chain."""
        width = len(output) + dropped
        start = 0
        while start < width and not _adds(terms, start):
            start += 1
        sums: list[Bit] = [next((bit for bit in _column(terms, i) if bit != "0"), "0") for i in range(start)]
        if width - start == 1:
            sums.append(self._xor(_column(terms, start), inverted=False))
        elif width > start:
            sums += self._chain(terms, start, width)
        self._same.update((net, bit) for net, bit in zip(output, sums[dropped:], strict=True) if net != bit)

    def _chain(self, terms: Sequence[_Term], start: int, width: int) -> list[Bit]:
        """Write the carry chain of the bits `start` to `width` - 1 of a sum; return its outputs."""
        negatives = sum(term.negative for term in terms)
        table = _truth_table(terms)
        majority: Bit = "1" if negatives > 1 else "0"
        comes_in = negatives > 1
        selects: list[Bit] = []
        data: list[Bit] = []
        for position in range(start, width):
            column = _column(terms, position)
            present = [term.negative or bit != "0" for term, bit in zip(terms, column, strict=True)]
            passes_on = sum(present) == 3 or (sum(present) == 2 and comes_in)
            if passes_on and position < width - 1:
                inputs = [*column, *["0"] * (3 - len(column)), majority, "1", "1"]
                select, following = self._new_nets(2)
                pins = {f"I{index}": [bit] for index, bit in enumerate(inputs)}
                self._write("LUT6_2", {**pins, "O6": [select], "O5": [following]}, {"INIT": f"{table:064b}"})
                data.append(majority)
                majority = following
            else:
                select = self._xor([*column, majority], inverted=negatives % 2 == 1)
                positive = (bit for bit, term in zip(column, terms, strict=True) if bit != "0" and not term.negative)
                data.append(majority if comes_in or sum(present) == 3 else next(positive, "0"))
                majority = "0"
            selects.append(select)
            comes_in = passes_on
        return self._carry_cells(selects, data, "1" if negatives else "0")

    def _carry_cells(self, selects: list[Bit], data: list[Bit], carry_in: Bit) -> list[Bit]:
        """Write the cells of a carry chain; return its outputs."""
        length, outputs = len(selects), []
        unused: list[Bit] = ["0"] * (-length % _CARRIES)
        selects, data, carry = selects + unused, data + unused, "0"
        for low in range(0, length, _CARRIES):
            high = low + _CARRIES
            sums, carries = self._new_nets(_CARRIES), self._new_nets(_CARRIES)
            pins = {"CYINIT": [carry_in], "CI": [carry], "DI": data[low:high], "S": selects[low:high]}
            self._write("CARRY4", {**pins, "O": sums, "CO": carries}, {})
            outputs += sums
            carry_in, carry = "0", carries[-1]
        return outputs[:length]

    def _xor(self, bits: Sequence[Bit], *, inverted: bool) -> Bit:
        """Return the XOR of bits, as gates that are not written twice."""
        inverted ^= bits.count("1") % 2 == 1
        nets = sorted(bit for bit in bits if isinstance(bit, int))
        if not nets:
            return "1" if inverted else "0"
        found = nets[0]
        for net in nets[1:]:
            found = self._gate("$_XOR_", found, net)
        return self._gate("$_NOT_", found) if inverted else found

    def _gate(self, kind: str, *inputs: Bit) -> int:
        key = (kind, inputs)
        if key not in self._gates:
            (self._gates[key],) = self._new_nets(1)
            pins = {pin: [bit] for pin, bit in zip("AB", inputs, strict=False)}
            self._write(kind, {**pins, "Y": [self._gates[key]]}, {})
        return self._gates[key]

    def _new_nets(self, count: int) -> list[Bit]:
        self._last_net += count
        return list(range(self._last_net - count + 1, self._last_net + 1))

    def _write(self, kind: str, pins: dict[str, Sequence[Bit]], parameters: dict[str, str]) -> None:
        self.cells[f"$adder${len(self.cells)}"] = {
            "hide_name": 1,
            "type": kind,
            "parameters": parameters,
            "attributes": {},
            "connections": pins,
        }


def _column(terms: Sequence[_Term], position: int) -> list[Bit]:
    """Return the bits of all terms at a position of the sum."""
    return [term.at(position) for term in terms]


def _adds(terms: Sequence[_Term], position: int) -> bool:
    """Return whether a bit of the sum is more than a wire: two terms have it, or a negative one."""
    if any(term.negative and position >= term.zeros for term in terms):
        return True
    return sum(bit != "0" for bit in _column(terms, position)) > 1


def _truth_table(terms: Sequence[_Term]) -> int:
    """Return the table of a LUT6_2 whose input I5 is 1: O6, the sum of four terms; O5, the majority of three."""
    signs = [*(term.negative for term in terms), False, False][:3]
    a, b, c = (table ^ (_ONES if negative else 0) for table, negative in zip(_TERMS, signs, strict=True))
    return (a ^ b ^ c ^ _MAJORITY) << 32 | (a & b) | (a & c) | (b & c)
