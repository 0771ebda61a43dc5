"""Runs of Vivado HLS and Vitis HLS on an hls4ml project, with stand-in scripts for the tools on PATH.

One stand-in runs hls4ml's own `build_prj.tcl` with commands that copy prepared results; the others are shell scripts
that each fail in one way.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from child_processes import START_CHILD, assert_child_dies
from stage_runs import ROOT
from vendor_samples import C_SYNTHESIS_TEXT, C_SYNTHESIS_XML, COSIMULATION, LOGIC_SYNTHESIS

from common.errors import PipelineError, ToolError
from common.hls.vendor_reports import ReportError
from common.hls.vendor_tools import (
    BuildReports,
    BuildSteps,
    build_project,
    find_tool,
    is_wanted,
    open_project,
    read_reports,
    unused_tool,
)

SYNTH = "encoder_prj/solution1/syn/report/encoder_csynth.xml"
COSIM = "encoder_prj/solution1/sim/report/encoder_cosim.rpt"
EXPORT = "encoder_prj/solution1/impl/ip/component.xml"
VSYNTH = "vivado_synth.rpt"
RESULTS = {SYNTH: C_SYNTHESIS_XML, COSIM: COSIMULATION, EXPORT: "<component/>\n", VSYNTH: LOGIC_SYNTHESIS}
CSIM_DONE = "echo 'INFO: [SIM 211-1] CSim done with 0 errors.'"

TCL_STAND_IN = """\
#!{python}
# A stand-in for vivado_hls and vitis-run: hls4ml's build_prj.tcl with commands that copy prepared results.
import os
import sys
import tkinter

tcl = tkinter.Tcl()
tcl.createcommand("leave", lambda status: os._exit(int(status)))
tcl.call("set", "::argv", tuple(sys.argv[1:]))
tcl.eval('''
proc exit {{{{status 0}}}} {{ flush stdout; leave $status }}
proc called {{step}} {{ set file [open called a]; puts $file $step; close $file }}
proc deliver {{path}} {{
    file mkdir [file dirname $path]
    file copy -force $::env(REPLAY)/$path $path
}}
foreach command {{set_top add_files open_solution config_array_partition config_compile config_schedule set_part
                 create_clock set_clock_uncertainty}} {{ proc $command args {{}} }}
proc open_project args {{ if {{[lindex $args 0] eq "-reset"}} {{ called reset }} }}
proc csim_design {{}} {{
    called csim
    puts "INFO: \\\\[SIM 211-1\\\\] CSim done with 0 errors."
    close [open tb_data/csim_results.log w]
}}
proc csynth_design {{}} {{ called synth; deliver {synth}; file mkdir encoder_prj/solution1/syn/verilog }}
proc cosim_design args {{
    called cosim
    file mkdir encoder_prj/solution1/sim/verilog
    close [open encoder_prj/solution1/sim/verilog/encoder.tcl w]
    set file [open encoder_prj/solution1/sim/verilog/run_sim.tcl w]
    puts $file "cd ../../../..; deliver {cosim}; close \\\\[open tb_data/rtl_cosim_results.log w\\\\]"
    close $file
}}
proc export_design args {{ called export; deliver {export} }}
''')
tcl.evalfile("build_prj.tcl")
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Return the folder of the stand-ins, first on a PATH without other vendor tools."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.defpath]))
    for path, text in RESULTS.items():
        write(tmp_path / "replay" / path, text)
    monkeypatch.setenv("REPLAY", str(tmp_path / "replay"))
    return folder


def install(tools, name, script):
    """Install a shell script as a stand-in for a vendor tool."""
    (tools / name).write_text(f"#!/bin/sh\n# A stand-in for {name}.\n{script}\n", encoding="utf-8")
    (tools / name).chmod(0o755)


def make_project(folder, backend="vivado"):
    folder.mkdir()
    write(folder / "project.tcl", f'variable project_name\nset project_name "encoder"\nset backend "{backend}"\n')
    return open_project(folder)


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path / "project")


def build(project, timeout_seconds=10, on_line=None, **steps):
    return build_project(project, BuildSteps(**steps), timeout_seconds=timeout_seconds, on_line=on_line)


def replay(*paths):
    """Return shell commands that write the prepared results like the tool."""
    return "\n".join(f'mkdir -p {Path(path).parent} && cp "$REPLAY/{path}" {path}' for path in paths)


