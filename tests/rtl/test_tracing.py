"""Tracing of other hls4ml models than the project's: Keras, C simulation and traced logic agree."""

import numpy as np
import pytest
import qkeras
from alkaid.trace import FVariable

from common.errors import PipelineError
from common.fixed_point import FixedPoint
from common.hls import c_simulation, hls4ml_project, mismatches
from common.networks.legacy_keras import keras
from common.rtl import tracing

RND_CONV = FixedPoint(5, 1, signed=False, rounding="RND_CONV", overflow="SAT")  # four fractional bits


def dense(tensor, nodes: int, name: str, bits: int = 5):
    quantizers = [qkeras.quantized_bits(bits, 0, alpha=1) for _ in range(2)]
    return qkeras.QDense(nodes, name=name, kernel_quantizer=quantizers[0], bias_quantizer=quantizers[1])(tensor)


def relu(tensor, name: str, bits: int = 4, integer: int = 0):
    return qkeras.QActivation(qkeras.quantized_relu(bits, integer), name=name)(tensor)


def logits(tensor, nodes: int, name: str, bits: int = 8, integer: int = 3):
    quantizer = qkeras.quantized_bits(bits, integer, alpha=1)
    return qkeras.QActivation(quantizer, name=f"{name}_rounded")(dense(tensor, nodes, name))


def other_widths():
    """Return a model with two hidden layers of other widths, one with 2-bit weights."""
    pixels = keras.Input((6,), name="pixels")
    hidden = relu(dense(pixels, 7, "first", 2), "first_relu", 3)
    hidden = relu(dense(hidden, 5, "second", 7), "second_relu", 6, 2)
    return keras.Model(pixels, logits(hidden, 3, "classifier_3"))


def sigmoid_and_two_outputs():
    pixels = keras.Input((6,), name="pixels")
    hidden = relu(dense(pixels, 5, "first"), "first_relu")
    sigmoid = qkeras.quantized_sigmoid(6, use_real_sigmoid=True)
    image = qkeras.QActivation(sigmoid, name="image")(logits(hidden, 4, "decoder_3"))
    return keras.Model(pixels, [image, logits(hidden, 3, "classifier_3")])


def pruned_neurons():
    """Return a model with hidden units that have only a bias, rounded to four fractional bits."""
    pixels = keras.Input((6,), name="pixels")
    hidden = relu(dense(pixels, 4, "first", 8), "first_relu", 5, 1)
    return keras.Model(pixels, logits(hidden, 3, "classifier_3"))


def floating_point():
    pixels = keras.Input((6,), name="pixels")
    hidden = keras.layers.Activation("relu", name="relu")(keras.layers.Dense(5, name="first")(pixels))
    image = keras.layers.Activation("sigmoid", name="sigmoid")(keras.layers.Dense(4, name="second")(hidden))
    return keras.Model(pixels, [image, keras.layers.Dense(3, name="third")(hidden)])


def with_random_weights(model):
    rng = np.random.default_rng(10)
    model.set_weights([rng.uniform(-1, 1, weights.shape) for weights in model.get_weights()])
    if model.name.startswith("pruned"):
        kernel, bias = np.zeros((6, 4)), np.array([0.984375, 0.03125, 0.1, -0.5])
        kernel[:, 2] = 0.5
        model.get_layer("first").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def pixels():
    """Return random intensities, an all-black and an all-white image."""
    levels = np.random.default_rng(11).integers(32, size=(300, 6))
    return np.concatenate([levels, np.zeros((1, 6)), np.full((1, 6), 31)]).astype(np.float32) / 32


@pytest.fixture(scope="module")
def simulated(request, tmp_path_factory, pixels):
    """Return a converted model, and the outputs of Keras and of the C simulation for `pixels`."""
    build = request.param
    model = build()
    model = with_random_weights(keras.Model(model.input, model.outputs, name=build.__name__))
    folder = tmp_path_factory.mktemp(build.__name__)
    converted = hls4ml_project.convert(
        model, folder, hls4ml_project.HlsOptions(), quantized=build is not floating_point
    )
    found, _ = c_simulation.c_simulate(converted, pixels)
    return converted, c_simulation.keras_outputs(model, pixels), found


QUANTIZED = (other_widths, sigmoid_and_two_outputs, pruned_neurons)


