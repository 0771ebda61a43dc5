"""Records of runs: provenance, metrics and preset, and stale input."""

import json
import shutil
import subprocess
from datetime import datetime

import pytest
from stage_runs import (
    ALLOWED,
    ROOT,
    STAGES,
    assert_refused,
    fork_well,
    hashes,
)

from common import records
from common.stages import artifacts

pytestmark = pytest.mark.xdist_group("run_records")  # one worker makes its fixtures


@pytest.fixture(scope="module")
def retrained(demo_outputs, tmp_path_factory):
    """Return outputs after only stage 02 has run again, with another seed."""
    outputs = shutil.copytree(demo_outputs, tmp_path_factory.mktemp("retrained") / "outputs")
    fork_well("02_train_autoencoder", "--seed", "1", "--epochs", "1", *ALLOWED, outputs=outputs)
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
    rows = [[*metrics["models"].values(), *metrics["exactness"], *metrics["designs"]] for metrics in (before, after)]
    assert not any("stale" in row for row in rows[0])
    assert all(row.pop("stale") for row in rows[1])
    assert before == after


def test_metrics_have_the_expected_keys(demo_outputs):
    metrics = json.loads((demo_outputs / "metrics.json").read_text(encoding="utf-8"))
    assert (metrics["preset"], metrics["dataset"]) == ("demo", "digits")
    assert metrics["seconds"].keys() >= set(STAGES)
    parts = {"preset", "dataset", "models", "exactness", "designs", "seconds", "failures", "stale"}
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
    designs, exactness = records.from_metrics(metrics)
    (full,) = [record for record in exactness if record.name == "full/quantized_pruned"]
    assert (full.images, full.values, full.differing["qkeras_csim"]) == (297, 297 * 74, 0)
    assert {record.design for record in designs} == {"encoder_classifier/quantized_pruned", "full/quantized_pruned"}
    assert all(0.5 < record.test_accuracy <= 1 for record in designs if record.kind == records.SIMULATION)


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
    assert datetime.fromisoformat(run["started"]).timestamp() + run["seconds"] == pytest.approx(ended, abs=5)
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
