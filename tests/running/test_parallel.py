"""Parallel processes: results in order, and no process left however they end."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest
from stage_runs import ROOT, is_alive, wait_until

from common.errors import PipelineError
from common.running.parallel import run_all

PROGRAM = """
import os, subprocess, sys
from pathlib import Path
from common.running import parallel, processes

def command(number):
    Path(f"{number}.worker").write_text(str(os.getpid()))
    return ["sh", "-c", f"echo $$ > {number}.tool; exec sleep 60"]

def plain(number):  # a tool in the worker's own group
    subprocess.run(command(number), check=True)

def logged(number):  # a tool in a group of its own
    processes.run_logged(command(number), folder=Path(), log=Path(f"{number}.log"), timeout_seconds=60)

if __name__ == "__main__":
    parallel.run_all({"plain": plain, "logged": logged}[sys.argv[1]], [(0,), (1,), (2,)], 2, "sleeping")
"""


def test_process_results_are_in_task_order():
    assert run_all(pow, [(2, 10), (3, 2), (5, 1), (7, 0)], 2, "powers") == [1024, 9, 5, 1]


def test_error_of_a_task_is_raised():
    with pytest.raises(ZeroDivisionError):
        run_all(divmod, [(1, 1), (1, 0)], 2, "divisions")


@pytest.mark.fault("tool")
def test_dead_process_gives_a_one_line_error():
    with pytest.raises(PipelineError, match="dying: a process died"):
        run_all(os._exit, [(9,)], 1, "dying")


@pytest.mark.fault("tool")
@pytest.mark.parametrize("kind", ["plain", "logged"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_and_no_tool_outlives_the_main_process(tmp_path, kind, number):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    main = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "program.py", kind],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    tools = [tmp_path / "0.tool", tmp_path / "1.tool"]
    wait_until(
        lambda: all(path.exists() and path.read_text(encoding="utf-8") for path in tools) or main.poll() is not None
    )
    started = [int(path.read_text(encoding="utf-8")) for path in [*tools, *tmp_path.glob("*.worker")]]
    try:
        main.send_signal(number)
        assert main.wait(10)
        wait_until(lambda: not any(map(is_alive, started)), seconds=5)
    finally:
        main.kill()
        for pid in filter(is_alive, started):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    assert not (tmp_path / "2.tool").exists(), "a task was started after the end"
