"""Features of the tuned preset: a start chosen on a validation set, zeros raised during training, tables."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import qkeras
from paper_networks import build, quantized
from stage_runs import ROOT

from common.errors import PipelineError
from common.fixed_point import fixed_point
from common.hls import c_simulation, conversion, hls4ml_project, latent_space
from common.hls.designs import ANOMALY, CUTS
from common.hls.interface import Interface
from common.images.samples import Samples
from common.networks import architecture, pruning, quantization, quantized_training, training
from common.networks.layout import NETWORKS, HiddenLayers
from common.networks.legacy_keras import keras, make_deterministic
from common.networks.precision import LayerPrecision
from common.networks.recipe import Raised, Recipe, Starts
from common.networks.starts import choose_start
from common.rtl import pipeline, tabulation, tracing
from common.synthesis import yosys
from common.verification import by_simulation

RECIPE = Recipe(epochs=2, batch_size=16, learning_rate=5e-3)
FEW_BITS = LayerPrecision(3, 0, 6, 1, 4, 1)
SPARSITY = {"encoder_1": 0.65, "encoder_2": 0.45}
LEVELS = np.random.default_rng(20).integers(32, size=(120, 64))
SAMPLES = Samples(LEVELS.astype(np.float32) / 32, np.random.default_rng(21).integers(10, size=120))


VARIANTS = ("quantized", "quantized_pruned")


def train_raised(
    sparsity,
    penalty=0.0,
    network="autoencoder",
    recipe=RECIPE,
    variants=VARIANTS,
    share=0.5,
    penalty_share=1.0,
):
    make_deterministic(0)
    source = build(network, "he_uniform")
    penalties = {"encoder_1": penalty}
    raised = Raised(sparsity, share=share, penalty=penalties, penalty_share=penalty_share)
    raised = raised.for_each_layer(HiddenLayers())
    wanted = quantized(network, input_bits=3, encoder_1=FEW_BITS)
    return quantized_training.train_with_zeros_raised(wanted, source, recipe, raised, SAMPLES, SAMPLES, variants)


@pytest.mark.parametrize(("network", "optimizer"), list(zip(NETWORKS, ("adam", "soap"), strict=True)))
def test_sparsity_reaches_its_target_and_zeros_stay_zero_afterwards(network, optimizer):
    trained = train_raised(SPARSITY, network=network, recipe=replace(RECIPE, epochs=4, optimizer=optimizer))
    for variant, targets in {"quantized": {}, "quantized_pruned": SPARSITY}.items():
        model, curves = trained[variant]
        for name, layer in architecture.dense_layers(model).items():
            kernel = layer.kernel.numpy()
            assert np.count_nonzero(kernel) == kernel.size - round(targets.get(name, 0) * kernel.size), name
        assert {len(values) for values in curves.values()} == {4}
        assert not [layer for layer in model.layers if getattr(layer, "kernel_regularizer", None)]


def test_sparsity_rises_during_its_share_of_the_training(monkeypatch):
    seen, prune_smallest = [], quantized_training.prune_smallest

    def spy(model, wanted):
        seen.append(wanted.get("latent"))
        prune_smallest(model, wanted)

    monkeypatch.setattr(quantized_training, "prune_smallest", spy)
    train_raised({"latent": 0.5}, recipe=replace(RECIPE, epochs=8), variants=VARIANTS[1:])
    rising = [each for each in seen if each is not None]
    assert rising == sorted(rising)
    assert rising == pytest.approx([0.5 * (1 - (1 - time) ** 3) for time in (0.25, 0.5, 0.75, 1)])


def test_smallest_weights_are_pruned():
    model = quantization.build(quantized("autoencoder"), quantization.no_zeros(build("autoencoder")))
    kernel = architecture.dense_layers(model)["latent"].kernel
    before = np.random.default_rng(22).permutation(np.arange(1, 33, dtype=np.float32).reshape(16, 2) / 64)
    kernel.assign(before)
    quantized_training.prune_smallest(model, {"latent": 0.25})
    np.testing.assert_array_equal(kernel.numpy(), np.where(before > 8 / 64, before, 0))


def test_penalty_leaves_fewer_weights_in_its_layer():
    nonzero = {}
    for penalty in (0.0, 1e-2):
        found = train_raised({}, penalty, recipe=replace(RECIPE, epochs=16), variants=VARIANTS[:1])
        model, _ = found["quantized"]
        nonzero[penalty] = {
            name: np.count_nonzero(kernel) for name, (kernel, _) in architecture.weights_of(model).items()
        }
    assert nonzero[1e-2]["encoder_1"] < 0.7 * nonzero[0.0]["encoder_1"]
    assert nonzero[1e-2]["decoder_2"] > 0.9 * nonzero[0.0]["decoder_2"]


def test_weights_recover_from_the_penalty_and_rounded_zeros_stay_zero(monkeypatch):
    masks, end_penalties = [], quantized_training.end_penalties

    def spy(model, layers):
        masks.extend(architecture.weights_of(model)[name][0] != 0 for name in layers)
        end_penalties(model, layers)

    monkeypatch.setattr(quantized_training, "end_penalties", spy)
    recipe = replace(RECIPE, epochs=4)
    sparsity = {"encoder_1": 0.1}
    kernels = {}
    for share in (0.5, 1.0):
        model, _ = train_raised(sparsity, 1e-2, recipe=recipe, penalty_share=share)["quantized_pruned"]
        kernels[share] = architecture.weights_of(model)["encoder_1"][0]
    (mask,) = masks
    assert np.count_nonzero(mask) < 0.9 * mask.size
    assert not kernels[0.5][~mask].any()
    assert np.abs(kernels[0.5]).sum() > np.abs(kernels[1.0]).sum()


def test_penalty_may_not_end_before_the_sparsity_is_reached():
    with pytest.raises(PipelineError, match=r"penalty-share 0.4 is before share 0.5"):
        Raised(share=0.5, penalty_share=0.4).check()


def test_logits_rounded_afterwards_are_those_of_the_trained_network_rounded():
    source = build("classifier", "he_uniform")
    few = LayerPrecision(10, 3, 10, 3, 5, 0)
    wanted = replace(quantized("classifier", **{"class": few}), trains_rounded_logits=False)
    model, _ = quantization.train(source, wanted, (), SAMPLES, SAMPLES, RECIPE, "test")
    fine = quantization.build(wanted, rounded_logits=False)
    fine.set_weights(model.get_weights())
    name = f"classifier_{len(wanted.layout.classifier)}"
    unrounded = keras.Model(fine.input, architecture.layer_of(fine, name).output)(LEVELS / 32).numpy()
    rounded = keras.Model(model.input, architecture.layer_of(model, f"{name}_rounded").output)(LEVELS / 32).numpy()
    np.testing.assert_array_equal(rounded, np.clip(np.round(unrounded * 16) / 16, -1, 15 / 16))
    assert len(np.unique(rounded)) > 3
    assert not any(layer.name == f"{name}_rounded" for layer in fine.layers)


@pytest.mark.parametrize("best", [0, 1, 2])
def test_start_is_chosen_only_on_held_out_images(monkeypatch, best):
    trained, judged, models = [], [], []

    def build_start():
        models.append(build("classifier", "he_uniform"))
        return models[-1]

    def evaluate(_, samples):
        judged.append(samples)
        number = len(judged) - 1
        return {"accuracy": 0.5 - 0.1 * (number != best), "l1": 0.1 + 0.01 * (number == best)}

    monkeypatch.setattr(training, "train", lambda model, samples, *_, **__: trained.append(samples))
    monkeypatch.setattr(training, "evaluate", evaluate)
    starts = Starts(count=3, epochs=1, l1_weight=2.0, validation_images=20)
    chosen = choose_start(build_start, starts, RECIPE, SAMPLES, "test")
    assert chosen is models[best]
    assert len({model.get_weights()[0].tobytes() for model in models}) == 3
    rows = {image.tobytes() for image in SAMPLES.intensities}
    for rest, held_out in zip(trained, judged, strict=True):
        parts = [{image.tobytes() for image in part.intensities} for part in (rest, held_out)]
        assert [len(part) for part in parts] == [100, 20]
        assert parts[0] | parts[1] == rows


def test_validation_set_must_be_smaller_than_the_training_set():
    starts = Starts(count=2, validation_images=120)
    with pytest.raises(PipelineError, match="120 of 120 training images cannot be held out"):
        choose_start(lambda: build("autoencoder"), starts, RECIPE, SAMPLES, "test")


def test_pruning_can_start_from_a_chosen_network():
    source = build("autoencoder", "he_uniform")
    pruned = pruning.with_pruning(source, ["encoder_2"], pruning.PruningSchedule(0.5, 1, 2, 1))
    pruning.copy_weights(source, pruned)
    np.testing.assert_array_equal(architecture.predict(pruned, LEVELS / 32), architecture.predict(source, LEVELS / 32))


def small_network(latent_bits: int = 4, leading_bits: int = 3) -> keras.Model:
    """Return a network with the project's names, few nodes, and random weights."""

    def dense(tensor, nodes, name):
        quantizers = [qkeras.quantized_bits(5, 1, alpha=1) for _ in range(2)]
        return qkeras.QDense(nodes, name=name, kernel_quantizer=quantizers[0], bias_quantizer=quantizers[1])(tensor)

    def logits(tensor, nodes, name):
        return qkeras.QActivation(qkeras.quantized_bits(8, 3, alpha=1), name=f"{name}_rounded")(
            dense(tensor, nodes, name)
        )

    pixels = keras.Input((6,), name="pixels")
    seen = quantization.LeadingBits(leading_bits, name="pixels_leading_bits")(pixels)
    hidden = qkeras.QActivation(qkeras.quantized_relu(4, 1), name="encoder_2_relu")(dense(seen, 5, "encoder_2"))
    latent = qkeras.QActivation(qkeras.quantized_relu(latent_bits, 2), name="latent_relu")(dense(hidden, 2, "latent"))
    decoded = qkeras.QActivation(qkeras.quantized_relu(6, 3), name="decoder_2_relu")(dense(latent, 7, "decoder_2"))
    sigmoid = qkeras.QActivation(qkeras.quantized_sigmoid(6, use_real_sigmoid=True), name="image")
    image = sigmoid(logits(decoded, 4, "decoder_3"))
    probabilities = keras.layers.Activation("softmax", name="class")(logits(latent, 3, "classifier_3"))
    model = keras.Model(pixels, [image, probabilities])
    rng = np.random.default_rng(23)
    model.set_weights([rng.uniform(-0.9, 0.9, weights.shape) for weights in model.get_weights()])
    model.get_layer("latent").set_weights([np.array([[1, 0.5], [0.5, -1], [-1, 1], [0.5, 1], [1, -0.5]]), np.zeros(2)])
    return model


