"""Preset files: allowed fields, use by later stages, and errors with line and field."""

import functools
import hashlib
import json

import pytest
from stage_runs import load_stage

from common.errors import PipelineError
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


built_in = functools.cache(lambda stage: load_stage(stage).PRESETS)


def configuration(preset, stage):
    return preset.configuration(stage, built_in(stage))


def test_file_overrides_only_its_own_fields(write):
    preset = presets.load(str(write(GOOD)))
    demo = presets.load("demo")
    assert configuration(preset, "02_train_autoencoder").epochs == 2
    assert configuration(preset, "02_train_autoencoder").batch_size == 32
    assert configuration(preset, "03_prune") == configuration(demo, "03_prune")
    quantize = configuration(preset, "04_quantize")
    assert quantize.precision.encoder_1.weight_bits == 4
    assert quantize.precision.encoder_2 == configuration(demo, "04_quantize").precision.encoder_2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base = 'demo'\nprune.sparsity = \n", "not TOML: .*line 2, column 18"),
        ("base = 'fast'", "line 1: base must be one of paper, tuned, demo, not 'fast'"),
        ("# mine\n\nprune.sparsity = 2", "line 3: prune.sparsity must be between 0 and 0.99, not 2.0"),
        ("[prune]\nlayers = []\nsparcity = 0.5", "line 3: prune.sparcity is unknown; fields are .*sparsity"),
        ("[prune]\nsparsity = '80 %'", "line 2: prune.sparsity must be a number, not '80 %'"),
        ("[quantize]\nepochs = true", "line 2: quantize.epochs must be a whole number, not True"),
        ("[quantize]\nepochs = 2.0", "line 2: quantize.epochs must be a whole number, not 2.0"),
        ("[prune]\nlayers = ['encoder_9']", "line 2: prune.layers must be a list, each item one of encoder_1,"),
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
        presets.load(str(path))


@pytest.mark.parametrize("name", ["fast", "missing.toml", "outputs"])
def test_missing_preset_is_refused(name):
    with pytest.raises(PipelineError, match=f"there is no preset {name}: it is one of paper, tuned, demo, or a TOML"):
        presets.load(name)


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
