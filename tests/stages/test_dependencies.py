"""Dependencies of scripts and modules: complete, figures separate, changed code detected."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from stage_runs import ROOT

from common.stages import dependencies
from common.stages.dependencies import COMMON

SCRIPTS = sorted(ROOT.glob("[0-9][0-9]_*.py"))


def test_every_data_file_is_part_of_a_stage():
    data = {path for path in COMMON.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    data = {path for path in data if COMMON / "report" not in path.parents}
    assert COMMON / "synthesis" / "xilinx_adders.v" in data
    used = {path for script in SCRIPTS for path in dependencies.computing_files(script)}
    assert data - used == set()


def test_every_module_is_part_of_a_script():
    used = {
        path
        for script in SCRIPTS
        for files in (dependencies.computing_files, dependencies.drawing_files)
        for path in files(script)
    }
    modules = {path for path in COMMON.rglob("*.py") if COMMON / "report" not in path.parents}
    assert modules - used == {COMMON / "figures" / name for name in ("overview.py", "front.py")}  # of `make docs`


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_no_module_both_computes_and_draws(script):
    computing = dependencies.computing_files(script)
    assert not set(computing) & set(dependencies.drawing_files(script))
    sources = {path.name: path.read_text(encoding="utf-8") for path in computing if path.suffix == ".py"}
    assert [name for name, text in sources.items() if re.search(r"^\s*(from|import) matplotlib", text, re.M)] == []


PROGRAMS = ("scan.point_training", "scan.point_evaluation", "lattice.routed_designs", "board.on_board")
CHANGES = {
    "networks/training.py": PROGRAMS[:2],
    "rtl/tracing.py": PROGRAMS[1:],
    "verification/netlist_simulation.py": PROGRAMS[1:],
    "synthesis/yosys.py": PROGRAMS[1:],
    "synthesis/xilinx_adders.v": PROGRAMS[1:],
    "lattice/lattice_adders.v": PROGRAMS[2:],
    "board/hardware/frames.v": PROGRAMS[3:],
    "figures/style.py": (),
    "running/console.py": (),
}


def digests(checkout):
    program = "import json, sys; from common.stages.dependencies import code_digest as digest; " + (
        "print(json.dumps({name: digest('common.' + name) for name in sys.argv[1:]}))"
    )
    command = [sys.executable, "-c", program, *PROGRAMS]
    return json.loads(subprocess.run(command, cwd=checkout, capture_output=True, check=True).stdout)


def test_code_digest_depends_on_computing_code_but_not_on_its_location(tmp_path, subtests):
    shutil.copytree(COMMON, tmp_path / "common", ignore=shutil.ignore_patterns("__pycache__"))
    here = {name: dependencies.code_digest(f"common.{name}") for name in PROGRAMS}
    assert digests(tmp_path) == here
    for name, changed in CHANGES.items():
        with subtests.test(changed=name):
            path = tmp_path / "common" / name
            before = path.read_text(encoding="utf-8")
            path.write_text(before + "\n", encoding="utf-8")
            assert {program for program, digest in digests(tmp_path).items() if digest != here[program]} == {*changed}
            path.write_text(before, encoding="utf-8")
