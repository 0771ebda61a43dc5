"""The one-screen summary at the end of `make`: what has run, results, exactness, failures."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from common import paper, records
from common.errors import PipelineError
from common.hls.designs import VARIANTS
from common.images import data_sets
from common.records import DesignRecord
from common.report.metrics import merged
from common.report.overview import update_overview
from common.running import console
from common.stages import artifacts
from common.stages.run import outputs_folder


def main(started: float) -> int:
    """Print the summary and return the exit status: 1 where a stage failed.

    Args:
        started: When make began [s since 1970].
    """
    outputs = outputs_folder()
    update_overview(outputs, only_if_older=True)  # a stage may have been killed right before it would have
    metrics = merged(outputs)
    finished = sorted(metrics["seconds"])
    made = [stage for stage in finished if (outputs / stage / "run.json").stat().st_mtime >= started]
    if made:
        console.note(f"made: {', '.join(made)}")
    else:
        console.note("nothing to do: every stage is up to date")
    if caution := data_sets.caution(metrics["dataset"]):
        console.warning(caution)

    rows = []
    for variant in VARIANTS:
        row = metrics["models"].get(f"classifier/{variant}", {})
        reference = paper.TABLE_4 if variant == "quantized_pruned" else paper.TABLE_2.get(variant, {})
        cells = [row.get("nonzero_weights"), *(_rounded(row.get(key)) for key in ("test_l1", "test_accuracy"))]
        name = _marked(f"classifier/{variant}", stale="stale" in row)
        rows.append([name, *cells, _rounded(reference.get("test_accuracy"))])
    console.table(
        f"Networks, preset {metrics['preset']}, test images",
        ["", "weights", "L1", "accuracy", "paper's accuracy"],
        rows,
    )
    _print_designs(metrics["designs"])
    exactness = [record for record in metrics["exactness"] if not record.stale]
    differences = records.differences(exactness)
    for _, _, text in differences:
        console.error(text)
    if not differences and records.compared(exactness):
        console.note(f"no value differs; designs compared: {records.compared_in_words(exactness)}")
    for stage in metrics["stale"]:
        console.warning(f"{stage} is stale: {_reason(outputs, stage)}")
    for stage, failures in metrics["failures"].items():
        for failure in failures:
            console.error(f"{stage} failed: {failure}; fix that and run: {artifacts.rerun(outputs, stage)}")
    console.note(
        f"{sum(metrics['seconds'].values()):.0f} s of computing; look at {os.path.relpath(outputs)}/index.html"
    )
    return 1 if metrics["failures"] or differences else 0


def _marked(name: str, *, stale: bool) -> str:
    return f"{name} (stale)" if stale else name


def _print_designs(designs: Iterable[DesignRecord]) -> None:
    """Print a table for each source of numbers, so that estimates and counts are never in one table."""
    tables = defaultdict(list)
    for record in records.completed(designs):
        if record.lut is not None:
            name = _marked(record.design, stale=record.stale)
            cells = (record.lut, record.ff, record.dsp, record.latency_cycles, record.fmax_mhz)
            tables[record.source].append([name, *cells, _rounded(record.test_accuracy)])
    for source, rows in tables.items():
        console.table(f"Designs, {source}", ["", "LUT", "FF", "DSP", "cycles", "MHz", "accuracy"], rows)


def _rounded(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _reason(outputs: Path, stage: str) -> str:
    try:
        return artifacts.stale_reason(outputs, stage) or ""
    except PipelineError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
