"""Unexpected skips: `--allowed-skips=FILE`, as in `.ci/run`, fails a run on skips with a reason that FILE lacks."""

import re
from pathlib import Path

import pytest


def add_option(parser: pytest.Parser) -> None:
    parser.addoption(
        "--allowed-skips", metavar="FILE", type=Path,
        help="fail if a test is skipped for a reason that FILE lacks; one regular expression per line",
    )  # fmt: skip


class SkipGuard:
    """Pytest plugin that fails the run and names the tests, including those of parallel workers."""

    def __init__(self, allowed: Path):
        lines = allowed.read_text(encoding="utf-8").splitlines()
        self.allowed = [line for line in lines if line and not line.startswith("#")]
        self.refused: list[str] = []

    def pytest_runtest_logreport(self, report):
        self._look_at(report)

    def pytest_collectreport(self, report):
        self._look_at(report)

    def _look_at(self, report):
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not any(re.fullmatch(pattern, reason) for pattern in self.allowed):
            self.refused.append(f"{report.nodeid}: {reason}")

    def pytest_sessionfinish(self, session):
        if self.refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self.refused:
            terminalreporter.section("tests that must not be skipped here", red=True)
            for line in self.refused:
                terminalreporter.write_line(line)
