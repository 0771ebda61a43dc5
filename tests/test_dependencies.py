"""What scripts and modules are made of: no file is forgotten, and figures are apart from results."""

import re

import pytest
from stage_runs import ROOT

from common import dependencies
from common.dependencies import COMMON

SCRIPTS = sorted(ROOT.glob("[0-9][0-9]_*.py"))


def test_every_data_file_is_part_of_a_stage():
    data = {path for path in COMMON.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    data = {path for path in data if COMMON / "report" not in path.parents}
    assert COMMON / "xilinx_adders.v" in data
    used = {path for script in SCRIPTS for path in dependencies.computing_files(script)}
    assert data - used == set()


def test_every_module_is_part_of_a_script_or_a_program_of_its_own():
    used = {
        path
        for script in SCRIPTS
        for files in (dependencies.computing_files, dependencies.drawing_files)
        for path in files(script)
    }
    modules = {path for path in COMMON.rglob("*.py") if COMMON / "report" not in path.parents}
    assert {path.name for path in modules - used} == {"summary.py"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_no_module_both_computes_and_draws(script):
    computing = dependencies.computing_files(script)
    assert not set(computing) & set(dependencies.drawing_files(script))
    sources = {path.name: path.read_text() for path in computing if path.suffix == ".py"}
    assert [name for name, text in sources.items() if re.search(r"^\s*(from|import) matplotlib", text, re.M)] == []
