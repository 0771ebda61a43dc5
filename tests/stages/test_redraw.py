"""`--redraw`: figures of the last run are redrawn; artifacts, record and downstream stages are unchanged."""

import dataclasses
import json

import pytest
from stage_runs import ALL_STAGES, hashes

from common.report.pipeline import DECLARED
from common.stages import artifacts, configuration, presets
from common.stages.toml_files import TomlFile

IMAGES = "01_prepare_data/images.npz"


@pytest.mark.parametrize("stage", ["01_prepare_data", "03_prune", "05_convert_hls"])
def test_redraw_restores_figures_and_changes_nothing_else(outputs, run_here, stage):
    """Figures and tables depend only on artifacts: deleted, they are redrawn byte for byte."""
    before, record = hashes(outputs / stage), artifacts.read_run(outputs, stage)
    made = (outputs / stage / "run.json").stat().st_mtime_ns
    drawn = set(record["draws"]) - {"dependencies.mk"}  # has the folder's path
    assert {"drawn", "figures.json"} < drawn
    for name in record["draws"]:
        (outputs / stage / name).unlink()
    status, printed, errors = run_here(stage, "--redraw", outputs=outputs)
    assert status == 0, printed + errors
    after = hashes(outputs / stage)
    assert after.keys() == before.keys()
    assert [name for name in before if after[name] != before[name]] == [
        name for name in ("dependencies.mk", "run.json") if after[name] != before[name]
    ]
    assert (outputs / stage / "run.json").stat().st_mtime_ns == made
    again = artifacts.read_run(outputs, stage)
    assert again.pop("writes") == {name: digest for name, digest in after.items() if digest and name != "run.json"}
    assert {name: value for name, value in record.items() if name not in ("writes", "sha256")} == {
        name: value for name, value in again.items() if name != "sha256"
    }
    assert json.loads((outputs / "metrics.json").read_text(encoding="utf-8"))["stale"] == []


def assert_refused(done, stage, words, outputs, before):
    status, _, errors = done
    assert status == 1
    assert errors.startswith(f"ERROR: {stage}: ") and errors.count("\n") == 1
    assert words in errors
    assert hashes(outputs) == before


def test_redraw_refuses_other_flags(outputs, run_here):
    before = hashes(outputs)
    done = run_here("02_train_autoencoder", "--redraw", "--epochs", "3", outputs=outputs)
    assert_refused(done, "02_train_autoencoder", "--redraw takes no other flag", outputs, before)


def test_redraw_of_a_stage_that_has_not_run_names_the_command(tmp_path, run_here):
    done = run_here("03_prune", "--redraw", outputs=tmp_path)
    assert_refused(done, "03_prune", "run: python 03_prune.py", tmp_path, hashes(tmp_path))


def test_redraw_of_a_damaged_artifact_names_it_and_changes_nothing(outputs, run_here):
    network = outputs / "02_train_autoencoder" / "classifier.h5"
    network.write_bytes(network.read_bytes()[:-1])
    before = hashes(outputs)
    done = run_here("02_train_autoencoder", "--redraw", outputs=outputs)
    assert_refused(done, "02_train_autoencoder", str(network), outputs, before)


def test_redraw_of_a_stale_stage_names_the_command(outputs, run_here):
    record = artifacts.read_run(outputs, "01_prepare_data")
    record["writes"]["images.npz"] = "0" * 64
    record["sha256"] = artifacts.record_digest(record)
    (outputs / "01_prepare_data" / "run.json").write_text(json.dumps(record), encoding="utf-8")
    before = hashes(outputs)
    done = run_here("03_prune", "--redraw", outputs=outputs)
    assert_refused(done, "03_prune", "has changed since; run: python 02_train_autoencoder.py", outputs, before)


def test_failed_redraw_changes_nothing(outputs, run_here, monkeypatch):
    from common.figures import style

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(style, "save", disk_full)
    before = hashes(outputs)
    done = run_here("01_prepare_data", "--redraw", outputs=outputs)
    assert_refused(done, "01_prepare_data", "No space left on device", outputs, before)


@pytest.mark.parametrize("stage", [*ALL_STAGES, "07_scan_designs"])
def test_recorded_configuration_of_every_preset_is_restored(stage):
    """With the layers of each preset's own network, which the configuration of an earlier stage gives."""
    subject = presets.subject(stage)
    for base in presets.BUILT_IN:
        all_stages = presets.configurations(DECLARED, base, {}, TomlFile("", {}, {}))
        recorded = json.loads(json.dumps(dataclasses.asdict(all_stages[subject]), default=str))
        start = configuration.completed(DECLARED[subject]["paper"], all_stages.__getitem__)
        restored = configuration.with_fields(start, recorded, lambda *words: AssertionError(words))
        assert restored == all_stages[subject]