PIXELS = np.random.default_rng(24).integers(32, size=(500, 6)).astype(np.float32) / 32


def converted(model, folder, cut):
    return hls4ml_project.convert(architecture.cut(model, cut), folder, hls4ml_project.HlsOptions(), quantized=True)


@pytest.mark.parametrize("latent_bits", [3, 4, 6])
@pytest.mark.parametrize("cut", [cut for cut in CUTS if cut != ANOMALY])
def test_tables_equal_the_layers_after_the_latent_plane(tmp_path, cut, latent_bits):
    model = converted(small_network(latent_bits), tmp_path, cut)
    dense, tabulated = (
        tracing.trace_model(model, tracer) for tracer in (tracing.Hls4mlTracer, tabulation.TabulatingTracer)
    )
    expected = dense.logic.predict(PIXELS)
    np.testing.assert_array_equal(tabulated.logic.predict(PIXELS), expected)
    assert len(np.unique(expected, axis=0)) > 5
    assert len(tabulated.layer_of_operation) == len(tabulated.logic.ops)
    tables = {"encoder": set(), "encoder_classifier": {"classifier_3"}, "full": {"image", "classifier_3"}}[cut]
    front = {"pixels", "pixels_leading_bits", "encoder_2", "encoder_2_relu", "latent", "latent_relu"}
    assert set(tabulated.layers) - {f"{name}_linear" for name in ("encoder_2", "latent")} - tables == front
    assert tables <= set(tabulated.luts_by_layer())


