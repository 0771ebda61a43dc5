"""The one-screen summary that `make` ends with: results, what is exact, what was run, where to look."""

import os
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from common import paper
from common.errors import PipelineError
from common.hls import design_metrics
from common.images import dataset
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
    update_overview(outputs)  # also where a stage was killed right before it would have
    metrics = merged(outputs)
    finished = sorted(metrics["seconds"])
    made = [stage for stage in finished if (outputs / stage / "run.json").stat().st_mtime >= started]
    if made:
        console.note(f"made: {', '.join(made)}")
    else:
        console.note("nothing to do: every stage is newer than all that it is made of")
    if caution := dataset.caution(metrics["dataset"]):
        console.warning(caution)

    stale = {part: set(names) for part, names in metrics["stale_rows"].items()}
    rows = []
    for variant in ("complete", "pruned", "quantized", "quantized_pruned"):
        row = metrics["models"].get(f"classifier/{variant}", {})
        reference = paper.TABLE_4 if variant == "quantized_pruned" else paper.TABLE_2.get(variant, {})
        cells = [row.get("nonzero_weights"), *(_rounded(row.get(key)) for key in ("test_l1", "test_accuracy"))]
        name = f"classifier/{variant}"
        rows.append([_marked(name, name in stale["models"]), *cells, _rounded(reference.get("test_accuracy"))])
    console.table(
        f"Networks, preset {metrics['preset']}, test images",
        ["", "weights", "L1", "accuracy", "paper's accuracy"],
        rows,
    )
    _print_designs(metrics["designs"], stale["designs"])
    exactness = {name: row for name, row in metrics["exactness"].items() if name not in stale["exactness"]}
    differences = design_metrics.differences(exactness)
    for text in differences.values():
        console.error(text)
    if not differences and design_metrics.compared(exactness):
        console.note(f"no value differs; designs compared: {design_metrics.compared_in_words(exactness)}")
    for stage in metrics["stale"]:
        console.warning(f"{stage} is stale: {_reason(outputs, stage)}")
    for stage, failures in metrics["failures"].items():
        for failure in failures:
            console.error(f"{stage} failed: {failure}; mend that and run: {artifacts.rerun(outputs, stage)}")
    console.note(f"{sum(metrics['seconds'].values()):.0f} s of computing; look at {_shown(outputs)}/index.html")
    return 1 if metrics["failures"] or differences else 0


def _shown(outputs: Path) -> str:
    return os.path.relpath(outputs)


def _marked(name: str, is_stale: bool) -> str:
    return f"{name} (stale)" if is_stale else name


def _print_designs(designs: Mapping[str, Mapping[str, Any]], stale: Collection[str]) -> None:
    """Print a table for each source of numbers, so that an estimate never stands beside a count."""
    tables = defaultdict(list)
    for name, row in designs.items():
        if "lut" in row:
            design = name.partition(", ")[0]
            accuracy = row.get("test_accuracy", designs.get(design, {}).get("test_accuracy"))
            cells = (row.get(key) for key in ("lut", "ff", "dsp", "latency_cycles", "fmax_mhz"))
            tables[design_metrics.source(row)].append([_marked(design, name in stale), *cells, _rounded(accuracy)])
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
