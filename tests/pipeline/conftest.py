"""Fixtures of the pipeline's tests: copies of the sources."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from make_runs import LONG_AGO
from stage_runs import ROOT


@pytest.fixture
def checkout(tmp_path):
    """Return a copy of the sources with old time stamps and this environment."""
    folder = tmp_path / "checkout"
    (folder / ".venv").mkdir(parents=True)
    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith("installed"):
            (folder / ".venv" / path.name).symlink_to(path)
    for path in [*ROOT.glob("*.py"), *ROOT.glob("*.txt"), ROOT / "Makefile"]:
        shutil.copy(path, folder)
    shutil.copytree(ROOT / "common", folder / "common", ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.rglob("*"):
        if path.is_file() and ".venv" not in path.parts:
            os.utime(path, (LONG_AGO, LONG_AGO))
    for name in ("installed", "installed-test"):
        (folder / ".venv" / name).touch()
    return folder


@pytest.fixture
def made(checkout, demo_outputs):
    """Return a checkout in which all stages have run."""
    shutil.copytree(demo_outputs, checkout / "outputs")
    return checkout
