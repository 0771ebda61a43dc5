"""The tables in README.md and docs/ that `make docs` writes, in Markdown, from the runs recorded in docs/results/."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from common import paper
from common.hls.designs import VARIANTS
from common.records import PAIRS, SYNTHESIS, DesignRecord, ExactnessRecord, from_metrics
from common.report.results import DASH, measured, number
from common.stages import presets

Run = Mapping[str, Any]
"""A recorded run, as docs/results/ holds it."""
Rows = Callable[[Run], Iterator[list[str]]]
PRESETS = tuple(name for name in presets.BUILT_IN if name != "demo")
"""Presets whose runs are recorded: those on MNIST."""
PAIR_HEADINGS = {pair: " ↔ ".join(words) for pair, words in PAIRS.items()}


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def missing(preset: str) -> str:
    """Say that a preset has no recorded run, and the command that makes and records one."""
    return f"`{preset}`: not recorded yet: `make PRESET={preset} docs`"


def source(run: Run) -> str:
    """Return preset, seed, commit and date of a recorded run, in words."""
    return f"`{run['preset']}`: seed {run['seed']}, {commit_words(run['git_commit'])}, {run['date']}"


def commit_words(commit: str | None) -> str:
    """Return `commit 0123abc`, marked where the checkout had changes that were not committed."""
    if commit is None:
        return "no git commit"
    return ", ".join(
        f"commit {each[:7]}{' with changes that are not committed' * each.endswith('-dirty')}"
        for each in commit.split(", ")
    )


def _each(runs: Mapping[str, Run], columns: Sequence[str], rows_of: Rows, empty: str = "") -> str:
    """Return, preset by preset, where its run comes from and its table, or that there is none, and how to get one."""
    parts = []
    for preset in PRESETS:
        run = runs.get(preset)
        rows = list(rows_of(run)) if run else []
        words = source(run) if run else missing(preset)
        if run and not rows:
            words += f"; {empty}"
        parts.append(f"{words}\n" + (f"\n{table(columns, rows)}" if rows else ""))
    return "\n".join(parts)


def headline(runs: Mapping[str, Run]) -> str:
    """Lay accuracy, LUTs, FFs, DSPs and latency of each preset beside the paper's; medians where seeds are recorded."""
    rows = []
    for variant, words, key, theirs in (
        ("complete", "float", "float_accuracy", paper.TABLE_2["complete"]["test_accuracy"]),
        ("pruned", "float, pruned", "", paper.TABLE_2["pruned"]["test_accuracy"]),
        ("quantized_pruned", "quantized, pruned", "accuracy", paper.TABLE_4["test_accuracy"]),
    ):
        of_runs = {preset: measured(_model(runs, preset, variant), "test_accuracy") for preset in PRESETS}
        ours = [_of_seeds(runs, preset, key, 4) or number(value, 4) for preset, value in of_runs.items()]
        rows.append([f"test accuracy, {words}", number(theirs, 4), *ours])
    theirs = paper.TABLES_5_AND_6["QAE pruned"]
    quantities = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "latency_cycles": "latency [clock cycles]"}
    for key, words in quantities.items():
        ours = [_count(runs, preset, "encoder_classifier", key) for preset in PRESETS]
        rows.append([f"{words}, encoder and classifier", f"{number(getattr(theirs, key))} (estimate)", *ours])
    for key in ("lut", "ff", "latency_cycles"):
        ours = [_count(runs, preset, "full", key) for preset in PRESETS]
        rows.append([f"{quantities[key]}, full network", DASH, *ours])
    rows.append(["output values that differ, Keras to netlist", DASH, *(_differing(runs, each) for each in PRESETS)])
    notes = [source(runs[preset]) if preset in runs else missing(preset) for preset in PRESETS]
    columns = ["", "the paper", *(f"preset `{preset}`" for preset in PRESETS)]
    return f"{table(columns, rows)}\n{'; '.join(notes)}.\n"


def _count(runs: Mapping[str, Run], preset: str, cut: str, key: str) -> str:
    """Return a count of a design after logic synthesis."""
    recorded = number(getattr(_synthesized(runs, preset, cut), key, None))
    return _of_seeds(runs, preset, f"{cut}_{key}") or recorded


def _of_seeds(runs: Mapping[str, Run], preset: str, key: str, decimals: int = 0) -> str | None:
    """Return median, smallest and largest of a number over the seeds of a preset, or None where it is not recorded."""
    values = [row[key] for row in runs.get(preset, {}).get("repeated", {"seeds": ()})["seeds"] if key in row]
    if not values:
        return None
    return spread(values, decimals)


