"""The one-screen summary that `make` ends with: results, what is exact, what was run, where to look."""

import os
import sys
from pathlib import Path

from common import artifacts, console, paper, report, stages
from common.errors import PipelineError
from common.report.metrics import merged


def main(started: float) -> int:
    """Print the summary and return the exit status: 1 where a stage failed.

    Args:
        started: When make began [s since 1970].
    """
    outputs = stages.outputs_folder()
    report.update_overview(outputs)  # also where a stage was killed right before it would have
    metrics = merged(outputs)
    finished = sorted(metrics["seconds"])
    made = [stage for stage in finished if (outputs / stage / "run.json").stat().st_mtime >= started]
    if made:
        console.note(f"made: {', '.join(made)}")
    else:
        console.note("nothing to do: every stage is newer than all that it is made of")
    if metrics["dataset"] == "digits":
        console.warning("DEMO PRESET: THESE ARE SCIKIT-LEARN'S SMALL DIGITS, NOT MNIST (make PRESET=paper)")

    stale = {part: set(names) for part, names in metrics["stale_rows"].items()}
    rows = []
    for variant in ("complete", "pruned", "quantized", "quantized_pruned"):
        row = metrics["models"].get(f"classifier/{variant}", {})
        reference = paper.TABLE_4 if variant == "quantized_pruned" else paper.TABLE_2.get(variant, {})
        cells = [row.get("nonzero_weights"), *(_rounded(row.get(key)) for key in ("test_l1", "test_accuracy"))]
        name = f"classifier/{variant}"
        rows.append([_marked(name, stale["models"]), *cells, _rounded(reference.get("test_accuracy"))])
    console.table(
        f"Networks, preset {metrics['preset']}, test images",
        ["", "weights", "L1", "accuracy", "paper's accuracy"],
        rows,
    )
    rows = [
        [
            _marked(name, stale["designs"]),
            *(row.get(key) for key in ("lut", "ff", "dsp", "latency_cycles", "fmax_mhz")),
            _rounded(row.get("test_accuracy")),
        ]
        for name, row in metrics["designs"].items()
        if "lut" in row
    ]
    console.table("Synthesized designs", ["", "LUT", "FF", "DSP", "cycles", "MHz", "accuracy"], rows)
    exactness = {name: row for name, row in metrics["exactness"].items() if name not in stale["exactness"]}
    counts = [row[key] for row in exactness.values() for key in row if key not in ("images", "values")]
    if any(counts):
        console.error(
            f"{sum(counts)} values differ between simulations; see exactness in {_shown(outputs)}/metrics.json"
        )
    elif counts:
        designs = len(exactness)
        console.note(f"{designs} quantized designs: no bit differs between Keras, C++, RTL and the netlists made")
    for stage in metrics["stale"]:
        console.warning(f"{stage} is stale: {_reason(outputs, stage)}")
    for stage, failures in metrics["failures"].items():
        for failure in failures:
            console.error(f"{stage} failed: {failure}; mend that and run: {artifacts.rerun(outputs, stage)}")
    console.note(f"{sum(metrics['seconds'].values()):.0f} s of computing; look at {_shown(outputs)}/index.html")
    return 1 if metrics["failures"] or any(counts) else 0


def _shown(outputs: Path) -> str:
    return os.path.relpath(outputs)


def _marked(name: str, stale: set[str]) -> str:
    return f"{name} (stale)" if name in stale else name


def _rounded(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _reason(outputs: Path, stage: str) -> str:
    try:
        return artifacts.stale_reason(outputs, stage) or ""
    except PipelineError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
