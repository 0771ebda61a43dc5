"""Contents of the results page: stages, numbers, figures, and their problems, read from `outputs/`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import records
from common.errors import PipelineError
from common.images import data_sets, dataset
from common.images.samples import ImageFormat
from common.records import DesignRecord, ExactnessRecord
from common.report import figures, reproduction, results, stage_status
from common.report.figures import Figure
from common.report.results import Row
from common.report.stage_status import PIPELINE, Problem, Stage
from common.stages import artifacts

ROOT = Path(__file__).parents[2]
DATASETS = {data_sets.MNIST: "MNIST", data_sets.DIGITS: "scikit-learn's digits"}


@dataclass(frozen=True)
class Page:
    """Contents of the page and the table."""

    outputs: Path  # folder that everything is read from
    stages: list[Stage]  # run or not
    models: Mapping[str, Mapping[str, Any]]  # what `metrics.json` says of networks, by their names
    designs: Sequence[DesignRecord]
    exactness: Sequence[ExactnessRecord]
    problems: list[Problem]  # and the commands that repair them
    rows: list[Row]  # of the results table
    precision: Mapping[str, Any] | None  # fixed-point types of each quantized layer, where they are known
    input_bits: int | None  # of a pixel that the quantized networks use
    with_decoder: bool  # whether the decoder is quantized
    figures: Mapping[str, list[Figure]]  # of each stage, by its name, embedded
    image_format: ImageFormat | None  # of the prepared images, where there are any

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What `run.json` of each stage that has run says."""
        return [stage.run for stage in self.stages if stage.run is not None]

    @property
    def missing(self) -> list[Stage]:
        """Stages of the pipeline that have not run."""
        return [stage for stage in self.stages if stage.state == "not run" and stage.subject in PIPELINE]

    @property
    def _last(self) -> dict[str, Any]:
        current = [stage.run for stage in self.stages if stage.run is not None and stage.state != "stale"]
        return next(reversed(current or self.runs), {})

    @property
    def caution(self) -> str | None:
        """Warning where these are not MNIST's images."""
        return data_sets.caution(self._last.get("dataset"))

    @property
    def preset(self) -> str:
        """Preset of the last stage in order that is not stale."""
        return str(self._last.get("preset", ""))

    @property
    def dataset(self) -> str:
        """Name of the images."""
        name = str(self._last.get("dataset", ""))
        return DATASETS.get(name, name)

    @property
    def heading(self) -> str:
        """Preset, data and date in a line."""
        if not self.runs:
            return "nothing has run yet"
        return f"preset {self.preset}, {self.dataset}, {reproduction.dates(self.runs)}"


def read(outputs: Path) -> Page:
    """Read a folder of outputs, whatever of it is there; what is damaged becomes a problem."""
    stages = stage_status.read_stages(outputs, ROOT)
    problems = [problem for stage in stages for problem in stage.problems]
    models, designs, exactness = {}, [], []
    try:
        models, designs, exactness = _read_metrics(outputs / "metrics.json")
    except PipelineError as error:
        last = [stage for stage in stages if stage.run is not None][-1:]
        problems.append(Problem(str(error), last[0].command if last else "make"))
    configurations = [stage.run["configuration"] for stage in stages if stage.run is not None]
    precision = next((each["precision"] for each in configurations if "precision" in each), None)
    precision = precision if isinstance(precision, dict) else None
    input_bits = next((each["input_bits"] for each in configurations if "input_bits" in each), None)
    with_decoder = all(each.get("part", "network") == "network" for each in configurations)
    embedded, faults = _figures(outputs, stages)
    problems += _inexact(exactness, stages) + faults
    rows = results.read_rows(models, designs, exactness, precision)
    problems = list(dict.fromkeys(problems))
    return Page(
        outputs,
        stages,
        models,
        designs,
        exactness,
        problems,
        rows,
        precision,
        input_bits,
        with_decoder,
        embedded,
        _image_format(outputs),
    )


def _image_format(outputs: Path) -> ImageFormat | None:
    """Return the format of the prepared images, or None where there are none or their file is damaged."""
    images = artifacts.find(outputs, dataset.FILE)
    try:
        return None if images is None else dataset.load(images)[1].format
    except PipelineError:  # stage 01 reports it
        return None


def _read_metrics(path: Path) -> tuple[dict[str, dict[str, Any]], list[DesignRecord], list[ExactnessRecord]]:
    if not path.exists():
        return {}, [], []
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        models = metrics.get("models", {})
        if not all(isinstance(row, dict) for row in models.values()):
            raise TypeError(path)
        return models, *records.from_metrics(metrics)
    except (OSError, ValueError, AttributeError, TypeError):
        raise PipelineError(f"{path.name} is damaged") from None


def _inexact(exactness: Sequence[ExactnessRecord], stages: Sequence[Stage]) -> list[Problem]:
    """Return a problem for each two simulations that differ, where the stage itself has not said so."""
    commands = {stage.subject: stage.command for stage in stages}
    said = [problem.text for stage in stages for problem in stage.problems]
    problems = []
    for design, pair, text in records.differences(exactness):
        if not any(f" failed: {design} is not exact" in each for each in said):
            command = commands.get("convert_hls" if pair == "qkeras_csim" else "synthesize", "make")
            problems.append(Problem(text, command))
    return problems


def _figures(outputs: Path, stages: Sequence[Stage]) -> tuple[dict[str, list[Figure]], list[Problem]]:
    """Return the embedded figures of each stage by its name, and what is wrong with others."""
    found, problems = [], []
    for stage in stages:
        of_stage, faults = figures.read_figures(outputs, stage.name)
        found += of_stage
        problems += [Problem(fault, stage.command) for fault in faults]
    embedded = figures.embed(outputs, found)
    return {stage.name: [figure for figure in embedded if figure.folder == stage.name] for stage in stages}, problems
