"""The paper's tables of designs beside ours, and how many values differ between simulations of ours."""

from collections.abc import Iterator, Mapping
from typing import Any

from common import paper
from common.hls import design_metrics
from common.hls.designs import CUTS, VARIANTS
from common.published_designs import OVERESTIMATES, SYNTHESIZED_PROJECTS, overestimate
from common.report.network_tables import Comparison
from common.report.results import DASH, PAPER_VARIANTS, measured, number


def tables_5_and_6(designs: Mapping[str, Mapping[str, Any]]) -> Comparison | None:
    """Lay what designs use on an FPGA beside Tables 5 and 6 of the revision."""
    synthesized = {
        name: row for name, row in designs.items() if measured(row, "lut") is not None and "fmax_mhz" not in row
    }
    if not synthesized:
        return None
    rows = []
    for variant in VARIANTS:
        ours = [(name, row) for name, row in synthesized.items() if _variant(name) == variant]
        theirs = {name: row for name, row in paper.TABLES_5_AND_6.items() if PAPER_VARIANTS[name] == variant}
        reference = next(iter(theirs.values()), {})
        for name, row in ours:
            same = name.startswith("encoder_classifier/")
            share = _share_of_paper(row, reference["lut"]) if same and "lut" in reference else DASH
            rows.append([name, *_resources(row), design_metrics.source(row), share])
        rows += [
            [f"paper: {name}", *_resources(row), f"C-synthesis estimate, Vivado HLS, {row['part']}", DASH]
            for name, row in theirs.items()
        ]
    return Comparison(
        "Tables 5 and 6 of the revision: on the FPGA",
        ("design", "LUT", "FF", "DSP", "BRAM", "latency [cycles]", "clock [ns]", "source", "LUT ÷ paper's"),
        rows,
        (
            f"The paper's numbers are estimates of C synthesis. {overestimate()}: {_projects()}. The last column "
            "compares like with like: a number of logic synthesis is divided by the paper's estimate over "
            f"{OVERESTIMATES[1]:.2f} to {OVERESTIMATES[0]:.2f}.",
            "The paper's designs multiply with DSPs; the open flow here turns every multiplication by a constant into "
            "additions, so that it needs none.",
            *_before_placement(synthesized),
            *_proofs(designs),
        ),
    )


def _before_placement(synthesized: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Say how many LUTs a placer may add to those that Yosys counts."""
    more = [
        f"{row['inverter'] + row['route_through']:,} for {name}"
        for name, row in synthesized.items()
        if "route_through" in row
    ]
    if more:
        yield (
            "Yosys's LUTs are LUT1 to LUT6 before placement. Inverters, and signals that enter a carry chain without a "
            f"LUT of their own, can take up one more each: at most {', '.join(more)}."
        )


def _proofs(designs: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Say of how many pipeline stages netlist and RTL are proven equal, for each netlist of which that was asked."""
    for name, row in designs.items():
        if "stages" in row:
            yield (
                f"{name}, {row['part']}: netlist and RTL are proven equal for every possible input, not only the test "
                f"images, in {row['stages_proven']} of {row['stages']} pipeline stages."
            )


def _projects() -> str:
    """Return the ratio and the source of each project that was synthesized to the end."""
    return "; ".join(f"{project.ratio:.2f} in {project.source}" for project in SYNTHESIZED_PROJECTS)


def _share_of_paper(row: Mapping[str, Any], estimate: int) -> str:
    """Return a design's LUTs over the paper's, both as estimated or both as after logic synthesis."""
    share = row["lut"] / estimate
    return f"{share:.2f}" if row.get("estimate") else " to ".join(f"{share * each:.2f}" for each in OVERESTIMATES)


def routed(designs: Mapping[str, Mapping[str, Any]]) -> Comparison | None:
    """Lay out the timing of the designs that were placed and routed, out of context or on a board."""
    found = {name: row for name, row in designs.items() if "fmax_mhz" in row}
    if not found:
        return None
    rows = [
        [
            name,
            str(row.get("part", DASH)),
            number(measured(row, "fmax_mhz"), 1),
            number(measured(row, "slack_ns"), 2),
            number(measured(row, "latency_cycles")),
            number(measured(row, "latency_ns"), 1),
            f"{number(measured(row, 'lut'))} of {number(measured(row, 'luts_available'))}",
            number(measured(row, "ff")),
            " to ".join(row.get("critical_path", ())) or DASH,
        ]
        for name, row in found.items()
    ]
    on_board = [row for row in found.values() if "uart_images" in row]
    return Comparison(
        "Placed and routed: real timing on the Lattice ECP5",
        (
            "design",
            "FPGA",
            "Fmax [MHz]",
            "slack [ns]",
            "latency [cycles]",
            "latency [ns]",
            "4-input LUTs",
            "FF",
            "slowest path, layers",
        ),
        rows,
        (
            "These are the only clocks on this page that a routed design keeps. Open tools place and route no Xilinx "
            "part: for those, there is nothing behind logic synthesis here, and clock periods of C synthesis are "
            "estimates. Power is neither measured nor estimated.",
            "Fmax is nextpnr's static timing of the routed design, from register to register; slack is what is left "
            "of the period that was aimed at. Latency in ns is cycles over Fmax, on a board cycles "
            "over its clock. The logs of Yosys (netlist) and nextpnr (routed) are linked below.",
            *(
                f"On {row.get('part')}: {number(measured(row, 'uart_images'))} images went bit by bit through the "
                f"simulated serial line of the whole top level; "
                f"{number(measured(row, 'uart_differing'))} values differ from the C simulation."
                for row in on_board
            ),
        ),
    )


def _variant(name: str) -> str:
    return name.partition(", ")[0].partition("/")[2]


def _resources(row: Mapping[str, Any]) -> list[str]:
    counts = [number(measured(row, key)) for key in ("lut", "ff", "dsp", "bram", "latency_cycles")]
    return [*counts, number(measured(row, "clock_ns"), 2)]


def exactness(counts: Mapping[str, Mapping[str, int]]) -> Comparison | None:
    """Lay out, design by design, how many values differ between each two simulations."""
    if not counts:
        return None
    designs = list(dict.fromkeys(name.partition(", ")[0] for name in counts))
    counts = dict(sorted(counts.items(), key=lambda item: designs.index(item[0].partition(", ")[0])))
    pairs = design_metrics.compared(counts)
    rows = [
        [
            name,
            *(number(measured(row, key)) for key in ("images", "values")),
            *(number(measured(row, pair)) for pair in pairs),
        ]
        for name, row in counts.items()
    ]
    wrong = {place for place, row in enumerate(counts.values()) if any(row.get(pair) for pair in pairs)}
    return Comparison(
        "Values that differ between two simulations",
        ("design", "images", "values", *(design_metrics.pair_in_words(pair) for pair in pairs)),
        rows,
        (
            "Zero is the only good number. A float design is not listed: floating and fixed point never agree to the "
            f"last bit. What designs compute: {'; '.join(f'{cut}, {words}' for cut, words in CUTS.items())}.",
            "A row says how many test images its simulations have seen. Tables over the latent plane have an entry for "
            "each of its points, whether an image reaches it or not, and are compared as a whole.",
            "Softmax is left out of the hardware: the largest logit is the most probable digit.",
        ),
        frozenset(wrong),
    )
