"""The record of a run, `run.json`, and its dependencies for make, `dependencies.mk`."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from common.stages import artifacts, provenance
from common.stages.dependencies import computing_files, drawing_files
from common.stages.run import Run


def of_run(run: Run, configuration: object, seconds: float) -> dict[str, Any]:
    """Return the content of `run.json` without the hashes of written files."""
    return {
        "format": artifacts.RUN_FORMAT,
        "stage": run.stage,
        "preset": run.preset,
        "dataset": run.dataset,
        "command": ["python", f"{run.stage}.py", *sys.argv[1:]],
        "configuration": asdict(configuration),
        "seed": getattr(configuration, "seed", None),
        "started": (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "machine": provenance.machine(),
        "packages": provenance.package_versions(),
        "git_commit": provenance.git_commit(),
        "external_reads": run.external_reads,
        "reads": run.reads,
        "failures": run.failures,
        "warnings": run.warnings,
        "metrics": run.metrics,
    }


def files_in(folder: Path) -> list[str]:
    """Return the relative paths of the files in a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def write(run: Run, script: Path, record: dict[str, Any], artifacts_made: Sequence[str]) -> None:
    """Write `dependencies.mk`, the stamp `drawn` and `run.json`; its `draws` are the files that `--redraw` replaces."""
    _write_dependencies(run, script)
    (run.folder / "drawn").touch()
    files = files_in(run.folder)
    record = record | {
        "writes": {name: artifacts.sha256(run.folder / name) for name in files},
        "draws": sorted(set(files) - set(artifacts_made)),
    }
    record["sha256"] = artifacts.record_digest(record)
    (run.folder / "run.json").write_text(json.dumps(record, indent=1, default=str), encoding="utf-8")


def _write_dependencies(run: Run, script: Path) -> None:
    """Write the dependencies of a run for make, as compilers do: code, files read, and code that only draws."""

    def names(paths: Iterable[Path]) -> list[str]:
        return [str(path.relative_to(script.parent)) for path in paths]

    # make's variable stands for the outputs folder, however its path is spelled.
    made_of = [*names(computing_files(script)), *(f"$(OUTPUTS)/{name}" for name in sorted(run.reads))]
    drawn_by = names(drawing_files(script))
    rules = [
        f"$(OUTPUTS)/{run.stage}/run.json: {' '.join([script.name, *made_of])}",
        f"$(OUTPUTS)/{run.stage}/drawn: {' '.join(drawn_by)}",
        f"{' '.join([*made_of, *drawn_by])}:",  # keeps make going if one of them is deleted
    ]
    (run.folder / "dependencies.mk").write_text(
        "".join(rule.replace(" ", " \\\n  ") + "\n" for rule in rules), encoding="utf-8"
    )
