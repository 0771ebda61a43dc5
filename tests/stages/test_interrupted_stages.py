"""Every stage when killed, interrupted, run concurrently, or on a full or read-only disk."""

import json
import random
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
from stage_runs import (
    ALL_STAGES,
    DEMO,
    DEMO_STAGES,
    STAGES,
    TINY,
    assert_refused,
    fork_stage,
    fork_well,
    hashes,
    leftovers,
    moments,
    partial_folder,
    processes_of,
    run_stage,
    run_well,
    start_stage,
    wait_until,
)

from common.running import disk_space
from common.stages import artifacts


def assert_whole(outputs: Path) -> None:
    """Assert that every record, and every file that it lists, is complete."""
    for stage in [path.parent.name for path in outputs.glob("[0-9]*/run.json")]:
        assert artifacts.faulty_files(outputs, stage) == {}
        files = {name for name, digest in hashes(outputs / stage).items() if digest}
        assert files == {*artifacts.read_run(outputs, stage)["writes"], "run.json"}


@pytest.mark.fault("killed")
def test_stage_killed_at_any_time_leaves_complete_artifacts_old_or_new(demo_outputs, tmp_path, subtests):
    outputs = tmp_path / "outputs"
    shutil.copytree(demo_outputs / "01_prepare_data", outputs / "01_prepare_data")
    old = hashes(outputs / "01_prepare_data")
    generator = random.Random(14)
    for _ in range(6):
        moment = generator.uniform(0, 2)
        with subtests.test(seconds=moment):
            process = start_stage("01_prepare_data", "--preset", "demo", "--seed", "5", outputs=outputs)
            wait_until(lambda: partial_folder(outputs, "01_prepare_data") or (outputs / "index.html").exists())
            time.sleep(moment)
            process.kill()
            process.communicate()
            assert_whole(outputs)
            record = artifacts.read_run(outputs, "01_prepare_data")
            assert hashes(outputs / "01_prepare_data") == old or record["configuration"]["seed"] == 5
    run_well("01_prepare_data", "--preset", "demo", outputs=outputs)
    assert leftovers(outputs) == []
    assert [path.name for path in outputs.iterdir() if path.is_dir()] == ["01_prepare_data"]


@pytest.mark.fault("killed", thorough=True)
@pytest.mark.parametrize("stage", ALL_STAGES)
def test_stage_killed_at_twenty_random_times_leaves_complete_artifacts(tiny_outputs, tmp_path, stage, subtests):
    outputs = shutil.copytree(tiny_outputs, tmp_path / "outputs")
    for moment in moments(outputs, stage, 20):
        with subtests.test(seconds=moment):
            process = fork_stage(stage, *TINY[stage], outputs=outputs, log=tmp_path / "log")
            time.sleep(moment)
            process.kill()
            process.join()
            assert (outputs / stage).is_dir()
            assert_whole(outputs)
            assert len([name for name in leftovers(outputs) if ".partial-" in name]) <= 1
            wait_until(lambda: not processes_of(outputs))
    fork_well(stage, *(DEMO.get(stage, ()) if stage in DEMO_STAGES else TINY[stage]), outputs=outputs)  # as at first
    assert leftovers(outputs) == []
    assert json.loads((outputs / "metrics.json").read_text(encoding="utf-8"))["stale"] == []


@pytest.mark.fault("killed", thorough=True)
@pytest.mark.parametrize("stage", ALL_STAGES)
def test_stage_killed_between_two_renames_is_restored(tiny_outputs, tmp_path, stage):
    """On file systems that cannot exchange two folders atomically."""
    outputs = shutil.copytree(tiny_outputs, tmp_path / "outputs")
    (outputs / stage).rename(outputs / f".{stage}.previous")
    (outputs / f".{stage}.partial-1").mkdir()
    process = fork_stage(stage, *TINY[stage], outputs=outputs, log=tmp_path / "log")
    wait_until((outputs / stage).is_dir)
    process.kill()
    process.join()
    assert_whole(outputs)


LONG = ("02_train_autoencoder", "--epochs", "100000")


@pytest.mark.fault("killed")
def test_killed_training_leaves_the_old_artifacts_and_the_next_run_succeeds(outputs, tmp_path):
    before, stage = hashes(outputs), "02_train_autoencoder"
    process = fork_stage(stage, *TINY[stage], outputs=outputs, log=tmp_path / "log")
    wait_until(lambda: [*outputs.glob(".02_train_autoencoder.partial-*/autoencoder.h5")])
    process.kill()
    process.join()
    [partial] = leftovers(outputs)
    assert {name: digest for name, digest in hashes(outputs).items() if not name.startswith(partial)} == before
    fork_well(stage, *TINY[stage], outputs=outputs)
    assert leftovers(outputs) == []


