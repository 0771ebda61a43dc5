"""Skipped tests: `.ci/run` installs what tests need, and fails on unexpected skips."""

import os
import shutil
import subprocess
import sys

import pytest
from stage_runs import ROOT

TESTS = """
import pytest

def test_runs(): assert 1 + 1 == int("2")

@pytest.mark.skipif(True, reason="no browser (anywhere)")
def test_marked(): assert False

def test_skips_itself(): pytest.skip("no data")
"""
CONFTEST = f"""
import sys
sys.path.insert(0, {str(ROOT / "tests")!r})
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
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_some.py").write_text(TESTS, encoding="utf-8")

    def run(*lines, processes="0", files=("test_some.py",)):
        arguments = []
        if lines:
            (tmp_path / "skips").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            arguments = ["--allowed-skips=skips"]
        command = [sys.executable, "-m", "pytest", "-q", "-n", processes, "-p", "no:cacheprovider", *arguments, *files]
        environment = {**os.environ, "PYTEST_ADDOPTS": ""}  # without the options of this run
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False
        )
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


def test_listed_skips_are_allowed(outcome):
    assert outcome(r"no browser \(.*\)", "no data")[0] == 0


def test_without_a_list_every_skip_is_allowed(outcome):
    assert outcome()[0] == 0


def test_module_that_skips_itself_fails_the_run(outcome, tmp_path):
    (tmp_path / "test_module.py").write_text(
        "import pytest\npytest.importorskip('nowhere', reason='no nowhere')\n", encoding="utf-8"
    )
    status, printed = outcome("no data", "no browser.*", files=("test_some.py", "test_module.py"))
    assert (status, "test_module.py: no nowhere" in printed) == (1, True)


def test_listed_reasons_exist_in_the_tests():
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    for line in (ROOT / ".ci" / "skips").read_text(encoding="utf-8").splitlines()[1:]:
        assert f'"{line}"' in sources


@pytest.fixture
def ci(tmp_path):
    """Return a function that runs `.ci/run` with stand-ins that record the calls."""
    shutil.copytree(ROOT / ".ci", tmp_path / "checkout" / ".ci")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "env", "dirname"):
        (tools / name).symlink_to(shutil.which(name))

    def run(*installed, user, apt="true"):
        called = tmp_path / "called"
        scripts = {"id": f"echo {user}", "make": f'echo "make $* with$PYTEST_ADDOPTS" >> {called}'}
        scripts["apt-get"] = f'echo "apt-get $*" >> {called}; {apt}'
        for name, script in {**scripts, **dict.fromkeys(installed, "")}.items():
            (tools / name).write_text(f"#!/usr/bin/env bash\n{script}\n", encoding="utf-8")
            (tools / name).chmod(0o755)
        command = [tmp_path / "checkout" / ".ci" / "run"]
        done = subprocess.run(command, env={"PATH": str(tools)}, capture_output=True, encoding="utf-8", check=False)
        return done.returncode, called.read_text(encoding="utf-8").splitlines(), done.stdout + done.stderr

    return run


MADE = ["make test with --allowed-skips=.ci/skips", "make lint with"]


def test_ci_installs_missing_programs_as_root(ci):
    status, called, _ = ci("google-chrome", user=0)
    installs = ["apt-get update -q", "apt-get install -q -y --no-install-recommends ghdl nodejs"]
    assert (status, called) == (0, installs + MADE)


def test_ci_continues_and_names_missing_programs_it_cannot_install(ci):
    status, called, said = ci("node", user=1000)
    assert (status, called) == (0, MADE)
    assert "chromium ghdl missing, and only root may install them with apt" in said
    status, called, said = ci("node", user=0, apt="false")
    assert (status, called[-3:]) == (0, ["apt-get update -q", *MADE])
    assert "could not install chromium ghdl: tests that need them are skipped, and that fails" in said


def test_ci_installs_nothing_if_nothing_is_missing(ci):
    assert ci("chromium", "ghdl", "node", user=0)[:2] == (0, MADE)
