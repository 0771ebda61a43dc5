"""Programs that pip brings as WebAssembly (YoWASP): compiled for the machine on their first call, once.

What is compiled is kept in `$YOWASP_CACHE_DIR` or the user's cache folder. Where that cannot be written, or is full,
YoWASP would compile for a minute and then fail; here another folder is taken before that, and named.
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
"""Programs by name: the shortest call, and the size of what is compiled, on x86-64 [MB]."""
TIMEOUT_SECONDS = 600


class _NoRoomError(Exception):
    """A program is not compiled yet, and the cache has no room for it, or may not be looked into."""


def path_of(program: str) -> str:
    """Return the path of a program in this Python environment, or its name where it is not there."""
    return shutil.which(f"yowasp-{program}", path=sysconfig.get_path("scripts")) or f"yowasp-{program}"


def compile_for_this_machine(
    programs: Iterable[str], folder: Path, outputs: Path | None, on_step: Callable[[str], None]
) -> None:
    """Have YoWASP compile programs that are not compiled yet; processes started from here on find them.

    To be called before several run at a time, since they would write a compiled program over each other's.

    Args:
        programs: Names in `PROGRAMS`.
        folder: Where they run, and leave a log where they fail.
        outputs: Folder that takes a cache of its own where the usual one cannot be written or is full.
        on_step: Told what is being done, in a few words.

    Raises:
        PipelineError: There is no room for them.
        ToolError: One of them cannot be run.
    """
    usual = Path(os.environ.get(CACHE) or platformdirs.user_cache_dir("YoWASP", appauthor=False)).absolute()
    for cache in (usual, outputs.absolute() / ".yowasp_cache") if outputs else (usual,):
        with suppress(_NoRoomError):
            for program in programs:
                _compile(program, folder, cache, on_step)
            os.environ[CACHE] = str(cache)
            if cache != usual:
                console.note(f"{usual} cannot be used or is full; compiled tools are in {cache} (or set {CACHE})")
            return
    needed = sum(PROGRAMS[program][1] for program in programs)
    raise PipelineError(
        f"{usual} cannot be used or is full: compiled tools need {needed} MB; name a folder that has them: {CACHE}"
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
    except PermissionError:  # as of a container's user without a home, whose HOME is root's
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
