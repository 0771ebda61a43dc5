"""Child processes: log, exit status, and that none outlives the call however it ends."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from child_processes import START_CHILD, assert_child_dies
from stage_runs import ROOT

from common.errors import ToolError
from common.running.processes import run_logged


def run(folder: Path, script: str, *, timeout_seconds: float = 10.0, **options) -> None:
    run_logged(["sh", "-c", script], folder=folder, log=folder / "log", timeout_seconds=timeout_seconds, **options)


def test_log_has_all_output_and_lines_are_passed_to_the_callback(tmp_path):
    lines = []
    run(tmp_path, "echo one; echo two >&2; printf 'three\\r\\n'; printf last", on_line=lines.append)
    assert lines == ["one", "two", "three", "last"]
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\nthree\r\nlast"


def test_lines_are_passed_to_the_callback_while_the_tool_runs(tmp_path):
    run(tmp_path, "echo go; until [ -e seen ]; do sleep 0.01; done", on_line=lambda _: (tmp_path / "seen").touch())


def test_line_printed_in_two_parts_is_one_line(tmp_path):
    lines = []
    run(tmp_path, "printf 'one '; sleep 0.3; echo line", on_line=lines.append)
    assert lines == ["one line"]


def test_invalid_utf_8_does_not_stop_the_run(tmp_path):
    lines = []
    run(tmp_path, "printf '\\377\\n'", on_line=lines.append)
    assert lines == ["\N{REPLACEMENT CHARACTER}"]


def test_environment_is_added_to_the_inherited_one(tmp_path, monkeypatch):
    monkeypatch.setenv("INHERITED", "yes")
    run(tmp_path, f'echo "$INHERITED $ADDED" > {tmp_path / "said"}', environment={"ADDED": "too"})
    assert (tmp_path / "said").read_text(encoding="utf-8") == "yes too\n"


@pytest.mark.fault("tool")
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 3", "sh failed with exit status 3; its log is"),
        ("kill -SEGV $$", "sh was killed by SIGSEGV; its log is"),
        ("kill -KILL $$", r"sh was killed by SIGKILL \(out of memory\?\); its log is"),
        ("(exit 137)", r"sh failed with exit status 137, that is SIGKILL \(out of memory\?\)"),
        ("exit 200", "sh failed with exit status 200; its log is"),
    ],
)
def test_failure_is_reported_with_its_log(tmp_path, script, message):
    with pytest.raises(ToolError, match=message):
        run(tmp_path, script)


@pytest.mark.fault("tool")
def test_program_that_cannot_be_started_is_reported(tmp_path):
    (tmp_path / "forbidden").touch(mode=0o644)
    for program, message in (("no-such-program", "was not found"), (str(tmp_path / "forbidden"), "Permission denied")):
        with pytest.raises(ToolError, match=message):
            run_logged([program], folder=tmp_path, log=tmp_path / "log", timeout_seconds=1)


def test_missing_folder_is_not_reported_as_a_missing_program(tmp_path):
    with pytest.raises(ToolError, match="absent is not a folder"):
        run_logged(["true"], folder=tmp_path / "absent", log=tmp_path / "log", timeout_seconds=1)


@pytest.mark.fault("tool")
@pytest.mark.parametrize("ending", ["wait", "exit 0", "kill -KILL $$"])
def test_no_child_outlives_the_tool(tmp_path, ending):
    """Even if the tool hangs, succeeds, or dies with a child that keeps its output open."""
    before = time.monotonic()
    if ending == "exit 0":
        run(tmp_path, f"{START_CHILD}; {ending}")
    else:
        with pytest.raises(ToolError, match="did not finish within 1 s" if ending == "wait" else "SIGKILL"):
            run(tmp_path, f"{START_CHILD}; {ending}", timeout_seconds=1.0)
    assert time.monotonic() - before < 3
    assert_child_dies(tmp_path)


@pytest.mark.fault("tool")
def test_no_child_outlives_an_error_in_the_callback(tmp_path):
    def fail(_):
        raise RuntimeError("display")

    with pytest.raises(RuntimeError, match="display"):
        run(tmp_path, f"{START_CHILD}; echo line; wait", on_line=fail)
    assert_child_dies(tmp_path)


@pytest.mark.fault("tool")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_no_child_outlives_an_interrupted_program(tmp_path, number):
    program = (
        "from pathlib import Path; from common.running.processes import run_logged\n"
        f"folder = Path({str(tmp_path)!r})\n"
        f"run_logged(['sh', '-c', '{START_CHILD}; echo > started; wait'], folder=folder, log=folder / 'log',"
        " timeout_seconds=60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL) as parent:
        deadline = time.monotonic() + 10
        while not (tmp_path / "started").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        parent.send_signal(number)
        assert parent.wait(5) != 0
    assert_child_dies(tmp_path)


@pytest.mark.fault("tool")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_no_child_outlives_a_program_interrupted_while_it_starts_one(tmp_path, number):
    """The signal arrives when the child runs and `Popen` has not returned yet."""
    program = (
        "import os, subprocess; from pathlib import Path; from common.running.processes import run_logged\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "class Interrupted(subprocess.Popen):\n"
        "    def __init__(self, *arguments, **options):\n"
        "        super().__init__(*arguments, **options)\n"
        "        (folder / 'child.pid').write_text(str(self.pid))\n"
        f"        os.kill(os.getpid(), {number.value})\n"
        "subprocess.Popen = Interrupted\n"
        "run_logged(['sleep', '300'], folder=folder, log=folder / 'log', timeout_seconds=60)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL, timeout=10, check=False
    )
    assert ended.returncode != 0
    assert_child_dies(tmp_path)


def test_tools_run_in_other_threads_too(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(run, tmp_path, "echo done").result()
    assert (tmp_path / "log").read_text(encoding="utf-8") == "done\n"


def test_signal_handlers_are_restored(tmp_path):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    run(tmp_path, "true")
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
