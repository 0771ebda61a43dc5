"""Tables of the designs on the terminal."""

from common import paper, published_designs
from common.hls import design_metrics
from common.running import console
from common.synthesis.open_tools import Row
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


def print_all(reports: list[DesignReport], metrics: dict[str, dict[str, Row]]) -> None:
    """Print resources, timing, exactness and proofs of all designs.

    Args:
        reports: Reports of the designs.
        metrics: Their parts of `metrics.json`.
    """
    print_resources(metrics["designs"])
    print_timing(reports)
    print_exactness(metrics["exactness"])
    print_proofs(reports)


def print_resources(designs: dict[str, Row]) -> None:
    """Print rows of `metrics.json` together with the paper's Tables 5 and 6."""
    ours = [(name.partition(",")[0], row) for name, row in designs.items() if "fmax_mhz" not in row]
    theirs = [(f"paper: {name}", {**row, "estimate": True}) for name, row in paper.TABLES_5_AND_6.items()]
    rows = []
    for name, row in ours + theirs:
        tool = "est." if row.get("estimate") else row["tool"].split()[0]
        source = f"{tool} {row['part'].partition('-')[0][:9]}"  # short, so that the table fits a terminal
        rows.append([name, *(row.get(key) for key in RESOURCES.values()), source])
    console.table("Resources, with the paper's Tables 5 and 6", ["design", *RESOURCES, "source"], rows)
    console.note(f"est.: C-synthesis estimate, others: after logic synthesis; {published_designs.overestimate()}")


def print_timing(reports: list[DesignReport]) -> None:
    """Print the timing of the routed designs, and the results of the one on a board, if there are any."""
    rows = [[report.design, *(row[key] for key in TIMING.values())] for report in reports for row in report.routed]
    if rows:
        console.table("Placed and routed", ["design", *TIMING], rows)
    for report in reports:
        for row in report.routed:
            path = " to ".join(row["critical_path"])
            console.note(f"critical path of {report.design}, cut-off {row['latency_cutoff']}: {path}")
    for report in reports:
        for row in filter(lambda row: "uart_images" in row, report.resources.values()):
            console.note(
                f"{report.design} on {row['part']}: {1000 / row['clock_ns']:.0f} MHz, {row['fmax_mhz']} MHz routed; "
                f"{row['uart_images']} images through the simulated serial line, {row['uart_differing']} values differ"
            )


def print_exactness(exactness: design_metrics.Exactness) -> None:
    """Print which simulations were compared, and a table of how many values differ, if any do."""
    if design_metrics.differences(exactness):
        pairs = design_metrics.compared(exactness)
        rows = [[name, row["values"], *(row.get(pair) for pair in pairs)] for name, row in exactness.items()]
        console.table("Values that differ", ["design", "of", *(design_metrics.PAIRS[pair][1] for pair in pairs)], rows)
    elif exactness:
        console.note(f"no value differs; designs compared: {design_metrics.compared_in_words(exactness)}")


def print_proofs(reports: list[DesignReport]) -> None:
    """Print how many pipeline stages are proven equal for every input."""
    proofs = [proof for report in reports for proof in report.proofs.values()]
    if proofs:
        proven, stages = sum(len(proof.proven) for proof in proofs), sum(proof.stages for proof in proofs)
        console.note(
            f"netlist and RTL proven equal for every input: {proven} of {stages} stages, {len(proofs)} netlists"
        )
