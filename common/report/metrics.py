"""`metrics.json`: what the stages have measured, merged, and which of it is not current."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.errors import PipelineError
from common.stages import artifacts

Record = Mapping[str, Any]


def write_metrics(outputs: Path) -> None:
    """Write `metrics.json` of a folder of outputs as a whole."""
    artifacts.write_text_atomically(outputs / "metrics.json", json.dumps(merged(outputs), indent=1))


def merged(outputs: Path) -> dict[str, Any]:
    """Return the parts of all stages that have run, merged, each stage's over those of the stages before it.

    Rows of a design that the stage before no longer has are left out. The result also says what is not current:
    `stale` names the stages that are stale or damaged, `stale_rows` the rows that one of them has made or changed, by
    their part, and `failures` gives what stages have found wrong. Preset and data are those of the last stage that is
    current.
    """
    records, stale = _read_records(outputs)
    current = [record for stage, record in records.items() if stage not in stale]
    last = next(reversed(current or list(records.values())), {})
    parts: dict[str, dict[str, Any]] = {"models": {}, "exactness": {}, "designs": {}}
    stale_rows: dict[str, dict[str, None]] = {part: {} for part in parts}
    for stage, record in records.items():
        for part, merged_rows in parts.items():
            rows = record["metrics"].get(part, {})
            for name in (name for name in rows if not _is_gone(name, record, records)):
                merged_rows.setdefault(name, {}).update(rows[name])
                if stage in stale:
                    stale_rows[part][name] = None
    return {
        "preset": last.get("preset"),
        "dataset": last.get("dataset"),
        **parts,
        "seconds": {stage: record["seconds"] for stage, record in records.items()},
        "stale": stale,
        "stale_rows": {part: list(names) for part, names in stale_rows.items()},
        "failures": {stage: record["failures"] for stage, record in records.items() if record.get("failures")},
    }


def _read_records(outputs: Path) -> tuple[dict[str, Record], list[str]]:
    """Return what `run.json` of each stage says, and the names of stages that are stale or damaged."""
    records, stale = {}, []
    for stage in sorted(path.parent.name for path in outputs.glob("[0-9]*/run.json")):
        try:
            records[stage] = artifacts.read_run(outputs, stage)
            is_current = artifacts.stale_reason(outputs, stage) is None
        except PipelineError:  # damaged, or one that it was made from is; whoever reads it says so
            is_current = False
        if not is_current:
            stale.append(stage)
    return records, stale


def _is_gone(name: str, record: Record, records: Mapping[str, Record]) -> bool:
    """Whether a row is of a design, `CUT/VARIANT` or `CUT/VARIANT, PART`, whose files no stage has any longer."""
    design = name.partition(", ")[0]
    read = [file.partition("/") for file in record["reads"] if f"/{design}/" in file]
    return bool(read) and not any(file in records.get(stage, {"writes": ()})["writes"] for stage, _, file in read)
