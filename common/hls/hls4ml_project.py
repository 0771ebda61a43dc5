"""Conversion of a Keras or QKeras network to a complete hls4ml project."""

import contextlib
import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from common import paper
from common.errors import PipelineError
from common.fixed_point import FixedPoint
from common.images.samples import PAPER_FORMAT
from common.networks.layout import IMAGE
from common.stages.artifacts import UNREADABLE
from common.stages.configuration import Interval, Part

if TYPE_CHECKING:
    from hls4ml.model.graph import ModelGraph

    from common.networks.legacy_keras import keras

PAPER_PIXEL = f"ufixed<{PAPER_FORMAT.bits},0>"  # hls4ml's type of a pixel, k / 32
Backend = Literal["Vivado", "Vitis"]
PROJECT = "design"
NO_STAMP = "00000000"
SIGMOID_RANGE = 16  # hls4ml tabulates the sigmoid from -8 to 8
FLOAT_PRECISION = "ap_fixed<16,6>"  # hls4ml's default, used in the paper for float networks


def pixel_type(bits: int) -> str:
    """Return hls4ml's type of a pixel of `bits` bits, k / 2^bits."""
    return f"ufixed<{bits},0>"


def look_up_sigmoid(values: np.ndarray, precision: FixedPoint, size: int) -> np.ndarray:
    """Return what hls4ml's table of the sigmoid holds for each value: `size` entries from -8 to 8, in `precision`.

    The address is rounded toward zero; values beyond +-8 take the first or the last entry.
    """
    table = precision.cast(1 / (1 + np.exp(-SIGMOID_RANGE * (np.arange(size) / size - 0.5))))
    return table[np.clip(np.trunc(values * (size / SIGMOID_RANGE)).astype(int) + size // 2, 0, size - 1)]


@dataclass(frozen=True)
class HlsOptions:
    """Settings of an hls4ml project."""

    backend: Backend = "Vivado"
    """HLS tool of the project: Vivado HLS (2018 to 2020) or Vitis HLS (since 2021)."""
    part: Part = paper.PART
    """Target FPGA of the HLS tool (paper's revision, Table 5: Alveo U250)."""
    clock_ns: Annotated[float, Interval(0.5, 1000)] = 5.0
    """Target clock period of the HLS tool [ns]."""
    strategy: Literal["Latency", "Resource"] = "Latency"
    """hls4ml's strategy: each layer fully unrolled (Latency), or folded for smaller area (Resource)."""
    reuse_factor: Annotated[int, Interval(1, 4096)] = 1
    """Products per multiplier; 1 is fully parallel (paper: initiation interval 1)."""


HARDWARE = {
    "InputLayer": (None,),
    "LeadingBits": (None,),
    **dict.fromkeys(("Distance", "Cells", "Threshold"), (None,)),
    "Dense": ("linear",),
    "QDense": ("linear",),
    "Activation": ("relu", "linear", "sigmoid"),
    "QActivation": ("quantized_relu", "quantized_bits", "quantized_sigmoid"),
}
"""Supported layers, each with its supported activations."""


def check_layers(model: "keras.Model") -> None:
    """Refuse a network with layers that cannot become hardware.

    Args:
        model: A Keras 2 network without softmax, as from `architecture.cut`.

    Raises:
        PipelineError: Layers are not in `HARDWARE`; the message gives name, class and activation.
    """
    found = [(layer.name, type(layer).__name__, _activation(layer)) for layer in model.layers]
    refused = [
        f"layer {name} ({kind}{f', activation {activation}' if activation else ''})"
        for name, kind, activation in found
        if activation not in HARDWARE.get(kind, ())
    ]
    if refused:
        possible = [f"{kind} with {', '.join(names)}" for kind, names in HARDWARE.items() if names != (None,)]
        raise PipelineError(
            f"{', '.join(refused)} cannot become hardware; supported are {'; '.join(possible)}. "
            "Put each activation in a layer of its own, and train again from stage 02"
        )


def _activation(layer: "keras.layers.Layer") -> str | None:
    """Return the name of a layer's activation (a function, a layer or a quantizer), or None."""
    activation = getattr(layer, "quantizer", None) or getattr(layer, "activation", None)
    if getattr(activation, "negative_slope", 0):
        return f"{activation}"
    return getattr(activation, "__name__", type(activation).__name__) if activation is not None else None


def convert(
    model: "keras.Model",
    folder: Path,
    options: HlsOptions,
    *,
    quantized: bool,
    input_type: str = pixel_type(PAPER_FORMAT.bits),
) -> "ModelGraph":
    """Convert a network, or a cut of one, into an hls4ml model whose project will be written to `folder`.

    This uses the Keras 2 functions of hls4ml with the architecture as a dict, because `convert_from_keras_model` takes
    the Keras 3 branch if Keras 3 is installed.

    Args:
        model: A Keras 2 network without softmax, as from `architecture.cut`.
        folder: Folder of the project.
        options: Settings of the project.
        quantized: Whether types are those of QKeras; otherwise all are `ap_fixed<16,6>`.
        input_type: Input type of a quantized network.

    Returns:
        The converted `hls4ml.model.graph.ModelGraph`.
    """
    import hls4ml

    from common.hls import score_layers

    _register_leading_bits()
    score_layers.register()
    architecture = _ArchitectureWithLayers(json.loads(model.to_json()))
    architecture.get_layer = model.get_layer
    hls_config = hls4ml.utils.config_from_keras_model(
        architecture,
        granularity="name",
        backend=options.backend,
        default_precision=FLOAT_PRECISION,
        default_reuse_factor=options.reuse_factor,
    )
    hls_config["Model"]["Strategy"] = options.strategy
    layers = hls_config["LayerName"]
    for layer in layers.values():
        layer["Trace"] = True
    if quantized:
        layers[model.input_names[0]]["Precision"]["result"] = input_type
        _set_exact_types(layers, model)
    else:
        for layer in layers.values():
            layer["Precision"] = dict.fromkeys(layer["Precision"], FLOAT_PRECISION)
    config = hls4ml.utils.config.create_config(
        output_dir=str(folder),
        project_name=PROJECT,
        backend=options.backend,
        part=options.part,
        clock_period=options.clock_ns,
        io_type="io_parallel",
    )
    config["KerasModel"], config["HLSConfig"] = model, hls_config
    with contextlib.redirect_stdout(io.StringIO()):
        converted = hls4ml.converters.keras_v2_to_hls(config)
    del converted.config.config["KerasModel"]  # hls4ml would pickle it into the project, with the time
    score_layers.set_cpp(converted)
    return converted


class _ArchitectureWithLayers(dict):
    """A network's architecture with `get_layer`, which hls4ml's weight reader calls."""

    get_layer: Any


def _set_exact_types(layers: dict[str, dict[str, Any]], model: "keras.Model") -> None:
    """Set the types that QKeras leaves open, so that the C++ is bit-exact.

    hls4ml's own type of an activation has no rounding and saturation where all its bits are integer bits. Accumulators
    stay `auto`, which keeps sums exact. A dense layer before a quantizing linear activation gets its type, because
    hls4ml merges the two.
    """
    if "pixels_leading_bits" in layers:
        bits = model.get_layer("pixels_leading_bits").bits
        layers["pixels_leading_bits"]["Precision"]["result"] = f"ufixed<{bits},0>"
    import qkeras

    for layer in model.layers:
        quantizer = getattr(layer, "quantizer", None)
        if isinstance(quantizer, qkeras.quantized_relu):
            layers[layer.name]["Precision"]["result"] = f"ufixed<{quantizer.bits},{quantizer.integer},RND_CONV,SAT>"
        elif isinstance(quantizer, qkeras.quantized_bits):
            layers[layer.name]["Precision"]["result"] = f"fixed<{quantizer.bits},{quantizer.integer + 1},RND_CONV,SAT>"
        elif isinstance(result := getattr(layer, "result", None), FixedPoint):
            layers[layer.name]["Precision"]["result"] = result.layout
    for rounded in [name for name in layers if name.endswith("_rounded")]:
        dense = rounded.removesuffix("_rounded")
        for same in (dense, f"{dense}_linear"):
            layers[same]["Precision"]["result"] = layers[rounded]["Precision"]["result"]
    if IMAGE in layers:
        fraction = _fraction_bits(layers[model.get_layer(IMAGE).input.node.layer.name]["Precision"]["result"])
        layers[IMAGE]["TableSize"] = SIGMOID_RANGE * 2**fraction
        layers[IMAGE]["table_t"] = "ufixed<24,0>"  # wide, so that only the result is rounded


def _fraction_bits(precision: str) -> int:
    width, integer = precision[precision.index("<") + 1 :].split(",")[:2]
    return int(width) - int(integer)


def _register_leading_bits() -> None:
    """Register `LeadingBits` with hls4ml as a linear activation of fewer bits."""
    from hls4ml.converters.keras_v2_to_hls import get_supported_keras_layers, register_keras_v2_layer_handler

    def parse(
        keras_layer: dict[str, Any], input_names: list[str], input_shapes: list[list[int]], _reader: object
    ) -> tuple:
        layer = {"name": keras_layer["config"]["name"], "class_name": "Activation", "activation": "linear"}
        return {**layer, "inputs": input_names, "n_in": input_shapes[0][-1]}, list(input_shapes[0])

    if "LeadingBits" not in get_supported_keras_layers():
        register_keras_v2_layer_handler("LeadingBits", parse)


def write_project(model: "ModelGraph", intensities: np.ndarray, expected: np.ndarray) -> None:
    """Write the project of a converted model, without binaries, which depend on the machine.

    The output is reproducible: hls4ml's stamp, a random number in library names, is set to zero.

    Args:
        model: A converted model.
        intensities: Test vectors of the generated test bench, float32 [N, pixels].
        expected: Outputs of the original network for them, float32 [N, values].
    """
    with contextlib.redirect_stdout(io.StringIO()):
        model.config.trace_output = False
        model.write()
    folder = Path(model.config.get_output_dir())
    stamp = model.config.config["Stamp"]
    model.config.config["Stamp"] = NO_STAMP
    for name in ("hls4ml_config.yml", "build_lib.sh"):
        text = (folder / name).read_text(encoding="utf-8")
        text = text.replace(f"'{stamp}'", stamp)  # YAML quotes a stamp that looks like a number
        text = text.replace(stamp, NO_STAMP)
        (folder / name).write_text(text.replace(f"OutputDir: {folder}", "OutputDir: ."), encoding="utf-8")
    for binary in folder.glob("firmware/*.so"):
        binary.unlink()
    np.savetxt(folder / "tb_data" / "tb_input_features.dat", intensities, fmt="%.9g")
    np.savetxt(folder / "tb_data" / "tb_output_predictions.dat", expected, fmt="%.9g")


def save_model(model: "ModelGraph", path: Path) -> None:
    """Save a converted model in hls4ml's format, with the same bytes for the same model.

    hls4ml's own archive contains file times, the path of the project, and its optimizers' names in random order.
    """
    from hls4ml.utils.serialization import serialize_model

    serialize_model(model, path)
    contents = _read_archive(path)
    contents["config.json"] = contents["config.json"].replace(model.config.get_output_dir().encode(), PROJECT.encode())
    state = json.loads(contents["graph_state.json"])
    flows = [{name: sorted(steps) for name, steps in flow.items()} for flow in state["applied_flows"]]
    contents["graph_state.json"] = json.dumps({**state, "applied_flows": flows}, indent=4).encode()
    with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in sorted(contents.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _read_archive(path: Path) -> dict[str, bytes]:
    """Return the content of each regular file in a tar archive, by name."""
    with tarfile.open(path) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}


def load_model(path: Path) -> "ModelGraph":
    """Load a converted model.

    hls4ml unpacks the archive to any path in it, and calls the classes named in it. Names with folders, and classes
    that are neither hls4ml's nor of known layers, are refused.

    Raises:
        PipelineError: The file is not a model that this version of hls4ml can read.
    """
    from hls4ml.utils.serialization import deserialize_model

    import common.networks.legacy_keras  # noqa: F401  (silently; QKeras would print TensorFlow's messages)
    from common.hls import score_layers
    from common.networks import (
        known_parts,  # also imports Keras 2, which QKeras's quantizers need
    )

    score_layers.register()
    try:
        with tarfile.open(path) as archive:
            names = [entry.name for entry in archive if entry.name and not (entry.isfile() and "/" not in entry.name)]
        described = [json.loads(content) for name, content in _read_archive(path).items() if name.endswith(".json")]
        own = {
            name for layer in score_layers.LAYERS for name in (layer.__name__, f"{layer.__module__}.{layer.__name__}")
        }
        classes = {name for name in _class_names(described) if not name.startswith("hls4ml.")} - own
        foreign = [*names, *sorted(classes - known_parts.CLASSES)]
        if foreign:
            raise PipelineError(f"{path} has parts that are not hls4ml's: {', '.join(foreign)}")
        with contextlib.redirect_stdout(io.StringIO()):
            return deserialize_model(path)
    except UNREADABLE as error:
        raise PipelineError(f"{path} is not a model of this version of hls4ml ({error})") from None


def _class_names(described: object) -> Iterator[str]:
    """Yield every class named in the description of a model, at any depth."""
    if isinstance(described, dict | list):
        if isinstance(described, dict) and "class_name" in described:
            yield str(described["class_name"])
        for each in described.values() if isinstance(described, dict) else described:
            yield from _class_names(each)
