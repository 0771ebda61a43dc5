"""The tables in README.md and docs/ that `make docs` writes, in Markdown, from the runs recorded in docs/results/."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from common import paper
from common.hls import design_metrics
from common.hls.designs import VARIANTS
from common.report.results import DASH, PAPER_VARIANTS, measured, number
from common.stages import presets

Record = Mapping[str, Any]
Rows = Callable[[Record], Iterator[list[str]]]
PRESETS = tuple(name for name in presets.BUILT_IN if name != "demo")
"""Presets whose runs are recorded: those on MNIST."""
PAIR_HEADINGS = {pair: " ↔ ".join(words) for pair, words in design_metrics.PAIRS.items()}


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def missing(preset: str) -> str:
    """Say that a preset has no recorded run, and the command that makes and records one."""
    return f"`{preset}`: not recorded yet: `make PRESET={preset} docs`"


def source(record: Record) -> str:
    """Return preset, seed, commit and date of a recorded run, in words."""
    return f"`{record['preset']}`: seed {record['seed']}, {commit_words(record['git_commit'])}, {record['date']}"


def commit_words(commit: str | None) -> str:
    """Return `commit 0123abc`, marked where the checkout had changes that were not committed."""
    if commit is None:
        return "no git commit"
    return ", ".join(
        f"commit {each[:7]}{' with changes that are not committed' * each.endswith('-dirty')}"
        for each in commit.split(", ")
    )


def _each(records: Mapping[str, Record], columns: Sequence[str], rows_of: Rows, empty: str = "") -> str:
    """Return, preset by preset, where its run comes from and its table, or that there is none, and how to get one."""
    parts = []
    for preset in PRESETS:
        record = records.get(preset)
        rows = list(rows_of(record)) if record else []
        words = source(record) if record else missing(preset)
        if record and not rows:
            words += f"; {empty}"
        parts.append(f"{words}\n" + (f"\n{_table(columns, rows)}" if rows else ""))
    return "\n".join(parts)


def headline(records: Mapping[str, Record]) -> str:
    """Lay accuracy, LUTs, FFs, DSPs and latency of each preset beside the paper's."""
    rows = [
        [f"test accuracy, {words}", number(theirs, 4)]
        + [number(measured(_model(records, preset, variant), "test_accuracy"), 4) for preset in PRESETS]
        for variant, words, theirs in (
            ("complete", "float", paper.TABLE_2["complete"]["test_accuracy"]),
            ("pruned", "float, pruned", paper.TABLE_2["pruned"]["test_accuracy"]),
            ("quantized_pruned", "quantized, pruned", paper.TABLE_4["test_accuracy"]),
        )
    ]
    theirs = paper.TABLES_5_AND_6["QAE pruned"]
    quantities = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "latency_cycles": "latency [clock cycles]"}
    for key, words in quantities.items():
        ours = [number(measured(_synthesized(records, preset, "encoder_classifier"), key)) for preset in PRESETS]
        rows.append([f"{words}, encoder and classifier", f"{number(measured(theirs, key))} (estimate)", *ours])
    for key in ("lut", "ff", "latency_cycles"):
        ours = [number(measured(_synthesized(records, preset, "full"), key)) for preset in PRESETS]
        rows.append([f"{quantities[key]}, full network", DASH, *ours])
    rows.append(["output values that differ, Keras to netlist", DASH, *(_differing(records, each) for each in PRESETS)])
    notes = [source(records[preset]) if preset in records else missing(preset) for preset in PRESETS]
    columns = ["", "the paper", *(f"preset `{preset}`" for preset in PRESETS)]
    return f"{_table(columns, rows)}\n{'; '.join(notes)}.\n"


def _model(records: Mapping[str, Record], preset: str, variant: str) -> Record:
    return records.get(preset, {}).get("models", {}).get(f"classifier/{variant}", {})


def _synthesized(records: Mapping[str, Record], preset: str, cut: str) -> Record:
    """Return a design after logic synthesis with Yosys, for the first FPGA family; empty where it is not recorded."""
    rows = records.get(preset, {}).get("designs", ())
    found = [row for row in rows if row["design"] == f"{cut}/quantized_pruned" and not row.get("estimate")]
    return next((row for row in found if "fmax_mhz" not in row), {})


def _differing(records: Mapping[str, Record], preset: str) -> str:
    if preset not in records:
        return DASH
    counts = [
        (row["values"], row[pair]) for row in records[preset]["exactness"] for pair in PAIR_HEADINGS if pair in row
    ]
    return f"{sum(count for _, count in counts):,} of {sum(values for values, _ in counts):,}"


def networks(records: Mapping[str, Record]) -> str:
    """Lay weights, losses and accuracy of the four variants of the classifier network beside the paper's accuracy."""
    theirs = {name: row["test_accuracy"] for name, row in (paper.TABLE_2 | {"quantized_pruned": paper.TABLE_4}).items()}

    def rows(record: Record) -> Iterator[list[str]]:
        for variant in VARIANTS:
            row = record["models"].get(f"classifier/{variant}", {})
            losses = [number(measured(row, f"test_{key}"), 4) for key in ("l1", "mse", "cross_entropy", "accuracy")]
            weights = number(measured(row, "nonzero_weights"))
            yield [variant.replace("_", ", "), weights, *losses, number(theirs.get(variant), 4)]

    columns = ("classifier network", "weights left", "L1", "MSE", "cross-entropy", "accuracy", "paper's accuracy")
    return _each(records, columns, rows)


