"""External tools as child processes, with a log file, a time limit, and no orphan processes."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from common.errors import ToolError

POLL_SECONDS = 0.1


def run_logged(
    command: Sequence[str],
    *,
    folder: Path,
    log: Path,
    timeout_seconds: float,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run `command` in `folder` with its output in `log`, and wait for it.

    The tool has a process group of its own. The whole group is killed when the tool ends, when the time limit passes,
    or when this function raises, so that no child outlives it. In the main thread, where Python raises Ctrl-C, SIGTERM
    and SIGHUP kill it too.

    Args:
        command: Program and arguments; the program is looked up on PATH.
        folder: Working directory of the tool.
        log: File for standard output and standard error; overwritten.
        timeout_seconds: Wall time after which the tool is killed [s].
        environment: Variables added to the inherited ones.
        on_line: Called in this thread with each printed line, for a progress display.

    Raises:
        ToolError: The program is missing or cannot be started, exits with a status other than 0, is killed, or exceeds
            the limit.
    """
    name = Path(command[0]).name
    if not folder.is_dir():
        raise ToolError(f"{folder} is not a folder, so {name} cannot run in it")
    deadline = time.monotonic() + timeout_seconds
    process = None
    with log.open("wb") as sink, log.open("rb") as printed, _termination_raised():
        try:
            with _signals_held():
                process = _start(command, folder, {**os.environ, **(environment or {})}, sink)
            unfinished = b""
            while (status := _wait_briefly(process)) is None:
                unfinished = _pass_on(printed, unfinished, on_line)
                if time.monotonic() > deadline:
                    raise ToolError(
                        f"{name} did not finish within {timeout_seconds:g} s and was killed; its log is {log}"
                    )
            _pass_on(printed, unfinished, on_line, to_the_end=True)
        finally:
            if process is not None:
                _kill_group(process)
    if status != 0:
        raise ToolError(f"{name} {_fate(status)}; its log is {log}")


def _start(command: Sequence[str], folder: Path, environment: Mapping[str, str], sink: BinaryIO) -> subprocess.Popen:
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ToolError(f"{command[0]} was not found: install it, or put its folder on PATH") from error
    except OSError as error:
        raise ToolError(f"{command[0]} could not be started: {error.strerror}") from error


def check_may_execute(folder: Path) -> None:
    """Refuse to compile programs into a folder that is mounted noexec, as /tmp is on hardened machines.

    Args:
        folder: Folder, which need not exist yet.

    Raises:
        ToolError: It is mounted noexec.
    """
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if os.statvfs(existing).f_flag & os.ST_NOEXEC:
        raise ToolError(
            f"{folder} is mounted noexec, so programs compiled there cannot run; "
            "set OUTPUTS_DIR, or TMPDIR for temporary files, to another folder"
        )


def _termination_raised() -> AbstractContextManager[None]:
    """Make SIGTERM and SIGHUP raise SystemExit, unless the program handles them itself."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    return _handled(
        leave, [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is signal.SIG_DFL]
    )


@contextmanager
def _signals_held() -> Iterator[None]:
    """Delay signals that raise an exception until the block ends, so that no started process is lost."""
    received: list[int] = []

    def hold(number: int, _frame: object) -> None:
        received.append(number)

    raising = [each for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if callable(signal.getsignal(each))]
    try:
        with _handled(hold, raising):
            yield
    finally:
        for number in received:
            signal.raise_signal(number)


@contextmanager
def _handled(handler: Callable[[int, object], None], numbers: Sequence[int]) -> Iterator[None]:
    """Handle signals with `handler` while the block runs; only in the main thread, as Python demands."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _wait_briefly(process: subprocess.Popen) -> int | None:
    """Return the exit status, or None if the process still runs."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(POLL_SECONDS)
    return None


def _pass_on(
    printed: BinaryIO, unfinished: bytes, on_line: Callable[[str], None] | None, *, to_the_end: bool = False
) -> bytes:
    """Call `on_line` with the lines printed since the last call, and return the unfinished last one."""
    if on_line is None:
        return b""
    *lines, rest = (unfinished + printed.read()).split(b"\n")
    if to_the_end and rest:
        lines.append(rest)
    for line in lines:
        on_line(line.decode(errors="replace").rstrip("\r"))
    return rest


def _kill_group(process: subprocess.Popen) -> None:
    """Kill the rest of the process group, and reap its leader."""
    with suppress(ProcessLookupError, PermissionError):  # nothing left; macOS: a group of zombies
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _fate(status: int) -> str:
    """Return in words how a process ended; a shell wrapper reports death by signal n as status 128 + n."""
    killer = {each.value: each.name for each in signal.Signals}
    if status < 0:
        fate = f"was killed by {killer.get(-status, f'signal {-status}')}"
    elif status - 128 in killer:
        fate = f"failed with exit status {status}, that is {killer[status - 128]}"
    else:
        return f"failed with exit status {status}"
    return f"{fate} (out of memory?)" if fate.endswith("SIGKILL") else fate
