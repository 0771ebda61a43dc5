"""Every stage with damaged, missing, foreign or failed inputs."""

import itertools
import json
import random
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from stage_runs import (
    STAGES,
    TINY,
    assert_refused,
    fork_stage,
    hashes,
    mark_failed,
    run_stage,
    run_well,
)

from common.report import overview
from common.stages import artifacts

IMAGES = "01_prepare_data/images.npz"
NETWORK = "02_train_autoencoder/network.json"
FLOAT = [f"02_train_autoencoder/{name}" for name in ("autoencoder.h5", "classifier.h5", "learning_curves.csv")]
PRUNED = [f"03_prune/{name}" for name in ("autoencoder_pruned.h5", "classifier_pruned.h5", "learning_curves.csv")]
READS = {
    "02_train_autoencoder": [IMAGES],
    "03_prune": [IMAGES, NETWORK, *FLOAT[1:]],
    "04_quantize": [IMAGES, NETWORK, *FLOAT, *PRUNED],
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


def of_a_newer_program(path: Path, _: Path) -> None:
    path.write_text(json.dumps({"format": artifacts.RUN_FORMAT + 1, "made_by": "a newer program"}), encoding="utf-8")


truncated = cut_to(0.37)
FAULTS = (missing, emptied, truncated, shorter_by_a_byte, zeros, one_bit_flipped, a_directory, of_another_stage)
ALL_FAULTS = (*FAULTS, of_a_newer_program, *map(cut_to, TENTHS))


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
