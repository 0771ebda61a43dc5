"""The two networks: layers, cuts and files."""

import json

import h5py
import numpy as np
import pytest
import qkeras
from paper_networks import build

from common.errors import PipelineError
from common.networks import architecture
from common.networks.legacy_keras import keras, make_deterministic, tf

PARAMETERS = {"autoencoder": 5346, "classifier": 6268}  # paper, Table 1


@pytest.fixture
def pixels():
    return np.random.default_rng(4).integers(32, size=(20, 64)).astype(np.float32) / 32


@pytest.mark.parametrize("network", PARAMETERS)
def test_networks_match_the_paper(network):
    model = build(network)
    assert model.count_params() == PARAMETERS[network]
    sizes = [layer.units for layer in architecture.dense_layers(model).values()]
    assert sorted(sizes) == sorted([32, 16, 2, 16, 32, 64, *([16, 32, 10] if network == "classifier" else [])])
    functions = {
        layer.name: layer.activation.__name__ for layer in model.layers if layer.__class__.__name__ == "Activation"
    }
    last = {"image": "sigmoid", "class": "softmax"}
    assert functions == {name: last.get(name, "relu") for name in functions}
    assert len(functions) == len(sizes)
    assert model.output_names == ["image", "class"][: 1 + (network == "classifier")]


def test_outputs_are_intensities_and_probabilities(pixels):
    image, probabilities = architecture.predict(build("classifier"), pixels)
    assert ((image > 0) & (image < 1)).all()
    assert image.shape == pixels.shape
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_cuts_share_the_weights_of_the_network_without_softmax(pixels):
    model = build("classifier")
    image, probabilities = architecture.predict(model, pixels)
    latent = architecture.predict(architecture.cut(model, "encoder"), pixels)
    logits = architecture.predict(architecture.cut(model, "encoder_classifier"), pixels)
    full_image, full_logits = architecture.predict(architecture.cut(model, "full"), pixels)
    assert latent.shape == (20, 2)
    assert (latent >= 0).all()
    np.testing.assert_array_equal(latent, architecture.latent_points(model, pixels))
    np.testing.assert_array_equal(full_image, image)
    np.testing.assert_array_equal(full_logits, logits)
    np.testing.assert_allclose(keras.activations.softmax(keras.backend.constant(logits)), probabilities, rtol=1e-5)


@pytest.mark.parametrize(("cut", "missing"), [("encoder", "latent"), ("full", "image"), ("full", "class")])
def test_network_without_a_required_layer_is_refused_with_its_name(cut, missing):
    def renamed(layer):
        parts = (missing, f"{missing}_relu")
        name = f"renamed_{layer.name}" if layer.name in parts else layer.name
        return type(layer).from_config({**layer.get_config(), "name": name})

    model = keras.models.clone_model(build("classifier"), clone_function=renamed)
    with pytest.raises(PipelineError, match=f"network classifier has no layer {missing}, .*it has pixels, .*renamed"):
        architecture.cut(model, cut)


