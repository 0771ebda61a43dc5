"""What was found out about the designs: rows of `metrics.json`, tables on the terminal, LUTs by layer."""

import csv
from pathlib import Path

from common import console, design_metrics, paper, published_designs
from common.synthesis import DesignReport, Row

RESOURCES = {"LUT": "lut", "FF": "ff", "DSP": "dsp", "cycles": "latency_cycles"}
TIMING = {
    "cut-off": "latency_cutoff",
    "MHz": "fmax_mhz",
    "cycles": "latency_cycles",
    "ns": "latency_ns",
    "LUT4": "lut",
    "FF": "ff",
}


def metrics(reports: list[DesignReport], images: int) -> dict[str, dict[str, Row]]:
    """Return resources and exactness as parts of `metrics.json`; a design's name alone is the open tools' first row."""
    designs, exactness = {}, {}
    for report in reports:
        name = str(report.design)
        if report.design.quantized:
            exactness[name] = {"images": images, **report.exactness}
        for number, (kind, row) in enumerate(report.resources.items()):
            designs[f"{name}, {kind}" if number else name] = row
        designs |= {f"{name}, {kind}": row for kind, row in report.hls.items()}
    return {"designs": designs, "exactness": exactness}


def print_resources(designs: dict[str, Row]) -> None:
    """Print rows of `metrics.json` beside the paper's Tables 5 and 6."""
    ours = [(name.partition(",")[0], row) for name, row in designs.items() if "fmax_mhz" not in row]
    theirs = [(f"paper: {name}", {**row, "estimate": True}) for name, row in paper.TABLES_5_AND_6.items()]
    rows = []
    for name, row in ours + theirs:
        tool = "est." if row.get("estimate") else row["tool"].split()[0]
        source = f"{tool} {row['part'].partition('-')[0][:9]}"  # no longer, so that the table fits a terminal
        rows.append([name, *(row.get(key) for key in RESOURCES.values()), source])
    console.table("Resources beside the paper's Tables 5 and 6", ["design", *RESOURCES, "source"], rows)
    console.note(f"est.: C-synthesis estimate, others: after logic synthesis; {published_designs.overestimate()}")


def print_timing(reports: list[DesignReport]) -> None:
    """Print how fast the routed designs are, and what was found out about the one on a board; nothing for others."""
    rows = [
        [report.design, *(row[key] for key in TIMING.values())] for report in reports for row in report.routed.values()
    ]
    if rows:
        console.table("Placed and routed", ["design", *TIMING], rows)
    for report in reports:
        for row in report.routed.values():
            path = " to ".join(row["critical_path"])
            console.note(f"slowest path of {report.design}, cut-off {row['latency_cutoff']}: {path}")
    for report in reports:
        for row in filter(lambda row: "uart_images" in row, report.resources.values()):
            console.note(
                f"{report.design} on {row['part']}: {1000 / row['clock_ns']:.0f} MHz, {row['fmax_mhz']} MHz routed; "
                f"{row['uart_images']} images through the simulated serial line, {row['uart_differing']} values differ"
            )


def print_exactness(exactness: design_metrics.Exactness) -> None:
    """Print which simulations were compared, and how many values differ: a table where any do."""
    if design_metrics.differences(exactness):
        pairs = design_metrics.compared(exactness)
        rows = [[name, *(row.get(pair) for pair in pairs)] for name, row in exactness.items()]
        console.table("Values that differ", ["design", *(design_metrics.PAIRS[pair][1] for pair in pairs)], rows)
    elif exactness:
        console.note(f"no value differs; designs compared: {design_metrics.compared_in_words(exactness)}")


def print_proofs(reports: list[DesignReport]) -> None:
    """Print how many pipeline stages are proven for every input, and why the others are not."""
    proofs = {f"{report.design}, {family}": proof for report in reports for family, proof in report.proofs.items()}
    if proofs:
        proven = sum(len(proof.proven) for proof in proofs.values())
        stages = sum(proof.stages for proof in proofs.values())
        console.note(
            f"netlist and RTL proven equal for every input: {proven} of {stages} stages, {len(proofs)} netlists"
        )
    for name, proof in proofs.items():
        for register, reason in proof.unproven.items():
            console.note(f"{name}: not proven before register {register}: {reason}")


def write_luts_by_layer(folder: Path, reports: list[DesignReport]) -> None:
    """Write alkaid's estimate of the LUTs of each layer of each design as `luts_of_all_designs.csv`."""
    with (folder / "luts_of_all_designs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["design", "layer", "lut (estimate of alkaid)"])
        for report in reports:
            writer.writerows([report.design, layer, round(luts)] for layer, luts in report.luts_by_layer.items())
