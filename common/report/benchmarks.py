"""What `make benchmarks` measured, as tables and figures of the results page."""

import json
from pathlib import Path
from typing import Any

from common.errors import PipelineError
from common.report import figures
from common.report.network_tables import Comparison

RECORD = "benchmarks.json"


def read(outputs: Path) -> dict[str, Any] | None:
    """Return the tables and figures of all benchmarks that have run, or None where none has.

    Raises:
        PipelineError: The record, or a figure, is damaged.
    """
    path = outputs / RECORD
    if not path.exists():
        return None
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))
        tables = [_table(part) for part in parts.values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise PipelineError(f"{path} is damaged; run: make benchmarks") from None
    found, faults = figures.read_figures(outputs, "benchmarks")
    if faults:
        raise PipelineError(f"{faults[0]}; run: make benchmarks")
    return {"comparisons": tables, "figures": figures.embed(outputs, found)}


def _table(part: dict[str, Any]) -> Comparison:
    machine = part["machine"]
    load = machine["load_average"]["before"]
    commit = f", commit {part['git_commit'][:10]}" if part["git_commit"] else ""
    made = f"{part['date'][:10]}{commit}, {machine['processor']}, {machine['cores']} cores, load average {load}"
    busy = " at the start: seconds are too long, ratios hold" if load > 1 else " at the start"
    rows = [[str(cell) for cell in row] for row in part["rows"]]
    return Comparison(part["title"], part["columns"], rows, (*part["notes"], f"{made}{busy}."))
