"""Disk space: checked before a stage starts, and reported when a disk fills up during its run."""

import errno
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common.errors import PipelineError

MEGABYTE = 1_000_000
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
ALMOST_NOTHING = 0.1  # [MB]; with less, a failure is attributed to lack of space


@dataclass(frozen=True)
class Need:
    """Disk space that a stage needs in addition to its last artifacts, which are kept until it has finished.

    Attributes:
        megabytes: Estimate before the first run, for the paper's preset [MB].
        peak: Ratio of the peak space of a run to the size of its artifacts.
    """

    megabytes: float = 1
    peak: float = 1

    def after(self, last: Path) -> float:
        """Return the space for the next run, estimated from the folder of the last one [MB]."""
        size = sum(path.stat().st_size for path in last.rglob("*") if path.is_file())
        return size / MEGABYTE * self.peak if size else self.megabytes


def megabytes_free(outputs: Path) -> float:
    """Return the free space on the disk of a folder [MB]."""
    return shutil.disk_usage(outputs).free / MEGABYTE


def has_room(folder: Path, megabytes: float) -> bool:
    """Return whether a file of this size fits into a folder, which is made if missing; heeds quotas and permissions."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, round(megabytes * MEGABYTE))
    except OSError:
        return False
    return True


def check(last: Path, need: Need) -> None:
    """Refuse to start a stage whose artifacts will not fit.

    Raises:
        PipelineError: The stage needs more space than is free; the message gives both.
    """
    if megabytes_free(last.parent) < need.after(last):
        raise PipelineError(f"no space left for {last}: {_needs(last, need)}; free some and run it again")


def explained(error: OSError | PipelineError, last: Path, need: Need) -> Exception:
    """Return a stage's error, with the space it needs if the disk is full."""
    if getattr(error, "errno", None) not in FULL and megabytes_free(last.parent) >= ALMOST_NOTHING:
        return error
    words = str(error) if isinstance(error, PipelineError) else error.strerror or "No space left on device"
    where = getattr(error, "filename", None) or last.parent
    return PipelineError(f"{words} ({where}): {_needs(last, need)}")


def _needs(last: Path, need: Need) -> str:
    needed, free = need.after(last), megabytes_free(last.parent)
    return f"it needs about {needed:.1f} MB in addition to its last artifacts, and {free:.1f} MB are free"
