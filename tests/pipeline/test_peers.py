"""Peers: their environment, and their record, which need no HGQ2 here."""

import json

import pytest

from benchmarks.peers import __main__ as peers
from benchmarks.peers import environment
from common.errors import PipelineError
from common.report.docs import RESULTS, ROOT

FIELDS = {"seed", "validation_accuracy", "accuracy", "lut", "ff", "latency_cycles", "training_minutes"}


def test_environment_that_cannot_be_made_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.sys, "executable", str(tmp_path / "no_python"))
    with pytest.raises(
        PipelineError, match=r"HGQ2 needs an environment of its own, .*/environment, .*requirements\.txt"
    ):
        environment.interpreter(tmp_path / "environment")


def test_environment_that_exists_is_used(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    assert environment.interpreter(tmp_path) == tmp_path / "bin" / "python"


def test_peers_have_the_projects_versions_of_shared_packages():
    ours, theirs = (
        path.read_text(encoding="utf-8").split() for path in (ROOT / "requirements.txt", environment.REQUIREMENTS)
    )
    assert {line for line in theirs if line.startswith(("alkaid", "numpy", "optuna"))} <= set(ours)


def test_recorded_peers_are_complete_and_exact():
    found = json.loads((ROOT / RESULTS / "peers.json").read_text(encoding="utf-8"))
    assert {"git_commit", "date"} < set(found)
    assert {*peers.HGQ2} <= set(found["peers"]) <= {*peers.HGQ2, peers.QKERAS}
    for name, peer in found["peers"].items():
        assert {"settings", "trials", "tuning_minutes"} < set(peer)
        assert [row["seed"] for row in peer["seeds"]] == list(range(len(peer["seeds"]))) != []
        assert all(set(row) >= FIELDS for row in peer["seeds"])
        assert bool(peer["front"]) == (name in peers.HGQ2)
        for row in peer["seeds"]:
            assert not any(row.get("differing", {}).values())
