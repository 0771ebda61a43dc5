"""Tasks in other processes: results in order, and nothing left alive, whatever ends them."""

import os
import signal
import subprocess
import sys

import pytest
from stage_runs import ROOT, is_alive, wait_until

from common.errors import PipelineError
from common.parallel import run_all

PROGRAM = """
import subprocess, sys
from pathlib import Path
from common import parallel, processes

def plain(number):  # a tool in the worker's own group
    subprocess.run(["sh", "-c", f"echo $$ > {number}.pid; exec sleep 300"], check=True)

def logged(number):  # a tool in a group of its own
    command = ["sh", "-c", f"echo $$ > {number}.pid; exec sleep 300"]
    processes.run_logged(command, folder=Path(), log=Path(f"{number}.log"), timeout_seconds=300)

if __name__ == "__main__":
    parallel.run_all({"plain": plain, "logged": logged}[sys.argv[1]], [(0,), (1,), (2,)], 2, "sleeping")
"""


def test_results_come_in_the_order_of_the_tasks():
    assert run_all(pow, [(2, 10), (3, 2), (5, 1), (7, 0)], 2, "powers") == [1024, 9, 5, 1]


def test_error_of_a_task_is_raised():
    with pytest.raises(ZeroDivisionError):
        run_all(divmod, [(1, 1), (1, 0)], 2, "divisions")


def test_task_that_dies_is_an_error_of_one_line():
    with pytest.raises(PipelineError, match="dying: a process died"):
        run_all(os._exit, [(9,)], 1, "dying")


@pytest.mark.parametrize("kind", ["plain", "logged"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_tool_outlives_the_main_process(tmp_path, kind, number):
    (tmp_path / "program.py").write_text(PROGRAM)
    main = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "program.py", kind],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pids = [tmp_path / "0.pid", tmp_path / "1.pid"]
    wait_until(lambda: all(path.exists() and path.read_text() for path in pids) or main.poll() is not None)
    main.send_signal(number)
    assert main.wait(10)
    tools = [int(path.read_text()) for path in pids]
    wait_until(lambda: not any(map(is_alive, tools)), seconds=5)
    assert not (tmp_path / "2.pid").exists(), "a task was begun after the end"
