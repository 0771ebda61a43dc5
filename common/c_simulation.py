"""C simulation of an hls4ml project with g++, and its agreement with Keras, layer by layer."""

import contextlib
import io
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hls4ml.model.graph import ModelGraph

from common.errors import PipelineError, ToolError
from common.fixed_point import fixed_point
from common.hls import PROJECT
from common.legacy_keras import keras
from common.processes import run_logged


def c_simulate(model: ModelGraph, intensities: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Compile the project's C++ with g++ and run it.

    Args:
        model: A converted model.
        intensities: float32 [N, 64].

    Returns:
        All outputs side by side, float32 [N, values], and each layer's output by its name, float32 [N, nodes].

    Raises:
        ToolError: g++ is missing or failed.
    """
    if shutil.which("g++") is None:
        raise ToolError("g++ was not found; install it (Debian, Ubuntu: apt install g++)")
    log = io.StringIO()
    try:
        with contextlib.redirect_stdout(log):
            outputs, traces = model.trace(np.ascontiguousarray(intensities, dtype=np.float32))
    except Exception as error:
        if "Failed to compile" not in str(error):
            raise
        path = Path(model.config.get_output_dir()) / "g++.log"
        path.write_text(log.getvalue())
        raise ToolError(
            f"g++ failed to compile the generated C++; its last words: {' '.join(log.getvalue().split())[-300:]}"
        ) from None
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return _side_by_side(outputs), {name: values.reshape(len(values), -1) for name, values in traces.items()}


def _side_by_side(outputs: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([values.reshape(len(values), -1) for values in outputs], axis=1)


def keras_outputs(model: keras.Model, intensities: np.ndarray) -> np.ndarray:
    """Return all outputs of a Keras cut side by side, float32 [N, values]."""
    outputs = model.predict(intensities, batch_size=4096, verbose=0)
    return _side_by_side(outputs if isinstance(outputs, list) else [outputs])


def keras_layer_outputs(model: keras.Model, names: list[str], intensities: np.ndarray) -> dict[str, np.ndarray]:
    """Return what Keras computes for each hls4ml layer, by the layer's name: float32 [N, nodes]."""
    known = {layer.name for layer in model.layers}
    counterparts = {name: f"{name}_logits" if f"{name}_logits" in known else name for name in names}
    layers = [model.get_layer(counterparts[name]).output for name in names]
    return dict(
        zip(names, keras.Model(model.input, layers).predict(intensities, batch_size=4096, verbose=0), strict=True)
    )


FLOAT_TOLERANCE = 1 / 32  # a step of the input: floating and fixed point never agree to the last bit


@dataclass(frozen=True)
class Mismatch:
    """The first value, in the order of layers, images and units, in which two simulations differ."""

    layer: str
    image: int
    unit: int
    expected: float
    found: float
    precision: str

    def __str__(self) -> str:
        return (
            f"first difference in layer {self.layer}, image {self.image}, unit {self.unit}: "
            f"{self.expected!r} expected, {self.found!r} found as {self.precision}"
        )


def agreement(expected: dict[str, np.ndarray], found: dict[str, np.ndarray], tolerance: float) -> dict[str, float]:
    """Return the fraction of values that differ by no more than `tolerance`, layer by layer."""
    return {name: float(np.mean(np.abs(values - found[name]) <= tolerance)) for name, values in expected.items()}


def bit_differences(
    model: ModelGraph, expected: dict[str, np.ndarray], found: dict[str, np.ndarray]
) -> dict[str, list[float]]:
    """Return the fraction of values that differ in each bit of a layer's type, the least significant bit first.

    Expected values are cast to the type that the layer has in hardware.
    """
    differences = {}
    for name, values in expected.items():
        output = fixed_point(model.graph[name].get_output_variable().type.precision)
        codes = [np.rint(output.cast(each) / output.step).astype(np.int64) for each in (values, found[name])]
        changed = codes[0] ^ codes[1]
        differences[name] = [float(np.mean(changed >> bit & 1)) for bit in range(output.width)]
    return differences


def first_mismatch(model: ModelGraph, expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> Mismatch | None:
    """Return the first value that differs, or None where all are identical."""
    types = {layer.name: str(layer.get_output_variable().type.precision) for layer in model.get_layers()}
    for name, values in expected.items():
        differing = np.argwhere(values != found[name])
        if len(differing):
            image, unit = (int(index) for index in differing[0])
            return Mismatch(name, image, unit, float(values[image, unit]), float(found[name][image, unit]), types[name])
    return None


def run_test_bench(project: Path, model: ModelGraph) -> np.ndarray:
    """Build the project's own test bench with g++ and its own `ap_types` headers, run it, and read its results.

    The test bench prints six digits; each value is rounded to the nearest one that its type can represent.

    Args:
        project: Folder of the project; its logs and results are left in it.
        model: The converted model that the project was written from.

    Returns:
        All outputs side by side, float64 [N, values].

    Raises:
        ToolError: g++ is missing or failed, or the results are incomplete.
        PipelineError: Six digits do not identify a value of an output's type.
    """
    headers = ["-Ifirmware/ap_types", '-DWEIGHTS_DIR="firmware/weights"']
    sources = [f"{PROJECT}_test.cpp", f"firmware/{PROJECT}.cpp"]
    command = ["g++", "-O1", "-std=c++14", "-w", *headers, *sources, "-o", "test_bench"]
    run_logged(command, folder=project, log=project / "g++.log", timeout_seconds=600)
    run_logged(["./test_bench"], folder=project, log=project / "csim.log", timeout_seconds=600)
    (project / "test_bench").unlink()
    precisions = [fixed_point(variable.type.precision) for variable in model.get_output_variables()]
    sizes = [variable.size() for variable in model.get_output_variables()]
    images = sum(1 for _ in (project / "tb_data" / "tb_input_features.dat").open())
    printed = [line.split() for line in (project / "tb_data" / "csim_results.log").read_text().splitlines()]
    if [len(line) for line in printed] != sizes * images:
        raise ToolError(
            f"{project / 'tb_data' / 'csim_results.log'} does not hold {sizes} values for each of {images} images"
        )
    columns = []
    for index, precision in enumerate(precisions):
        if max(abs(precision.low), precision.high) * 5e-6 > precision.step / 2:
            raise PipelineError(f"the test bench prints six digits, too few for values of type {precision}")
        values = np.array(printed[index :: len(sizes)], dtype=np.float64)
        columns.append(np.rint(values / precision.step) * precision.step)
    return np.concatenate(columns, axis=1)


def keep_results(project: Path) -> None:
    """Remove the project's sources after a test bench run: its logs and results are what is looked at later."""
    shutil.rmtree(project / "firmware")
    kept = {"g++.log", "csim.log", "csim_results.log"}
    for path in list(project.rglob("*")):
        if path.is_file() and path.name not in kept:
            path.unlink()