@pytest.mark.parametrize("simulated", [*QUANTIZED, floating_point], indirect=True)
def test_keras_c_simulation_and_traced_logic_agree(request, simulated, pixels):
    converted, of_keras, of_cpp = simulated
    if "floating_point" in request.node.name:
        np.testing.assert_allclose(of_cpp, of_keras, atol=0.05)
    else:
        np.testing.assert_array_equal(of_cpp, of_keras)
    of_alkaid = tracing.trace_model(converted).logic.predict(pixels)
    np.testing.assert_array_equal(of_alkaid, of_cpp)
    assert min(len(np.unique(column)) for column in of_cpp.T) > 1


def test_alkaid_rounds_constants_wrongly_and_cast_rounds_them_right():
    """If alkaid's values change, a newer version may no longer need the folding of constants."""
    values = [0.984375, 0.03125, 0.5]
    inputs = tracing.FVArray.from_kif(*np.array([[0], [0], [5]]), tracing.HARDWARE, 0.0, tracing.SOLVERS["area"])
    constants = tracing.FVArray(np.array([FVariable.from_const(value, hwconf=tracing.HARDWARE) for value in values]))

    def output(rounded):
        return tracing.trace(inputs, rounded, keep_dead_inputs=True).predict(np.zeros((1, 1)))[0].tolist()

    assert output(constants.quantize(0, 1, 4, "SAT", "RND_CONV")) == [0.0, 0.0625, 0.5]
    assert output(tracing.cast(constants, RND_CONV)) == [1.0, 0.0, 0.5] == RND_CONV.cast(values).tolist()


@pytest.mark.parametrize("fraction", [2, 4, 5, 7])
def test_sum_of_any_constant_is_rounded_right_and_one_that_prevents_ties_costs_less(fraction):
    """Every value of a signed input of this many fractional bits, plus constants of up to ten."""
    inputs = tracing.FVArray.from_kif(*np.array([[1], [2], [fraction]]), tracing.HARDWARE, 0.0, tracing.SOLVERS["area"])
    values = np.arange(-4, 4, 2.0**-fraction)[:, None]
    luts = {}
    for constant in (-0.75, 2.0**-5, 2.0**-6, 0.5 + 2.0**-8, -0.3125 + 2.0**-10, 1 - 2.0**-10):
        logic = tracing.trace(inputs, tracing.cast(inputs + constant, RND_CONV), keep_dead_inputs=True)
        np.testing.assert_array_equal(logic.predict(values), RND_CONV.cast(values + constant))
        luts[constant] = sum(operation.cost for operation in logic.ops)
    if fraction > 4:
        assert luts[-0.3125 + 2.0**-10] < luts[-0.75]


@pytest.mark.parametrize("simulated", [pruned_neurons], indirect=True)
def test_pruned_neurons_are_wrong_with_alkaids_own_rounding(simulated, pixels, monkeypatch, tmp_path):
    def cast(values, precision):
        sign, integer = int(precision.signed), precision.integer - int(precision.signed)
        return values.quantize(sign, integer, precision.fraction, precision.overflow, precision.rounding)

    converted, _, of_cpp = simulated
    monkeypatch.setattr(tracing, "cast", cast)
    traced = tracing.trace_model(converted)
    assert np.any(traced.logic.predict(pixels) != of_cpp)
    expected = c_simulation.c_simulate_elsewhere(converted, pixels, tmp_path)
    types = c_simulation.types_of(converted), traced.layer_types()
    mismatch = mismatches.first_mismatch(expected, traced.layer_values(pixels), *types)
    assert str(mismatch).startswith(
        "first difference in layer first_relu, image 0, unit 0: 1.0 expected as ufixed<5,1,"
    )
    assert ", 0.0 found as ufixed<" in str(mismatch)


def test_unsupported_layer_is_refused_by_name(tmp_path):
    pixels = keras.Input((6,), name="pixels")
    hidden = keras.layers.Activation("tanh", name="squashed")(keras.layers.Dense(5, name="first")(pixels))
    model = keras.Model(pixels, keras.layers.Dense(2, name="second")(hidden))
    converted = hls4ml_project.convert(model, tmp_path, hls4ml_project.HlsOptions(), quantized=False)
    with pytest.raises(PipelineError, match=r"layer squashed \(Activation, activation tanh\) cannot be traced"):
        tracing.trace_model(converted)
