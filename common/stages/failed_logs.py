"""Logs of a failed run, which stay readable when the rest of the run is removed: `outputs/failed/STAGE/`."""

import shutil
from contextlib import suppress
from pathlib import Path

from common.errors import PipelineError


def keep(error: OSError | PipelineError, folder: Path, outputs: Path, stage: str) -> None:
    """Move logs, and files that the error names, out of the folder of a run that failed; name their new places.

    Args:
        error: Why it failed; its message is changed.
        folder: Of the run; removed afterwards.
        outputs: Folder of all artifacts.
        stage: Whose run it was.
    """
    said, kept = str(error), _folder(outputs, stage)
    with suppress(OSError):  # on a full disk the error itself is what matters
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            if path.suffix == ".log" or str(path) in said:
                target = kept / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
        if isinstance(error, PipelineError):
            error.args = (said.replace(str(folder), str(kept)),)


def forget(outputs: Path, stage: str) -> None:
    """Remove what the last run of a stage left, if it failed."""
    shutil.rmtree(_folder(outputs, stage), ignore_errors=True)
    with suppress(OSError):  # other stages may have failed, too
        _folder(outputs, stage).parent.rmdir()


def _folder(outputs: Path, stage: str) -> Path:
    return outputs / "failed" / stage
