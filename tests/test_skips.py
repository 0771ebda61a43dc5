"""A test that is skipped in `.ci/run` though it should run there fails it."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

def test_runs(): assert 1 + 1 == int("2")

@pytest.mark.skipif(True, reason="no browser (anywhere)")
def test_marked(): assert False

def test_skips_itself(): pytest.skip("no data")
"""
CONFTEST = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import skips

def pytest_addoption(parser):
    skips.add_option(parser)

def pytest_configure(config):
    if (allowed := config.getoption("allowed_skips")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(skips.SkipGuard(allowed), "skips")
"""


@pytest.fixture
def outcome(tmp_path):
    """Return a function that runs three tests, two of them skipped, and returns exit status and output."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_some.py").write_text(TESTS)

    def run(*lines, processes="0", files=("test_some.py",)):
        arguments = []
        if lines:
            (tmp_path / "skips").write_text("".join(f"{line}\n" for line in lines))
            arguments = ["--allowed-skips=skips"]
        command = [sys.executable, "-m", "pytest", "-q", "-n", processes, "-p", "no:cacheprovider", *arguments, *files]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    return run


@pytest.mark.parametrize("processes", ["0", "2"])
def test_skipped_test_fails_the_run_and_is_named_with_its_reason(outcome, processes):
    status, printed = outcome("# a comment", "no data", processes=processes)
    assert status == 1
    assert printed.count("test_some.py::test_marked: no browser (anywhere)\n") == 1
    assert "test_skips_itself: " not in printed


def test_part_of_a_reason_does_not_allow_it(outcome):
    assert outcome("no browser", "no data")[0] == 1


def test_skips_that_are_listed_are_allowed(outcome):
    assert outcome(r"no browser \(.*\)", "no data")[0] == 0


def test_without_a_list_every_skip_is_allowed(outcome):
    assert outcome()[0] == 0


def test_module_that_skips_itself_fails_the_run(outcome, tmp_path):
    (tmp_path / "test_module.py").write_text("import pytest\npytest.importorskip('nowhere', reason='no nowhere')\n")
    status, printed = outcome("no data", "no browser.*", files=("test_some.py", "test_module.py"))
    assert (status, "test_module.py: no nowhere" in printed) == (1, True)
