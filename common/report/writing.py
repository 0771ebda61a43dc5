"""The files of the report: `index.html`, `results.md` and `results.csv`."""

import functools
import shlex
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from common.report import page, reproduction, results_table, sections
from common.report.page import Page
from common.stages import artifacts

TEMPLATES = Path(__file__).parent / "templates"


def write(outputs: Path) -> None:
    """Write the report into a folder of outputs, each file as a whole or not at all."""
    outputs.mkdir(parents=True, exist_ok=True)
    found = page.read(outputs)
    artifacts.write_text_atomically(outputs / "index.html", as_html(found))
    artifacts.write_text_atomically(outputs / "results.md", as_markdown(found))
    artifacts.write_text_atomically(outputs / "results.csv", results_table.as_csv(found.rows))


def as_html(found: Page) -> str:
    """Return the page, which loads no other file."""
    shown = sections.read_sections(found)
    problems = found.problems + [section.problem for section in shown if section.problem]
    return _environment().get_template("page.html.jinja").render(page=found, sections=shown, problems=problems)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["flat"] = reproduction.flat
    environment.filters["command"] = lambda run: shlex.join(map(str, run.get("command", ())))
    environment.filters["moment"] = reproduction.moment
    return environment


def as_markdown(found: Page) -> str:
    """Return the results table for the terminal, after a list of problems."""
    lines = ["# Results", "", f"This run: {found.heading}.", ""]
    if found.caution:
        lines += [f"**{found.caution}**", ""]
    lines += [f"- WRONG: {problem.text}; run: `{problem.command}`" for problem in found.problems]
    lines += [f"- not run yet: {stage.name}; run: `{stage.command}`" for stage in found.missing]
    lines += [" ".join(results_table.headline(found.rows)), "", results_table.as_markdown(found.rows)]
    return "\n".join([*lines, *(f"- {note}" for note in results_table.NOTES)]) + "\n"
