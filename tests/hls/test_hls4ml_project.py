"""hls4ml projects: complete, independent of the machine, and with the golden outputs of C simulation."""

import csv
import io
import json
import re
import shutil
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import qkeras
from paper_networks import LAYOUT, build, build_quantized
from stage_runs import ROOT

from common.errors import PipelineError, ToolError
from common.fixed_point import fixed_point
from common.hls import c_simulation, conversion, hls4ml_project, mismatches, test_bench
from common.hls.designs import Design
from common.hls.interface import Interface
from common.images import dataset
from common.images.samples import Samples
from common.networks import architecture
from common.networks.legacy_keras import keras
from common.records import from_metrics

DESIGN = "05_convert_hls/full/quantized_pruned"


@pytest.fixture(scope="module")
def design(demo_outputs):
    return demo_outputs / DESIGN


@pytest.fixture(scope="module")
def model(design):
    return hls4ml_project.load_model(design / "model.fml")


def test_project_is_complete(design):
    project = design / "project"
    for name in (
        "build_prj.tcl", "project.tcl", "vivado_synth.tcl", "design_test.cpp", "hls4ml_config.yml",
        "firmware/design.cpp", "firmware/design.h", "firmware/defines.h", "firmware/parameters.h",
        "firmware/ap_types/ap_fixed.h", "firmware/nnet_utils/nnet_dense_latency.h",
        "tb_data/tb_input_features.dat", "tb_data/tb_output_predictions.dat",
    ):  # fmt: skip
        assert (project / name).stat().st_size, name
    parameters = (project / "firmware" / "parameters.h").read_text(encoding="utf-8")
    included = [line.split('"')[1] for line in parameters.splitlines() if line.startswith('#include "weights')]
    assert len(included) == 2 * len(LAYOUT.layers("classifier"))
    for name in included:
        for file in (project / "firmware" / name, (project / "firmware" / name).with_suffix(".txt")):
            assert file.stat().st_size, file


def test_project_has_the_requested_settings(design):
    settings = (design / "project" / "project.tcl").read_text(encoding="utf-8")
    assert 'set part "xcu250-figd2104-2L-e"' in settings
    assert "set clock_period 5" in settings
    assert 'set backend "vivado"' in settings


def test_project_has_no_local_paths_and_no_binaries(design, demo_outputs):
    of_this_machine = [str(path).encode() for path in (demo_outputs, ROOT, sys.prefix, Path.home())]
    for path in (design / "project").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"\0" not in content, path
            assert not [name for name in of_this_machine if name + b"/" in content], path
            assert b".partial" not in content, path


def test_test_bench_data_are_the_test_images(design, demo_outputs):
    _, test_samples = dataset.load(demo_outputs / "01_prepare_data" / "images.npz")
    given = np.loadtxt(design / "project" / "tb_data" / "tb_input_features.dat")
    np.testing.assert_array_equal(given, test_samples.intensities)
    expected = np.loadtxt(design / "project" / "tb_data" / "tb_output_predictions.dat", dtype=np.float32)
    with np.load(design / "csim.npz") as file:
        np.testing.assert_allclose(expected, file["outputs"], rtol=1e-6)


def test_test_bench_of_a_copied_project_gives_the_golden_outputs(design, model, tmp_path):
    project = shutil.copytree(design / "project", tmp_path / "copied")
    with np.load(design / "csim.npz") as file:
        outputs = file["outputs"]
    test_bench.run(project)
    found = test_bench.results(project, Interface.of(model).outputs, len(outputs))
    np.testing.assert_array_equal(found, outputs)
    assert outputs.shape == (297, 74)
    assert len(np.unique(outputs)) > 20


def test_c_simulation_equals_qkeras(design, demo_outputs):
    _, test_samples = dataset.load(demo_outputs / "01_prepare_data" / "images.npz")
    network = architecture.load(demo_outputs / "04_quantize" / "classifier_quantized_pruned.h5")
    expected = c_simulation.keras_outputs(architecture.cut(network, "full"), test_samples.intensities)
    with np.load(design / "csim.npz") as file:
        np.testing.assert_array_equal(file["outputs"], expected)
    metrics = json.loads((demo_outputs / "metrics.json").read_text(encoding="utf-8"))
    counts = {record.name: (record.differing["qkeras_csim"], record.values) for record in from_metrics(metrics)[1]}
    assert counts == {
        "encoder_classifier/quantized_pruned": (0, 2_970),
        "full/quantized_pruned": (0, expected.size),
    }


