"""Overview of all stages: `metrics.json`, the results page and the results table, written after each stage."""

import json
import traceback
from contextlib import suppress
from pathlib import Path

from common.report.metrics import write_metrics
from common.running import console
from common.stages import artifacts

FAULT_LOG = "failed/overview.log"
WRITTEN = ("metrics.json", "index.html", "results.md", "results.csv")


def write(outputs: Path) -> None:
    """Write the page and the table, each file as a whole or not at all."""
    from common.report import writing  # imports matplotlib, which --help does not wait for

    writing.write(outputs)


def update_overview(outputs: Path, *, only_if_older: bool = False) -> None:
    """Write `metrics.json`, the page and the table; an error is a warning here, since no artifact depends on them.

    Args:
        outputs: Folder of all artifacts.
        only_if_older: Whether to write only if a stage or the report's code has changed since.
    """
    if only_if_older and _is_current(outputs):
        return
    log = outputs / FAULT_LOG
    try:
        write_metrics(outputs)
        write(outputs)
        log.unlink(missing_ok=True)
    except Exception as error:  # noqa: BLE001 (whatever it is, the stage that has just run is not at fault)
        with suppress(OSError):  # the disk may be full
            log.parent.mkdir(exist_ok=True)
            log.write_text(traceback.format_exc(), encoding="utf-8")
        where = f"; its traceback is in {log}" if log.exists() else ""
        console.warning(f"the results page is not up to date: {type(error).__name__}: {error}{where}")


def _is_current(outputs: Path) -> bool:
    """Return whether all files are there and of the stages that are there, and nothing has changed since.

    The system sets the time of a change (ctime) also where a file is renamed, or gets an older time of modification.
    """
    try:
        metrics = json.loads((outputs / "metrics.json").read_text(encoding="utf-8"))
        shown = {*metrics["seconds"], *metrics["stale"]}
        written = [(outputs / name).stat().st_mtime_ns for name in WRITTEN]
    except artifacts.UNREADABLE:
        return False
    if shown != {path.parent.name for path in outputs.glob("[0-9]*/run.json")}:
        return False
    folders = [*outputs.glob("[0-9]*"), outputs / "failed", Path(__file__).parent]
    sources = (path for folder in folders if folder.exists() for path in (folder, *folder.rglob("*")))
    return max(path.lstat().st_ctime_ns for path in sources) < min(written)
