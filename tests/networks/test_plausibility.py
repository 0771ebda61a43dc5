"""Implausible results: each is named, and the stage exits with status 1."""

import numpy as np
import pytest
from paper_networks import build
from stage_runs import hashes

from common.fixed_point import FixedPoint
from common.hls import c_simulation, hls4ml_project
from common.images import dataset
from common.images.samples import Samples
from common.networks import architecture, plausibility
from common.networks.legacy_keras import make_deterministic


@pytest.fixture
def samples():
    generator = np.random.default_rng(30)
    levels = generator.integers(32, size=(400, 64)).astype(np.float32) / 32
    return Samples(levels, generator.integers(10, size=400).astype(np.uint8))


@pytest.fixture
def alive():
    """Return a network whose latent units fire for every image."""
    make_deterministic(0)
    model = build("classifier")
    for name in ("encoder_1", "encoder_2", "latent"):
        model.get_layer(name).kernel.assign(np.abs(model.get_layer(name).kernel.numpy()))
    return model


@pytest.mark.fault("numbers")
@pytest.mark.parametrize("units", [(0,), (1,), (0, 1)])
def test_dead_latent_unit_is_named(alive, samples, units):
    assert "dead_unit" not in plausibility.findings(alive, samples, "classifier, complete")
    bias = np.zeros(2, np.float32)
    bias[list(units)] = -1000
    alive.get_layer("latent").bias.assign(bias)
    named = " and ".join(f"{unit + 1} (0)" for unit in units)
    found = plausibility.findings(alive, samples, "classifier, complete")["dead_unit"]
    assert found.startswith(f"classifier, complete: constant over all images: latent unit {named};")


@pytest.mark.fault("numbers")
def test_classifier_at_chance_level_is_named(alive, samples):
    found = plausibility.findings(alive, samples, "classifier")
    assert "is at chance level" in found["chance"]
    digits = architecture.predict(alive, samples.intensities)[1].argmax(axis=1)
    knows = Samples(samples.intensities, digits.astype(np.uint8))
    if len(set(digits)) > 1:  # with one digit, all knowledge is a guess
        assert "chance" not in plausibility.findings(alive, knows, "classifier")


def test_guesses_exceed_the_chance_level_only_rarely():
    digits = np.repeat(np.arange(10), 1000)
    assert plausibility.chance(digits) == pytest.approx(0.1 + 3 * 0.003)
    generator = np.random.default_rng(31)
    guesses = [np.mean(generator.permutation(digits) == digits) for _ in range(200)]
    assert np.mean(np.array(guesses) <= plausibility.chance(digits)) > 0.98


@pytest.mark.fault("numbers")
@pytest.mark.parametrize("outside", [-32.5, 32.0, 1e6])
def test_value_that_overflows_its_type_is_counted(outside):
    precision = FixedPoint(16, 6)
    values = np.linspace(-32, 31.99, 50).reshape(10, 5)
    assert plausibility.overflow(values, precision) is None
    values[3, 2] = outside
    assert plausibility.overflow(values, precision).startswith("1 of 50 values, from")
    assert plausibility.overflow(values, FixedPoint(16, 6, overflow="SAT")) is None


@pytest.mark.fault("numbers")
def test_overflow_of_the_c_simulation_is_named_with_its_layer(demo_outputs, tmp_path):
    """The latent plane has one integer bit, fewer than its values need: the generated C++ wraps around."""
    _, images = dataset.load(demo_outputs / "01_prepare_data" / "images.npz")
    network = architecture.load(demo_outputs / "04_quantize" / "classifier_quantized_pruned.h5")
    cut = architecture.cut(network, "encoder")
    set_exact_types = hls4ml_project._set_exact_types

    def narrow(layers, model):
        set_exact_types(layers, model)
        layers["latent_relu"]["Precision"]["result"] = "ufixed<16,1>"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hls4ml_project, "_set_exact_types", narrow)
        model = hls4ml_project.convert(cut, tmp_path / "project", hls4ml_project.HlsOptions(), quantized=True)
    found, layers = c_simulation.c_simulate(model, images.intensities)
    assert np.any(found != c_simulation.keras_outputs(cut, images.intensities))
    expected = c_simulation.keras_layer_outputs(cut, list(layers), images.intensities)
    [overflow] = c_simulation.overflows(model, expected)
    assert overflow.startswith("layer latent_relu: ")
    assert "are outside ufixed<16,1,TRN,WRAP>, 0 to 1.99997, and wrap around" in overflow


@pytest.mark.fault("numbers")
@pytest.mark.parametrize("allowed", [False, True])
def test_stage_names_implausible_results_and_fails_unless_they_are_allowed(outputs, run_here, allowed):
    """With the largest learning rate, the latent units die in one epoch."""
    before = hashes(outputs)
    allow = ("--allow", "dead_unit", "chance") if allowed else ()
    status, _, errors = run_here(
        "02_train_autoencoder", "--epochs", "1", "--learning-rate", "1", *allow, outputs=outputs
    )
    assert "classifier, complete: constant over all images: latent unit" in errors
    assert "classifier, complete: accuracy" in errors
    if allowed:
        assert status == 0
        assert all(line.startswith("WARNING: ") for line in errors.splitlines())
    else:
        assert status == 1
        assert all(line.startswith("ERROR: 02_train_autoencoder: ") for line in errors.splitlines())
        assert "or --allow dead_unit" in errors
    assert hashes(outputs) != before, "the artifacts are kept for inspection"
    assert "latent unit" in (outputs / "index.html").read_text(encoding="utf-8")
