"""What was found out about the designs, as tables on the terminal."""

from common import console, paper, published_designs
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
PAIRS = {
    "test bench": "csim_test_bench",
    "alkaid": "csim_alir",
    "tables": "csim_table",
    "RTL": "alir_rtl",
    "VHDL": "alir_vhdl",
    "netlist": "rtl_netlist",
    "routed netlist": "alir_netlist",
    "board": "csim_uart",
}


def print_resources(designs: dict[str, Row]) -> None:
    """Print rows of `metrics.json` beside the paper's Tables 5 and 6."""
    ours = [
        (name.partition(",")[0], row["tool"].split()[0], row) for name, row in designs.items() if "fmax_mhz" not in row
    ]
    theirs = [(f"paper: {name}", "HLS", row) for name, row in paper.TABLES_5_AND_6.items()]
    rows = []
    for name, tool, row in ours + theirs:
        source = f"{tool}{' est.' if row.get('estimate') else ','} {row['part'].partition('-')[0]}"
        rows.append([name, *(row.get(key) for key in RESOURCES.values()), source])
    console.table("Resources beside the paper's Tables 5 and 6", ["design", *RESOURCES, "source"], rows)
    console.note(f"Yosys: after logic synthesis; HLS: estimates; {published_designs.overestimate()}")


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


def print_exactness(reports: list[DesignReport]) -> None:
    """Print how many values differ between each two simulations: a table where any do."""
    rows = {name: row for report in reports for name, row in report.exactness.items()}
    found = {name: pair for name, pair in PAIRS.items() if any(pair in row for row in rows.values())}
    if any(row.get(pair) for row in rows.values() for pair in found.values()):
        cells = [[name, row["values"], *(row.get(pair) for pair in found.values())] for name, row in rows.items()]
        console.table("Values that differ", ["design", "of", *found], cells)
        return
    compared = ", ".join(f"{name} ({sum(pair in row for row in rows.values())})" for name, pair in found.items())
    console.note(f"no value differs; compared: {compared}")


def print_proofs(reports: list[DesignReport]) -> None:
    """Print how many pipeline stages are proven for every input."""
    proofs = [proof for report in reports for proof in report.proofs.values()]
    if proofs:
        proven, stages = sum(len(proof.proven) for proof in proofs), sum(proof.stages for proof in proofs)
        console.note(
            f"netlist and RTL proven equal for every input: {proven} of {stages} stages, {len(proofs)} netlists"
        )


def unproven(reports: list[DesignReport]) -> list[str]:
    """Say of each netlist that is not proven equal to its RTL why not."""
    return [
        f"{report.design}, {netlist}: {len(proof.unproven)} of {proof.stages} pipeline stages are not proven: "
        f"{'; '.join(f'before register {register}, {reason}' for register, reason in proof.unproven.items())}; "
        "raise --proof-seconds"
        for report in reports
        for netlist, proof in report.proofs.items()
        if proof.unproven
    ]