@pytest.mark.fault("tool")
@pytest.mark.parametrize("moment", ["02_train_autoencoder", "test_l1"])
@pytest.mark.parametrize(
    ("number", "status", "words"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 1, "terminated")]
)
def test_interrupted_stage_ends_at_once_and_leaves_the_old_artifacts(outputs, moment, number, status, words):
    """Interrupt it after its heading, or when its progress line shows training."""
    before = hashes(outputs)
    process = start_stage(*LONG, outputs=outputs, FORCE_COLOR="1", PYTHONUNBUFFERED="1")
    seen = ""
    while moment not in seen:
        seen += process.stdout.read(1)
        assert process.poll() is None
    process.send_signal(number)
    started = time.monotonic()
    _, errors = process.communicate()
    assert time.monotonic() - started < 10
    assert process.returncode == status
    assert f"{words}; the last good artifacts are in place" in errors
    assert errors.count("\n") == 1
    assert hashes(outputs) == before
    assert leftovers(outputs) == []


@pytest.mark.fault("concurrent")
def test_concurrent_run_is_refused_with_the_holder_of_the_lock(outputs, run_here, subtests):
    process = start_stage(*LONG, outputs=outputs)
    wait_until(lambda: partial_folder(outputs, "02_train_autoencoder"))
    holder = f"{outputs} is in use by 02_train_autoencoder (process {process.pid}); wait for it to finish"
    for stage in ALL_STAGES:
        with subtests.test(stage=stage):
            assert_refused(run_here(stage, outputs=outputs), stage, holder)
    with subtests.test(lock="of a dead process"):
        process.kill()
        process.communicate()
        assert "02_train_autoencoder" in (outputs / ".lock").read_text(encoding="utf-8")
        run_well("01_prepare_data", "--preset", "demo", outputs=outputs)


@pytest.mark.fault("disk")
@pytest.mark.parametrize("stage", ALL_STAGES)
def test_read_only_outputs_are_named(outputs, stage, without_powers_of_root):
    before = hashes(outputs)
    outputs.chmod(0o555)
    try:
        arguments = ["--preset", "demo"] if stage == "01_prepare_data" else []
        done = run_stage(stage, *arguments, outputs=outputs, wrapper=without_powers_of_root)
    finally:
        outputs.chmod(0o755)
    assert_refused((done.returncode, done.stdout, done.stderr), stage, "Permission denied", outputs)
    assert hashes(outputs) == before


FULL_DISK = {
    "01_prepare_data": ("--preset", "demo", "--seed", "5"),
    "02_train_autoencoder": TINY["02_train_autoencoder"],
}


@pytest.mark.fault("disk")
@pytest.mark.parametrize("stage", FULL_DISK)
def test_file_size_limit_is_reported_with_the_space_needed_and_the_old_artifacts_stay(outputs, stage):
    before = hashes(outputs)
    limited = ("sh", "-c", 'ulimit -f 40; exec "$@"', "sh")  # no file grows beyond 20 or 40 kB
    done = run_stage(stage, *FULL_DISK[stage], outputs=outputs, wrapper=limited)
    assert done.returncode == 1
    assert done.stderr.startswith(f"ERROR: {stage}: File too large")
    said = r"it needs about \d+\.\d MB in addition to its last artifacts, and \d+\.\d MB are free"
    assert re.search(said, done.stderr)
    assert done.stderr.count("\n") == 1
    assert hashes(outputs) == before
    assert leftovers(outputs) == []


def fill(disk: Path, spare: int) -> Path:
    """Fill a disk up to `spare` bytes, of which a running stage may take some first; return the file."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:  # writes as much as fits
        file.write(bytes(shutil.disk_usage(disk).free - spare))
    return filler


@pytest.mark.fault("disk")
def test_stage_whose_artifacts_will_not_fit_does_not_start(small_disk, demo_outputs, run_here, subtests):
    outputs = shutil.copytree(demo_outputs, small_disk / "outputs")
    fill(small_disk, 20_000)
    before = hashes(outputs)
    for stage in STAGES:
        with subtests.test(stage=stage):
            need = disk_space.Need(peak=4 if stage == "06_synthesize" else 1)
            needed = f"it needs about {need.after(outputs / stage):.1f} MB"
            assert_refused(run_here(stage, outputs=outputs), stage, "no space left", needed, "0.0 MB are free")
            assert hashes(outputs) == before


@pytest.mark.fault("disk", thorough=True)
@pytest.mark.parametrize("stage", ALL_STAGES)
def test_disk_full_during_a_run_is_reported_and_the_old_artifacts_stay(small_disk, tiny_outputs, stage, tmp_path):
    outputs = shutil.copytree(tiny_outputs, small_disk / "outputs")
    before, log = hashes(outputs), tmp_path / "log"
    process = fork_stage(stage, *TINY[stage], outputs=outputs, log=log, TMPDIR=str(tmp_path))
    wait_until(lambda: partial_folder(outputs, stage))
    fill(small_disk, 0).chmod(0o444)
    process.join()
    assert process.exitcode == 1
    said = " ".join(log.read_text(encoding="utf-8").split())
    assert f"ERROR: {stage}: " in said
    assert "it needs about" in said
    assert "Traceback" not in said
    (small_disk / "filler").unlink()
    assert {name: digest for name, digest in hashes(outputs).items() if name != "filler"} == before
    assert leftovers(outputs) == []
    fork_well(stage, *TINY[stage], outputs=outputs)