def spread(values: Sequence[float], decimals: int = 0) -> str:
    """Return median, smallest and largest of some values, or the only one."""
    median, low, high = (number(each, decimals) for each in (statistics.median(values), min(values), max(values)))
    return median if low == high else f"{median} ({low} to {high})"


def of_encoder_classifier(run: Run) -> list[dict[str, Any]]:
    """Return `seed`, `lut` and `accuracy` of the design of a preset, for each of its seeds, or for its recorded run."""
    if "repeated" in run:
        rows = run["repeated"]["seeds"]
        return [
            {"seed": row["seed"], "lut": row["encoder_classifier_lut"], "accuracy": row["accuracy"]} for row in rows
        ]
    record = _synthesized({"": run}, "", "encoder_classifier")
    return [{"seed": run["seed"], "lut": record.lut, "accuracy": record.test_accuracy}] if record else []


def _model(runs: Mapping[str, Run], preset: str, variant: str) -> Run:
    return runs.get(preset, {}).get("models", {}).get(f"classifier/{variant}", {})


def _designs(run: Run) -> list[DesignRecord]:
    return from_metrics(run)[0]


def _exactness(run: Run) -> list[ExactnessRecord]:
    return from_metrics(run)[1]


def _synthesized(runs: Mapping[str, Run], preset: str, cut: str) -> DesignRecord | None:
    """Return a design after logic synthesis with Yosys, for the first FPGA family; None where it is not recorded."""
    found = [each for each in _designs(runs.get(preset, {})) if each.design == f"{cut}/quantized_pruned"]
    return next((each for each in found if each.kind == SYNTHESIS and "Yosys" in each.tool), None)


def _differing(runs: Mapping[str, Run], preset: str) -> str:
    if preset not in runs:
        return DASH
    counts = [(record.values, count) for record in _exactness(runs[preset]) for count in record.differing.values()]
    return f"{sum(count for _, count in counts):,} of {sum(values for values, _ in counts):,}"


def networks(runs: Mapping[str, Run]) -> str:
    """Lay weights, losses and accuracy of the four variants of the classifier network beside the paper's accuracy."""
    theirs = {name: row["test_accuracy"] for name, row in (paper.TABLE_2 | {"quantized_pruned": paper.TABLE_4}).items()}

    def rows(run: Run) -> Iterator[list[str]]:
        for variant in VARIANTS:
            row = run["models"].get(f"classifier/{variant}", {})
            losses = [number(measured(row, f"test_{key}"), 4) for key in ("l1", "mse", "cross_entropy", "accuracy")]
            weights = number(measured(row, "nonzero_weights"))
            yield [variant.replace("_", ", "), weights, *losses, number(theirs.get(variant), 4)]

    columns = ("classifier network", "weights left", "L1", "MSE", "cross-entropy", "accuracy", "paper's accuracy")
    return _each(runs, columns, rows)


def table_1(runs: Mapping[str, Run]) -> str:
    """Lay weights + biases that pruning leaves in the pruned layers beside the paper's Table 1."""

    def rows(run: Run) -> Iterator[list[str]]:
        if not all(layer in run["table_1"] for layer in paper.TABLE_1) or run["preset"] == "revision":
            return
        for layer, (before, after) in paper.TABLE_1.items():
            yield [f"`{layer}`", *run["table_1"][layer], *("+".join(map(str, pair)) for pair in (before, after))]

    columns = ("layer", "complete", "pruned", "paper: complete", "paper: pruned")
    return _each(runs, columns, rows, "its layers are not those of the report's Table 1")


def designs(runs: Mapping[str, Run]) -> str:
    """List what each design takes on an FPGA, by logic synthesis or as an estimate, and the paper's designs."""

    def cells(name: str, record: DesignRecord) -> list[str]:
        placed = None if record.route_through is None else record.lut + record.inverter + record.route_through
        counts = (record.lut, placed, record.ff, record.dsp, record.latency_cycles)
        return [name, *map(number, counts), number(record.test_accuracy, 4), record.source]

    def rows(run: Run) -> Iterator[list[str]]:
        for record in _designs(run):
            if record.fmax_mhz is None:
                yield cells(f"`{record.design}`", record)

    columns = ("design", "LUT", "when placed, at most", "FF", "DSP", "cycles", "accuracy", "source")
    of_paper = [
        cells(f"{name} ({record.variant.replace('_', ', ')})", record) for name, record in paper.TABLES_5_AND_6.items()
    ]
    return f"{_each(runs, columns, rows)}\nThe paper, Tables 5 and 6:\n\n{table(columns, of_paper)}"


