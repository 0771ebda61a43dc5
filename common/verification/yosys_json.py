"""Flattened modules from Yosys's JSON: ports, nets, constants and initial values."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from common.errors import PipelineError


def read_module(path: Path, top: str) -> dict[str, Any]:
    """Return a module of a file of Yosys's `write_json`.

    Raises:
        PipelineError: The file holds no such module.
    """
    modules = orjson.loads(path.read_bytes())["modules"]
    if top not in modules:
        raise PipelineError(f"{path} holds no module {top}, but {', '.join(modules)}")
    return modules[top]


def nets_of(bits: Sequence[int | str]) -> tuple[int, ...]:
    """Return net numbers; Yosys counts nets from 2 and writes constants as strings, here 0 and 1."""
    if "z" in bits:
        raise PipelineError("an undriven constant (z) is connected")
    return tuple(int(bit == "1") if isinstance(bit, str) else bit for bit in bits)


def number(binary: str) -> int:
    """Return the value of a parameter; `x` is 0."""
    return int(binary.replace("x", "0"), 2)


def initial_values(module: Mapping[str, Any]) -> dict[int, int]:
    """Return initial values of registers by net; RTL has them as attributes of wires."""
    return {
        net: int(value == "1")
        for wire in module["netnames"].values()
        for net, value in zip(wire["bits"], reversed(wire["attributes"].get("init", "")), strict=False)
    }


def name_of(module: Mapping[str, Any], net: int) -> str:
    """Return the name of a net for a message."""
    names = (f"{name}[{wire['bits'].index(net)}]" for name, wire in module["netnames"].items() if net in wire["bits"])
    return next(names, f"number {net}")


def ports(module: Mapping[str, Any], clocks: Collection[int]) -> tuple[dict[str, tuple[int, ...]], ...]:
    """Return the nets of the input ports, without the clock, and those of the output ports.

    Raises:
        PipelineError: There are two clocks.
    """
    if len(clocks) > 1:
        raise PipelineError(f"{', '.join(name_of(module, net) for net in clocks)} are {len(clocks)} clocks")
    found = {name: (port["direction"], nets_of(port["bits"])) for name, port in module["ports"].items()}
    inputs = {name: nets for name, (way, nets) in found.items() if way == "input" and set(nets).isdisjoint(clocks)}
    return inputs, {name: nets for name, (way, nets) in found.items() if way == "output"}


def check_driven(
    module: Mapping[str, Any], readers: Iterable[tuple[str, Sequence[int]]], driven: Collection[int]
) -> None:
    """Check that every net that is read has a driver; `readers` are descriptions, each with the nets that it reads.

    Raises:
        PipelineError: One has none.
    """
    for reader, nets in readers:
        for net in nets:
            if net not in driven:
                raise PipelineError(f"net {name_of(module, net)}, read by {reader}, has no driver")


def driven_bits(module: Mapping[str, Any], wires: Sequence[str], driven: Collection[int]) -> dict[str, dict[int, int]]:
    """Return the nets of wires by position, without bits that have no driver and without unknown wires."""
    bits_of = {name: module["netnames"][name]["bits"] for name in wires if name in module["netnames"]}
    return {
        name: {place: net for place, net in enumerate(nets_of(bits)) if net in driven and bits[place] != "x"}
        for name, bits in bits_of.items()
    }
