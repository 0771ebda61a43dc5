"""Runs of make in a copy of the sources."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

LONG_AGO = 1_000_000_000  # seconds since 1970


def touch(path: Path) -> None:
    """Make a file newer than all others, allowing for coarse time stamps."""
    later = time.time() + 10
    os.utime(path, (later, later))


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Run make as from a shell, without the variables that an outer make exports."""
    of_this_run = ("OUTPUTS_DIR", "MAKEFLAGS", "MAKELEVEL")
    inherited = {name: value for name, value in os.environ.items() if name not in of_this_run}
    return subprocess.run(
        [shutil.which("make"), *arguments],
        cwd=folder,
        env={**inherited, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def would_run(folder: Path, *arguments: str, **variables: str) -> tuple[str, ...]:
    """Return the stages that make would run, in order."""
    done = make(folder, "--dry-run", *arguments, **variables)
    assert done.returncode == 0, done.stderr
    return tuple(re.findall(r"bin/python (\d\d_\w+)\.py(?! --redraw)", done.stdout))


def would_redraw(folder: Path, *arguments: str) -> tuple[str, ...]:
    """Return the stages that make would only redraw, in order."""
    return tuple(re.findall(r"bin/python (\d\d_\w+)\.py --redraw", make(folder, "--dry-run", *arguments).stdout))
