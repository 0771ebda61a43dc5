"""Fixtures of all tests: outputs of a demo and of a tiny run, made in the background; environments with faults."""

import fcntl
import os
import random
import runpy
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import faults
import pytest
import skips
import stage_runs

import common  # noqa: F401  (chooses Keras 2, before a test imports QKeras)

RUNS = ("demo", "tiny")
LONGEST = ("repeat", "stale")  # classes of faults; parallel tests of stale stages wait for each other


def pytest_addoption(parser):
    faults.add_option(parser)
    skips.add_option(parser)


def pytest_configure(config):
    config.pluginmanager.register(faults.FaultCounter(config), "faults")
    if (allowed := config.getoption("allowed_skips")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(skips.SkipGuard(allowed), "skips")
    # Child processes would inherit signals that the shell ignores, as in background jobs and nohup.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def sample(request):
    """Return a function that samples the faults of a test, or returns all with `--faults`."""

    def pick(cases, count, seed=6):
        cases = list(cases)
        if request.config.getoption("faults") or count >= len(cases):
            return cases
        return random.Random(seed).sample(cases, count)

    return pick


def pytest_collection_modifyitems(items):
    """Run tests that take long first, and those that need the demo run last, which takes minutes itself."""

    def place(item):
        fault = item.get_closest_marker("fault")
        thorough = bool(fault and fault.kwargs.get("thorough"))
        longest = (thorough and fault.args[0] in LONGEST) or item.get_closest_marker("long") is not None
        return not thorough, *(f"{name}_outputs" in item.fixturenames for name in RUNS[::-1]), not longest

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def _runs(request, tmp_path_factory):
    """Start the demo run, and after it the tiny one, in the background, if needed; parallel workers share them."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    def run_once(name, run, *sources):
        outputs = folder / name / "outputs"
        with (folder / f"{name}.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / f"{name}_finished").exists():
                run(*(source.result() for source in sources), outputs)
                (folder / f"{name}_finished").touch()
        return outputs.resolve()

    needed = {name for name in RUNS for item in request.session.items if f"{name}_outputs" in item.fixturenames}
    with ThreadPoolExecutor(1) as thread:
        runs = {}
        if needed:
            runs["demo"] = thread.submit(run_once, "demo", stage_runs.run_demo)
        if "tiny" in needed:
            runs["tiny"] = thread.submit(run_once, "tiny", stage_runs.run_tiny, runs["demo"])
        yield runs


@pytest.fixture(scope="session")
def demo_outputs(_runs):
    """Return the outputs of all stages but 06 with the demo preset; not to be changed."""
    return _runs["demo"].result()


@pytest.fixture(scope="session")
def tiny_outputs(_runs):
    """Return the outputs of all stages: float networks of the demo run, one small design; not to be changed."""
    return _runs["tiny"].result()


@pytest.fixture(scope="session")
def saved_figures(tmp_path_factory):
    """Return the folder of the saved sample figures, and all sample figures by name."""
    import figure_samples

    folder = tmp_path_factory.mktemp("figures")
    return folder, figure_samples.save_all(folder)


@pytest.fixture
def without_powers_of_root():
    """Return a wrapper command under which permission bits apply even to root."""
    wrapper = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    if os.geteuid():
        return ()
    if shutil.which("setpriv") is None or subprocess.run([*wrapper, "true"], check=False).returncode:
        pytest.skip("permission bits do not bind root, and setpriv cannot drop that power here")
    return wrapper


@pytest.fixture
def quick_compiler(tmp_path, monkeypatch):
    """Have g++ compile without optimization, which takes less time where few images are simulated."""
    folder = tmp_path / "quick_compiler"
    folder.mkdir()
    (folder / "g++").write_text(f'#!/bin/sh\nexec {shutil.which("g++")} "$@" -O0\n', encoding="utf-8")
    (folder / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))


@pytest.fixture
def noexec_disk(tmp_path):
    """Return a folder on a disk in memory, mounted noexec."""
    yield from _mounted(tmp_path / "noexec", "noexec")


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of 40 MB in memory."""
    yield from _mounted(tmp_path / "disk", "size=40m")


def _mounted(disk, options):
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a disk in memory, and not in every container")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def outputs(demo_outputs, tmp_path):
    """Return a copy of the demo outputs that a test may break."""
    return shutil.copytree(demo_outputs, tmp_path / "outputs")


@pytest.fixture
def run_here(monkeypatch, capsys):
    """Return a function that runs a numbered script in this process, which has imported TensorFlow already.

    It returns exit status, standard output and standard error. An exception of the script fails the test.
    """

    def run(stage, *arguments, outputs):
        for name, value in stage_runs.environment(outputs).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("MNIST_DIR", raising=False)
        monkeypatch.setattr(sys, "argv", [f"{stage}.py", *arguments])
        on_termination = signal.getsignal(signal.SIGTERM)
        capsys.readouterr()
        try:
            runpy.run_path(str(stage_runs.ROOT / f"{stage}.py"), run_name="__main__")
            status = 0
        except SystemExit as end:
            status = end.code
        finally:
            signal.signal(signal.SIGTERM, on_termination)
        return status, *capsys.readouterr()

    return run