@pytest.mark.fault("numbers")
def test_first_mismatch_with_keras_names_layer_image_unit_values_and_types(model, demo_outputs):
    layers = {layer.name: layer for layer in model.get_layers()}
    network = architecture.cut(
        architecture.load(demo_outputs / "04_quantize" / "classifier_quantized_pruned.h5"), "full"
    )
    rng = np.random.default_rng(12)
    expected = {name: rng.random((20, layers[name].get_output_variable().size())) for name in layers}
    found = {name: values.copy() for name, values in expected.items()}
    types = c_simulation.keras_types_of(network, list(layers)), c_simulation.types_of(model)
    assert mismatches.first_mismatch(expected, found, *types) is None
    for name in ("decoder_2_relu", "encoder_2_relu", "image"):
        found[name][7, 3] = 0.25
        found[name][11, 1] = 0.5
    first = next(name for name in layers if name in ("decoder_2_relu", "encoder_2_relu", "image"))
    assert str(mismatches.first_mismatch(expected, found, *types)) == (
        f"first difference in layer {first}, image 7, unit 3: {expected[first][7, 3]} expected as quantized_relu(5,0), "
        "0.25 found as ufixed<5,0,RND_CONV,SAT,0>"
    )


def test_first_mismatch_of_the_test_bench_names_layer_image_unit_values_and_types(model):
    outputs = Interface.of(model).outputs
    expected = np.zeros((20, sum(output.size for output in outputs)))
    assert test_bench.first_mismatch(outputs, expected, expected) is None
    found = expected.copy()
    found[3, outputs[0].size + 2] = 0.5
    assert str(test_bench.first_mismatch(outputs, expected, found)) == (
        f"first difference in layer {outputs[1].layer}, image 3, unit 2: 0.0 expected as {outputs[1].type}, "
        f"0.5 found as {outputs[1].type}"
    )


def test_design_has_the_papers_types(model):
    types = {layer.name: fixed_point(layer.get_output_variable().type.precision) for layer in model.get_layers()}
    for name, expected in {
        "pixels": "ufixed<5,0,TRN,WRAP>",
        "encoder_1_relu": "ufixed<5,0,RND_CONV,SAT>",
        "latent_relu": "ufixed<16,6,RND_CONV,SAT>",
        "classifier_2_relu": "ufixed<6,0,RND_CONV,SAT>",
        "image": "ufixed<6,0,RND_CONV,SAT>",
    }.items():
        assert str(types[name]) == expected


@pytest.mark.fault("tool")
@pytest.mark.parametrize("gpp", [None, "echo no space left on device; exit 1"])
def test_missing_or_failing_compiler_is_named(model, tmp_path, monkeypatch, gpp):
    if gpp is not None:
        (tmp_path / "g++").write_text(f"#!/bin/sh\n{gpp}\n", encoding="utf-8")
        (tmp_path / "g++").chmod(0o755)
        for tool in ("bash", "sh", "dirname", "rm"):
            (tmp_path / tool).symlink_to(shutil.which(tool))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(model.config.config, "OutputDir", str(tmp_path / "project"))
    fault = "not found; install it" if gpp is None else "failed to compile.*no space left on device"
    with pytest.raises(ToolError, match=rf"^g\+\+ (was )?{fault}.*$"):  # one line, as a dot does not match a newline
        c_simulation.c_simulate(model, np.zeros((1, 64), np.float32))


def with_layer(model, name, layer):
    """Return a network with one layer replaced."""
    return keras.models.clone_model(
        model, clone_function=lambda own: layer if own.name == name else type(own).from_config(own.get_config())
    )


RELU = "decoder_2_relu"
TANH = qkeras.quantized_tanh(5)
LEAKY = qkeras.quantized_relu(5, 0, negative_slope=0.25)
UNSUPPORTED = {
    "Activation, activation tanh": (build, keras.layers.Activation("tanh", name=RELU)),
    "LeakyReLU": (build, keras.layers.LeakyReLU(name=RELU)),
    "BatchNormalization": (build, keras.layers.BatchNormalization(name=RELU)),
    "QActivation, activation quantized_tanh": (
        build_quantized,
        qkeras.QActivation(TANH, name=RELU),
    ),
    "QActivation, activation quantized_relu(5,0,0.25)": (build_quantized, qkeras.QActivation(LEAKY, name=RELU)),
}