def table_1(records: Mapping[str, Record]) -> str:
    """Lay weights + biases that pruning leaves in the pruned layers beside the paper's Table 1."""

    def rows(record: Record) -> Iterator[list[str]]:
        for layer, (before, after) in paper.TABLE_1.items():
            yield [f"`{layer}`", *record["table_1"][layer], *("+".join(map(str, pair)) for pair in (before, after))]

    return _each(records, ("layer", "complete", "pruned", "paper: complete", "paper: pruned"), rows)


def designs(records: Mapping[str, Record]) -> str:
    """List what each design takes on an FPGA, by logic synthesis or as an estimate, and the paper's designs."""

    def rows(record: Record) -> Iterator[list[str]]:
        for row in record["designs"]:
            if "fmax_mhz" not in row:
                placed = row["lut"] + row["inverter"] + row["route_through"] if "route_through" in row else None
                accuracy = record["models"].get(f"classifier/{row['design'].partition('/')[2]}", {})
                has_digit = not row["design"].startswith("encoder/")
                counts = [row["lut"], placed, *(measured(row, key) for key in ("ff", "dsp", "latency_cycles"))]
                score = measured(accuracy, "test_accuracy") if has_digit else None
                yield [f"`{row['design']}`", *map(number, counts), number(score, 4), design_metrics.source(row)]

    columns = ("design", "LUT", "when placed, at most", "FF", "DSP", "cycles", "accuracy", "source")
    of_paper = [
        [f"{name} ({PAPER_VARIANTS[name].replace('_', ', ')})", number(row["lut"]), DASH]
        + [number(row[key]) for key in ("ff", "dsp", "latency_cycles")]
        + [number(row.get("test_accuracy"), 4), f"{design_metrics.ESTIMATE}, Vivado HLS, {row['part']}"]
        for name, row in paper.TABLES_5_AND_6.items()
    ]
    return f"{_each(records, columns, rows)}\nThe paper, Tables 5 and 6:\n\n{_table(columns, of_paper)}"


def exactness(records: Mapping[str, Record]) -> str:
    """List how many values were compared and how many differ, by design and pair of simulations."""
    found = [row for record in records.values() for row in record["exactness"]]
    pairs = [pair for pair in PAIR_HEADINGS if any(pair in row for row in found)]

    def rows(record: Record) -> Iterator[list[str]]:
        for row in record["exactness"]:
            counts = [number(measured(row, key)) for key in ("images", "values", *pairs)]
            yield [f"`{row['design']}`", row.get("part") or DASH, *counts]

    return _each(records, ("design", "part", "images", "values", *(PAIR_HEADINGS[pair] for pair in pairs)), rows)


def ecp5(records: Mapping[str, Record]) -> str:
    """List the clock and the cells of designs that were placed and routed on a Lattice ECP5."""

    def rows(record: Record) -> Iterator[list[str]]:
        for row in record["designs"]:
            if "fmax_mhz" in row:
                clock = [number(measured(row, "fmax_mhz"), 1), number(measured(row, "latency_cycles"))]
                cells = [number(measured(row, "latency_ns"), 1), number(row["lut"]), number(measured(row, "ff"))]
                cutoff = row.get("latency_cutoff")
                yield [f"`{row['design']}`", row["part"], DASH if cutoff is None else f"{cutoff:g}", *clock, *cells]

    columns = ("design", "FPGA", "cut-off", "Fmax [MHz]", "cycles", "pixels to result [ns]", "TRELLIS_COMB", "FF")
    empty = "not routed in this run: `python 06_synthesize.py --place-and-route`, then `make docs`"
    return _each(records, columns, rows, empty)


def proofs(records: Mapping[str, Record]) -> str:
    """List of how many pipeline stages netlist and RTL are proven equal for every possible input."""

    def rows(record: Record) -> Iterator[list[str]]:
        for row in record["designs"]:
            if "stages" in row:
                yield [f"`{row['design']}`", row["part"], f"{row['stages_proven']} of {row['stages']}"]

    empty = "nothing proven in this run: `python 06_synthesize.py --prove`, then `make docs`"
    return _each(records, ("design", "FPGA", "pipeline stages proven"), rows, empty)


def runs(records: Mapping[str, Record]) -> str:
    """List where the recorded runs come from, how long each stage took, and the versions of tools."""

    def rows(record: Record) -> Iterator[list[str]]:
        yield [
            "seconds, by stage",
            ", ".join(f"{stage[:2]}: {seconds:.0f}" for stage, seconds in record["seconds"].items()),
        ]
        yield ["machine", f"{record['machine']['cores']} cores, Python {record['machine']['python']}"]
        yield ["packages", ", ".join(f"{name} {version}" for name, version in record["packages"].items() if version)]

    return _each(records, ("", "recorded run"), rows)


TABLES = {
    "headline": headline,
    "networks": networks,
    "table_1": table_1,
    "designs": designs,
    "exactness": exactness,
    "proofs": proofs,
    "ecp5": ecp5,
    "runs": runs,
}
"""Marked tables by their names."""
