"""Single stages run again with other flags, in any order: the artifacts of a full run, or a message of staleness.

All sequences of up to three changes of one stage each are tried. A stage's result depends only on its flags and on
earlier stages, so each combination is run once and cached.
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
"""Changed flags of all stages that others read; stage 05 is run unchanged."""
SEQUENCES = [sequence for length in (1, 2, 3) for sequence in itertools.product(STAGES, repeat=length)]


def flags(stage: str, tweaked: set[str]) -> tuple[str, ...]:
    return TINY[stage] + (TWEAKS.get(stage, ()) if stage in tweaked else ())


def contents(outputs: Path) -> dict[str, dict]:
    """Return hashes of artifacts read and written, and the configuration, of each stage."""
    kept = ("reads", "writes", "configuration")
    runs = {stage: artifacts.read_run(outputs, stage) for stage in STAGES if (outputs / stage).exists()}
    return {
        stage: {name: {**run[name], "dependencies.mk": None} for name in kept}  # has the folder's path
        for stage, run in runs.items()
    }


def copy(folder: Path, target: Path) -> Path:
    """Copy a folder with hard links, since no stage changes an existing file; return the copy."""
    return Path(shutil.copytree(folder, target, copy_function=os.link))


class Laboratory:
    """Cache of stage runs: runs a stage in an outputs folder, or copies the artifacts of an equal run."""

    def __init__(self, store: Path):
        self.store = store
        self.full_runs: dict[tuple[str, ...], dict[str, dict]] = {}

    def run(self, outputs: Path, stage: str, *arguments: str) -> str | None:
        """Run a stage; return its error message, or None if it succeeds."""
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
        """Return the `contents` after a full run."""
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
def test_any_three_changes_end_in_the_artifacts_of_a_full_run_or_in_commands_that_make_them(
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
            reruns = 0
            while stale := next(filter(None, (artifacts.stale_reason(outputs, stage) for stage in STAGES)), None):
                stage, *arguments = shlex.split(stale.partition("; run: python ")[2])
                assert laboratory.run(outputs, stage.removesuffix(".py"), *arguments) is None
                reruns += 1
                assert reruns < len(STAGES), "the commands in the messages do not help"
            assert contents(outputs) == laboratory.full_run(tweaked)
            shutil.rmtree(outputs)
