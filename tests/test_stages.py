"""Every stage among damaged, missing, foreign and stale artifacts, signals, other runs, and full or read-only disks."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest
from stage_runs import ROOT, STAGES, hashes, run_stage, run_well, start_stage, wait_until

IMAGES = "01_prepare_data/mnist8x8.npz"
FLOAT = [f"02_train_autoencoder/{name}" for name in ("autoencoder.h5", "classifier.h5", "learning_curves.csv")]
PRUNED = [f"03_prune/{name}" for name in ("autoencoder_pruned.h5", "classifier_pruned.h5", "learning_curves.csv")]
READS = {
    "02_train_autoencoder": [IMAGES],
    "03_prune": [IMAGES, *FLOAT[1:]],
    "04_quantize": [IMAGES, *FLOAT, *PRUNED],
    "05_convert_hls": [IMAGES, "04_quantize/classifier_quantized_pruned.h5"],
}
"""What each stage reads, with the demo preset."""

KEPT = 0.37  # of a truncated file


def missing(path: Path, _: Path) -> None:
    path.unlink()


def emptied(path: Path, _: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path, _: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * KEPT)])


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


FAULTS = (missing, emptied, truncated, shorter_by_a_byte, zeros, one_bit_flipped, a_directory, of_another_stage)


def assert_refused(done: tuple[int, str, str], stage: str, *words: object) -> None:
    """One line that says all of `words`, exit status 1, and no work begun."""
    status, printed, errors = done
    assert status == 1
    assert errors.startswith(f"ERROR: {stage}: ")
    assert errors.count("\n") == 1
    for word in words:
        assert str(word) in errors
    assert printed.count("\n") <= 1, "more than the heading: work was begun"


@pytest.mark.parametrize("stage", READS)
def test_recorded_reads_are_those_that_are_broken_below(demo_outputs, stage):
    assert sorted(json.loads((demo_outputs / stage / "run.json").read_text())["reads"]) == sorted(READS[stage])


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", READS)
def test_damaged_input_is_named_with_what_mends_it_and_nothing_is_written(run_here, outputs, stage, fault):
    for name in READS[stage]:
        path = outputs / name
        kept = path.read_bytes()
        fault(path, outputs)
        before = hashes(outputs)
        assert_refused(run_here(stage, outputs=outputs), stage, path, f"run: python {name.split('/')[0]}.py")
        assert hashes(outputs) == before
        if path.is_dir():
            path.rmdir()
        path.write_bytes(kept)


@pytest.mark.parametrize("fault", [*FAULTS, a_line_added])
@pytest.mark.parametrize("stage", READS)
def test_damaged_record_of_an_earlier_stage_is_named_with_what_mends_it(run_here, outputs, stage, fault):
    for origin in sorted({name.split("/")[0] for name in READS[stage]}):
        path = outputs / origin / "run.json"
        kept = path.read_bytes()
        fault(path, outputs)
        before = hashes(outputs)
        if fault is not a_line_added:  # that does no harm
            assert_refused(run_here(stage, outputs=outputs), stage, path, f"run: python {origin}.py")
            assert hashes(outputs) == before
        if path.is_dir():
            path.rmdir()
        path.write_bytes(kept)


@pytest.mark.parametrize("stage", READS)
def test_records_of_a_newer_program_are_left_alone(run_here, outputs, stage):
    path = outputs / READS[stage][-1].split("/")[0] / "run.json"
    path.write_text(json.dumps({"format": 2, "made_by": "a newer program"}))
    before = hashes(outputs)
    assert_refused(run_here(stage, outputs=outputs), stage, path, "format version 2", "reads version 1")
    assert hashes(outputs) == before


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


@pytest.mark.parametrize("fault", [missing, one_bit_flipped])
def test_the_command_named_mends_the_damage(outputs, fault):
    """A damaged artifact made anew from the same inputs is the same, so nothing behind it is stale."""
    before = hashes(outputs)
    fault(outputs / IMAGES, outputs)
    run_well("01_prepare_data", "--preset", "demo", outputs=outputs)
    assert hashes(outputs)[IMAGES] == before[IMAGES]
    assert json.loads((outputs / "metrics.json").read_text())["stale"] == []


def test_damaged_record_of_a_later_stage_does_not_stop_an_earlier_one(outputs):
    truncated(outputs / "04_quantize" / "run.json", outputs)
    run_well("01_prepare_data", "--preset", "demo", outputs=outputs)
    assert "04_quantize" in json.loads((outputs / "metrics.json").read_text())["stale"]


@pytest.fixture(scope="module")
def retrained(demo_outputs, tmp_path_factory):
    """Outputs after stage 02 alone has run again, with another seed."""
    outputs = shutil.copytree(demo_outputs, tmp_path_factory.mktemp("retrained") / "outputs")
    run_well("02_train_autoencoder", "--seed", "1", "--epochs", "1", outputs=outputs)
    return outputs


def test_stale_input_is_named_with_the_stage_to_run_again(retrained, run_here):
    before = hashes(retrained)
    changed = "was made from 02_train_autoencoder/classifier.h5, which has changed since; run: python 03_prune.py"
    for stage in ("04_quantize", "05_convert_hls"):
        done = run_here(stage, outputs=retrained)
        assert_refused(done, stage, f"stale input: {retrained / '03_prune'} {changed}")
    assert hashes(retrained) == before


def test_stage_replaces_its_own_part_of_the_metrics_and_nothing_else(demo_outputs, retrained):
    before, after = (json.loads((outputs / "metrics.json").read_text()) for outputs in (demo_outputs, retrained))
    for network in ("autoencoder/complete", "classifier/complete"):
        assert before["models"].pop(network) != after["models"].pop(network)
    assert before["seconds"].pop("02_train_autoencoder") != after["seconds"].pop("02_train_autoencoder")
    assert before.pop("stale") == []
    assert after.pop("stale") == [stage for stage in STAGES if stage > "02_train_autoencoder"]
    assert before == after


def test_metrics_have_the_agreed_parts(demo_outputs):
    metrics = json.loads((demo_outputs / "metrics.json").read_text())
    assert (metrics["preset"], metrics["dataset"]) == ("demo", "digits")
    assert metrics["seconds"].keys() >= set(STAGES)
    assert metrics.keys() == {"preset", "dataset", "models", "exactness", "designs", "seconds", "stale"}
    scores = {f"{part}_{name}" for part in ("train", "test") for name in ("l1", "mse", "cross_entropy", "accuracy")}
    for variant in ("complete", "pruned", "quantized", "quantized_pruned"):
        row = metrics["models"][f"classifier/{variant}"]
        assert row.keys() == {"parameters", "nonzero_weights"} | scores
        assert row["parameters"] == 6268
        row = metrics["models"][f"autoencoder/{variant}"]
        assert row.keys() == {"parameters", "nonzero_weights"} | {
            name for name in scores if name.endswith(("l1", "mse"))
        }
    exactness = metrics["exactness"]["full/quantized_pruned"]
    assert {"images": 297, "values": 297 * 74, "qkeras_csim": 0}.items() <= exactness.items()
    assert 0.5 < metrics["designs"]["encoder_classifier/quantized_pruned"]["test_accuracy"] <= 1


@pytest.mark.parametrize("stage", STAGES)
def test_run_is_recorded_with_all_that_it_was_made_of(demo_outputs, stage):
    run = json.loads((demo_outputs / stage / "run.json").read_text())
    assert run["format"] == 1
    assert run["preset"] == "demo"
    assert run["command"][:2] == ["python", f"{stage}.py"]
    assert run["configuration"]
    assert run["seed"] == (None if stage == "05_convert_hls" else 0)
    assert run["seconds"] > 0
    assert run["packages"]["tensorflow"]
    assert all(run["packages"].values())
    ended = (demo_outputs / stage / "run.json").stat().st_mtime
    assert datetime.fromisoformat(run["started"]).timestamp() + run["seconds"] == pytest.approx(ended, abs=1.5)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    commit = run["git_commit"] or ""
    assert commit.removesuffix("-dirty") == (head.stdout.strip() if head.returncode == 0 else "")
    written = hashes(demo_outputs / stage)
    assert run["writes"] == {name: digest for name, digest in written.items() if digest and name != "run.json"}
    for name, digest in run["reads"].items():
        origin, _, file = name.partition("/")
        assert hashes(demo_outputs / origin)[file] == digest


def test_preset_travels_with_the_artifacts_and_flags_override_it(demo_outputs, retrained):
    first, second = (
        json.loads((outputs / "02_train_autoencoder" / "run.json").read_text()) for outputs in (demo_outputs, retrained)
    )
    assert first["configuration"]["epochs"] == 50
    assert second["preset"] == "demo"
    assert second["configuration"] == {**first["configuration"], "epochs": 1, "seed": 1}


def leftovers(outputs: Path) -> list[str]:
    return sorted(path.name for path in outputs.rglob(".*") if path.name != ".lock")


def test_killed_at_any_moment_a_stage_leaves_whole_artifacts_old_or_new(demo_outputs, tmp_path):
    outputs = tmp_path / "outputs"
    shutil.copytree(demo_outputs / "01_prepare_data", outputs / "01_prepare_data")
    old = hashes(outputs / "01_prepare_data")
    moments = random.Random(14)
    for _ in range(6):
        process = start_stage("01_prepare_data", "--preset", "demo", "--seed", "5", outputs=outputs)
        wait_until((outputs / ".01_prepare_data.partial").exists)
        time.sleep(moments.uniform(0, 2))
        process.kill()
        process.communicate()
        found = hashes(outputs / "01_prepare_data")
        record = json.loads((outputs / "01_prepare_data" / "run.json").read_text())
        assert found == old or record["configuration"]["seed"] == 5
        assert record["writes"] == {name: digest for name, digest in found.items() if name != "run.json"}
    run_well("01_prepare_data", "--preset", "demo", outputs=outputs)
    assert leftovers(outputs) == []
    assert [path.name for path in outputs.iterdir() if path.is_dir()] == ["01_prepare_data"]


LONG = ("02_train_autoencoder", "--epochs", "100000")


def test_killed_training_leaves_the_old_artifacts_and_the_next_run_succeeds(outputs):
    before = hashes(outputs)
    partial = ".02_train_autoencoder.partial"
    process = start_stage("02_train_autoencoder", "--epochs", "1", outputs=outputs)
    wait_until((outputs / partial / "autoencoder.h5").exists)
    process.kill()
    process.communicate()
    assert {name: digest for name, digest in hashes(outputs).items() if not name.startswith(partial)} == before
    assert leftovers(outputs) == [partial]
    run_well("02_train_autoencoder", "--epochs", "1", outputs=outputs)
    assert leftovers(outputs) == []


@pytest.mark.parametrize("moment", ["02_train_autoencoder", "test_l1"])
@pytest.mark.parametrize(
    ("number", "status", "words"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 1, "terminated")]
)
def test_interrupted_stage_ends_at_once_and_leaves_the_old_artifacts(outputs, moment, number, status, words):
    """Interrupted when it has printed its heading, or when it trains and its progress line says so."""
    before = hashes(outputs)
    # A shell that started the tests in the background has set SIGINT to be ignored.
    with_signals, terminal = ("env", "--default-signal=INT"), {"FORCE_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    process = start_stage(*LONG, outputs=outputs, wrapper=with_signals, **terminal)
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


def test_second_run_at_once_is_refused_with_who_holds_the_outputs(outputs, run_here):
    process = start_stage(*LONG, outputs=outputs)
    wait_until((outputs / ".02_train_autoencoder.partial").exists)
    holder = f"{outputs} is in use by 02_train_autoencoder (process {process.pid}); wait for it to finish"
    for stage in ("01_prepare_data", "03_prune"):
        done = run_here(stage, outputs=outputs)
        assert_refused(done, stage, holder)
    process.kill()
    process.communicate()
    run_well("01_prepare_data", "--preset", "demo", outputs=outputs)


AS_ROOT_WITHOUT_ITS_POWERS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


@pytest.mark.parametrize("stage", STAGES)
def test_read_only_outputs_are_named(outputs, stage):
    wrapper = ()
    if os.geteuid() == 0:
        wrapper = AS_ROOT_WITHOUT_ITS_POWERS
        if shutil.which("setpriv") is None or subprocess.run([*wrapper, "true"], check=False).returncode:
            pytest.skip("permission bits do not bind root, and setpriv cannot drop that power here")
    before = hashes(outputs)
    outputs.chmod(0o555)
    try:
        arguments = ["--preset", "demo"] if stage == "01_prepare_data" else []
        done = run_stage(stage, *arguments, outputs=outputs, wrapper=wrapper)
    finally:
        outputs.chmod(0o755)
    assert_refused((done.returncode, done.stdout, done.stderr), stage, "Permission denied", outputs)
    assert hashes(outputs) == before


FULL_DISK = {"01_prepare_data": ("--preset", "demo", "--seed", "5"), "02_train_autoencoder": ("--epochs", "1")}


@pytest.mark.parametrize("stage", FULL_DISK)
def test_full_disk_is_named_and_the_old_artifacts_stay(outputs, stage):
    before = hashes(outputs)
    limited = ("sh", "-c", 'ulimit -f 40; exec "$@"', "sh")  # no file grows beyond 20 or 40 kB
    done = run_stage(stage, *FULL_DISK[stage], outputs=outputs, wrapper=limited)
    assert done.returncode == 1
    assert done.stderr.startswith(f"ERROR: {stage}: File too large")
    assert done.stderr.count("\n") == 1
    assert hashes(outputs) == before
    assert leftovers(outputs) == []