@pytest.mark.parametrize("backend", ["vivado", "vitis"])
@pytest.mark.parametrize(
    "steps",
    [
        {},
        {"reset": True, "csim": False},
        {"cosim": True},
        {"csim": False, "synth": False, "export": True},
        {"csim": False, "vsynth": True},
        {"reset": True, "cosim": True, "export": True, "vsynth": True},
    ],
    ids=lambda steps: "-".join(steps) or "default",
)
def test_hls4mls_own_script_runs_only_the_requested_steps(tmp_path, tools, backend, steps):
    pytest.importorskip("tkinter", reason="the stand-in needs Python's Tcl")
    templates = Path(importlib.util.find_spec("hls4ml").origin).parent / "templates"
    project = make_project(tmp_path / "project", backend)
    settings = {"part": "x", "clock_period": 5, "clock_uncertainty": "12.5%", "version": "1.0.0", "maximum_size": 4096}
    with (project.folder / "project.tcl").open("a", encoding="utf-8") as file:
        file.writelines(f'set {name} "{value}"\n' for name, value in settings.items())
    shutil.copy(templates / backend / "build_prj.tcl", project.folder)
    program = tools / {"vivado": "vivado_hls", "vitis": "vitis-run"}[backend]
    program.write_text(
        TCL_STAND_IN.format(python=sys.executable, synth=SYNTH, cosim=COSIM, export=EXPORT), encoding="utf-8"
    )
    program.chmod(0o755)
    install(
        tools, "vivado", f'echo vsynth >> called\ntest "$*" = "-mode batch -source vivado_synth.tcl"\n{replay(VSYNTH)}'
    )

    reports = build(project, **steps)

    asked = {"reset": False, "csim": True, "synth": True, "cosim": False, "export": False, "vsynth": False} | steps
    assert (project.folder / "called").read_text(encoding="utf-8").split() == [
        step for step, wanted in asked.items() if wanted
    ]
    assert (reports.c_synthesis is not None) == asked["synth"]
    assert (reports.cosimulation is not None) == asked["cosim"]
    assert (reports.logic_synthesis is not None) == asked["vsynth"]
    assert ("C/RTL VALIDATION" in project.log.read_text(encoding="utf-8")) == asked["cosim"]


def test_reports_and_lines_of_a_successful_run(tools, project):
    install(tools, "vivado_hls", f"{CSIM_DONE}\n{replay(SYNTH, VSYNTH)}\necho '$' \"$@\"")
    install(tools, "vivado", "")
    lines = []
    reports = build(project, on_line=lines.append, vsynth=True)
    assert (reports.c_synthesis.estimate, reports.c_synthesis.lut, reports.c_synthesis.bram_18k) == (True, 99424, 6)
    assert (reports.logic_synthesis.estimate, reports.logic_synthesis.lut) == (False, 47123)
    assert reports.cosimulation is None
    assert lines[-1].startswith("$ -f build_prj.tcl reset=False csim=True synth=True")
    assert project.log.read_text(encoding="utf-8").splitlines() == lines


def test_vitis_run_is_preferred_to_vitis_hls(tmp_path, tools):
    project = make_project(tmp_path / "project", "vitis")
    assert find_tool("vitis") is None
    for name in ("vitis_hls", "vitis-run"):
        install(tools, name, f'{CSIM_DONE}\necho {name} "$@"\n{replay(SYNTH)}')
        build(project)
        assert find_tool("vitis")[0] == name
    assert project.log.read_text(encoding="utf-8").splitlines()[-1] == "vitis-run --tcl build_prj.tcl --mode hls"
    options = (project.folder / "build_opt.tcl").read_text(encoding="utf-8")
    assert re.findall(r"^ +(\w+) +(\d)$", options, re.MULTILINE) == [
        ("reset", "0"), ("csim", "1"), ("synth", "1"), ("cosim", "0"),
        ("export", "0"), ("vsynth", "0"), ("validation", "0"), ("fifo_opt", "0"),
    ]  # fmt: skip


PROGRAMS = {"Vivado": "vivado_hls", "Vitis": "vitis-run"}


@pytest.mark.parametrize(("backend", "other"), [("Vivado", "Vitis"), ("Vitis", "Vivado")])
def test_auto_runs_the_projects_tool_and_reports_why_the_other_is_not_run(tools, backend, other):
    assert not is_wanted("auto", backend)
    assert unused_tool(backend) is None
    install(tools, PROGRAMS[other], "")
    assert not is_wanted("auto", backend)
    assert unused_tool(backend) == (
        f"{PROGRAMS[other]} is on PATH but was not run, because the projects are for {backend}; "
        f"run: python 05_convert_hls.py --hls.backend {other}, then this stage again"
    )
    install(tools, PROGRAMS[backend], "")
    assert is_wanted("auto", backend)
    assert not is_wanted("open", backend)


@pytest.mark.fault("tool")
def test_required_tool_that_cannot_run_the_projects_is_an_error(tools):
    with pytest.raises(ToolError, match="--tool vivado: no such tool on PATH"):
        is_wanted("vivado", "Vivado")
    install(tools, "vitis-run", "")
    assert is_wanted("vitis", "Vitis")
    with pytest.raises(PipelineError, match=r"for Vivado; run: python 05_convert_hls\.py --hls\.backend Vitis"):
        is_wanted("vitis", "Vivado")


@pytest.mark.fault("tool")
def test_missing_tools_are_named_before_anything_starts(tmp_path, tools, project):
    with pytest.raises(ToolError, match="vivado_hls is not on PATH"):
        build(project)
    with pytest.raises(ToolError, match="vitis-run or vitis_hls is not on PATH"):
        build(make_project(tmp_path / "other", "vitis"))
    install(tools, "vivado_hls", "touch started")
    with pytest.raises(ToolError, match="vivado, which does the logic synthesis"):
        build(project, vsynth=True)
    assert not (project.folder / "started").exists()


