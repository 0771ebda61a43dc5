"""Common parts of all benchmarks: interleaved timing, medians with spread, one record per benchmark."""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import PipelineError
from common.images import downloads, idx_sets, originals, preprocessing
from common.images.samples import PAPER_FORMAT, Samples
from common.report import overview
from common.report.benchmarks import RECORD
from common.running import console
from common.stages import artifacts, provenance
from common.stages.run import outputs_folder

REPETITIONS = 5
OUTPUTS = outputs_folder()


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of several measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of `values`."""
        return cls(statistics.median(values), min(values), max(values))

    def __format__(self, specification: str) -> str:
        return "{:{s}} ({:{s}} to {:{s}})".format(self.median, self.low, self.high, s=specification)

    def __rtruediv__(self, amount: float) -> "Spread":
        """Return the rates for an amount processed in these times."""
        return Spread(amount / self.median, amount / self.high, amount / self.low)


def in_turn(tasks: Mapping[str, Callable[[], object]], repetitions: int = REPETITIONS) -> dict[str, list[float]]:
    """Time tasks in turn, A B A B ..., so that other load on the machine affects all of them equally.

    The first round is not counted: it warms up caches, and TensorFlow traces its functions.

    Returns:
        Wall times of each task [s].
    """
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for repetition in range(-1, repetitions):
        for name, task in tasks.items():
            started = time.perf_counter()
            task()
            if repetition >= 0:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def ratio(slow: Sequence[float], fast: Sequence[float]) -> Spread:
    """Return the ratio of the times of two tasks measured in turn."""
    return Spread.of([a / b for a, b in zip(slow, fast, strict=True)])


def mnist_images() -> tuple[np.ndarray, np.ndarray]:
    """Return all 70,000 images, uint8 [N, 28, 28], training images first, and their labels."""
    files = downloads.locate(idx_sets.MNIST, None, OUTPUTS / ".mnist_cache")
    found = originals.of_idx_set(idx_sets.MNIST, files, allow_other=False)
    return np.concatenate([found.x_train, found.x_test]), np.concatenate([found.y_train, found.y_test])


def mnist_samples() -> tuple[Samples, Samples]:
    """Return training and test samples, prepared as in stage 01."""
    images, labels = mnist_images()
    samples = Samples(PAPER_FORMAT.intensities(preprocessing.prepare_images(images, "anti_aliased")), labels)
    return samples.split(10_000)


class Benchmark:
    """One benchmark: its table, and its part of `benchmarks.json` and of the results page."""

    def __init__(self, name: str, title: str, columns: Sequence[str]) -> None:
        self.name = name
        self.title = title
        self.columns = list(columns)
        self.rows: list[list[str]] = []
        self.notes: list[str] = []
        self.values: dict[str, Any] = {}
        self._load_before = os.getloadavg()[0]

    def row(self, *cells: object) -> None:
        """Add a row to the table; the first cell is its name."""
        self.rows.append([str(cell) for cell in cells])

    def finish(self) -> None:
        """Print the table, replace this benchmark's part of `benchmarks.json`, and update the results page."""
        console.table(self.title, self.columns, self.rows)
        for text in self.notes:
            console.note(text)
        load = {"before": round(self._load_before, 2), "after": round(os.getloadavg()[0], 2)}
        if load["before"] > 1:
            console.warning(f"the machine was busy (load average {load['before']}): times are too long")
        part = {
            "title": self.title,
            "columns": self.columns,
            "rows": self.rows,
            "notes": self.notes,
            "values": self.values,
            "machine": {**provenance.machine(), "processor": processor(), "load_average": load},
            "packages": provenance.package_versions(),
            "git_commit": provenance.git_commit(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        record(OUTPUTS, self.name, part)
        overview.update_overview(OUTPUTS)


def record(outputs: Path, name: str, part: Mapping[str, Any]) -> None:
    """Replace one benchmark's part of `benchmarks.json`; the file is written atomically."""
    outputs.mkdir(parents=True, exist_ok=True)
    path = outputs / RECORD
    try:
        parts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError:
        raise PipelineError(f"{path} is damaged; remove it and run: make benchmarks") from None
    artifacts.write_text_atomically(path, json.dumps({**parts, name: part}, indent=1, ensure_ascii=False) + "\n")


def processor() -> str:
    """Return the name of the processor, if the system gives it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line for line in information.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        if names:
            return names[0].partition(":")[2].strip()
    return platform.processor() or platform.machine()


def run(main: Callable[..., None], *arguments: object) -> None:
    """Run a benchmark from the command line; print an error as one line, with exit status 1."""
    try:
        main(*arguments)
    except PipelineError as error:
        console.error(str(error))
        sys.exit(1)
