"""External tools as child processes: output into a log file, a time limit, and no orphan left behind."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from common.errors import ToolError


def run_logged(
    command: Sequence[str],
    *,
    folder: Path,
    log: Path,
    timeout_seconds: float,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run `command` in `folder`, writing all it prints to `log`, and wait for it.

    The tool gets a process group of its own, which is killed as a whole when the time limit passes or an
    exception (Ctrl-C among them) leaves this function, so that a tool's own children die with it.

    Args:
        command: Program and arguments; the program is looked up on PATH.
        folder: Working directory of the tool.
        log: File that receives standard output and standard error; replaced.
        timeout_seconds: Wall time after which the tool is killed [s].
        environment: Variables set beside the inherited ones.
        on_line: Called with each line as it is printed, for a progress display.

    Raises:
        ToolError: The program is missing, exits with a status other than 0, is killed, or exceeds the limit.
    """
    name = Path(command[0]).name
    timed_out = threading.Event()
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ToolError(f"{command[0]} was not found: install it, or put its folder on PATH") from error

    def kill_group() -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

    def expire() -> None:
        timed_out.set()
        kill_group()

    timer = threading.Timer(timeout_seconds, expire)
    timer.start()
    try:
        with log.open("w") as log_file:
            for line in process.stdout:
                log_file.write(line)
                log_file.flush()
                if on_line is not None:
                    on_line(line.rstrip("\n"))
        status = process.wait()
    finally:
        timer.cancel()
        kill_group()
        process.stdout.close()
        process.wait()
    if timed_out.is_set():
        raise ToolError(f"{name} did not finish within {timeout_seconds:.0f} s and was killed; its log is {log}")
    if status < 0:
        raise ToolError(f"{name} was killed by {signal.Signals(-status).name}; its log is {log}")
    if status != 0:
        raise ToolError(f"{name} failed with exit status {status}; its log is {log}")
