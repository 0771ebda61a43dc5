"""Logs of a failed run: what its error names stays readable after the rest of the run is removed."""

from contextlib import suppress
from pathlib import Path

from common.errors import PipelineError

FOLDER = "failed"  # in the outputs folder: a folder for each stage whose last run failed


def keep(error: OSError | PipelineError, run: Path, kept: Path) -> None:
    """Move logs, and files that the error names, out of the folder of a run that failed; name their new places.

    Args:
        error: Why it failed; the message is changed.
        run: Folder of the run, which is removed afterwards.
        kept: Where they go; made where there are any.
    """
    said = str(error)
    with suppress(OSError):  # where the disk is full, the error itself matters more
        for path in [path for path in run.rglob("*") if path.is_file()]:
            if path.suffix == ".log" or str(path) in said:
                target = kept / path.relative_to(run)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
        if isinstance(error, PipelineError):
            error.args = (said.replace(str(run), str(kept)),)
