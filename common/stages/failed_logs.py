"""Logs of a failed run, kept in `outputs/failed/STAGE/` when the rest of the run is removed."""

import shutil
from contextlib import suppress
from pathlib import Path

from common.errors import PipelineError


def keep(error: OSError | PipelineError, folder: Path, outputs: Path, stage: str) -> None:
    """Move logs, and files that the error names, out of the folder of a failed run; update paths in the error.

    Args:
        error: Cause of the failure; its message is changed.
        folder: Folder of the run; removed afterwards.
        outputs: Folder of all artifacts.
        stage: Name of the stage.
    """
    message, kept = str(error), _folder(outputs, stage)
    with suppress(OSError):  # on a full disk, do not hide the error
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            if path.suffix == ".log" or str(path) in message:
                target = kept / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
        if isinstance(error, PipelineError):
            error.args = (message.replace(str(folder), str(kept)),)


def forget(outputs: Path, stage: str) -> None:
    """Remove the logs of a stage's last failed run."""
    shutil.rmtree(_folder(outputs, stage), ignore_errors=True)
    with suppress(OSError):  # not empty if other stages failed
        _folder(outputs, stage).parent.rmdir()


def _folder(outputs: Path, stage: str) -> Path:
    return outputs / "failed" / stage
