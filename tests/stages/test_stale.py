"""Single stages run again after a tweak, in every order: a full run's artifacts, or words that say what is stale.

Every sequence of up to three tweaks of one stage each is tried. A stage's result depends on its flags and on the stages
before it alone, so that each combination of these is run once, for real, and kept.
"""

import fcntl
import hashlib
import itertools
import json
import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path

import pytest
from stage_runs import STAGES, TINY, fork_stage

from common.stages import artifacts

TWEAKS = {
    "01_prepare_data": ("--seed", "5"),
    "02_train_autoencoder": ("--seed", "1"),
    "03_prune": ("--sparsity", "0.5"),
    "04_quantize": ("--seed", "2"),
}
"""Of all stages that others read; stage 05 is run as it is."""
SEQUENCES = [sequence for length in (1, 2, 3) for sequence in itertools.product(STAGES, repeat=length)]


def flags(stage: str, tweaked: set[str]) -> tuple[str, ...]:
    return TINY[stage] + (TWEAKS.get(stage, ()) if stage in tweaked else ())


def contents(outputs: Path) -> dict[str, dict]:
    """What all stages have made of what: hashes of artifacts read and written, and configurations."""
    kept = ("reads", "writes", "configuration")
    runs = {stage: artifacts.read_run(outputs, stage) for stage in STAGES if (outputs / stage).exists()}
    return {
        stage: {name: {**run[name], "dependencies.mk": None} for name in kept}  # that one holds the folder's path
        for stage, run in runs.items()
    }


def copy(folder: Path, target: Path) -> Path:
    """Copy a folder by links: no stage writes into a file that is there."""
    return Path(shutil.copytree(folder, target, copy_function=os.link))


class Laboratory:
    """Runs a stage in a folder of outputs, or puts there what the same run left the last time."""

    def __init__(self, store: Path):
        self.store = store
        self.full_runs: dict[tuple[str, ...], dict[str, dict]] = {}

    def run(self, outputs: Path, stage: str, *arguments: str) -> str | None:
        """Run a stage; return what it says where it refuses."""
        before = {name: run for name, run in contents(outputs).items() if name < stage}
        key = hashlib.sha256(json.dumps([stage, arguments, before], sort_keys=True).encode()).hexdigest()[:16]
        kept = self.store / key
        kept.mkdir(parents=True, exist_ok=True)
        with (kept / "lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (kept / "said").exists():
                trial = kept / "outputs"
                shutil.rmtree(trial, ignore_errors=True)
                trial.mkdir()
                for name in before:
                    copy(outputs / name, trial / name)
                process = fork_stage(stage, *arguments, outputs=trial, log=kept / "log")
                process.join()
                text = (kept / "log").read_text(encoding="utf-8").replace(str(trial), "outputs")
                errors = [line for line in text.splitlines() if line.startswith("ERROR")]
                assert process.exitcode == bool(errors), text
                (kept / "said").write_text("".join(errors), encoding="utf-8")
        said = (kept / "said").read_text(encoding="utf-8")
        if not said:
            shutil.rmtree(outputs / stage, ignore_errors=True)
            copy(kept / "outputs" / stage, outputs / stage)
        return said or None

    def run_all(self, outputs: Path, tweaked: set[str]) -> None:
        outputs.mkdir()
        for stage in STAGES:
            assert self.run(outputs, stage, *flags(stage, tweaked)) is None

    def full_run(self, tweaked: set[str]) -> dict[str, dict]:
        """What all stages make of what in a full run."""
        name = tuple(sorted(tweaked))
        if name not in self.full_runs:
            with tempfile.TemporaryDirectory(dir=self.store) as folder:
                self.run_all(Path(folder) / "outputs", tweaked)
                self.full_runs[name] = contents(Path(folder) / "outputs")
        return self.full_runs[name]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()
    return Laboratory((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "laboratory")


@pytest.mark.fault("stale", thorough=True)
@pytest.mark.parametrize("first", STAGES)
def test_any_three_tweaks_end_in_what_a_full_run_makes_or_in_words_that_lead_there(
    laboratory, tmp_path, first, subtests
):
    laboratory.run_all(tmp_path / "start", set())
    for number, sequence in enumerate(sequence for sequence in SEQUENCES if sequence[0] == first):
        with subtests.test(sequence=sequence):
            outputs = copy(tmp_path / "start", tmp_path / f"outputs_{number}")
            tweaked = set()
            for stage in sequence:
                said = laboratory.run(outputs, stage, *flags(stage, {stage}))
                if said is None:
                    tweaked.add(stage)
                else:
                    assert re.search(r"stale input: .* was made from .*, which has changed since; run: python", said)
            mended = 0
            while stale := next(filter(None, (artifacts.stale_reason(outputs, stage) for stage in STAGES)), None):
                stage, *arguments = shlex.split(stale.partition("; run: python ")[2])
                assert laboratory.run(outputs, stage.removesuffix(".py"), *arguments) is None
                mended += 1
                assert mended < len(STAGES), "the commands named do not mend it"
            assert contents(outputs) == laboratory.full_run(tweaked)
            shutil.rmtree(outputs)