def test_seed_determines_the_initial_weights():
    def initial(seed):
        make_deterministic(seed)
        return build("classifier").get_weights()

    first, again, other = initial(0), initial(0), initial(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


FILES = {
    "02_train_autoencoder": ["autoencoder.h5", "classifier.h5"],
    "03_prune": ["autoencoder_pruned.h5", "classifier_pruned.h5"],
    "04_quantize": [f"{network}_quantized{end}.h5" for network in PARAMETERS for end in ("", "_pruned")],
}


@pytest.mark.parametrize(("stage", "name"), [(stage, name) for stage, names in FILES.items() for name in names])
def test_files_have_architecture_weights_training_configuration_and_optimizer_state(demo_outputs, stage, name):
    path = demo_outputs / stage / name
    network = name.removesuffix(".h5").partition("_")[0]
    with h5py.File(path) as file:
        assert json.loads(file.attrs["model_config"])["class_name"] == "Functional"
        training = json.loads(file.attrs["training_config"])
        assert training["optimizer_config"]["class_name"].endswith("Adam")
        assert training["loss"]["image"]["class_name"] == "MeanAbsoluteError"
        assert {"model_weights", "optimizer_weights"} <= set(file)
    model = architecture.load(path)
    assert model.count_params() == PARAMETERS[network]
    assert int(model.optimizer.iterations) == 50 * 47  # epochs x steps of the demo's 1,500 images
    moments = [variable.numpy() for variable in model.optimizer.variables[1:] if variable.shape.rank]
    assert len(moments) == 2 * len(model.trainable_variables)
    assert sum(np.any(moment) for moment in moments) > len(moments) / 2


@pytest.mark.fault("foreign")
def test_file_that_contains_code_is_refused(tmp_path):
    ran = tmp_path / "ran"
    hidden = keras.Sequential([keras.layers.Lambda(lambda x: x, name="harmless")])
    pixels = keras.Input((64,))
    for name, layer in {
        "open": keras.layers.Lambda(lambda x, mark=ran.touch: (mark(), x)[1]),
        "hidden": hidden,
        "wrapped": keras.layers.TimeDistributed(keras.layers.Lambda(lambda x: x)),
        "operation": tf.nn.relu,  # Keras wraps it in a layer that names a TensorFlow function
    }.items():
        path = tmp_path / f"{name}.h5"
        rows = keras.layers.Reshape((8, 8))(pixels)
        keras.Model(pixels, keras.layers.Dense(2)(layer(rows))).save(path, save_format="h5")
        ran.unlink(missing_ok=True)
        part = "TFOpLambda" if name == "operation" else "Lambda"
        with pytest.raises(PipelineError, match=f"{path} has parts that .* or that hold code: {part}"):
            architecture.load(path)
        assert not ran.exists()


def described(path, change):
    """Write a network file with a changed description."""
    architecture.save(build("autoencoder"), path)
    with h5py.File(path, "r+") as file:
        description = json.loads(file.attrs["model_config"])
        change({layer["name"]: layer for layer in description["config"]["layers"]})
        file.attrs["model_config"] = json.dumps(description)


FOREIGN = {
    "function of a module": {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"},
    "lambda": {"class_name": "__lambda__", "config": {"value": "code"}},
    "class of a module": {"module": "subprocess", "class_name": "Popen", "config": {"args": "touch ran"}},
    "class of Keras's name in another module": {"module": "planted", "class_name": "Zeros", "config": {}},
    "other function of Keras instead of a class": {
        "module": "keras.utils", "class_name": "Zeros", "config": {}, "registered_name": "get_file"
    },
    "unknown name": "system",
    "call of an unknown name": "system('touch ran')",
}  # fmt: skip


@pytest.mark.fault("foreign")
@pytest.mark.parametrize("place", ["activation", "kernel_initializer", "kernel_constraint"])
@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
def test_file_with_a_foreign_name_is_refused(tmp_path, monkeypatch, place, foreign):
    if place != "activation" and isinstance(foreign, str):
        foreign = {"class_name": foreign, "config": {}}
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "planted.py").write_text("import pathlib\npathlib.Path('ran').touch()\n", encoding="utf-8")
    path = tmp_path / "autoencoder.h5"
    described(path, lambda layers: layers["latent"]["config"].update({place: foreign}))
    with pytest.raises(PipelineError, match=f"{path} has parts that neither Keras, QKeras nor this project has"):
        architecture.load(path)
    assert {each.name for each in tmp_path.iterdir()} == {path.name, "planted.py"}


LAYERS_OF_OTHERS = {
    "tanh": lambda: keras.layers.Activation("tanh"),
    "leaky_relu": lambda: keras.layers.Dense(3, activation="leaky_relu"),
    "leaky_relu of TensorFlow": lambda: keras.layers.Activation(tf.nn.leaky_relu),
    "LeakyReLU": lambda: keras.layers.LeakyReLU(0.1),
    "LeakyReLU as an activation": lambda: keras.layers.Dense(3, activation=keras.layers.LeakyReLU(0.1)),
    "batch normalization": keras.layers.BatchNormalization,
    "dropout": lambda: keras.layers.Dropout(0.5),
    "convolution": lambda: keras.Sequential([keras.layers.Reshape((8, 8, 1)), keras.layers.Conv2D(3, 3)]),
    "weights with a norm": lambda: keras.layers.Dense(3, kernel_regularizer="l2", kernel_constraint="max_norm"),
    "QKeras by words": lambda: qkeras.QActivation("quantized_tanh(4, use_real_tanh=True)"),
    "QKeras": lambda: qkeras.QDense(3, "quantized_relu(4)", kernel_quantizer=qkeras.ternary(alpha=1)),
}


@pytest.mark.parametrize("layer", LAYERS_OF_OTHERS.values(), ids=LAYERS_OF_OTHERS.keys())
def test_file_with_any_layer_of_keras_and_qkeras_is_loaded(tmp_path, pixels, layer):
    given = keras.Input((64,))
    model = keras.Model(given, layer()(given))
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)), "huber")
    architecture.save(model, tmp_path / "model.h5")
    loaded = architecture.load(tmp_path / "model.h5")
    np.testing.assert_array_equal(architecture.predict(loaded, pixels), architecture.predict(model, pixels))


def test_file_that_is_not_a_model_is_refused(tmp_path):
    path = tmp_path / "classifier.h5"
    architecture.save(build("classifier"), path)
    content = path.read_bytes()
    for length in (0, 100, len(content) // 2):
        path.write_bytes(content[:length])
        with pytest.raises(PipelineError, match=f"{path} is not a Keras model in HDF5"):
            architecture.load(path)
    with h5py.File(path, "w"):
        pass
    with pytest.raises(PipelineError, match=f"{path} is not a Keras model in HDF5"):
        architecture.load(path)
