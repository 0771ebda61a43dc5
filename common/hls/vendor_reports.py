"""Parsers of Vivado HLS, Vitis HLS and Vivado reports, which return flat typed records.

| report | content | unit of block RAM | manual |
|---|---|---|---|
| `*_csynth.xml`, the same as text in `*_csynth.rpt` | estimate of the HLS compiler | 18 kbit | UG902, UG1399 |
| `*_cosim.rpt` | simulation of the generated RTL | | UG902, UG1399 |
| `vivado_synth.rpt` (`report_utilization`) | netlist of Vivado's logic synthesis | tiles of 36 kbit | UG906 |

Vivado's rows are `Slice LUTs`, `Slice Registers` and `DSPs` for 7 series, `CLB LUTs`, `CLB Registers` and `DSPs` for
UltraScale(+), `CLB LUTs`, `Registers` and `DSP Slices` for Versal.

A number is read by the name of its row or column, and only from a complete table: a truncated report yields correct
numbers or a `ReportError`. `hls4ml.report` is not used: it only prints what is missing, raises IndexError without an
`.app` file, leaves numbers as text, labels tiles of 36 kbit `BRAM_18K`, and prints the best latency as the worst.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.errors import PipelineError

# Printed for unknown cycle counts: of a loop without bounds, the interval of a single transaction.
UNDEFINED = {"?", "undef", "NA"}
# Last release of Vivado HLS. (The preview of Vitis HLS in it has no hls4ml backend.)
LAST_VIVADO_HLS = (2020, 1)


class ReportError(PipelineError):
    """A report of a vendor tool is missing, truncated, or of another kind than its name says."""


@dataclass(frozen=True)
class SynthesisReport:
    """Resources and timing of one design as reported by one tool; None for what it does not report."""

    design: str  # Name of the top function or module
    tool: str  # Vivado HLS, Vitis HLS or Vivado
    tool_version: str  # Release, such as 2020.1
    part: str  # FPGA as printed: Vivado omits dashes, sometimes the leading xc
    estimate: bool  # True for C synthesis, False for the netlist of logic synthesis
    lut: int
    ff: int
    dsp: int
    bram_18k: int  # Block RAM [18 kbit]; a tile of 36 kbit counts as two
    uram: int | None  # None if the report has no such row
    clock_target_ns: float | None = None  # Target clock period [ns]
    clock_estimated_ns: float | None = None  # Estimated clock period, without uncertainty [ns]
    latency_cycles_min: int | None = None  # [clock cycles]
    latency_cycles_max: int | None = None  # [clock cycles]
    initiation_interval_min: int | None = None  # [clock cycles]
    initiation_interval_max: int | None = None  # [clock cycles]


@dataclass(frozen=True)
class CosimulationReport:
    """Result of C/RTL co-simulation; cycles are None if it failed, the interval also for a single transaction."""

    rtl: str
    passed: bool
    latency_cycles_min: int | None
    latency_cycles_max: int | None
    initiation_interval_min: int | None
    initiation_interval_max: int | None


def read_c_synthesis(path: Path) -> SynthesisReport:
    """Return the estimate of C synthesis from `*_csynth.xml` or `*_csynth.rpt`.

    Raises:
        ReportError: The report is missing, truncated or malformed.
    """
    with _report(path) as text:
        return _c_synthesis_of_xml(text) if path.suffix == ".xml" else _c_synthesis_of_text(text)


def read_logic_synthesis(path: Path) -> SynthesisReport:
    """Return the resources after Vivado's logic synthesis from `vivado_synth.rpt`.

    Raises:
        ReportError: The report is missing, truncated or malformed.
    """
    used: dict[str, str] = {}
    with _report(path) as text:
        for header, *rows in _tables(text):
            if header[0] == "Site Type" and "Used" in header:
                used |= {row[0].rstrip("*"): _by_column(header, row)["Used"] for row in rows}
        return SynthesisReport(
            design=_find(r"^\| Design +: (\S+)$", text),
            tool="Vivado",
            tool_version=_find(r"^\| Tool Version : Vivado v\.(\S+) ", text),
            part=_find(r"^\| Device +: (\S+)$", text),
            estimate=False,
            lut=_count(_one_of(used, "CLB LUTs", "Slice LUTs")),
            ff=_count(_one_of(used, "Registers", "CLB Registers", "Slice Registers")),
            dsp=_count(_one_of(used, "DSP Slices", "DSPs")),
            bram_18k=_count(_one_of(used, "Block RAM Tile"), times=2),
            uram=_count(used["URAM"]) if "URAM" in used else None,
        )


def read_cosimulation(path: Path) -> CosimulationReport:
    """Return the result of co-simulation from `*_cosim.rpt`.

    Raises:
        ReportError: The report is missing, truncated or malformed, or no RTL was simulated.
    """
    with _report(path) as text:
        simulated = [row for table in _tables(text) for row in table if len(row) >= 8 and row[1] in ("Pass", "Fail")]
        if len(simulated) != 1:
            raise ValueError(f"it has {len(simulated)} rows of an RTL that passed or failed, not one")
        rtl, status, *cells = simulated[0]
        latency_min, _, latency_max, interval_min, _, interval_max = (_cycles(cell) for cell in cells[:6])
        return CosimulationReport(rtl, status == "Pass", latency_min, latency_max, interval_min, interval_max)


def _c_synthesis_of_xml(text: str) -> SynthesisReport:
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise ValueError(f"its XML is truncated or damaged, {error}") from error
    entries = {
        f"{section.tag}/{each.tag}": each.text.strip()
        for section in (*root, *root.iterfind("PerformanceEstimates/*"))
        for each in section
        if each.text and each.text.strip()
    }
    version = _one_of(entries, "ReportVersion/Version")
    release = tuple(int(number) for number in _find(r"^(\d+\.\d+)", version).split("."))
    clock = "UserAssignments/TargetClockPeriod", "SummaryOfTimingAnalysis/EstimatedClockPeriod"
    cycles = "Best-caseLatency", "Worst-caseLatency", "Interval-min", "Interval-max"
    return _c_synthesis(
        design=_one_of(entries, "UserAssignments/TopModelName"),
        tool="Vivado HLS" if release <= LAST_VIVADO_HLS else "Vitis HLS",
        tool_version=version,
        part=_one_of(entries, "UserAssignments/Part"),
        resources={each.tag: each.text or "" for each in root.iterfind("AreaEstimates/Resources/*")},
        clock=[_one_of(entries, name) for name in clock],
        cycles=[_one_of(entries, f"SummaryOfOverallLatency/{name}") for name in cycles],
    )


def _c_synthesis_of_text(text: str) -> SynthesisReport:
    # The summaries come first. Tables of submodules with similar headers follow.
    clock: Sequence[str] = ()
    cycles: Sequence[str] = ()
    resources: Mapping[str, str] = {}
    for header, *rows in _tables(text):
        if not clock and header[:3] == ["Clock", "Target", "Estimated"]:
            clock = [cell.removesuffix("ns") for row in rows for cell in row[1:3]]
        elif not cycles and header[0] in ("Latency", "Latency (cycles)"):
            # Since 2019.2, the latency as a time is between that in cycles and the interval.
            cycles = [cell for row in rows[1:] for cell in (*row[:2], *row[-3:-1])]
        elif not resources and header[0] == "Name" and {"DSP48E", "DSP"} & {*header}:
            resources = next((_by_column(header, row) for row in rows if row[0] == "Total"), {})
    return _c_synthesis(
        design=_find(r"^== \w+ HLS Report for '(\S+)'$", text),
        tool=_find(r"^== (Vivado HLS|Vitis HLS) Report", text),
        tool_version=_find(r"^\* Version: +(\S+) \(", text),
        part=_find(r"^\* Target device: +(\S+)$", text),
        resources=resources,
        clock=clock,
        cycles=cycles,
    )


def _c_synthesis(
    resources: Mapping[str, str], clock: Sequence[str], cycles: Sequence[str], **identity: str
) -> SynthesisReport:
    """Return the record of a report, given resources by name, two clock periods [ns] and four cycle counts."""
    if len(clock) != 2 or len(cycles) != 4:
        raise ValueError("it lacks the summary of timing or of latency")
    target, estimated = (_number(each) for each in clock)
    latency_min, latency_max, interval_min, interval_max = (_cycles(each) for each in cycles)
    return SynthesisReport(
        **identity,
        estimate=True,
        lut=_count(_one_of(resources, "LUT")),
        ff=_count(_one_of(resources, "FF")),
        dsp=_count(_one_of(resources, "DSP48E", "DSP")),
        bram_18k=_count(_one_of(resources, "BRAM_18K")),
        uram=_count(resources["URAM"]) if "URAM" in resources else None,
        clock_target_ns=target,
        clock_estimated_ns=estimated,
        latency_cycles_min=latency_min,
        latency_cycles_max=latency_max,
        initiation_interval_min=interval_min,
        initiation_interval_max=interval_max,
    )


@contextmanager
def _report(path: Path) -> Iterator[str]:
    """Yield the text of a report; turn a ValueError in the block into a ReportError."""
    try:
        yield path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ReportError(f"{path} cannot be read ({error.strerror}): run the tool that writes it") from error
    except ValueError as fault:
        raise ReportError(
            f"{path} is truncated or damaged, or from an unsupported tool version ({fault}): "
            "run the tool that writes it again"
        ) from fault


def _tables(text: str) -> list[list[list[str]]]:
    """Return the complete framed tables as rows of cells, the header first."""
    tables: list[list[list[str]]] = []
    for block in re.findall(r"^ *\+-.*(?:\n *(?:\|.*|\+.*\+ *$))*", text, re.MULTILINE):
        frame, *lines = (line.strip() for line in block.split("\n"))
        rows = [line for line in lines if line.startswith("|")]
        if rows and lines[-1] == frame and all(row.endswith("|") for row in rows):
            tables.append([[cell.strip() for cell in row[1:-1].split("|")] for row in rows])
    return tables


def _by_column(header: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    if len(row) != len(header):
        raise ValueError(f"the row of {row[0]} does not match its columns")
    return dict(zip(header, row, strict=True))


def _find(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise ValueError(f"nothing matches {pattern}")
    return match[1]


def _one_of(named: Mapping[str, str], *names: str) -> str:
    """Return the value of any of these names, which differ between tools and parts."""
    found = {named[name] for name in names if name in named}
    if len(found) > 1:
        raise ValueError(f"its entries {' and '.join(names)} contradict each other")
    if not found:
        raise ValueError(f"it has no entry {' or '.join(names)}")
    return found.pop()


def _number(text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text.strip()):
        raise ValueError(f"found '{text}' instead of a number")
    return float(text)


def _count(text: str, *, times: int = 1) -> int:
    number = times * _number(text)
    if not number.is_integer():
        raise ValueError(f"found '{text}' instead of a count")
    return int(number)


def _cycles(text: str) -> int | None:
    return None if text in UNDEFINED else _count(text)
