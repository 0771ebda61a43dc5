"""Programs that pip installs as WebAssembly (YoWASP), compiled for the machine on their first call.

YoWASP caches compiled programs in `$YOWASP_CACHE_DIR` or the user's cache folder. If that is full or not writable, it
compiles for a minute and then fails; this module chooses another folder first.
"""

import os
import shutil
import sysconfig
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import platformdirs

from common.errors import PipelineError
from common.running import console, disk_space
from common.running.processes import run_logged

CACHE = "YOWASP_CACHE_DIR"
PROGRAMS = {
    "yosys": (("-Q", "-p", "help"), 240),
    "nextpnr-ecp5": (("--version",), 15),
    "ecppack": (("--version",), 4),
    "ecppll": (("--help",), 3),
}
"""Shortest call of each program, and its compiled size on x86-64 [MB]."""
TIMEOUT_SECONDS = 600


class _NoRoomError(Exception):
    """The cache is not readable, or has no room for a program that is not compiled yet."""


def path_of(program: str) -> str:
    """Return the path of a program in this Python environment, or its name if it is missing."""
    return shutil.which(f"yowasp-{program}", path=sysconfig.get_path("scripts")) or f"yowasp-{program}"


def compile_for_this_machine(
    programs: Iterable[str], folder: Path, outputs: Path | None, on_step: Callable[[str], None]
) -> None:
    """Have YoWASP compile programs that are not compiled yet, and set the cache for later child processes.

    Call this before parallel runs, which would overwrite each other's compiled program.

    Args:
        programs: Names in `PROGRAMS`.
        folder: Working folder; holds the log of a failed program.
        outputs: Folder for a cache if the usual one is full or not writable.
        on_step: Called with a few words on the current step.

    Raises:
        PipelineError: The caches have no room.
        ToolError: A program cannot be run.
    """
    usual = Path(os.environ.get(CACHE) or platformdirs.user_cache_dir("YoWASP", appauthor=False)).absolute()
    for cache in (usual, outputs.absolute() / ".yowasp_cache") if outputs else (usual,):
        with suppress(_NoRoomError):
            for program in programs:
                _compile(program, folder, cache, on_step)
            os.environ[CACHE] = str(cache)
            if cache != usual:
                console.note(f"{usual} is full or not usable; compiled tools are in {cache} (or set {CACHE})")
            return
    needed = sum(PROGRAMS[program][1] for program in programs)
    raise PipelineError(
        f"{usual} is full or not usable: compiled tools need {needed} MB; set {CACHE} to a folder with that space"
    )


def _compile(program: str, folder: Path, cache: Path, on_step: Callable[[str], None]) -> None:
    call, megabytes = PROGRAMS[program]

    def on_line(line: str) -> None:
        if line.startswith("Preparing to run"):
            if not disk_space.has_room(cache, megabytes):
                raise _NoRoomError
            on_step(f"compiling {program} for this machine, once")

    try:
        (cache / program).exists()
    except PermissionError:  # such as a container's user whose HOME is root's
        raise _NoRoomError from None
    log = folder / f"{program}.log"
    run_logged(
        [path_of(program), *call],
        folder=folder,
        log=log,
        timeout_seconds=TIMEOUT_SECONDS,
        environment={CACHE: str(cache)},
        on_line=on_line,
    )
    log.unlink()
