"""The sections of the results page, in order: where each gets what it shows, and the template that shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

from common.errors import PipelineError
from common.figures.style import VARIANTS
from common.report import (
    anomaly_tables,
    benchmarks,
    draw_digit,
    faults,
    hardware_tables,
    network_tables,
    reproduction,
    results,
    results_table,
    scan_tables,
)
from common.report.contradictions import CONTRADICTIONS
from common.report.network_tables import Comparison
from common.report.page import Page
from common.report.stage_status import Problem, Stage
from common.report.workflow import draw_workflows


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        anchor: The id that links lead to: the name of its template and, for a stage, its number, `stage-03`.
        title: Its heading, and its name in the navigation.
        template: `NAME.html.jinja` below `templates/sections/`.
        number: Of the stage that it is about; empty where that is none.
        content: What the template shows, there called `content`; None where it could not be read.
        problem: Why not.
    """

    anchor: str
    title: str
    template: str
    number: str
    content: Mapping[str, Any] | None
    problem: Problem | None = None


def read_sections(page: Page) -> list[Section]:
    """Return all sections in the order of the page; where a reader returns None, its section is left out.

    Where a reader raises a `PipelineError`, the section shows its message.
    """
    contents = (
        ("answer", "Results", _answer),
        ("flow", "How the data flow", _flow),
        ("draw", "Draw a digit", _draw),
        *((f"stage-{stage.number}", stage.title, partial(_stage, stage=stage)) for stage in page.stages),
        ("speed", "Speed", _speed),
        ("contradictions", "Where the paper contradicts itself", _contradictions),
        ("reproduce", "Reproduce", _reproduce),
        ("faults", "Fault injection", _faults),
    )
    sections = []
    for anchor, title, read in contents:
        try:
            content, problem = read(page), None
        except PipelineError as error:
            text, _, command = str(error).replace(f"{page.outputs}/", "").partition("; run: ")
            content, problem = None, Problem(text, command or "make")
        if content is not None or problem is not None:
            template, _, number = anchor.partition("-")
            sections.append(Section(anchor, (content or {}).get("title", title), template, number, content, problem))
    return sections


def _answer(page: Page) -> dict[str, Any]:
    groups = groupby(page.rows, key=lambda row: row.variant)
    return {
        "headline": results_table.headline(page.rows),
        "columns": results_table.COLUMNS,
        "groups": [
            (results.GROUPS[variant], VARIANTS[variant].colour if variant in VARIANTS else None, list(rows))
            for variant, rows in groups
        ],
        "notes": results_table.NOTES,
        "packages": reproduction.packages(page.runs),
    }


def _flow(page: Page) -> dict[str, Any]:
    return {"workflows": draw_workflows(page)}


def _draw(page: Page) -> dict[str, Any]:
    data = draw_digit.page_data(page.outputs)
    title = "Draw a digit" if data is None or data["noun"] == "digit" else "Draw an image"
    return {"title": title, "data": data, "script": draw_digit.SCRIPT.read_text(encoding="utf-8")}


def _stage(page: Page, stage: Stage) -> dict[str, Any]:
    return {"stage": stage, "comparisons": _comparisons(page, stage), "figures": page.figures[stage.name]}


def _comparisons(page: Page, stage: Stage) -> list[Comparison]:
    """Return the tables of a stage, with the paper's numbers next to ours."""
    models, designs, exactness = page.models, page.designs, page.exactness
    subject, comparable = stage.subject, page.caution is None
    ran = {stage.subject: stage.name for stage in page.stages if stage.run}
    found: list[Comparison | None] = []
    if subject == "prune":
        table_1 = page.outputs / ran.get("prune", "") / "table_1.csv"
        found = [network_tables.table_1(table_1), network_tables.table_2(models, comparable=comparable)]
    elif subject == "quantize":
        found = [
            network_tables.table_4(models, comparable=comparable),
            network_tables.after_training(models),
            network_tables.table_3(page.precision, page.input_bits, with_decoder=page.with_decoder),
        ]
    elif subject == "convert_hls":
        found = [] if "synthesize" in ran else [hardware_tables.exactness(exactness)]
        found += anomaly_tables.read(page.outputs / stage.name / "anomaly.csv")
    elif subject == "synthesize":
        found = [hardware_tables.routed(designs), hardware_tables.tables_5_and_6(designs)]
        found += [hardware_tables.exactness(exactness)] if "synthesize" in ran else []
    elif subject == "scan_designs" and subject in ran:
        found = [scan_tables.finalists(page.outputs / ran[subject] / "finalists.csv")]
    mark = " (stale)" if stage.state == "stale" else ""
    return [replace(table, title=f"{table.title}{mark}") for table in found if table is not None]


def _speed(page: Page) -> dict[str, Any] | None:
    return benchmarks.read(page.outputs)


def _contradictions(_: Page) -> dict[str, Any]:
    return {"contradictions": CONTRADICTIONS}


def _reproduce(page: Page) -> dict[str, Any]:
    return {"files": {stage.name: reproduction.listed_hashes(stage.run) for stage in page.stages if stage.run}}


def _faults(page: Page) -> dict[str, Any]:
    return {"table": faults.read_faults(page.outputs)}
