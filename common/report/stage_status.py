"""State of each stage: not run, finished, stale, damaged or failed; and the command that repairs it."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from common.errors import PipelineError
from common.stages import artifacts

# The stages that make runs, by their subjects; other numbered scripts are optional.
PIPELINE = ("prepare_data", "train_autoencoder", "prune", "quantize", "convert_hls", "synthesize")

State = Literal["not run", "damaged", "stale", "failed", "finished"]


@dataclass(frozen=True)
class Problem:
    """Something that is wrong or missing, and the command that repairs it."""

    text: str
    command: str


@dataclass(frozen=True)
class Stage:
    """A numbered script and what it has left in its folder of `outputs/`.

    Attributes:
        name: Of the script and its folder, without suffix: `03_prune`.
        purpose: First line of the script's docstring.
        run: What `run.json` says, or None where the stage has not run or that file is damaged.
        state: What is worst about it.
        problems: What is wrong with it; none where it has not run.
        logs: Paths of its logs below its folder.
    """

    name: str
    purpose: str
    run: dict[str, Any] | None
    state: State
    problems: tuple[Problem, ...]
    logs: tuple[str, ...]

    @property
    def number(self) -> str:
        """`03` of `03_prune`."""
        return self.name.partition("_")[0]

    @property
    def subject(self) -> str:
        """`prune` of `03_prune`."""
        return self.name.partition("_")[2]

    @property
    def words(self) -> str:
        """The subject as words: `train autoencoder`, `convert HLS`."""
        return self.subject.replace("_", " ").replace("hls", "HLS")

    @property
    def title(self) -> str:
        """The words as a heading."""
        return self.words[:1].upper() + self.words[1:]

    @property
    def logs_by_design(self) -> dict[str, dict[str, str]]:
        """Paths of logs by what they log, for each design or, where that is none, under an empty name."""
        grouped: dict[str, dict[str, str]] = {}
        for log in self.logs:
            *folders, name = log.split("/")
            of_design = grouped.setdefault("/".join(folders[:2]), {})
            words = name.removesuffix(".log")
            of_design[f"{folders[-1]}: {words}" if words in of_design else words] = log
        return grouped

    @property
    def command(self) -> str:
        """The command that runs it."""
        return f"python {self.name}.py"


def read_stages(outputs: Path, scripts: Path) -> list[Stage]:
    """Return all stages with a script in the folder `scripts`, in order."""
    return [_read_stage(outputs, script) for script in sorted(scripts.glob("[0-9][0-9]_*.py"))]


def _read_stage(outputs: Path, script: Path) -> Stage:
    name, purpose = script.stem, _first_line(script)
    if not (outputs / name).exists():
        return Stage(name, purpose, None, "not run", (), ())
    problems: list[Problem] = []
    run = None
    try:
        run = artifacts.read_run(outputs, name)
        reason = artifacts.stale_reason(outputs, name)
    except PipelineError as error:
        reason = str(error)
    if reason is not None:
        text, _, command = reason.replace(f"{outputs}/", "").partition("; run: ")
        problems.append(Problem(text, command or artifacts.rerun(outputs, name)))
    if run is None:
        return Stage(name, purpose, None, "damaged", tuple(problems), ())
    faults = artifacts.faulty_files(outputs, name)
    for kind in ("missing", "damaged"):
        files = [file for file, fault in faults.items() if fault == kind]
        if files:
            others = f" and {len(files) - 1} more files are" if files[1:] else " is"
            problems.append(Problem(f"{name}/{files[0]}{others} {kind}", artifacts.rerun(outputs, name)))
    problems += [
        Problem(f"{name} failed: {failure}", artifacts.rerun(outputs, name)) for failure in run.get("failures", ())
    ]
    logs = tuple(file for file in run["writes"] if file.endswith(".log"))
    state = "stale" if reason is not None else "damaged" if faults else "failed" if run.get("failures") else "finished"
    return Stage(name, purpose, run, state, tuple(problems), logs)


def _first_line(script: Path) -> str:
    try:
        line = (ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or "").partition("\n")[0]
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ""
    return line.rstrip(".").replace("->", "→")
