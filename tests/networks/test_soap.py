"""SOAP: faster than Adam on ill-conditioned losses, and resumed exactly."""

import numpy as np
import pytest

from common.networks.legacy_keras import keras, tf
from common.networks.quantization import KeepZeros
from common.networks.soap import Soap


def minimise(optimizer, steps, loss, start):
    variable = tf.Variable(start, name="kernel")
    optimizer.build([variable])
    for _ in range(steps):
        with tf.GradientTape() as tape:
            value = loss(variable)
        optimizer.apply_gradients([(tape.gradient(value, variable), variable)])
    return float(loss(variable))


def test_soap_beats_adam_on_a_rotated_ill_conditioned_loss():
    generator = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(generator.normal(size=(6, 6)))
    curvature = tf.constant(rotation @ np.diag(10.0 ** -np.arange(6)) @ rotation.T, tf.float32)
    target = generator.normal(size=(6, 3)).astype(np.float32)

    def loss(kernel):
        difference = kernel - target
        return tf.reduce_sum(difference * tf.matmul(curvature, difference))

    start = np.zeros((6, 3), np.float32)
    rate = keras.optimizers.schedules.CosineDecay
    left = {kind: minimise(kind(rate(0.05, 300)), 300, loss, start) for kind in (keras.optimizers.Adam, Soap)}
    assert left[Soap] < 0.2 * left[keras.optimizers.Adam]


@pytest.mark.parametrize("shape", [(4, 3), (5,)])
def test_resuming_from_the_saved_state_equals_an_uninterrupted_run(shape):
    gradients = np.random.default_rng(1).normal(size=(50, *shape)).astype(np.float32)

    def run(optimizer, variable, part):
        for gradient in part:
            optimizer.apply_gradients([(tf.constant(gradient), variable)])

    whole, broken = (tf.Variable(np.zeros(shape, np.float32), name="kernel") for _ in range(2))
    first = Soap(0.01)
    first.build([whole])
    run(first, whole, gradients)
    second = Soap(0.01)
    second.build([broken])
    run(second, broken, gradients[:27])
    third = Soap.from_config(second.get_config())
    third.build([broken])
    third.set_weights([variable.numpy() for variable in second.variables])
    run(third, broken, gradients[27:])
    np.testing.assert_array_equal(whole.numpy(), broken.numpy())


def test_gradient_of_a_weight_held_at_zero_does_not_rotate_the_basis():
    mask = np.ones((4, 3), np.float32)
    mask[1, 2] = 0
    gradients = np.random.default_rng(1).normal(size=(30, 4, 3)).astype(np.float32)

    def weights_after(gradients):
        variable = tf.Variable(np.ones((4, 3), np.float32) * mask, name="kernel", constraint=KeepZeros(mask))
        optimizer = Soap(0.01)
        optimizer.build([variable])
        for gradient in gradients:
            optimizer.apply_gradients([(tf.constant(gradient), variable)])
        return variable.numpy()

    found = weights_after(gradients)
    assert found[1, 2] == 0
    np.testing.assert_array_equal(found, weights_after(gradients * mask))
