"""The C++ test bench of an hls4ml project, built with g++ and run."""

import shutil
from collections.abc import Sequence
from math import floor, log10
from pathlib import Path

import numpy as np

from common.errors import PipelineError, ToolError
from common.hls import mismatches
from common.hls.hls4ml_project import PROJECT
from common.hls.interface import Output
from common.hls.mismatches import Mismatch
from common.running.processes import check_may_execute, run_logged


def run(project: Path) -> None:
    """Build the project's own test bench with g++ and its own `ap_types` headers, and run it; `results` reads its file.

    Args:
        project: Folder of the project; logs and results are kept in it.

    Raises:
        ToolError: g++ is missing or failed, or the folder is mounted noexec.
    """
    check_may_execute(project)
    headers = ["-Ifirmware/ap_types", '-DWEIGHTS_DIR="firmware/weights"']
    sources = [f"{PROJECT}_test.cpp", f"firmware/{PROJECT}.cpp"]
    command = ["g++", "-O1", "-std=c++14", "-w", *headers, *sources, "-o", "test_bench"]
    run_logged(command, folder=project, log=project / "g++.log", timeout_seconds=600)
    run_logged(["./test_bench"], folder=project, log=project / "csim.log", timeout_seconds=600)
    (project / "test_bench").unlink()


def results(project: Path, outputs: Sequence[Output], images: int) -> np.ndarray:
    """Return the results of a test bench that has run.

    It prints six digits; each value is rounded to the nearest representable value of its type.

    Args:
        project: Folder of the project.
        outputs: Outputs of the project's model.
        images: Number of test images.

    Returns:
        All outputs, concatenated, float64 [images, values].

    Raises:
        ToolError: The results are incomplete.
        PipelineError: Six digits do not identify a value of an output's type.
    """
    sizes = [output.size for output in outputs]
    results = (project / "tb_data" / "csim_results.log").read_text(encoding="utf-8")
    printed = [line.split() for line in results.splitlines()]
    if [len(line) for line in printed] != sizes * images:
        raise ToolError(
            f"{project / 'tb_data' / 'csim_results.log'} does not hold {sizes} values for each of {images} images"
        )
    columns = []
    for index, output in enumerate(outputs):
        if 0.5 * 10 ** (floor(log10(max(abs(output.type.low), output.type.high))) - 5) > output.type.step / 2:
            raise PipelineError(f"the test bench prints six digits, too few for values of type {output.type}")
        values = np.array(printed[index :: len(sizes)], dtype=np.float64)
        columns.append(np.rint(values / output.type.step) * output.type.step)
    return np.concatenate(columns, axis=1)


def by_layer(outputs: Sequence[Output], values: np.ndarray) -> dict[str, np.ndarray]:
    """Split concatenated outputs, [N, values], by output layer; return [N, units] each."""
    ends = np.cumsum([output.size for output in outputs])[:-1]
    return dict(zip((output.layer for output in outputs), np.split(values, ends, axis=1), strict=True))


def first_mismatch(outputs: Sequence[Output], expected: np.ndarray, found: np.ndarray) -> Mismatch | None:
    """Return the first mismatch of the test bench, or None; `expected` and `found` are [N, values]."""
    types = {output.layer: (str(output.type),) * output.size for output in outputs}
    return mismatches.first_mismatch(by_layer(outputs, expected), by_layer(outputs, found), types, types)


def keep_results(project: Path) -> None:
    """Remove the project's sources after a test bench run, keeping logs and results."""
    shutil.rmtree(project / "firmware")
    kept = {"g++.log", "csim.log", "csim_results.log"}
    for path in list(project.rglob("*")):
        if path.is_file() and path.name not in kept:
            path.unlink()
