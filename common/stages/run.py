"""One run of a stage: the artifacts that it reads, checked and recorded, its folder, its findings."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import PipelineError
from common.running import console
from common.stages import artifacts, presets


@dataclass
class Run:
    """One run of one stage: what it reads, the folder it writes to, its part of `metrics.json`, what it found wrong.

    `preset` is a built-in one or a file; `base_preset` is the built-in one that a file starts from. `dataset` names the
    images; the first stage knows it, and a stage that reads another one's artifacts takes it from there.

    Failures are findings, such as simulations that disagree: reports are written all the same, and the stage exits
    with status 1. Warnings are findings with which a user may want to go on; `allow` makes warnings of some failures.
    """

    stage: str
    preset: str
    base_preset: str
    outputs: Path
    folder: Path
    metrics: dict[str, Any] = field(default_factory=dict)
    reads: dict[str, str] = field(default_factory=dict)
    external_reads: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    allow: Sequence[str] = ()
    dataset: str | None = None

    def read(self, stage: str, name: str) -> Path:
        """Return the path of another stage's artifact, checked to be present, intact and not stale, and record it.

        Raises:
            PipelineError: It is not, or its stage failed and `failed_input` is not allowed.
        """
        path, self.reads[f"{stage}/{name}"] = artifacts.checked_artifact(self.outputs, stage, name)
        failure = artifacts.failure(self.outputs, stage)
        if failure is not None and "failed_input" not in self.allow:
            raise PipelineError(f"{failure}; or use its files all the same: --allow failed_input")
        if failure is not None and failure not in self.warnings:
            self.warn(failure)
        self.dataset = self.dataset or self.record_of(stage)["dataset"]
        return path

    def read_folder(self, stage: str, name: str) -> Path:
        """Return the path of a folder that another stage wrote, each file in it checked and recorded."""
        written = artifacts.read_run(self.outputs, stage)["writes"]
        files = [file for file in written if file.startswith(f"{name}/")]
        if not files:
            raise PipelineError(f"stage {stage} has not written {name}; run: python {stage}.py with what you ask for")
        for file in files:
            self.read(stage, file)
        return self.outputs / stage / name

    def report_findings(self, findings: Mapping[str, str]) -> None:
        """Make failures of findings, given in words by their kind, or warnings of those whose kind is allowed."""
        for kind, text in findings.items():
            if kind in self.allow:
                self.warn(text)
            else:
                self.failures.append(f"{text}, or --allow {kind}")

    def renamed(self, text: str) -> str:
        """Return a text in which files of this run are named as they will be when it has finished."""
        return text.replace(str(self.folder), str(self.outputs / self.stage))

    def warn(self, text: str) -> None:
        """Say what a user should not overlook, and record it for the results page."""
        text = self.renamed(text)
        console.warning(text)
        self.warnings.append(text)

    def record_of(self, stage: str) -> dict[str, Any]:
        """Return what another stage's `run.json` says."""
        return artifacts.read_run(self.outputs, stage)

    def read_own(self, name: str) -> Path:
        """Return the path of an artifact of this stage's last run, checked to be intact, to go on from it."""
        path, self.external_reads[f"{self.stage}/{name}"] = artifacts.checked_artifact(self.outputs, self.stage, name)
        return path

    def read_external(self, path: Path) -> Path:
        """Record a file from outside of `outputs/` as read."""
        self.external_reads[path.name] = artifacts.sha256(path)
        return path


def outputs_folder() -> Path:
    """Return the folder of all artifacts, without links: `$OUTPUTS_DIR`, or `outputs` beside the numbered scripts."""
    return Path(os.environ.get("OUTPUTS_DIR") or presets.SCRIPTS / "outputs").resolve()
