"""The paper's tables of designs next to ours, and how many values differ between simulations of ours."""

from collections.abc import Iterable, Iterator, Sequence

from common import paper, records
from common.hls.designs import VARIANTS
from common.published_designs import OVERESTIMATES, SYNTHESIZED_PROJECTS, overestimate
from common.records import ESTIMATE, ROUTED, SYNTHESIS, DesignRecord, ExactnessRecord
from common.report.network_tables import Comparison
from common.report.results import DASH, number

TIMING = {
    "Fmax [MHz]": ("fmax_mhz", 1), "slack [ns]": ("slack_ns", 2),
    "latency [cycles]": ("latency_cycles", 0), "latency [ns]": ("latency_ns", 1),
}  # fmt: skip


def tables_5_and_6(designs: Sequence[DesignRecord]) -> Comparison | None:
    """Return the resources of our designs next to Tables 5 and 6 of the revision."""
    synthesized = [record for record in designs if record.kind in (ESTIMATE, SYNTHESIS)]
    if not synthesized:
        return None
    rows = []
    for variant in VARIANTS:
        theirs = {name: record for name, record in paper.TABLES_5_AND_6.items() if record.variant == variant}
        for record in (record for record in synthesized if record.variant == variant):
            same = next((each for each in theirs.values() if each.cut == record.cut), None)
            share = _share_of_paper(record, same.lut) if same else DASH
            rows.append([record.design, *_resources(record), record.source, share])
        rows += [[f"paper: {name}", *_resources(record), record.source, DASH] for name, record in theirs.items()]
    projects = "; ".join(f"{project.ratio:.2f} in {project.source}" for project in SYNTHESIZED_PROJECTS)
    return Comparison(
        "Tables 5 and 6 of the revision: on the FPGA",
        ("design", "LUT", "FF", "DSP", "BRAM", "latency [cycles]", "clock [ns]", "source", "LUT ÷ paper's"),
        rows,
        (
            f"The paper's numbers are estimates of C synthesis. {overestimate()}: {projects}. The last column "
            "compares like with like: it divides LUTs after logic synthesis by the paper's estimate over "
            f"{OVERESTIMATES[1]:.2f} to {OVERESTIMATES[0]:.2f}.",
            "The paper's designs multiply with DSPs. The open flow here turns every multiplication by a constant into "
            "additions and uses no DSP.",
            *_before_placement(synthesized),
            *_proofs(designs),
        ),
    )


def _before_placement(synthesized: Iterable[DesignRecord]) -> Iterator[str]:
    """Say how many LUTs a placer may add to those that Yosys counts."""
    more = [
        f"{record.inverter + record.route_through:,} for {record.design} on {record.part}"
        for record in synthesized
        if record.route_through is not None
    ]
    if more:
        yield (
            "Yosys's LUTs are LUT1 to LUT6 before placement. Inverters, and signals that enter a carry chain without a "
            f"LUT of their own, can take up one more each: at most {', '.join(more)}."
        )


def _proofs(designs: Iterable[DesignRecord]) -> Iterator[str]:
    """Say in how many pipeline stages netlist and RTL are proven equal, for each netlist with a proof."""
    for record in designs:
        if record.stages is not None:
            yield (
                f"{record.design}, {record.fpga}: netlist and RTL are proven equal for every possible input, not only "
                f"the test images, in {record.stages_proven} of {record.stages} pipeline stages."
            )


def _share_of_paper(record: DesignRecord, estimate: int) -> str:
    """Return a design's LUTs over the paper's, both as estimated or both as after logic synthesis."""
    share = record.lut / estimate
    return f"{share:.2f}" if record.kind == ESTIMATE else " to ".join(f"{share * each:.2f}" for each in OVERESTIMATES)


def routed(designs: Iterable[DesignRecord]) -> Comparison | None:
    """Return the timing of the designs that were placed and routed, out of context or on a board."""
    found = [record for record in designs if record.kind == ROUTED]
    if not found:
        return None
    rows = [
        [
            record.design,
            record.fpga or DASH,
            *(number(getattr(record, name), decimals) for name, decimals in TIMING.values()),
            f"{number(record.lut)} of {number(record.luts_available)}",
            number(record.ff),
            " to ".join(record.critical_path) or DASH,
        ]
        for record in found
    ]
    return Comparison(
        "Placed and routed: timing on the Lattice ECP5",
        ("design", "FPGA", *TIMING, "4-input LUTs", "FF", "critical path, layers"),
        rows,
        (
            "These are the only clocks on this page that a routed design meets. Open tools place and route no Xilinx "
            "part: for those the flow here ends at logic synthesis, and clock periods of C synthesis are "
            "estimates. Power is neither measured nor estimated.",
            "Fmax is nextpnr's static timing of the routed design, from register to register; slack is measured "
            "against the target period. Latency in ns is cycles over Fmax, on a board cycles "
            "over its clock. The logs of Yosys (netlist) and nextpnr (routed) are linked below.",
            *(
                f"On {record.fpga}: {number(record.uart_images)} images went bit by bit through the simulated serial "
                f"line of the whole top level; {number(record.uart_differing)} values differ from the C simulation."
                for record in found
                if record.uart_images is not None
            ),
        ),
    )


def _resources(record: DesignRecord) -> list[str]:
    counts = (record.lut, record.ff, record.dsp, record.bram, record.latency_cycles)
    return [*map(number, counts), number(record.clock_ns, 2)]


def exactness(found: Sequence[ExactnessRecord]) -> Comparison | None:
    """Return, design by design, how many values differ between each two simulations."""
    if not found:
        return None
    designs = list(dict.fromkeys(record.design for record in found))
    found = sorted(found, key=lambda record: designs.index(record.design))
    pairs = records.compared(found)
    rows = [
        [record.name, *map(number, (record.images, record.values, *map(record.differing.get, pairs)))]
        for record in found
    ]
    return Comparison(
        "Values that differ between two simulations",
        ("design", "images", "values", *(records.pair_in_words(pair) for pair in pairs)),
        rows,
        (
            "Zero is the only good number. Float designs are not listed: floating and fixed point never agree to the "
            "last bit. The encoder gives the latent point, encoder_classifier a logit for each class, full the "
            "image and these logits.",
            "The column images counts the test images that were simulated. Tables over the latent space have an entry "
            "for each of its points, whether an image reaches it or not, and every entry is compared.",
            "Softmax is left out of the hardware: the largest logit is the most probable class.",
        ),
        frozenset(place for place, record in enumerate(found) if any(record.differing.values())),
    )
