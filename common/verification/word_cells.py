"""Word-level cells of RTL, from Yosys's JSON: operators, multiplexers, tables and registers, with the nets they use."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from common.errors import PipelineError
from common.verification.word_arithmetic import PINS
from common.verification.yosys_json import initial_values, nets_of, number


class Cell(NamedTuple):
    """A cell, or one read port of a table.

    Attributes:
        described: Name and type, for messages.
        kind: Type in Yosys.
        output: Nets that it drives, least significant bit first.
        operands: Nets that it reads, and whether they are signed. Of a multiplexer, the select bits come last.
        contents: Initial values of the bits of a register, or entries of a table.
    """

    described: str
    kind: str
    output: tuple[int, ...]
    operands: tuple[tuple[tuple[int, ...], bool], ...]
    contents: tuple[int, ...] = ()


def read_cells(module: dict[str, Any]) -> tuple[list[Cell], set[int]]:
    """Return the cells of a module, and the clock nets of its registers.

    Raises:
        PipelineError: A cell is not modelled, or incomplete; the message names it.
    """
    initial = initial_values(module)
    cells: list[Cell] = []
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
) -> Iterator[Cell]:
    """Yield a cell; a table yields one per read port."""
    if kind in PINS:
        signs = [number(parameters[f"{pin}_SIGNED"]) == 1 for pin in PINS[kind]]
        if not kind.startswith(("$sh", "$ssh", "$logic")) and len(set(signs)) > 1:
            raise PipelineError("one signed and one unsigned operand are not modelled")
        yield Cell(described, kind, pins["Y"], tuple((pins[pin], s) for pin, s in zip(PINS[kind], signs, strict=True)))
    elif kind in ("$mux", "$pmux"):
        choices, width = pins["B"], len(pins["Y"])
        words = [pins["A"], *(choices[start : start + width] for start in range(0, len(choices), width)), pins["S"]]
        yield Cell(described, kind, pins["Y"], tuple((nets, False) for nets in words))
    elif kind == "$dff":
        if number(parameters["CLK_POLARITY"]) != 1:
            raise PipelineError("a falling edge of the clock is not modelled")
        contents = tuple(initial.get(net, 0) for net in pins["Q"])
        yield Cell(described, kind, pins["Q"], ((pins["D"], False),), contents)
    elif kind == "$mem_v2":
        yield from _ports_of_table(described, pins, parameters)
    else:
        raise PipelineError("this type is not modelled")


def _ports_of_table(
    described: str, pins: Mapping[str, tuple[int, ...]], parameters: Mapping[str, str]
) -> Iterator[Cell]:
    """Yield the read ports of a table; a memory with a write port or a clock is refused."""
    if number(parameters["WR_PORTS"]) or number(parameters["RD_CLK_ENABLE"]):
        raise PipelineError("a memory with a write port or a clock is not modelled")
    width, address_width = number(parameters["WIDTH"]), number(parameters["ABITS"])
    bits = parameters["INIT"].rjust(number(parameters["SIZE"]) * width, "0")
    entries = [number(bits[end - width : end]) for end in range(len(bits), 0, -width)]
    contents = (*[0] * number(parameters["OFFSET"]), *entries)
    for port in range(number(parameters["RD_PORTS"])):
        address = pins["RD_ADDR"][port * address_width : (port + 1) * address_width]
        output = pins["RD_DATA"][port * width : (port + 1) * width]
        yield Cell(described, "$mem_v2", output, ((address, False),), contents)
