"""Record a finished run in docs/results/, draw the picture of the README, fill the marked tables: `make docs`.

Run:     python -m common.report.docs             record the run of the outputs folder, and all that follows from it
         python -m common.report.docs --picture   draw docs/pictures/overview.png from the outputs folder, of any preset
         python -m common.report.docs --fill      fill the tables from docs/results/, without a run
Reads:   outputs/ (or $OUTPUTS_DIR): a complete run of a preset on MNIST, not stale, without failures
Writes:  docs/results/PRESET.json, docs/pictures/overview.png and .json, marked tables of README.md and docs/*.md

A run of `demo`, of other images or with other recipes than its preset's is refused: headline tables compare with the
paper. A picture of a run of `tuned` is replaced by another of `tuned` alone.
"""

import csv
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from common import records
from common.errors import PipelineError
from common.images import data_sets
from common.records import SIMULATION
from common.report import docs_front, docs_picture
from common.report.docs_picture import PICTURE
from common.report.docs_records import write_json
from common.report.docs_tables import PRESETS, TABLES, commit_words
from common.report.metrics import merged
from common.report.pipeline import DECLARED
from common.report.stage_status import PIPELINE
from common.running import console
from common.stages import artifacts, presets
from common.stages.configuration import parse_command_line
from common.stages.run import PROGRAM, outputs_folder
from common.stages.toml_files import TomlFile

ROOT = PROGRAM
RESULTS = Path("docs/results")
PICTURED = "tuned"
MARKED = re.compile(r"(<!-- table (\w+): written by make docs -->\n)(.*?)(<!-- end -->)", re.DOTALL)
RECIPE_STAGES = PIPELINE[:4]
NOT_OF_THE_RECIPE = ("preset", "mnist_dir", "demo_if_unavailable", "allow", "allow_other_data", "resume")
PICTURES = {"picture": docs_picture.markdown, "front": docs_front.markdown}
MODEL_KEYS = ("parameters", "nonzero_weights", "test_l1", "test_mse", "test_cross_entropy", "test_accuracy")


@dataclass(frozen=True)
class Configuration:
    """What is done; without a flag the run is recorded, and all that follows from it."""

    picture: bool = False
    """Draw the picture alone, from a run of any preset."""
    fill: bool = False
    """Fill the tables alone, from docs/results/."""


def record(outputs: Path) -> dict[str, Any]:
    """Return what docs/results/ keeps of a run.

    Raises:
        PipelineError: The run is not complete, stale, failed, or no run of a preset on MNIST as it is.
    """
    metrics = merged(outputs)
    runs = {path.parent.name: artifacts.read_run(outputs, path.parent.name) for path in _run_files(outputs)}
    _refuse(outputs, metrics, runs)
    commits = sorted({str(run["git_commit"]) for run in runs.values() if run["git_commit"]})
    last = list(runs.values())[-1]
    models = {name: _kept(row, MODEL_KEYS) for name, row in metrics["models"].items() if "nonzero_weights" in row}
    designs = [replace(each, log="") for each in records.completed(metrics["designs"]) if each.kind != SIMULATION]
    return {
        "preset": metrics["preset"],
        "dataset": metrics["dataset"],
        "seed": runs["04_quantize"]["seed"],
        "git_commit": ", ".join(commits) or None,
        "date": last["started"][:10],
        "machine": _kept(last["machine"], ("python", "cores")),
        "packages": last["packages"],
        "table_1": _table_1(artifacts.checked_artifact(outputs, "03_prune", "table_1.csv")[0]),
        "models": models,
        **records.as_metrics(designs, metrics["exactness"]),
    }


def _run_files(outputs: Path) -> list[Path]:
    return sorted(path for path in outputs.glob("[0-9]*/run.json") if presets.subject(path.parent.name) in PIPELINE)


