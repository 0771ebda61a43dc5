"""Tables of the designs on the terminal."""

from collections.abc import Sequence

from common import paper, published_designs, records
from common.records import ESTIMATE, ROUTED, DesignRecord, ExactnessRecord
from common.running import console
from common.synthesis.reports import DesignReport

RESOURCES = {"LUT": "lut", "FF": "ff", "DSP": "dsp", "cycles": "latency_cycles"}
TIMING = {
    "cut-off": "latency_cutoff",
    "MHz": "fmax_mhz",
    "cycles": "latency_cycles",
    "ns": "latency_ns",
    "LUT4": "lut",
    "FF": "ff",
}


def print_all(
    reports: Sequence[DesignReport], designs: Sequence[DesignRecord], exactness: Sequence[ExactnessRecord]
) -> None:
    """Print resources, timing, exactness and proofs of all designs."""
    print_resources(designs)
    print_timing(reports)
    print_exactness(exactness)
    print_proofs(reports)


def print_resources(designs: Sequence[DesignRecord]) -> None:
    """Print designs after synthesis, with the paper's Tables 5 and 6."""
    ours = [(record.design, record) for record in designs if record.kind != ROUTED]
    theirs = [(f"paper: {name}", record) for name, record in paper.TABLES_5_AND_6.items()]
    rows = []
    for name, record in ours + theirs:
        tool = "est." if record.kind == ESTIMATE else record.tool.split()[0]
        source = f"{tool} {record.part.partition('-')[0][:9]}"  # short, so that the table fits a terminal
        rows.append([name, *(getattr(record, key) for key in RESOURCES.values()), source])
    console.table("Resources, with the paper's Tables 5 and 6", ["design", *RESOURCES, "source"], rows)
    console.note(f"est.: C-synthesis estimate, others: after logic synthesis; {published_designs.overestimate()}")


def print_timing(reports: Sequence[DesignReport]) -> None:
    """Print the timing of the routed designs, and the results of the one on a board, if there are any."""
    routed = [record for report in reports for record in report.routed]
    if routed:
        rows = [[record.design, *(getattr(record, key) for key in TIMING.values())] for record in routed]
        console.table("Placed and routed", ["design", *TIMING], rows)
    for record in routed:
        path = " to ".join(record.critical_path)
        console.note(f"critical path of {record.design}, cut-off {record.latency_cutoff}: {path}")
    for record in (record for report in reports for record in report.costs if record.uart_images is not None):
        console.note(
            f"{record.design} on {record.part}: {1000 / record.clock_ns:.0f} MHz, {record.fmax_mhz} MHz routed; "
            f"{record.uart_images} images through the simulated serial line, {record.uart_differing} values differ"
        )


def print_exactness(exactness: Sequence[ExactnessRecord]) -> None:
    """Print which simulations were compared, and a table of how many values differ, if any do."""
    if records.differences(exactness):
        pairs = records.compared(exactness)
        rows = [[each.name, each.values, *(each.differing.get(pair) for pair in pairs)] for each in exactness]
        console.table("Values that differ", ["design", "of", *(records.PAIRS[pair][1] for pair in pairs)], rows)
    elif exactness:
        console.note(f"no value differs; designs compared: {records.compared_in_words(exactness)}")


def print_proofs(reports: Sequence[DesignReport]) -> None:
    """Print how many pipeline stages are proven equal for every input."""
    proofs = [proof for report in reports for proof in report.proofs.values()]
    if proofs:
        proven, stages = sum(len(proof.proven) for proof in proofs), sum(proof.stages for proof in proofs)
        console.note(
            f"netlist and RTL proven equal for every input: {proven} of {stages} stages, {len(proofs)} netlists"
        )
