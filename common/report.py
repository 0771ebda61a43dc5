"""The results page, `outputs/index.html`, and the results table as Markdown and CSV, from what lies in `outputs/`.

The page is one file: no network, no server, no file beside it is needed to read it. It is written anew at the end of
every stage and by `python -m common.report`, which prints the table.
"""

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from common import artifacts, draw_digit, report_comparison, report_figures, report_results, report_stages
from common.errors import PipelineError
from common.plot_style import VARIANTS
from common.report_comparison import Comparison
from common.report_contradictions import CONTRADICTIONS
from common.report_figures import Figure
from common.report_results import Row
from common.report_stages import Problem, Stage
from common.report_workflow import draw_workflows

HERE = Path(__file__).parent
DATASETS = {"mnist": "MNIST", "digits": "scikit-learn's digits"}
METRICS = ("models", "exactness", "designs", "seconds")
DEEPEST = 2  # folders below a stage's own whose files are listed one by one
NOTES = (
    "A dash is a value that was not measured. L1 is the mean |r − r̂| of a pixel, accuracy the fraction of digits read "
    "right, both of the test images.",
    "The paper's designs are encoder + classifier. Their numbers are C-synthesis estimates, which run 1.7 to 2.2 times "
    "above what logic synthesis then uses; the source says which of the two a number is. The paper's loss of 0.0628 is "
    "no L1; Table 2 below lays it beside what it is.",
    "Values that differ: between each two simulations of a design, over all test images; 0 is the only good number.",
)


@dataclass(frozen=True)
class Page:
    """All that the page and the table say.

    Attributes:
        stages: All stages, run or not.
        metrics: `metrics.json`, empty where nothing has run.
        problems: What is wrong, and the commands that mend it.
        rows: Of the results table.
        precision: Fixed-point types of the quantized networks, or None where they are not known.
    """

    stages: list[Stage]
    metrics: dict[str, Any]
    problems: list[Problem]
    rows: list[Row]
    precision: Mapping[str, Any] | None

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What `run.json` of each stage that has run says."""
        return [stage.run for stage in self.stages if stage.run is not None]

    @property
    def is_demo(self) -> bool:
        """Whether these are not MNIST's images."""
        return self.metrics.get("preset") == "demo"

    @property
    def heading(self) -> str:
        """Preset, data and date in a line."""
        if not self.runs:
            return "nothing has run yet"
        dataset = str(self.metrics.get("dataset"))
        return f"preset {self.metrics.get('preset')}, {DATASETS.get(dataset, dataset)}, {_dates(self.runs)}"


def write(outputs: Path) -> None:
    """Write `index.html`, `results.md` and `results.csv` into a folder of outputs, each as a whole or not at all."""
    outputs.mkdir(parents=True, exist_ok=True)
    page = _read(outputs)
    artifacts.write_text_atomically(outputs / "index.html", _render(outputs, page))
    artifacts.write_text_atomically(outputs / "results.md", _markdown(page))
    artifacts.write_text_atomically(outputs / "results.csv", report_results.as_csv(page.rows))


def _read(outputs: Path) -> Page:
    stages = report_stages.read_stages(outputs, HERE.parent)
    problems = [problem for stage in stages for problem in stage.problems]
    metrics: dict[str, Any] = {}
    try:
        metrics = _read_metrics(outputs / "metrics.json")
    except PipelineError as error:
        last = [stage for stage in stages if stage.run is not None][-1:]
        problems.append(Problem(str(error), last[0].command if last else "make"))
    precision = next((run["precision"] for run in _configurations(stages) if "precision" in run), None)
    precision = precision if isinstance(precision, dict) else None
    problems += _inexact(metrics, stages)
    return Page(stages, metrics, list(dict.fromkeys(problems)), report_results.read_rows(metrics, precision), precision)