def _refuse(outputs: Path, metrics: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise a `PipelineError` where a run is not what the tables may show."""
    preset, finished = metrics["preset"], {presets.subject(stage) for stage in runs}
    if absent := [subject for subject in PIPELINE if subject not in finished]:
        raise PipelineError(f"{outputs} is not complete: {', '.join(absent)} has not run; run: make")
    if preset not in PRESETS or metrics["dataset"] != data_sets.MNIST:
        runs_of = f"a run of {preset} on {metrics['dataset']}"
        raise PipelineError(f"{runs_of} is not recorded, only runs of {', '.join(PRESETS)} on {data_sets.MNIST}")
    if bad := [*metrics["stale"], *metrics["failures"]]:
        raise PipelineError(f"{bad[0]} is stale or has failed; run: {artifacts.rerun(outputs, bad[0])}")
    built_in = presets.configurations(DECLARED, preset, {}, TomlFile(preset, {}, {}))
    for stage, run in runs.items():
        subject = presets.subject(stage)
        if subject in RECIPE_STAGES:
            as_declared = json.loads(json.dumps(asdict(built_in[subject]), default=str))
            other = [
                name
                for name, value in as_declared.items()
                if name not in NOT_OF_THE_RECIPE and run["configuration"].get(name) != value
            ]
            if other:
                raise PipelineError(
                    f"{stage} was run with another {other[0]} than preset {preset} has; run: make {stage[:2]}"
                )


def _kept(row: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: row[key] for key in keys if key in row}


def _table_1(path: Path) -> dict[str, list[str]]:
    """Return weights + biases before and after pruning, layer by layer."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["layer"]: [row["complete"], row["pruned"]] for row in csv.DictReader(file)}


def recorded(root: Path) -> dict[str, dict[str, Any]]:
    """Return the recorded runs by preset, with their `repeated` runs of several seeds where there are any."""
    found = {}
    for preset in PRESETS:
        path, repeated = (root / RESULTS / name for name in (f"{preset}.json", f"{preset}_seeds.json"))
        if path.is_file():
            found[preset] = json.loads(path.read_text(encoding="utf-8"))
            if repeated.is_file():
                found[preset]["repeated"] = json.loads(repeated.read_text(encoding="utf-8"))
    return found


def pages(root: Path) -> list[Path]:
    """Return the files that marked tables may be in."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def filled(text: str, root: Path) -> str:
    """Return a page with each marked table as the recorded runs have it.

    Raises:
        PipelineError: A marker names no table.
    """
    runs = recorded(root)

    def fill(found: re.Match[str]) -> str:
        if found[2] in PICTURES:
            return f"{found[1]}{PICTURES[found[2]](root)}{found[4]}"
        if found[2] not in TABLES:
            raise PipelineError(f"there is no table {found[2]}; tables are {', '.join((*TABLES, *PICTURES))}")
        return f"{found[1]}{TABLES[found[2]](runs)}{found[4]}"

    return MARKED.sub(fill, text)


def main() -> None:
    """Do what the command line asks for."""
    configuration = parse_command_line((__doc__ or "").partition("\n")[0], Configuration())
    outputs, draws = outputs_folder(), configuration.picture
    if not configuration.picture and not configuration.fill:
        found = record(outputs)
        write_json(ROOT / RESULTS / f"{found['preset']}.json", found)
        console.note(f"recorded: {RESULTS / found['preset']}.json, {commit_words(found['git_commit'])}")
        draws = found["preset"] == PICTURED or docs_picture.preset(ROOT) != PICTURED
    if draws:
        docs_picture.draw(outputs, ROOT)
        console.note(f"drawn: {PICTURE}")
    if not configuration.picture:
        docs_front.draw(ROOT, recorded(ROOT))
        console.note(f"drawn: {docs_front.PICTURE}")
    for page in pages(ROOT):
        before = page.read_text(encoding="utf-8")
        if (after := filled(before, ROOT)) != before:
            artifacts.write_text_atomically(page, after)
            console.note(f"filled: {page.relative_to(ROOT)}")


if __name__ == "__main__":
    try:
        main()
    except PipelineError as error:
        console.error(str(error))
        sys.exit(1)
