"""Counts of the faults that tests inject, by class, and of those that the pipeline survived.

A test marked `fault("killed")` injects one fault, or one in each of its subtests. `make test` injects a sample: some of
the subtests, by the fixture `sample`, and no test marked `fault("killed", thorough=True)`. With `--faults=FILE`, as in
`make faults`, all are injected, and the table is written to the file, which the results page shows.
"""

import json
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common.report import overview
from common.stages import artifacts

CLASSES = {
    "killed": "a stage killed at a random moment (kill -9)",
    "artifact": "an artifact truncated, emptied, zeroed, altered, replaced, or of a newer format",
    "mnist": "MNIST truncated, altered, swapped, slow to download, or unavailable",
    "disk": "a full disk, a read-only folder",
    "concurrent": "two runs at once, a lock left by a dead process",
    "tool": "a tool that is missing, fails, hangs, is killed, or stops early; Ctrl-C",
    "configuration": "a field out of range, of the wrong type, unknown, or in conflict with another",
    "numbers": "a loss that is not a number, a dead unit, accuracy at chance level, an overflow, a missed target",
    "stale": "single stages run again in any order with changed flags",
    "foreign": "hostile text and hostile model files",
    "repeat": "the same run twice",
}
"""Description of each class of faults by name, in the order of the table."""


def add_option(parser: pytest.Parser) -> None:
    parser.addoption("--faults", metavar="FILE", type=Path, help="inject every fault, and write the table to FILE")


class FaultCounter:
    """Pytest plugin that counts faults by class, including those of parallel workers."""

    def __init__(self, config: pytest.Config):
        self.path = config.getoption("faults")
        self.is_worker = hasattr(config, "workerinput")
        self.started = time.time()
        self.counts = {name: {"injected": 0, "survived": 0} for name in CLASSES}
        self.survived_by_subtests: dict[str, bool] = {}

    def pytest_collection_modifyitems(self, items):
        for item in list(items):
            for marker in item.iter_markers("fault"):
                assert marker.args[0] in CLASSES
                item.user_properties.append(("fault", marker.args[0]))
                if marker.kwargs.get("thorough") and self.path is None:
                    items.remove(item)

    def pytest_runtest_logreport(self, report):
        """Count each subtest, and each test that has none or that failed outside them."""
        name = dict(report.user_properties).get("fault")
        if name is None or report.skipped or (report.when != "call" and report.passed):
            return
        if isinstance(report, pytest.SubtestReport):
            survived = self.survived_by_subtests.get(report.nodeid, True)
            self.survived_by_subtests[report.nodeid] = survived and report.passed
        elif self.survived_by_subtests.get(report.nodeid) in (report.passed, False):
            return  # its result follows from its subtests
        self.counts[name]["injected"] += 1
        self.counts[name]["survived"] += report.passed

    def pytest_terminal_summary(self, terminalreporter):
        if self.is_worker or not any(each["injected"] for each in self.counts.values()):
            return
        terminalreporter.section("faults", sep="-")
        terminalreporter.write_line(f"{'injected':>8}  {'survived':>8}  fault")
        for name, words in CLASSES.items():
            count = self.counts[name]
            if count["injected"] or self.path:
                terminalreporter.write_line(f"{count['injected']:8}  {count['survived']:8}  {words}")

    def pytest_sessionfinish(self):
        if self.path is None or self.is_worker:
            return
        table = {
            "format": artifacts.RUN_FORMAT,
            "started": datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            "seconds": round(time.time() - self.started),
            "commit": commit(),
            "faults": [{"fault": words, **self.counts[name]} for name, words in CLASSES.items()],
        }
        table["sha256"] = artifacts.record_digest(table)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        artifacts.write_text_atomically(self.path, json.dumps(table, indent=1))
        overview.write(self.path.parent)


def commit() -> str | None:
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, encoding="utf-8", check=False)
    return done.stdout.strip() or None