def _read_metrics(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        metrics = json.loads(path.read_text())
        records = [metrics.get(part, {}).values() for part in METRICS[:-1]]
        if not all(isinstance(record, dict) for part in records for record in part):
            raise TypeError(path)
    except (OSError, ValueError, AttributeError, TypeError):
        raise PipelineError(f"{path.name} is damaged") from None
    return metrics


def _configurations(stages: Sequence[Stage]) -> list[dict[str, Any]]:
    return [stage.run["configuration"] for stage in stages if stage.run is not None]


def _inexact(metrics: Mapping[str, Any], stages: Sequence[Stage]) -> list[Problem]:
    """Return a problem for each two simulations that differ, with the command that compares them again."""
    commands = {stage.subject: stage.command for stage in stages}
    problems = []
    for design, counts in metrics.get("exactness", {}).items():
        for pair, words in report_comparison.PAIRS.items():
            if counts.get(pair):
                command = commands.get("convert_hls" if pair == "qkeras_csim" else "synthesize", "make")
                text = f"{design}: {counts[pair]} of {counts.get('values')} values differ between {words}"
                problems.append(Problem(text, command))
    return problems


def _render(outputs: Path, page: Page) -> str:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["flat"] = _flat
    environment.filters["command"] = lambda run: shlex.join(map(str, run.get("command", ())))
    environment.filters["moment"] = _moment
    figures, problems = _figures(outputs, page.stages)
    drawing = None
    try:
        drawing = draw_digit.page_data(outputs)
    except PipelineError as error:
        text = str(error).replace(f"{outputs}/", "")
        problems.append(Problem(text, "make"))
    return environment.get_template("report.html.jinja").render(
        page=page,
        problems=page.problems + problems,
        missing=[stage for stage in page.stages if stage.state == "missing"],
        headline=report_results.headline(page.rows),
        columns=report_results.COLUMNS,
        groups=[
            (report_results.GROUPS[variant], VARIANTS[variant].colour if variant in VARIANTS else None, list(rows))
            for variant, rows in groupby(page.rows, key=lambda row: row.variant)
        ],
        notes=NOTES,
        workflows=draw_workflows(page.stages, page.metrics),
        drawing=drawing,
        script=Markup((HERE / "draw_digit.js").read_text()),  # ours, not data
        figures=figures,
        comparisons=_comparisons(outputs, page),
        contradictions=CONTRADICTIONS,
        listed=_listed,
        packages=_packages(page.runs),
    )


def _figures(outputs: Path, stages: Sequence[Stage]) -> tuple[dict[str, list[Figure]], list[Problem]]:
    """Return the embedded figures of each stage by its name, and what is wrong with others."""
    found, problems = [], []
    for stage in stages:
        figures, faults = report_figures.read_figures(outputs, stage.name)
        found += figures
        problems += [Problem(fault, stage.command) for fault in faults]
    embedded = report_figures.embed(outputs, found)
    return {stage.name: [figure for figure in embedded if figure.folder == stage.name] for stage in stages}, problems


def _comparisons(outputs: Path, page: Page) -> dict[str, list[Comparison]]:
    """Return the paper's tables beside ours, by the subject of the stage that they belong to."""
    models, designs, counts = (page.metrics.get(part, {}) for part in ("models", "designs", "exactness"))
    pruning = next((stage.name for stage in page.stages if stage.subject == "prune"), "")
    quantized = any(name.endswith("/quantized") for name in models)
    tables = {
        "prune": [
            report_comparison.table_1(outputs / pruning / "table_1.csv"),
            report_comparison.table_2(models, comparable=not page.is_demo),
        ],
        "quantize": [
            report_comparison.table_4(models, comparable=not page.is_demo) if quantized else None,
            report_comparison.after_training(models),
            report_comparison.table_3(page.precision),
        ],
        "synthesize": [report_comparison.tables_5_and_6(designs), report_comparison.exactness(counts)],
    }
    if not any(stage.subject == "synthesize" and stage.run for stage in page.stages):
        tables["convert_hls"] = [tables["synthesize"].pop()]
    return {subject: [table for table in found if table is not None] for subject, found in tables.items()}


def _packages(runs: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the versions that the stages ran with: more than one where they differ."""
    versions: dict[str, list[str]] = {}
    for run in runs:
        machine = run.get("machine", {})
        for name, version in {"Python": machine.get("python"), **run.get("packages", {})}.items():
            versions.setdefault(name, []).append(str(version))
    return {name: ", ".join(dict.fromkeys(each)) for name, each in versions.items()}


def _listed(run: Mapping[str, Any]) -> tuple[dict[str, str], int]:
    """Return the hashes of the files that a stage wrote, and how many more lie deeper in its folder."""
    near = {name: digest for name, digest in run["writes"].items() if name.count("/") <= DEEPEST}
    return near, len(run["writes"]) - len(near)


def _flat(configuration: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested fields side by side, `hls.backend` for a field of a field."""
    found: dict[str, Any] = {}
    for name, value in configuration.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def _dates(runs: Sequence[Mapping[str, Any]]) -> str:
    days = sorted({str(run.get("started", ""))[:10] for run in runs})
    return " to ".join(dict.fromkeys((_day(days[0]), _day(days[-1]))))


def _day(text: str) -> str:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{date.day} {date:%B %Y}"


def _moment(text: object) -> str:
    """Write a time in UTC to the minute."""
    try:
        return f"{datetime.fromisoformat(str(text)).astimezone(UTC):%Y-%m-%d %H:%M}"
    except ValueError:
        return str(text)


def _markdown(page: Page) -> str:
    lines = ["# Results", "", page.heading, ""]
    if page.is_demo:
        lines += ["**DEMO PRESET: SCIKIT-LEARN'S DIGITS, NOT MNIST. NOTHING HERE COMPARES WITH THE PAPER.**", ""]
    lines += [f"- WRONG: {problem.text}; run: `{problem.command}`" for problem in page.problems]
    lines += [
        f"- not run yet: {stage.name}; run: `{stage.command}`" for stage in page.stages if stage.state == "missing"
    ]
    table = report_results.as_markdown(page.rows)
    return "\n".join([*lines, "", table, *(f"- {note}" for note in NOTES)]) + "\n"


if __name__ == "__main__":
    folder = Path(os.environ.get("OUTPUTS_DIR") or "outputs")
    write(folder)
    sys.stdout.write((folder / "results.md").read_text())
