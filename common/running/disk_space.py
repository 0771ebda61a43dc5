"""Disk space: what a stage needs, asked for before work begins, and named where a disk fills up on the way."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from common.errors import PipelineError

MEGABYTE = 1_000_000
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NEEDS = {
    "01_prepare_data": 3,
    "02_train_autoencoder": 5,
    "03_prune": 4,
    "04_quantize": 7,
    "05_convert_hls": 45,
    "06_synthesize": 600,
}
"""What a stage with the paper's preset needs [MB]; the demo's needs less, more designs need more."""
PEAKS = {"06_synthesize": 4}
"""How much more than it leaves a stage needs on the way: netlists as JSON are ten times the Verilog that is kept."""
ALMOST_NOTHING = 0.1  # [MB]; below that a tool fails for want of space, whatever it says


def megabytes_needed(outputs: Path, stage: str) -> float:
    """Return what a stage needs beside its last artifacts, which stay until it has finished [MB].

    That is estimated by what its last run has left or, before the first, what a run with the paper's preset needs.
    """
    last = sum(path.stat().st_size for path in (outputs / stage).rglob("*") if path.is_file())
    return last / MEGABYTE * PEAKS.get(stage, 1) if last else NEEDS.get(stage, 1)


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


def check(outputs: Path, stage: str) -> None:
    """Refuse to begin where the artifacts will not fit.

    Raises:
        PipelineError: Less is free than the stage needs; the message says how much of each.
    """
    if megabytes_free(outputs) < megabytes_needed(outputs, stage):
        raise PipelineError(
            f"no space left for {outputs / stage}: {_needs(outputs, stage)}; free some and run it again"
        )


def explained(error: OSError | PipelineError, outputs: Path, stage: str) -> Exception:
    """Return the error of a stage with the space that it needs, where that is why it failed; else the error itself."""
    if getattr(error, "errno", None) not in FULL and megabytes_free(outputs) >= ALMOST_NOTHING:
        return error
    words = str(error) if isinstance(error, PipelineError) else error.strerror or "No space left on device"
    where = getattr(error, "filename", None) or outputs
    return PipelineError(f"{words} ({where}): {_needs(outputs, stage)}")


def _needs(outputs: Path, stage: str) -> str:
    needed, free = megabytes_needed(outputs, stage), megabytes_free(outputs)
    return f"it needs about {needed:.1f} MB beside its last artifacts, and {free:.1f} MB are free"
