"""Every stage among damaged, missing, foreign and stale artifacts, signals, other runs, and full or read-only disks."""

import itertools
import json
import random
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from stage_runs import (
    ALL_STAGES,
    ALLOWED,
    ROOT,
    STAGES,
    TINY,
    fork_stage,
    fork_well,
    hashes,
    leftovers,
    mark_failed,
    moments,
    partial_folder,
    processes_of,
    run_stage,
    run_well,
    start_stage,
    wait_until,
)

from common.report import overview
from common.running import disk_space
from common.stages import artifacts

IMAGES = "01_prepare_data/mnist8x8.npz"
FLOAT = [f"02_train_autoencoder/{name}" for name in ("autoencoder.h5", "classifier.h5", "learning_curves.csv")]
PRUNED = [f"03_prune/{name}" for name in ("autoencoder_pruned.h5", "classifier_pruned.h5", "learning_curves.csv")]
READS = {
    "02_train_autoencoder": [IMAGES],
    "03_prune": [IMAGES, *FLOAT[1:]],
    "04_quantize": [IMAGES, *FLOAT, *PRUNED],
    "05_convert_hls": [IMAGES, "04_quantize/classifier_quantized_pruned.h5"],
}
"""Inputs of each stage with the demo preset."""

TENTHS = tuple(tenth / 10 for tenth in range(10))


def missing(path: Path, _: Path) -> None:
    path.unlink()


def emptied(path: Path, _: Path) -> None:
    path.write_bytes(b"")


def cut_to(kept: float):
    def truncated(path: Path, _: Path) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: max(int(len(content) * kept), 1)])

    truncated.__name__ = f"truncated_to_{kept:.0%}"
    return truncated


