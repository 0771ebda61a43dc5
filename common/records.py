"""Records of designs in `metrics.json`: what each costs and computes, and whether its simulations agree.

All who measure make these records, all tables and figures show them. In JSON a field that was not measured is absent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self, TypeVar

SIMULATION, ESTIMATE = "simulation", "C-synthesis estimate"
SYNTHESIS, ROUTED = "logic synthesis", "placed and routed"
PAIRS = {
    "qkeras_csim": ("QKeras", "C simulation"),
    "csim_test_bench": ("C simulation", "test bench"),
    "csim_alir": ("C simulation", "traced logic"),
    "csim_table": ("C simulation", "latent table"),
    "alir_rtl": ("traced logic", "RTL"),
    "alir_vhdl": ("traced logic", "VHDL"),
    "rtl_netlist": ("RTL", "netlist"),
    "alir_netlist": ("traced logic", "routed netlist"),
    "csim_uart": ("C simulation", "simulated board"),
}
"""Two simulations whose values are compared, the reference first, by their key in a record."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record of one design."""

    design: str  # CUT/VARIANT
    part: str = ""  # FPGA family, device or board; empty where the record holds for all
    stale: bool = False  # whether a stage that made it is stale

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Return the record that JSON holds.

        Raises:
            TypeError: It has an unknown field, lacks one, or has words where a number belongs.
        """
        record = cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})
        if any(isinstance(getattr(record, field.name), str) != (field.type is str) for field in fields(cls)):
            raise TypeError(f"{row} is no {cls.__name__}")
        return record

    def as_json(self) -> dict[str, Any]:
        """Return the fields that are known."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}

    def updated(self, later: Self) -> Self:
        """Return this record with all that a later one of the same design knows."""
        return replace(self, **later.as_json())

    @property
    def cut(self) -> str:
        """Part of the network that it computes."""
        return self.design.partition("/")[0]

    @property
    def variant(self) -> str:
        """Variant of the network."""
        return self.design.partition("/")[2]


@dataclass(frozen=True, kw_only=True)
class DesignRecord(Record):
    """What a design computes or costs, by one tool on one part."""

    kind: str  # how far the tool went: SIMULATION, ESTIMATE, SYNTHESIS or ROUTED
    tool: str = ""  # name and version; of several tools, the last one counted
    package: str = ""  # of the part, with its speed grade; of a board, with its FPGA
    nonzero_weights: int | None = None
    test_l1: float | None = None  # mean |r - r^| of a pixel, test images
    test_accuracy: float | None = None  # 0 to 1, test images
    lut: int | None = None  # of up to six inputs, before placement; of four inputs and placed on a Lattice ECP5
    inverter: int | None = None  # before placement; each can take up a LUT more
    route_through: int | None = None  # carry chain inputs without a LUT of their own, likewise
    luts_available: int | None = None  # on the part
    ff: int | None = None
    carry: int | None = None  # carry chain cells
    wide_mux: int | None = None  # multiplexers that join LUTs
    dsp: int | None = None
    bram: int | None = None  # of HLS tools: of 18 kbit
    latency_cycles: int | None = None  # from image to result [clock cycles]
    initiation_interval: int | None = None  # from image to image [clock cycles]
    clock_ns: float | None = None  # period: the HLS tool's estimate, the routed design's, or the board's [ns]
    fmax_mhz: float | None = None  # of the routed design [MHz]
    latency_ns: float | None = None  # from image to result [ns]
    target_mhz: float | None = None  # clock that the router aims at [MHz]
    slack_ns: float | None = None  # of the target period [ns]
    latency_cutoff: float | None = None  # adders in a row between two pipeline registers, at most
    critical_path: tuple[str, ...] = ()  # its first and last layer
    critical_logic_ns: float | None = None  # of the critical path, in cells [ns]
    critical_routing_ns: float | None = None  # of the critical path, between cells [ns]
    stages: int | None = None  # pipeline stages whose netlist and RTL were to be proven equal
    stages_proven: int | None = None
    uart_images: int | None = None  # sent through the simulated serial line of the board
    uart_differing: int | None = None  # values that came back wrong
    log: str = ""  # of the router, in the folder of the stage

    @property
    def key(self) -> tuple[str, ...]:
        """Fields that identify the record."""
        return self.design, self.kind, self.tool, self.part

    @property
    def fpga(self) -> str:
        """Part and package."""
        return ", ".join(filter(None, (self.part, self.package)))

    @property
    def source(self) -> str:
        """How far which tool went, on which FPGA."""
        tool = ".".join(self.tool.split(", ")[-1].split(".")[:2])
        return ", ".join(filter(None, (self.kind, tool, self.fpga)))


