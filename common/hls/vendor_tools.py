"""Runs of Vivado HLS, Vitis HLS and Vivado on an hls4ml project, with a check of each step's result.

The project's `build_prj.tcl` is run as hls4ml 1.3.0 runs it: for the backend Vivado by `vivado_hls` with the steps as
one argument, for Vitis by `vitis-run` with the steps in `build_opt.tcl`. `hls_model.build` ignores the exit status of
`vivado_hls` and reads any reports it finds. This module removes reports of earlier runs first, and raises an error for
an exit status, a missing report or a failed co-simulation.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from common.errors import PipelineError, ToolError
from common.hls.vendor_reports import (
    CosimulationReport,
    SynthesisReport,
    read_c_synthesis,
    read_cosimulation,
    read_logic_synthesis,
)
from common.running.processes import run_logged

# Commands that run a project of each backend, preferred first. Releases older than vitis-run have vitis_hls.
COMMANDS = {
    "vivado": [("vivado_hls", "-f", "build_prj.tcl")],
    "vitis": [("vitis-run", "--tcl", "build_prj.tcl", "--mode", "hls"), ("vitis_hls", "-f", "build_prj.tcl")],
}

# Printed by Vivado HLS and Vitis HLS at the end of a C simulation.
C_SIMULATION_DONE = "CSim done with 0 errors"


@dataclass(frozen=True)
class BuildSteps:
    """Steps of `build_prj.tcl`, with its names and in its order.

    Co-simulation always includes `validation`, the comparison of its outputs with those of C simulation, because
    hls4ml's test bench itself accepts any outputs.

    Raises:
        PipelineError: Co-simulation without C simulation.
    """

    reset: bool = False  # Begin with an empty Vivado or Vitis project
    csim: bool = True  # C simulation
    synth: bool = True  # C synthesis
    cosim: bool = False  # Simulation of the RTL
    export: bool = False  # RTL packaged for Vivado's IP catalog
    vsynth: bool = False  # Logic synthesis by Vivado

    def __post_init__(self) -> None:
        if self.cosim and not self.csim:
            raise PipelineError("co-simulation (cosim) is compared with C simulation: switch csim on as well")


@dataclass(frozen=True)
class BuildReports:
    """Content of the reports in a project; None for a missing report."""

    c_synthesis: SynthesisReport | None
    cosimulation: CosimulationReport | None
    logic_synthesis: SynthesisReport | None


@dataclass(frozen=True)
class VendorProject:
    """An hls4ml project of the backend Vivado or Vitis, with the paths of its results."""

    folder: Path
    backend: str  # "vivado" or "vitis"
    top: str  # Name of the top function

    @property
    def log(self) -> Path:
        """Log of the tools in `build_project`."""
        return self.folder / "build.log"

    @property
    def results(self) -> dict[str, Path]:
        """Result file of each step that writes one."""
        solution = self.folder / f"{self.top}_prj" / "solution1"
        return {
            "synth": solution / "syn" / "report" / f"{self.top}_csynth.xml",
            "cosim": solution / "sim" / "report" / f"{self.top}_cosim.rpt",
            "export": solution / "impl" / "ip" / "component.xml",
            "vsynth": self.folder / "vivado_synth.rpt",
        }


def open_project(folder: Path) -> VendorProject:
    """Return an hls4ml project, with backend and top function read from its `project.tcl`.

    Raises:
        PipelineError: The folder has no hls4ml project of the backend Vivado or Vitis.
    """
    path = folder / "project.tcl"
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        settings = dict(re.findall(r'^set (project_name|backend) "(\w+)"$', text, re.MULTILINE))
    except OSError as error:
        raise PipelineError(f"{path} cannot be read ({error.strerror}): convert the model with hls4ml first") from error
    if "project_name" not in settings or settings.get("backend") not in COMMANDS:
        raise PipelineError(f"{path} names no project of the hls4ml backend Vivado or Vitis: convert the model again")
    return VendorProject(folder, settings["backend"], settings["project_name"])


def find_tool(backend: str) -> tuple[str, ...] | None:
    """Return the command that runs projects of a backend, "vivado" or "vitis", or None if PATH has no such tool."""
    return next((command for command in COMMANDS[backend] if shutil.which(command[0])), None)


def is_wanted(tool: str, backend: str) -> bool:
    """Return whether to run the HLS tool that the projects were written for.

    Args:
        tool: `auto` to run it if it is on PATH, `open` for open tools only, or its name to require it.
        backend: hls4ml's backend of the projects, `Vivado` or `Vitis`.

    Raises:
        PipelineError: The required tool does not fit the projects, or is not on PATH.
    """
    found = find_tool(backend.lower()) is not None
    if tool in ("auto", "open"):
        return found and tool == "auto"
    if tool != backend.lower():
        raise PipelineError(
            f"the projects are for {backend}; run: python 05_convert_hls.py --hls.backend {tool.title()}"
        )
    if not found:
        raise ToolError(
            f"--tool {tool}: no such tool on PATH; source settings64.sh of the Xilinx tools, or --tool open"
        )
    return True


def unused_tool(backend: str) -> str | None:
    """Return why an HLS tool on PATH was not run for projects of a backend, or None if there is no such tool."""
    other = "Vitis" if backend == "Vivado" else "Vivado"
    command = find_tool(other.lower())
    if command is None:
        return None
    return (
        f"{command[0]} is on PATH but was not run, because the projects are for {backend}; "
        f"run: python 05_convert_hls.py --hls.backend {other}, then this stage again"
    )


def read_reports(project: VendorProject) -> BuildReports:
    """Return the content of the reports that exist.

    Raises:
        ReportError: A report is truncated or malformed.
    """
    results = project.results
    c_synthesis = next(
        (path for suffix in (".xml", ".rpt") if (path := results["synth"].with_suffix(suffix)).is_file()), None
    )
    return BuildReports(
        read_c_synthesis(c_synthesis) if c_synthesis else None,
        read_cosimulation(results["cosim"]) if results["cosim"].is_file() else None,
        read_logic_synthesis(results["vsynth"]) if results["vsynth"].is_file() else None,
    )


def build_project(
    project: VendorProject,
    steps: BuildSteps,
    *,
    timeout_seconds: float,
    on_line: Callable[[str], None] | None = None,
) -> BuildReports:
    """Run steps of an hls4ml project, and return the content of its reports.

    Args:
        project: The project as written by hls4ml.
        steps: Steps to run. Their earlier results are removed first; C synthesis or a reset removes all results,
            which belong to an older design.
        timeout_seconds: Wall time for all steps together [s].
        on_line: Called with each line that the tools print; `project.log` has all of them.

    Raises:
        ToolError: A tool is missing, fails, is killed, exceeds the time limit, or leaves no result of a step.
        ReportError: A report is truncated or malformed.
    """
    command = find_tool(project.backend)
    if command is None:
        names = " or ".join(command[0] for command in COMMANDS[project.backend])
        raise ToolError(f"{names} is not on PATH: source settings64.sh of the Xilinx tools, or use the open tools")
    if steps.vsynth and shutil.which("vivado") is None:
        raise ToolError("vivado, which does the logic synthesis (vsynth), is not on PATH: source its settings64.sh")

    asked = [step for step in project.results if getattr(steps, step)]
    for step in project.results if steps.synth or steps.reset else asked:
        project.results[step].unlink(missing_ok=True)
        project.results[step].with_suffix(".rpt").unlink(missing_ok=True)  # C synthesis writes both formats

    options = {**asdict(steps), "validation": steps.cosim, "fifo_opt": False}
    if project.backend == "vivado":
        # One argument, synth before vsynth: the script searches it for each name, and `synth` also matches `vsynth`.
        command = (*command, " ".join(f"{name}={value}" for name, value in options.items()))
    else:
        lines = "".join(f"    {name:10} {value:d}\n" for name, value in options.items())
        (project.folder / "build_opt.tcl").write_text(f"array set opt {{\n{lines}}}\n", encoding="utf-8")
    _run(command, project, timeout_seconds, on_line)

    for step in asked:
        if not project.results[step].is_file():
            raise ToolError(
                f"{command[0]} ended without error, but left no {project.results[step].relative_to(project.folder)}; "
                f"its log is {project.log}"
            )
    if steps.csim and C_SIMULATION_DONE not in project.log.read_text(encoding="utf-8", errors="replace"):
        raise ToolError(f"{command[0]} ended without error, but did not finish C simulation; its log is {project.log}")
    reports = read_reports(project)
    if steps.cosim and reports.cosimulation is not None and not reports.cosimulation.passed:
        raise ToolError(f"{project.results['cosim']} says that co-simulation failed; the log is {project.log}")
    return reports


def _run(
    command: tuple[str, ...], project: VendorProject, timeout_seconds: float, on_line: Callable[[str], None] | None
) -> None:
    """Run a tool in the project's folder; if it fails, raise with the first error that it printed."""
    errors: list[str] = []

    def note(line: str) -> None:
        if line.startswith("ERROR"):
            errors.append(line)
        if on_line is not None:
            on_line(line)

    try:
        run_logged(command, folder=project.folder, log=project.log, timeout_seconds=timeout_seconds, on_line=note)
    except ToolError as error:
        raise ToolError("; it says: ".join([str(error), *errors[:1]])) from error