@pytest.mark.parametrize("aim", ["area", "delay"])
@pytest.mark.parametrize("dead_unit", [None, 0, 1])
def test_tables_have_an_entry_for_each_reachable_latent_point(tmp_path, dead_unit, aim):
    network = small_network()
    if dead_unit is not None:
        kernel, bias = network.get_layer("latent").get_weights()
        kernel[:, dead_unit] = 0
        network.get_layer("latent").set_weights([kernel, bias])
    model = converted(network, tmp_path, "full")
    traced = tracing.trace_model(model, tabulation.TabulatingTracer, ("latent_relu",), aim)
    addresses, entries = tabulation.entries(model, traced)
    expected = {None: np.arange(256), 0: np.arange(16), 1: np.arange(0, 256, 16)}[dead_unit]
    np.testing.assert_array_equal(addresses, expected)
    points = np.stack(np.divmod(expected, 16), axis=1)
    values = tabulation._values_at(model, "latent_relu", points, ["image", "classifier_3"])
    np.testing.assert_array_equal(entries[:, :7], np.concatenate(values, axis=1))


def test_part_downstream_of_the_latent_plane_equals_the_whole_design(tmp_path):
    cut = architecture.cut(small_network(), "full")
    model = hls4ml_project.convert(cut, tmp_path / "whole", hls4ml_project.HlsOptions(), quantized=True)
    found, layers = c_simulation.c_simulate(model, PIXELS)

    def simulate_points(outputs):
        interface, options = Interface.of(model), hls4ml_project.HlsOptions()
        return conversion._simulate_points(
            cut, interface, PIXELS, outputs, layers["latent_relu"], tmp_path / "part", options
        )

    of_points = simulate_points(found)
    assert of_points.shape == (256, 7)
    addresses = latent_space.latent_space(model).addresses(layers["latent_relu"])
    np.testing.assert_array_equal(addresses, np.rint(layers["latent_relu"] * 4).astype(int) @ (16, 1))
    np.testing.assert_array_equal(of_points[addresses], found)
    with pytest.raises(PipelineError, match="downstream of the latent space, converted separately, differs"):
        simulate_points(found + 1)