@dataclass(frozen=True, kw_only=True)
class ExactnessRecord(Record):
    """How many values differ between simulations of a design; 0 is the only good number."""

    flow: str = ""  # of several on a part, such as VHDL or cut-off 2; empty for the main one
    images: int | None = None  # test images that were simulated; None for tables
    values: int  # compared, by each pair
    differing: Mapping[str, int]  # how many of them differ, by the pair of PAIRS

    @property
    def key(self) -> tuple[str, ...]:
        """Fields that identify the record."""
        return self.design, self.part, self.flow

    @property
    def name(self) -> str:
        """Design, part and flow."""
        return ", ".join(filter(None, self.key))

    def updated(self, later: Self) -> Self:
        """Return this record with all that a later one of the same design knows."""
        return replace(super().updated(later), differing={**self.differing, **later.differing})


def as_metrics(
    designs: Iterable[DesignRecord], exactness: Iterable[ExactnessRecord]
) -> dict[str, list[dict[str, Any]]]:
    """Return the parts of `metrics.json` that hold these records."""
    return {"designs": [each.as_json() for each in designs], "exactness": [each.as_json() for each in exactness]}


def from_metrics(metrics: Mapping[str, Any]) -> tuple[list[DesignRecord], list[ExactnessRecord]]:
    """Return the records of designs and of exactness that `metrics.json` or a part of it holds.

    Raises:
        TypeError: One is not as this version writes it.
    """
    designs = [DesignRecord.from_json(row) for row in metrics.get("designs", ())]
    return designs, [ExactnessRecord.from_json(row) for row in metrics.get("exactness", ())]


Kind = TypeVar("Kind", DesignRecord, ExactnessRecord)


def merged(records: Iterable[Kind]) -> list[Kind]:
    """Return one record for each key, later ones over earlier ones."""
    found: dict[tuple[str, ...], Kind] = {}
    for record in records:
        found[record.key] = found[record.key].updated(record) if record.key in found else record
    return list(found.values())


def completed(designs: Iterable[DesignRecord]) -> list[DesignRecord]:
    """Return the records of hardware with what the design computes, which is the same on every part.

    Designs without hardware follow, with what they compute alone.
    """
    designs = list(designs)
    computed = {record.design: record for record in designs if record.kind == SIMULATION}
    hardware = [record for record in designs if record.kind != SIMULATION]
    found = [computed.get(record.design, record).updated(record) for record in hardware]
    return found + [computed[design] for design in computed if design not in {record.design for record in hardware}]


def pair_in_words(pair: str) -> str:
    """Return the names of two simulations that are compared."""
    return " and ".join(PAIRS[pair])


def compared(exactness: Iterable[ExactnessRecord]) -> dict[str, int]:
    """Return for how many designs two simulations were compared, by the pair, in order; only pairs that were."""
    found = {pair: {record.design for record in exactness if pair in record.differing} for pair in PAIRS}
    return {pair: len(designs) for pair, designs in found.items() if designs}


def compared_in_words(exactness: Iterable[ExactnessRecord]) -> str:
    """List the pairs of simulations that were compared, with the number of designs."""
    return ", ".join(f"{pair_in_words(pair)} ({count})" for pair, count in compared(exactness).items())


def differences(exactness: Iterable[ExactnessRecord]) -> list[tuple[str, str, str]]:
    """Return the design, the pair and the words for each two simulations that differ."""
    return [
        (record.design, pair, f"{record.name}: {count} of {record.values} values differ between {pair_in_words(pair)}")
        for record in exactness
        for pair in PAIRS
        if (count := record.differing.get(pair))
    ]