def shorter_by_a_byte(path: Path, _: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def zeros(path: Path, _: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def one_bit_flipped(path: Path, _: Path) -> None:
    content = bytearray(path.read_bytes())
    content[random.Random(13).randrange(len(content))] ^= 4
    path.write_bytes(content)


def a_directory(path: Path, _: Path) -> None:
    path.unlink()
    path.mkdir()


def of_another_stage(path: Path, outputs: Path) -> None:
    other = next(name for name in ("04_quantize/autoencoder_quantized.h5", IMAGES) if Path(name).name != path.name)
    shutil.copy(outputs / other, path)


def a_line_added(path: Path, _: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def of_a_newer_program(path: Path, _: Path) -> None:
    path.write_text(json.dumps({"format": artifacts.RUN_FORMAT + 1, "made_by": "a newer program"}), encoding="utf-8")


truncated = cut_to(0.37)
FAULTS = (missing, emptied, truncated, shorter_by_a_byte, zeros, one_bit_flipped, a_directory, of_another_stage)
ALL_FAULTS = (*FAULTS, of_a_newer_program, *map(cut_to, TENTHS))


def assert_refused(done: tuple[int, str, str], stage: str, *words: object) -> None:
    """Assert exit status 1, one line with all of `words`, and no work started."""
    status, printed, errors = done
    assert status == 1
    assert errors.startswith(f"ERROR: {stage}: ")
    assert errors.count("\n") == 1
    for word in words:
        assert str(word) in errors
    assert printed.count("\n") <= 1, "more than the heading: work was started"


@pytest.mark.parametrize("stage", READS)
def test_recorded_inputs_are_those_damaged_in_these_tests(demo_outputs, stage):
    assert sorted(json.loads((demo_outputs / stage / "run.json").read_text(encoding="utf-8"))["reads"]) == sorted(
        READS[stage]
    )


@pytest.fixture
def broken(outputs):
    """Return a context manager that damages an artifact and restores it afterwards."""

    @contextmanager
    def break_artifact(name: str, fault):
        path = outputs / name
        kept = path.read_bytes()
        fault(path, outputs)
        try:
            yield path
        finally:
            if path.is_dir():
                path.rmdir()
            path.write_bytes(kept)

    return break_artifact


@pytest.mark.fault("artifact")
@pytest.mark.parametrize("stage", READS)
def test_damaged_input_is_named_with_its_remedy_and_nothing_is_written(
    run_here, outputs, broken, stage, subtests, sample
):
    cases = sample(itertools.product(READS[stage], ALL_FAULTS), 12)
    for name, fault in cases:
        with subtests.test(artifact=name, fault=fault.__name__), broken(name, fault) as path:
            before = hashes(outputs)
            assert_refused(run_here(stage, outputs=outputs), stage, path, f"run: python {name.split('/')[0]}.py")
            assert hashes(outputs) == before


@pytest.mark.fault("artifact")
@pytest.mark.parametrize("stage", READS)
def test_damaged_record_of_an_earlier_stage_is_named_with_its_remedy(
    run_here, outputs, broken, stage, subtests, sample
):
    origins = sorted({name.split("/")[0] for name in READS[stage]})
    for origin, fault in sample(itertools.product(origins, ALL_FAULTS), 8):
        with subtests.test(record=origin, fault=fault.__name__), broken(f"{origin}/run.json", fault) as path:
            before = hashes(outputs)
            done = run_here(stage, outputs=outputs)
            assert_refused(done, stage, path, f"run: python {origin}.py")
            if fault is of_a_newer_program:
                versions = artifacts.RUN_FORMAT + 1, artifacts.RUN_FORMAT
                assert "format version {}, this program reads version {}".format(*versions) in done[2]
            assert hashes(outputs) == before


@pytest.mark.fault("artifact", thorough=True)
def test_one_damaged_file_of_a_project_is_named_by_the_stage_that_synthesizes_it(run_here, outputs, broken, subtests):
    """A design has more than a hundred files: each gets one fault, those that are loaded get all."""
    written = artifacts.read_run(outputs, "05_convert_hls")["writes"]
    names = [name for name in written if name.startswith("full/quantized_pruned/")]
    faults = itertools.cycle(ALL_FAULTS)
    cases = [(name, next(faults)) for name in names]
    cases += [(name, fault) for name in names if name.endswith(("model.fml", "csim.npz")) for fault in ALL_FAULTS]
    for name, fault in cases:
        if not (outputs / "05_convert_hls" / name).stat().st_size:
            continue  # an empty file cannot be damaged in most of these ways
        with subtests.test(artifact=name, fault=fault.__name__), broken(f"05_convert_hls/{name}", fault) as path:
            assert_refused(
                run_here("06_synthesize", outputs=outputs), "06_synthesize", path, "run: python 05_convert_hls.py"
            )
    assert not (outputs / "06_synthesize").exists()


@pytest.mark.fault("artifact")
def test_damage_of_any_file_is_detected(outputs, broken, subtests, sample):
    """Including files that no stage reads: figures, tables, logs."""
    names = [f"{stage}/{name}" for stage in STAGES for name in artifacts.read_run(outputs, stage)["writes"]]
    names = [name for name in names if (outputs / name).stat().st_size]
    faults = itertools.cycle((one_bit_flipped, zeros, missing, a_directory, truncated, of_another_stage))
    for name, fault in zip(sample(names, 60), faults, strict=False):
        with subtests.test(artifact=name, fault=fault.__name__), broken(name, fault):
            stage, _, file = name.partition("/")
            kind = "missing" if fault in (missing, a_directory) else "damaged"
            assert artifacts.faulty_files(outputs, stage) == {file: kind}


@pytest.mark.fault("artifact")
def test_results_page_names_damaged_files(outputs, broken, subtests, sample):
    names = [f"{stage}/{name}" for stage in STAGES for name in artifacts.read_run(outputs, stage)["writes"]]
    names = [name for name in names if (outputs / name).stat().st_size and "/project/" not in name]
    faults = itertools.cycle((one_bit_flipped, zeros, missing, a_directory, truncated, of_another_stage))
    for name, fault in zip(random.Random(7).sample(names, len(sample(range(40), 8))), faults, strict=False):
        with subtests.test(artifact=name, fault=fault.__name__), broken(name, fault):
            overview.write(outputs)
            kind = "missing" if fault in (missing, a_directory) else "damaged"
            assert f"{name} is {kind}; run: " in (outputs / "index.html").read_text(encoding="utf-8")


@pytest.mark.fault("artifact")
def test_damaged_metrics_are_rewritten(outputs, subtests):
    before = (outputs / "metrics.json").read_text(encoding="utf-8")
    for fault in (*FAULTS, of_a_newer_program):
        with subtests.test(fault=fault.__name__):
            fault(outputs / "metrics.json", outputs)
            if fault is a_directory:
                overview.write(outputs)
                assert "metrics.json is damaged; run: " in (outputs / "index.html").read_text(encoding="utf-8")
                (outputs / "metrics.json").rmdir()
            overview.update_overview(outputs)
            assert (outputs / "metrics.json").read_text(encoding="utf-8") == before


@pytest.mark.fault("artifact")
def test_damaged_table_of_faults_is_named_by_the_results_page(outputs, subtests):
    table = {"format": artifacts.RUN_FORMAT, "started": "", "commit": "", "seconds": 60, "faults": []}
    table["sha256"] = artifacts.record_digest(table)
    for fault in (*FAULTS[1:], of_a_newer_program):
        with subtests.test(fault=fault.__name__):
            shutil.rmtree(outputs / "faults.json", ignore_errors=True)
            (outputs / "faults.json").write_text(json.dumps(table), encoding="utf-8")
            overview.write(outputs)
            assert "in 1.0 minutes" in (outputs / "index.html").read_text(encoding="utf-8")
            fault(outputs / "faults.json", outputs)
            overview.write(outputs)
            assert "faults.json is damaged or of another version; run: " in (outputs / "index.html").read_text(
                encoding="utf-8"
            )


@pytest.mark.fault("artifact")
@pytest.mark.parametrize("stage", READS)
def test_one_line_and_no_traceback_from_the_command_line(outputs, stage):
    path = outputs / READS[stage][-1]
    path.write_bytes(path.read_bytes()[:-1])
    done = run_stage(stage, outputs=outputs)
    assert_refused((done.returncode, done.stdout, done.stderr), stage, path, "run: python ")


def test_stage_that_has_not_run_yet_is_named(run_here, tmp_path):
    for stage in READS:
        path = tmp_path / "01_prepare_data" / "run.json"
        assert_refused(run_here(stage, outputs=tmp_path), stage, f"{path} is missing", "run: python 01_prepare_data.py")


@pytest.mark.parametrize("stage", [*READS, "06_synthesize", "07_scan_designs"])
def test_input_from_a_failed_stage_is_refused_with_its_failure(run_here, outputs, stage, subtests):
    read = READS.get(stage, [IMAGES])
    for failed in sorted({name.split("/")[0] for name in read}):
        with subtests.test(failed=failed):
            mark_failed(outputs, failed, "too dark", "too small")
            said = f"stage {failed} failed: too dark (and 1 more); fix that and run: python {failed}.py"
            done = run_here(stage, outputs=outputs)
            assert_refused(done, stage, said, "or use its files anyway: --allow failed_input")
            mark_failed(outputs, failed)


@pytest.mark.parametrize("stage", ["02_train_autoencoder", "05_convert_hls"])
def test_allowed_input_from_a_failed_stage_gives_one_warning(tiny_outputs, tmp_path, stage):
    outputs, log = shutil.copytree(tiny_outputs, tmp_path / "outputs"), tmp_path / "log"
    failed = {"02_train_autoencoder": "01_prepare_data", "05_convert_hls": "04_quantize"}[stage]
    mark_failed(outputs, failed, "too dark")
    flags = [*TINY[stage], *(() if "--allow" in TINY[stage] else ("--allow",)), "failed_input"]
    process = fork_stage(stage, *flags, outputs=outputs, log=log)
    process.join()
    said = " ".join(log.read_text(encoding="utf-8").split())
    assert process.exitcode == 0, said
    assert said.count(f"WARNING: stage {failed} failed: too dark") == 1
    record = artifacts.read_run(outputs, stage)
    assert record["failures"] == []
    assert [text for text in record["warnings"] if "too dark" in text] == [
        f"stage {failed} failed: too dark; fix that and run: {artifacts.rerun(outputs, failed)}"
    ]


@pytest.mark.fault("artifact")
@pytest.mark.parametrize("fault", [missing, one_bit_flipped])
def test_the_command_in_the_error_repairs_the_damage(outputs, fault):
    """An artifact made again from the same inputs is the same, so nothing downstream is stale."""
    before = hashes(outputs)
    fault(outputs / IMAGES, outputs)
    run_well("01_prepare_data", "--preset", "demo", outputs=outputs)
    assert hashes(outputs)[IMAGES] == before[IMAGES]
    assert json.loads((outputs / "metrics.json").read_text(encoding="utf-8"))["stale"] == []


@pytest.mark.fault("artifact")
def test_damaged_record_of_a_later_stage_does_not_stop_an_earlier_one(outputs):
    truncated(outputs / "04_quantize" / "run.json", outputs)
    run_well("01_prepare_data", "--preset", "demo", outputs=outputs)
    assert "04_quantize" in json.loads((outputs / "metrics.json").read_text(encoding="utf-8"))["stale"]


@pytest.fixture(scope="module")
def retrained(demo_outputs, tmp_path_factory):
    """Return outputs after only stage 02 has run again, with another seed."""
    outputs = shutil.copytree(demo_outputs, tmp_path_factory.mktemp("retrained") / "outputs")
    run_well("02_train_autoencoder", "--seed", "1", "--epochs", "1", *ALLOWED, outputs=outputs)
    return outputs


@pytest.mark.fault("stale")
def test_stale_input_is_named_with_the_stage_to_run_again(retrained, run_here):
    before = hashes(retrained)
    changed = "was made from 02_train_autoencoder/classifier.h5, which has changed since; run: python 03_prune.py"
    for stage in ("04_quantize", "05_convert_hls"):
        done = run_here(stage, outputs=retrained)
        assert_refused(done, stage, f"stale input: {retrained / '03_prune'} {changed}")
    assert hashes(retrained) == before


def test_stage_replaces_only_its_own_part_of_the_metrics(demo_outputs, retrained):
    before, after = (
        json.loads((outputs / "metrics.json").read_text(encoding="utf-8")) for outputs in (demo_outputs, retrained)
    )
    for network in ("autoencoder/complete", "classifier/complete"):
        assert before["models"].pop(network) != after["models"].pop(network)
    assert before["seconds"].pop("02_train_autoencoder") != after["seconds"].pop("02_train_autoencoder")
    assert before.pop("stale") == []
    assert after.pop("stale") == [stage for stage in STAGES if stage > "02_train_autoencoder"]
    assert not any(before.pop("stale_rows").values())
    assert after.pop("stale_rows") == {part: list(before[part]) for part in ("models", "exactness", "designs")}
    assert before == after


def test_metrics_have_the_expected_keys(demo_outputs):
    metrics = json.loads((demo_outputs / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["preset"], metrics["dataset"]) == ("demo", "digits")
    assert metrics["seconds"].keys() >= set(STAGES)
    parts = {"preset", "dataset", "models", "exactness", "designs", "seconds", "failures", "stale", "stale_rows"}
    assert metrics.keys() == parts
    scores = {f"{part}_{name}" for part in ("train", "test") for name in ("l1", "mse", "cross_entropy", "accuracy")}
    parents = {"complete": None, "pruned": None, "quantized": "complete", "quantized_pruned": "pruned"}
    for variant, parent in parents.items():
        row = metrics["models"][f"classifier/{variant}"]
        assert row.pop("parent", None) == (f"classifier/{parent}" if parent else None)
        assert row.keys() == {"parameters", "nonzero_weights"} | scores
        assert row["parameters"] == 6268
        row = metrics["models"][f"autoencoder/{variant}"]
        assert row.pop("parent", None) == (f"autoencoder/{parent}" if parent else None)
        assert row.keys() == {"parameters", "nonzero_weights"} | {
            name for name in scores if name.endswith(("l1", "mse"))
        }
    exactness = metrics["exactness"]["full/quantized_pruned"]
    assert {"images": 297, "values": 297 * 74, "qkeras_csim": 0}.items() <= exactness.items()
    assert 0.5 < metrics["designs"]["encoder_classifier/quantized_pruned"]["test_accuracy"] <= 1


@pytest.mark.parametrize("stage", STAGES)
def test_run_record_has_the_complete_provenance(demo_outputs, stage):
    run = json.loads((demo_outputs / stage / "run.json").read_text(encoding="utf-8"))
    assert run["format"] == artifacts.RUN_FORMAT
    assert run["preset"] == "demo"
    assert run["command"][:2] == ["python", f"{stage}.py"]
    assert run["configuration"]
    assert run["seed"] == (None if stage == "05_convert_hls" else 0)
    assert run["seconds"] > 0
    assert run["packages"]["tensorflow"]
    assert all(run["packages"].values())
    ended = (demo_outputs / stage / "run.json").stat().st_mtime
    assert datetime.fromisoformat(run["started"]).timestamp() + run["seconds"] == pytest.approx(ended, abs=1.5)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    commit = run["git_commit"] or ""
    assert commit.removesuffix("-dirty") == (head.stdout.strip() if head.returncode == 0 else "")
    written = hashes(demo_outputs / stage)
    assert run["writes"] == {name: digest for name, digest in written.items() if digest and name != "run.json"}
    for name, digest in run["reads"].items():
        origin, _, file = name.partition("/")
        assert hashes(demo_outputs / origin)[file] == digest


def test_preset_is_stored_with_the_artifacts_and_flags_override_it(demo_outputs, retrained):
    first, second = (
        json.loads((outputs / "02_train_autoencoder" / "run.json").read_text(encoding="utf-8"))
        for outputs in (demo_outputs, retrained)
    )
    assert first["configuration"]["epochs"] == 50
    assert second["preset"] == "demo"
    assert second["configuration"] == {
        **first["configuration"],
        "epochs": 1,
        "seed": 1,
        "allow": list(ALLOWED[1:]),
    }


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
    fork_well(stage, *TINY[stage], outputs=outputs)
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
def test_killed_training_leaves_the_old_artifacts_and_the_next_run_succeeds(outputs):
    before = hashes(outputs)
    process = start_stage("02_train_autoencoder", *TINY["02_train_autoencoder"], outputs=outputs)
    wait_until(lambda: [*outputs.glob(".02_train_autoencoder.partial-*/autoencoder.h5")])
    process.kill()
    process.communicate()
    [partial] = leftovers(outputs)
    assert {name: digest for name, digest in hashes(outputs).items() if not name.startswith(partial)} == before
    run_well("02_train_autoencoder", *TINY["02_train_autoencoder"], outputs=outputs)
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
    assert re.search(r"it needs about \d+\.\d MB beside its last artifacts, and \d+\.\d MB are free", done.stderr)
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