def exactness(runs: Mapping[str, Run]) -> str:
    """List how many values were compared and how many differ, by design and pair of simulations."""
    found = [record for run in runs.values() for record in _exactness(run)]
    pairs = [pair for pair in PAIR_HEADINGS if any(pair in record.differing for record in found)]

    def rows(run: Run) -> Iterator[list[str]]:
        for record in _exactness(run):
            counts = (record.images, record.values, *(record.differing.get(pair) for pair in pairs))
            flow = ", ".join(filter(None, (record.part, record.flow)))
            yield [f"`{record.design}`", flow or DASH, *map(number, counts)]

    return _each(runs, ("design", "flow", "images", "values", *(PAIR_HEADINGS[pair] for pair in pairs)), rows)


def ecp5(runs: Mapping[str, Run]) -> str:
    """List the clock and the cells of designs that were placed and routed on a Lattice ECP5."""

    def rows(run: Run) -> Iterator[list[str]]:
        for record in _designs(run):
            if record.fmax_mhz is not None:
                cutoff = DASH if record.latency_cutoff is None else f"{record.latency_cutoff:g}"
                clock = [number(record.fmax_mhz, 1), number(record.latency_cycles), number(record.latency_ns, 1)]
                yield [f"`{record.design}`", record.fpga, cutoff, *clock, number(record.lut), number(record.ff)]

    columns = ("design", "FPGA", "cut-off", "Fmax [MHz]", "cycles", "pixels to result [ns]", "TRELLIS_COMB", "FF")
    empty = "not routed in this run: `python 06_synthesize.py --place-and-route`, then `make docs`"
    return _each(runs, columns, rows, empty)


def proofs(runs: Mapping[str, Run]) -> str:
    """List of how many pipeline stages netlist and RTL are proven equal for every possible input."""

    def rows(run: Run) -> Iterator[list[str]]:
        for record in _designs(run):
            if record.stages is not None:
                yield [f"`{record.design}`", record.part, f"{record.stages_proven} of {record.stages}"]

    empty = "nothing proven in this run: `python 06_synthesize.py --prove`, then `make docs`"
    return _each(runs, ("design", "FPGA", "pipeline stages proven"), rows, empty)


def recorded_runs(runs: Mapping[str, Run]) -> str:
    """List where the recorded runs come from, and the versions of tools."""

    def rows(run: Run) -> Iterator[list[str]]:
        yield ["machine", f"{run['machine']['cores']} cores, Python {run['machine']['python']}"]
        yield ["packages", ", ".join(f"{name} {version}" for name, version in run["packages"].items() if version)]

    return _each(runs, ("", "recorded run"), rows)


def seeds(runs: Mapping[str, Run]) -> str:
    """List test numbers of each seed, with their median, for presets whose seeds are recorded."""
    columns = {
        "float_accuracy": ("float: accuracy", 4),
        "nonzero_weights": ("quantized and pruned: weights left", 0),
        "l1": ("L1", 4),
        "accuracy": ("accuracy", 4),
        "encoder_classifier_lut": ("LUT, `encoder_classifier`", 0),
        "encoder_classifier_ff": ("FF", 0),
        "full_lut": ("LUT, `full`", 0),
        "full_ff": ("FF", 0),
    }
    parts = []
    for preset, repeated in ((preset, run["repeated"]) for preset, run in runs.items() if "repeated" in run):
        found = repeated["seeds"]
        shown = {str(row["seed"]): row for row in found}
        shown["median"] = {key: statistics.median(row[key] for row in found) for key in columns}
        rows = [
            [name, *(number(row[key], digits) for key, (_, digits) in columns.items())] for name, row in shown.items()
        ]
        differing = f"0 of {sum(row['values_compared'] for row in found):,} values differ"
        of_seeds = table(["seed", *(words for words, _ in columns.values())], rows)
        parts.append(
            f"`{preset}`: {commit_words(repeated['git_commit'])}, {repeated['date']}; {differing}\n\n{of_seeds}"
        )
    return "\n".join(parts) or "no seeds are recorded yet: `python -m benchmarks.seeds`\n"


TABLES = {
    "headline": headline,
    "networks": networks,
    "table_1": table_1,
    "designs": designs,
    "exactness": exactness,
    "proofs": proofs,
    "ecp5": ecp5,
    "seeds": seeds,
    "runs": recorded_runs,
}
"""Marked tables by their names."""
