"""One run of a stage: its checked and recorded inputs, its output folder, and its findings."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import PipelineError
from common.running import console
from common.stages import artifacts

PROGRAM = Path(__file__).parents[2]  # folder of the numbered scripts


@dataclass
class Run:
    """One run of one stage: its inputs, its output folder, its part of `metrics.json`, and its findings.

    `preset` is a built-in one or a file; `base_preset` is the built-in base of a file. `dataset` names the images; the
    first stage sets it, and later stages take it from the artifacts that they read.

    Failures are findings, such as simulations that disagree: reports are still written, and the stage exits with
    status 1. Warnings are less severe findings; `allow` turns failures of some kinds into warnings.
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

    @property
    def finished_steps(self) -> Path:
        """Cache of steps that need not run again, see `finished_steps.once`."""
        return self.outputs / ".finished_steps"

    def read(self, stage: str, name: str) -> Path:
        """Check that another stage's artifact is present, intact and not stale; record it and return its path.

        Raises:
            PipelineError: A check fails, or its stage failed and `failed_input` is not allowed.
        """
        path, self.reads[f"{stage}/{name}"] = artifacts.checked_artifact(self.outputs, stage, name)
        failure = artifacts.failure(self.outputs, stage)
        if failure is not None and "failed_input" not in self.allow:
            raise PipelineError(f"{failure}; or use its files anyway: --allow failed_input")
        if failure is not None and failure not in self.warnings:
            self.warn(failure)
        self.dataset = self.dataset or self.record_of(stage)["dataset"]
        return path

    def read_folder(self, stage: str, name: str) -> Path:
        """Return the path of a folder that another stage wrote, after checking and recording each file."""
        written = artifacts.read_run(self.outputs, stage)["writes"]
        files = [file for file in written if file.startswith(f"{name}/")]
        if not files:
            raise PipelineError(f"stage {stage} has not written {name}; run: python {stage}.py with flags for it")
        for file in files:
            self.read(stage, file)
        return self.outputs / stage / name

    def report_findings(self, findings: Mapping[str, str]) -> None:
        """Record findings, in words by kind, as failures, or as warnings if their kind is allowed."""
        for kind, text in findings.items():
            if kind in self.allow:
                self.warn(text)
            else:
                self.failures.append(f"{text}, or --allow {kind}")

    def renamed(self, text: str) -> str:
        """Return a text with paths of this run replaced by their final paths."""
        return text.replace(str(self.folder), str(self.outputs / self.stage))

    def warn(self, text: str) -> None:
        """Print a warning, and record it for the results page."""
        text = self.renamed(text)
        console.warning(text)
        self.warnings.append(text)

    def record_of(self, stage: str) -> dict[str, Any]:
        """Return the content of another stage's `run.json`."""
        return artifacts.read_run(self.outputs, stage)

    def read_own(self, name: str) -> Path:
        """Return the path of an artifact of this stage's last run, after checking that it is intact; to resume from."""
        path, self.external_reads[f"{self.stage}/{name}"] = artifacts.checked_artifact(self.outputs, self.stage, name)
        return path

    def read_external(self, path: Path) -> Path:
        """Record a file outside `outputs/` as read; return its path."""
        self.external_reads[path.name] = artifacts.sha256(path)
        return path


def outputs_folder() -> Path:
    """Return the folder of all artifacts, links resolved: `$OUTPUTS_DIR`, or `outputs` beside the numbered scripts."""
    return Path(os.environ.get("OUTPUTS_DIR") or PROGRAM / "outputs").resolve()