@pytest.mark.fault("tool")
def test_failing_status_is_an_error_with_the_first_error_printed(tools, project):
    """Only the status fails: all reports of the run exist."""
    install(tools, "vivado_hls", f"{CSIM_DONE}\n{replay(SYNTH)}\necho 'ERROR: [A 1] one'\necho 'ERROR: two'\nexit 1")
    with pytest.raises(ToolError, match=r"exit status 1; its log is .*build\.log; it says: ERROR: \[A 1\] one$"):
        build(project)


@pytest.mark.fault("tool")
def test_tool_that_is_killed_is_an_error(tools, project):
    install(tools, "vivado_hls", "kill -KILL $$")
    with pytest.raises(ToolError, match="vivado_hls was killed by SIGKILL"):
        build(project)


@pytest.mark.fault("tool")
@pytest.mark.parametrize(("step", "path"), [("synth", SYNTH), ("cosim", COSIM), ("export", EXPORT), ("vsynth", VSYNTH)])
def test_missing_report_is_an_error_even_if_an_earlier_run_left_one(tools, project, step, path):
    write(project.folder / path, RESULTS[path])
    install(tools, "vivado_hls", CSIM_DONE)
    install(tools, "vivado", "")
    with pytest.raises(ToolError, match=f"ended without error, but left no .*{path}"):
        build(project, **{"synth": False, step: True})


def test_synthesis_removes_all_results_and_other_steps_only_their_own(tools, project):
    for path, text in RESULTS.items():
        write(project.folder / path, text)
    install(tools, "vivado_hls", replay(EXPORT))
    build(project, csim=False, synth=False, export=True)
    assert all((project.folder / path).exists() for path in RESULTS)
    install(tools, "vivado_hls", replay(SYNTH))
    assert build(project, csim=False) == BuildReports(read_reports(project).c_synthesis, None, None)
    assert [path for path in RESULTS if (project.folder / path).exists()] == [SYNTH]


@pytest.mark.fault("tool")
def test_truncated_report_is_an_error(tools, project):
    install(tools, "vivado_hls", f'{CSIM_DONE}\nmkdir -p {Path(SYNTH).parent}; head -c 900 "$REPLAY/{SYNTH}" > {SYNTH}')
    with pytest.raises(ReportError, match=f"{SYNTH} is truncated or damaged"):
        build(project)


@pytest.mark.fault("tool")
def test_unfinished_c_simulation_is_an_error(tools, project):
    install(tools, "vivado_hls", replay(SYNTH))
    with pytest.raises(ToolError, match="did not finish C simulation"):
        build(project)


@pytest.mark.fault("tool")
def test_failed_cosimulation_is_an_error(tools, project):
    failed = f"sed 's/  Pass/  Fail/' {COSIM} > failed && mv failed {COSIM}"
    install(tools, "vivado_hls", f"{CSIM_DONE}\n{replay(SYNTH, COSIM)}\n{failed}")
    with pytest.raises(ToolError, match=f"{COSIM} says that co-simulation failed"):
        build(project, cosim=True)
    assert read_reports(project).cosimulation.passed is False


def test_cosimulation_without_c_simulation_is_refused():
    with pytest.raises(PipelineError, match="switch csim on"):
        BuildSteps(csim=False, cosim=True)


@pytest.mark.fault("tool")
def test_hanging_tool_dies_with_its_children(tools, project):
    install(tools, "vivado_hls", f"{START_CHILD}\nwait")
    with pytest.raises(ToolError, match=r"did not finish within 0\.4 s"):
        build(project, timeout_seconds=0.4)
    assert_child_dies(project.folder)


@pytest.mark.fault("tool")
def test_interrupted_program_leaves_no_tool_running(tools, project):
    install(tools, "vivado_hls", f"{START_CHILD}\necho started; wait")
    program = (
        "import signal; signal.signal(2, signal.default_int_handler)\n"
        "from pathlib import Path; from common.hls.vendor_tools import BuildSteps, build_project, open_project\n"
        f"build_project(open_project(Path({str(project.folder)!r})), BuildSteps(), timeout_seconds=60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL) as parent:
        deadline = time.monotonic() + 10
        while not project.log.exists() or "started" not in project.log.read_text(encoding="utf-8"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        parent.send_signal(signal.SIGINT)
        assert parent.wait(5) != 0
    assert_child_dies(project.folder)


def test_missing_reports_are_none(project):
    assert read_reports(project) == BuildReports(None, None, None)
    write((project.folder / SYNTH).with_suffix(".rpt"), C_SYNTHESIS_TEXT)
    assert read_reports(project).c_synthesis.tool_version == "2019.1"


@pytest.mark.parametrize("text", ["", 'set project_name "encoder"\nset backend "quartus"\n', 'set backend "vitis"\n'])
def test_folder_without_a_project_is_refused(tmp_path, text):
    with pytest.raises(PipelineError, match=r"project\.tcl cannot be read"):
        open_project(tmp_path)
    write(tmp_path / "project.tcl", text)
    with pytest.raises(PipelineError, match="names no project of the hls4ml backend"):
        open_project(tmp_path)