@pytest.mark.parametrize(("words", "function", "layer"), [(words, *case) for words, case in UNSUPPORTED.items()])
def test_unsupported_layer_is_named_before_anything_is_compiled(tmp_path, monkeypatch, words, function, layer):
    architecture.save(with_layer(function("classifier"), RELU, layer), tmp_path / "model.h5")
    samples = Samples(np.zeros((3, 64), np.float32), np.arange(3))
    monkeypatch.setattr(c_simulation, "c_simulate", lambda *_: pytest.fail("it was compiled"))
    design = Design("full", "quantized" if function is build_quantized else "complete")
    said = rf"^layer {RELU} \({re.escape(words)}\) cannot become hardware; supported are .*quantized_relu"
    with pytest.raises(PipelineError, match=said):
        conversion.convert_and_simulate(
            design, tmp_path / "model.h5", tmp_path / "full", samples, hls4ml_project.HlsOptions(), tmp_path / "store"
        )
    hls4ml_project.check_layers(
        architecture.cut(architecture.load(tmp_path / "model.h5"), "encoder")
    )  # supported without that layer


def test_agreement_is_reported_layer_by_layer(demo_outputs):
    with (demo_outputs / "05_convert_hls" / "agreement_by_layer.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    layers = {row[1] for row in rows[1:] if row[0] == "full/quantized_pruned"}
    assert {"encoder_1_relu", "latent_relu", "decoder_3", "image", "classifier_3"} <= layers
    assert {float(row[2]) for row in rows[1:]} == {1.0}


def rewritten(path, source, change):
    """Write a model file with changed contents: names and bytes, in order."""
    with tarfile.open(source) as archive:
        contents = [(entry.name, archive.extractfile(entry).read()) for entry in archive]
    with tarfile.open(path, "w:gz") as archive:
        for name, content in change(contents):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def naming(name):
    def change(contents):
        old, new = b'"class_name": "hls4ml.model.layers.Dense"', f'"class_name": "{name}"'.encode()
        return [(file, content.replace(old, new)) for file, content in contents]

    return change


@pytest.mark.fault("foreign")
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (naming("subprocess.Popen"), "subprocess.Popen"),
        (naming("os.system"), "os.system"),
        (naming("Popen"), "Popen"),
        (lambda contents: [*contents, ("../escaped", b"")], "../escaped"),
        (lambda contents: [*contents, ("/tmp/escaped", b"")], "/tmp/escaped"),
    ],
)
def test_model_file_with_a_foreign_name_is_refused(design, tmp_path, change, named):
    path = tmp_path / "inner" / "model.fml"
    path.parent.mkdir()
    rewritten(path, design / "model.fml", change)
    with pytest.raises(PipelineError, match=f"{path} has parts that are not hls4ml's: {named}"):
        hls4ml_project.load_model(path)
    assert not (tmp_path / "escaped").exists()


@pytest.mark.fault("foreign")
def test_pickled_arrays_are_not_loaded(design, tmp_path):
    class Pickled:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    path = tmp_path / "images.npz"
    np.savez(path, **{name: np.array([Pickled()], dtype=object) for name in dataset.NAMES})
    with pytest.raises(PipelineError, match=f"{path} does not hold prepared images"):
        dataset.load(path)
    content = io.BytesIO()
    np.save(content, np.array([Pickled()], dtype=object))
    array = "encoder_1_weight_data.npy"
    rewritten(
        tmp_path / "model.fml",
        design / "model.fml",
        lambda contents: [(name, content.getvalue() if name == array else old) for name, old in contents],
    )
    with pytest.raises(PipelineError, match="is not a model of this version of hls4ml"):
        hls4ml_project.load_model(tmp_path / "model.fml")
    assert not (tmp_path / "ran").exists()


def test_model_file_does_not_depend_on_the_projects_path(model, tmp_path, monkeypatch):
    flows = model._applied_flows
    for folder, order in (("one", sorted), ("another", lambda steps: sorted(steps, reverse=True))):
        # hls4ml's optimizers are in random order, which changes from process to process.
        mixed = [{name: order(steps) for name, steps in flow.items()} for flow in flows]
        monkeypatch.setattr(model, "_applied_flows", mixed)
        (tmp_path / folder).mkdir()
        hls4ml_project.save_model(model, tmp_path / folder / "model.fml")
    first, second = (tmp_path / folder / "model.fml" for folder in ("one", "another"))
    assert first.read_bytes() == second.read_bytes()
    assert hls4ml_project.load_model(first).config.get_output_dir() == hls4ml_project.PROJECT
