"""Disk space: what a stage needs, asked for before work begins, and named where a disk fills up on the way."""

import errno
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common.errors import PipelineError

MEGABYTE = 1_000_000
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ALMOST_NOTHING = 0.1  # [MB]; below that a tool fails for want of space, whatever it says


@dataclass(frozen=True)
class Need:
    """Disk space that a stage needs, beside its last artifacts, which stay until it has finished.

    Attributes:
        megabytes: Before its first run: that of the paper's preset; the demo's needs less, more designs need more [MB].
        peak: How many times the size of its artifacts it needs while it runs.
    """

    megabytes: float = 1
    peak: float = 1

    def after(self, last: Path) -> float:
        """Return what the next run needs, estimated by the artifacts that the last one left in a folder [MB]."""
        left = sum(path.stat().st_size for path in last.rglob("*") if path.is_file())
        return left / MEGABYTE * self.peak if left else self.megabytes


def megabytes_free(outputs: Path) -> float:
    """Return what is free on the disk of a folder [MB]."""
    return shutil.disk_usage(outputs).free / MEGABYTE


def has_room(folder: Path, megabytes: float) -> bool:
    """Whether a folder, made where it is missing, takes a file of this size: quotas and permissions count too."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, round(megabytes * MEGABYTE))
    except OSError:
        return False
    return True


def check(last: Path, need: Need) -> None:
    """Refuse to begin where the artifacts will not fit.

    Raises:
        PipelineError: Less is free than the stage needs; the message says how much of each.
    """
    if megabytes_free(last.parent) < need.after(last):
        raise PipelineError(f"no space left for {last}: {_needs(last, need)}; free some and run it again")


def explained(error: OSError | PipelineError, last: Path, need: Need) -> Exception:
    """Return the error of a stage with the space that it needs, where that is why it failed; else the error itself."""
    if getattr(error, "errno", None) not in FULL and megabytes_free(last.parent) >= ALMOST_NOTHING:
        return error
    words = str(error) if isinstance(error, PipelineError) else error.strerror or "No space left on device"
    where = getattr(error, "filename", None) or last.parent
    return PipelineError(f"{words} ({where}): {_needs(last, need)}")


def _needs(last: Path, need: Need) -> str:
    needed, free = need.after(last), megabytes_free(last.parent)
    return f"it needs about {needed:.1f} MB beside its last artifacts, and {free:.1f} MB are free"
