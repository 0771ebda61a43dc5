"""Reproducibility: two runs with one seed on one machine give the same weights, Verilog and metrics, bit for bit."""

import json
import shutil

import pytest
from stage_runs import ALL_STAGES, STAGES, hashes, run_demo

OF_THE_MOMENT = ("run.json", "dependencies.mk", ".log")  # contain times and paths


@pytest.mark.fault("repeat", thorough=True)
def test_two_runs_of_all_stages_leave_the_same_artifacts(demo_outputs, tmp_path, subtests):
    first = shutil.copytree(demo_outputs, tmp_path / "first" / "outputs")
    second = tmp_path / "second" / "elsewhere"
    run_demo(first, ALL_STAGES[len(STAGES) :])
    run_demo(second, ALL_STAGES)
    for stage in ALL_STAGES:
        with subtests.test(stage=stage):
            one, other = (
                {name: digest for name, digest in hashes(outputs / stage).items() if not name.endswith(OF_THE_MOMENT)}
                for outputs in (first, second)
            )
            assert one == other
            assert len(one) > 3
    with subtests.test(file="metrics.json"):
        one, other = (json.loads((outputs / "metrics.json").read_text(encoding="utf-8")) for outputs in (first, second))
        assert one.pop("seconds").keys() == other.pop("seconds").keys() == set(ALL_STAGES)
        assert one == other
