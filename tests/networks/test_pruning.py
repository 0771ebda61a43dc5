"""Pruning: nonzero weights, steps of masking, and saved files."""

import subprocess
import sys

import numpy as np
import pytest
from paper_networks import build

from common.errors import PipelineError
from common.images.samples import Samples
from common.networks import architecture, pruning, training
from common.networks.layout import NETWORKS
from common.networks.legacy_keras import keras, make_deterministic
from common.networks.recipe import Recipe

LEFT = {"encoder_2": 102, "decoder_1": 6, "classifier_1": 6}  # paper, Table 1


@pytest.mark.parametrize("network", NETWORKS)
def test_numbers_of_nonzero_weights_match_table_1(demo_outputs, network):
    model = architecture.load(demo_outputs / "03_prune" / f"{network}_pruned.h5")
    for name, layer in architecture.dense_layers(model).items():
        kernel = layer.kernel.numpy()
        assert np.count_nonzero(kernel) == LEFT.get(name, kernel.size), name


def test_table_1_has_the_papers_numbers(demo_outputs):
    lines = (demo_outputs / "03_prune" / "table_1.csv").read_text(encoding="utf-8").splitlines()
    cells = {line.split(",")[0]: line.split(",")[1:] for line in lines}
    assert cells["layer"] == ["complete", "pruned", "paper: complete", "paper: pruned"]
    for layer, left in LEFT.items():
        complete, pruned, of_paper, pruned_of_paper = (cell.split("+")[0] for cell in cells[layer])
        assert complete == of_paper == ("512" if layer == "encoder_2" else "32")
        assert pruned == pruned_of_paper == str(left)
    assert cells["total"][2:] == ["6268", "5805"]


def test_file_loads_compiled_without_tensorflow_model_optimization(demo_outputs):
    path = demo_outputs / "03_prune" / "classifier_pruned.h5"
    program = f"""
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = "1"
sys.modules["tensorflow_model_optimization"] = None  # makes its import fail
import tf_keras
model = tf_keras.models.load_model({str(path)!r})
assert {{type(layer).__name__ for layer in model.layers}} == {{"InputLayer", "Dense", "Activation"}}
assert int(model.optimizer.iterations) == 2350
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr


def test_masks_change_only_at_the_steps_of_the_schedule(monkeypatch):
    """With one step per epoch, masks are checked after each step; each masking has another threshold."""
    samples = Samples(np.random.default_rng(8).random((32, 64), np.float32), np.zeros(32, int))
    recipe = Recipe(epochs=14, batch_size=32, learning_rate=0.05)
    make_deterministic(0)
    schedule = pruning.PruningSchedule(0.8, begin_step=4, end_step=10, frequency=3)
    pruned = pruning.with_pruning(build("autoencoder"), ["encoder_2"], schedule)
    training.compile_network(pruned, recipe, 32)
    left, thresholds = [], [0.0]

    def look(pruned, _):
        layer = next(layer for layer in pruned.layers if hasattr(layer, "pruning_vars"))
        _, mask, threshold = layer.pruning_vars[0]
        left.append(np.count_nonzero(mask))
        thresholds.append(float(threshold))
        assert not layer.layer.kernel.numpy()[mask.numpy() == 0].any()
        return {"l1": 0.0}

    monkeypatch.setattr(training, "evaluate", look)
    pruning.train(pruned, samples, samples, recipe, "test")
    assert left == [512] * 3 + [102] * 11
    assert [step for step in range(1, 15) if thresholds[step] != thresholds[step - 1]] == [4, 7, 10]


def test_only_the_given_layers_are_pruned_and_all_are_trained():
    samples = Samples(np.random.default_rng(8).random((32, 64), np.float32), np.arange(32) % 10)
    recipe = Recipe(epochs=3, batch_size=32)
    model = build("classifier")
    pruned = pruning.with_pruning(model, ["classifier_2"], pruning.PruningSchedule(0.5, 1, 3, 1))
    before = model.get_weights()
    training.compile_network(pruned, recipe, 32)
    pruning.train(pruned, samples, samples, recipe, "test")
    training.compile_network(model, recipe, 32)
    pruning.strip(pruned, model)
    pruning.check_sparsity(model, ["classifier_2"], 0.5)
    assert int(model.optimizer.iterations) == 3
    left = {name: np.count_nonzero(layer.kernel.numpy()) for name, layer in architecture.dense_layers(model).items()}
    assert left.pop("classifier_2") == 256
    assert sum(left.values()) == 2048 + 512 + 32 + 32 + 512 + 2048 + 32 + 320
    assert not any(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True) if a.ndim == 2)


@pytest.mark.fault("numbers")
def test_layer_that_misses_its_target_is_named():
    model = build("classifier")
    kernel = model.get_layer("decoder_1").kernel
    kernel.assign(keras.backend.constant(np.eye(2, 16)))
    with pytest.raises(PipelineError, match="layer decoder_1 has 2 nonzero weights, not 6"):
        pruning.check_sparsity(model, ["decoder_1"], 0.80)


def test_training_that_ends_before_pruning_begins_is_refused(run_here, outputs):
    status, _, errors = run_here("03_prune", "--epochs", "2", outputs=outputs)
    assert status == 1
    assert errors == "ERROR: 03_prune: training ends at step 94, before --begin-step 800\n"
