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
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from common import (
    artifacts,
    draw_digit,
    report_comparison,
    report_figures,
    report_hardware,
    report_reproduction,
    report_results,
    report_stages,
    report_table,
)
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
        return self.preset == "demo"

    @property
    def preset(self) -> str:
        """Preset of the stage that ran last in the order of stages."""
        return str(self.runs[-1].get("preset")) if self.runs else ""

    @property
    def dataset(self) -> str:
        """Name of the images."""
        name = str(self.runs[-1].get("dataset")) if self.runs else ""
        return DATASETS.get(name, name)

    @property
    def heading(self) -> str:
        """Preset, data and date in a line."""
        if not self.runs:
            return "nothing has run yet"
        return f"preset {self.preset}, {self.dataset}, {report_reproduction.dates(self.runs)}"


def write(outputs: Path) -> None:
    """Write `index.html`, `results.md` and `results.csv` into a folder of outputs, each as a whole or not at all."""
    outputs.mkdir(parents=True, exist_ok=True)
    page = _read(outputs)
    artifacts.write_text_atomically(outputs / "index.html", _render(outputs, page))
    artifacts.write_text_atomically(outputs / "results.md", _markdown(page))
    artifacts.write_text_atomically(outputs / "results.csv", report_table.as_csv(page.rows))


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
    """Return a problem for each two simulations that differ, where the stage itself has not said so."""
    commands = {stage.subject: stage.command for stage in stages}
    said = [problem.text for stage in stages for problem in stage.problems]
    problems = []
    for design, counts in metrics.get("exactness", {}).items():
        if any(text.startswith(f"{design} is not exact") for text in said):
            continue
        for pair, words in report_hardware.PAIRS.items():
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
    environment.filters["flat"] = report_reproduction.flat
    environment.filters["command"] = lambda run: shlex.join(map(str, run.get("command", ())))
    environment.filters["moment"] = report_reproduction.moment
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
        headline=report_table.headline(page.rows),
        columns=report_table.COLUMNS,
        groups=[
            (report_results.GROUPS[variant], VARIANTS[variant].colour if variant in VARIANTS else None, list(rows))
            for variant, rows in groupby(page.rows, key=lambda row: row.variant)
        ],
        notes=report_table.NOTES,
        workflows=draw_workflows(page.stages, page.metrics),
        drawing=drawing,
        script=Markup((HERE / "draw_digit.js").read_text()),  # ours, not data
        figures=figures,
        comparisons=_comparisons(outputs, page),
        contradictions=CONTRADICTIONS,
        listed=report_reproduction.listed_hashes,
        packages=report_reproduction.packages(page.runs),
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
    tables = {
        "prune": [
            report_comparison.table_1(outputs / pruning / "table_1.csv"),
            report_comparison.table_2(models, comparable=not page.is_demo),
        ],
        "quantize": [
            report_comparison.table_4(models, comparable=not page.is_demo),
            report_comparison.after_training(models),
            report_comparison.table_3(page.precision),
        ],
        "synthesize": [report_hardware.tables_5_and_6(designs), report_hardware.exactness(counts)],
    }
    if not any(stage.subject == "synthesize" and stage.run for stage in page.stages):
        tables["convert_hls"] = [tables["synthesize"].pop()]
    return {subject: [table for table in found if table is not None] for subject, found in tables.items()}


def _markdown(page: Page) -> str:
    lines = ["# Results", "", f"This run: {page.heading}.", ""]
    if page.is_demo:
        lines += ["**DEMO PRESET: SCIKIT-LEARN'S DIGITS, NOT MNIST. NOTHING HERE COMPARES WITH THE PAPER.**", ""]
    lines += [f"- WRONG: {problem.text}; run: `{problem.command}`" for problem in page.problems]
    lines += [
        f"- not run yet: {stage.name}; run: `{stage.command}`" for stage in page.stages if stage.state == "missing"
    ]
    lines += [" ".join(report_table.headline(page.rows)), "", report_table.as_markdown(page.rows)]
    return "\n".join([*lines, *(f"- {note}" for note in report_table.NOTES)]) + "\n"


if __name__ == "__main__":
    folder = Path(os.environ.get("OUTPUTS_DIR") or "outputs")
    write(folder)
    sys.stdout.write((folder / "results.md").read_text())
