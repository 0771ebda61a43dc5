"""Tables of the synthesized designs: resources beside the paper's, exactness, LUTs by layer."""

import csv
from pathlib import Path

from common import console, paper
from common.synthesis import DesignReport, Row

RESOURCES = {"LUT": "lut", "FF": "ff", "DSP": "dsp", "cycles": "latency_cycles"}
PAIRS = {"test bench": "csim_test_bench", "alkaid": "csim_alir", "RTL": "alir_rtl", "netlist": "rtl_netlist"}


def print_resources(designs: dict[str, Row]) -> None:
    """Print rows of `metrics.json` beside the paper's Tables 5 and 6."""
    rows = [
        [name, *(row.get(key) for key in RESOURCES.values()), f"{row['tool'].split()[0]}, {row['part']}"]
        for name, row in designs.items()
    ]
    rows += [
        [f"paper: {name}", *(row[key] for key in RESOURCES.values()), f"HLS est., {row['part']}"]
        for name, row in paper.TABLES_5_AND_6.items()
    ]
    console.table("Resources beside the paper's Tables 5 and 6", ["design", *RESOURCES, "source"], rows)
    console.note("Yosys counts after logic synthesis; HLS estimates run 1.7 to 2.2 times above logic synthesis")


def print_exactness(reports: list[DesignReport]) -> None:
    """Print how many values differ between each simulation and the one before it."""
    rows = [[report.design, *(report.exactness.get(pair) for pair in PAIRS.values())] for report in reports]
    console.table("Values that differ, over all test images", ["design", *PAIRS], rows)


def print_proofs(reports: list[DesignReport]) -> None:
    """Print how many pipeline stages are proven for every input, and why the others are not."""
    proofs = [(f"{report.design}, {family}", proof) for report in reports for family, proof in report.proofs.items()]
    for name, proof in proofs:
        console.note(f"{name}: {len(proof.proven)} of {proof.stages} stages equal to the RTL for every possible input")
        for register, reason in proof.unproven.items():
            console.note(f"  not proven: the stage before register {register}; {reason}")


def write_luts_by_layer(folder: Path, reports: list[DesignReport]) -> None:
    """Write alkaid's estimate of the LUTs of each layer of each design as `luts_of_all_designs.csv`."""
    with (folder / "luts_of_all_designs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["design", "layer", "lut (estimate of alkaid)"])
        for report in reports:
            writer.writerows([report.design, layer, round(luts)] for layer, luts in report.luts_by_layer.items())