def test_registers_of_a_tabulated_pipeline_name_their_layers(tmp_path):
    traced = tracing.trace_model(converted(small_network(), tmp_path, "full"), tabulation.TabulatingTracer)
    registers = pipeline.registers(traced, pipeline.PipelineOptions(2, "verilog", "part", 5.0))
    assert registers["model_out"].layers == ("image",) * 4 + ("classifier_3",) * 3


def test_design_whose_first_pixel_is_pruned_away_is_simulated_bit_for_bit(tmp_path):
    model = small_network()
    kernel, bias = model.get_layer("encoder_2").get_weights()
    kernel[0] = 0
    model.get_layer("encoder_2").set_weights([kernel, bias])
    graph = converted(model, tmp_path / "project", "encoder_classifier")
    traced = tracing.trace_model(graph, tabulation.TabulatingTracer)
    options = pipeline.PipelineOptions(3, "verilog", "part", 5.0)
    pipeline.write_rtl(traced, tmp_path / "rtl", options)
    yosys.elaborate(tmp_path / "rtl", pipeline.TOP, tmp_path / "rtl" / "gates.json", timeout_seconds=60)
    found = by_simulation.verify(
        tmp_path / "rtl" / "gates.json",
        PIXELS.astype(np.float64),
        fixed_point(graph.get_input_variables()[0].type.precision),
        pipeline.registers(traced, options),
        traced.logic.predict(PIXELS),
    )
    assert (found.differing, found.first_mismatch) == (0, None)
    assert len(np.unique(found.outputs)) > 5


def test_latent_plane_of_too_many_points_is_refused_with_the_remedy(tmp_path):
    model = converted(small_network(latent_bits=7), tmp_path, "full")
    with pytest.raises(PipelineError, match=r"2 x 7 bits has too many points .*: run with --no-tabulate-latent, or "):
        tracing.trace_model(model, tabulation.TabulatingTracer)


def test_network_with_leading_bits_is_loaded_by_a_new_process(tmp_path):
    architecture.save(small_network(), tmp_path / "model.h5")
    path = str(tmp_path / "model.h5")
    load = (
        "from pathlib import Path; from common.networks.architecture import load; "
        f"print(load(Path({path!r})).count_params())"
    )
    done = subprocess.run([sys.executable, "-c", load], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.stdout.strip() == str(small_network().count_params()), done.stderr


def test_leading_bits_are_converted_and_traced_in_memory_and_from_a_file(tmp_path):
    model = small_network()
    architecture.save(model, tmp_path / "model.h5")
    image, logits = architecture.predict(keras.Model(model.input, architecture.cut(model, "full").outputs), PIXELS)
    for number, each in enumerate((model, architecture.load(tmp_path / "model.h5"))):
        graph = converted(each, tmp_path / str(number), "full")
        (layer,) = (layer for layer in graph.get_layers() if layer.name == "pixels_leading_bits")
        precision = layer.get_output_variable().type.precision
        assert (precision.width, precision.integer, precision.signed) == (3, 0, False)
        found = tracing.trace_model(graph).logic.predict(PIXELS)
        np.testing.assert_array_equal(found, np.concatenate([image, logits], axis=1))
