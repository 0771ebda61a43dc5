"""`metrics.json`: the measurements of all stages, merged, with those that are stale marked."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import records
from common.errors import PipelineError
from common.stages import artifacts

Run = Mapping[str, Any]


def write_metrics(outputs: Path) -> None:
    """Write `metrics.json` of a folder of outputs as a whole."""
    text = json.dumps(merged(outputs), indent=1, default=records.Record.as_json)
    artifacts.write_text_atomically(outputs / "metrics.json", text)


def merged(outputs: Path) -> dict[str, Any]:
    """Return the parts of all stages that have run, merged, each stage's over those of the stages before it.

    Records of a design that the stage before no longer has are left out. The result also says what is not current:
    `stale` names the stages that are stale or damaged, as does the field `stale` of what one of them has made or
    changed, and `failures` gives what stages have found wrong. Preset and data are those of the last stage that is
    current.
    """
    runs, stale = _read_runs(outputs)
    current = [run for stage, run in runs.items() if stage not in stale]
    last = next(reversed(current or list(runs.values())), {})
    models: dict[str, dict[str, Any]] = {}
    found: tuple[list[Any], ...] = [], []
    for stage, run in runs.items():
        mark = {"stale": True} if stage in stale else {}
        for name, row in run["metrics"].get("models", {}).items():
            models.setdefault(name, {}).update(row | mark)
        for rows, part in zip(found, records.from_metrics(run["metrics"]), strict=True):
            rows += [replace(record, **mark) for record in part if not _is_gone(record.design, run, runs)]
    return {
        "preset": last.get("preset"),
        "dataset": last.get("dataset"),
        "models": models,
        "exactness": records.merged(found[1]),
        "designs": records.merged(found[0]),
        "seconds": {stage: run["seconds"] for stage, run in runs.items()},
        "stale": stale,
        "failures": {stage: run["failures"] for stage, run in runs.items() if run.get("failures")},
    }


def _read_runs(outputs: Path) -> tuple[dict[str, Run], list[str]]:
    """Return what `run.json` of each stage says, and the names of stages that are stale or damaged."""
    runs, stale = {}, []
    for stage in sorted(path.parent.name for path in outputs.glob("[0-9]*/run.json")):
        try:
            runs[stage] = artifacts.read_run(outputs, stage)
            is_current = artifacts.stale_reason(outputs, stage) is None
        except PipelineError:  # it or a stage upstream is damaged, which the page reports
            is_current = False
        if not is_current:
            stale.append(stage)
    return runs, stale


def _is_gone(design: str, run: Run, runs: Mapping[str, Run]) -> bool:
    """Whether no stage has the files of a design any longer."""
    read = [file.partition("/") for file in run["reads"] if f"/{design}/" in file]
    return bool(read) and not any(file in runs.get(stage, {"writes": ()})["writes"] for stage, _, file in read)
