"""Preset files: allowed fields, use by later stages, and errors with line and field."""

import hashlib
import json
from pathlib import Path

import pytest

from common.errors import PipelineError
from common.networks.precision import PAPER
from common.report.pipeline import DECLARED
from common.stages import presets

GOOD = """# mine
base = "demo"
prepare_data.seed = 5

[train_autoencoder]
epochs = 2

[quantize.precision.encoder_1]
weight_bits = 4
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def configurations(preset):
    """Return the configurations of all stages before any has run."""
    return {
        name: presets.default_configuration(name, Path("/no/outputs"), preset, DECLARED[name], DECLARED)
        for name in DECLARED
    }


def test_file_overrides_only_its_own_fields(write):
    mine, demo = (configurations(presets.load(name, DECLARED)) for name in (str(write(GOOD)), "demo"))
    assert mine["train_autoencoder"].epochs == 2
    assert mine["train_autoencoder"].batch_size == 32
    assert mine["prune"] == demo["prune"]
    precision = mine["quantize"].precision
    assert precision["encoder_1"].weight_bits == 4
    assert precision.keys() == demo["quantize"].precision.keys()
    assert precision["encoder_2"] == demo["quantize"].precision["encoder_2"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base = 'demo'\nprune.sparsity = \n", "not TOML: .*line 2, column 18"),
        ("base = 'fast'", "line 1: base must be one of paper, revision, tuned, small, demo, not 'fast'"),
        ("# mine\n\nprune.sparsity = 2", "line 3: prune.sparsity must be between 0 and 0.99, not 2.0"),
        ("[prune]\nlayers = []\nsparcity = 0.5", "line 3: prune.sparcity is unknown; fields are .*sparsity"),
        ("[prune]\nsparsity = '80 %'", "line 2: prune.sparsity must be a number, not '80 %'"),
        ("[quantize]\nepochs = true", "line 2: quantize.epochs must be a whole number, not True"),
        ("[quantize]\nepochs = 2.0", "line 2: quantize.epochs must be a whole number, not 2.0"),
        (
            "[prune]\nlayers = ['encoder_9']",
            "line 1: prune .*--layers encoder_9: there is no such layer; layers are ",
        ),
        ("[quantize]\n\nraised = 3", "line 3: quantize.raised is a group of fields"),
        ("[quantize.precision]\nencoder_1 = { weight_bits = 0 }", "line 2: .*weight_bits must be between 1 and 24"),
        ("polish.seed = 1", "line 1: polish is not a stage; stages are prepare_data, train_autoencoder, prune, "),
        ("prune = 3", "line 1: prune is a stage, not a value"),
        ("prepare_data.preset = 'demo'", "line 1: prepare_data.preset is set only by --preset"),
        (
            "[prune]\nbegin_step = 3000\nend_step = 2000",
            "line 1: prune contradicts itself: --end-step 2000 is before",
        ),
    ],
)
def test_wrong_files_are_refused_with_line_and_field(write, text, words):
    path = write(text)
    with pytest.raises(PipelineError, match=f"^{path}.*{words}"):
        presets.load(str(path), DECLARED)


@pytest.mark.parametrize("name", ["fast", "missing.toml", "outputs"])
def test_missing_preset_is_refused(name):
    with pytest.raises(
        PipelineError, match=f"there is no preset {name}: it is one of paper, revision, tuned, small, demo, or"
    ):
        presets.load(name, DECLARED)


def test_later_stages_use_the_first_stages_copy_and_record_its_hash(write, run_here, tmp_path):
    path, outputs = write(GOOD), tmp_path / "outputs"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert run_here("01_prepare_data", "--preset", str(path), outputs=outputs)[0] == 0
    path.unlink()  # later stages read the first stage's copy
    status, printed, _ = run_here("02_train_autoencoder", "--allow", "dead_unit", "chance", outputs=outputs)
    assert status == 0
    assert f"preset {path}" in printed.replace("\n", "")
    first, second = (
        json.loads((outputs / stage / "run.json").read_text(encoding="utf-8"))
        for stage in ("01_prepare_data", "02_train_autoencoder")
    )
    assert first["external_reads"] == {"mine.toml": digest}
    assert first["configuration"]["seed"] == 5
    assert second["reads"]["01_prepare_data/preset.toml"] == digest
    assert second["configuration"]["epochs"] == 2
    assert {run["preset"] for run in (first, second)} == {str(path)}
    assert {run["dataset"] for run in (first, second)} == {"digits"}
    assert "DEMO PRESET" in (outputs / "results.md").read_text(encoding="utf-8")


def test_flags_override_a_file(write, run_here, tmp_path):
    outputs = tmp_path / "outputs"
    assert run_here("01_prepare_data", "--preset", str(write(GOOD)), "--seed", "6", outputs=outputs)[0] == 0
    assert (
        json.loads((outputs / "01_prepare_data" / "run.json").read_text(encoding="utf-8"))["configuration"]["seed"] == 6
    )


def test_changed_copy_is_detected(write, run_here, tmp_path):
    outputs = tmp_path / "outputs"
    assert run_here("01_prepare_data", "--preset", str(write(GOOD)), outputs=outputs)[0] == 0
    copy = outputs / "01_prepare_data" / "preset.toml"
    copy.write_text(copy.read_text(encoding="utf-8").replace("epochs = 2", "epochs = 3"), encoding="utf-8")
    status, _, errors = run_here("02_train_autoencoder", outputs=outputs)
    assert status == 1
    assert f"{copy} is not what stage 01_prepare_data wrote" in errors
    assert not (outputs / "02_train_autoencoder").exists()


def test_fields_of_layers_are_those_of_the_files_own_network(write):
    path = write(
        "train_autoencoder.network.encoder = [24, 12, 6]\ntrain_autoencoder.network.classifier = []\n"
        "quantize.precision.encoder_3.weight_bits = 4\nquantize.raised.sparsity.encoder_3 = 0.5\n"
        "prune.layers = ['encoder_3']\n"
    )
    found = configurations(presets.load(str(path), DECLARED))
    layers = found["train_autoencoder"].network.kinds()
    assert "encoder_3" in layers and "classifier_2" not in layers
    quantize = found["quantize"]
    assert list(quantize.precision) == list(quantize.raised.sparsity) == list(quantize.raised.penalty) == list(layers)
    assert (quantize.precision["encoder_3"].weight_bits, quantize.precision["encoder_2"].weight_bits) == (4, 5)
    assert quantize.precision["classifier_1"] == PAPER["class"]
    assert {name for name, value in quantize.raised.sparsity.items() if value} == {"encoder_3"}
    assert found["prune"].layers == ("encoder_3",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train_autoencoder.network.encoder = [32, 0]", "line 1: .*network.encoder must be between 1 and 4096, not 0"),
        ("train_autoencoder.network.encoder = 32", "line 1: .*network.encoder must be a list, each item"),
        ("quantize.raised.sparsity.latent = 1.5", "line 1: .*sparsity.latent must be between 0 and 1, not 1.5"),
        ("quantize.raised.sparsity.encoder_9 = 0.5", "line 1: .*encoder_9 is unknown; names are encoder_1, encoder_2,"),
        (
            "train_autoencoder.network.encoder = [9]\nquantize.precision.encoder_2.weight_bits = 4",
            "line 2: quantize.precision.encoder_2 is unknown; names are encoder_1, latent, decoder_1, ",
        ),
    ],
)
def test_limits_and_names_of_layers_are_checked_with_line_and_field(write, text, words):
    path = write(text)
    with pytest.raises(PipelineError, match=f"^{path}.*{words}"):
        presets.load(str(path), DECLARED)
