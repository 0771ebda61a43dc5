"""Import of TensorFlow and Keras 2 without messages."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Discard messages of C++ libraries on standard error, which no setting turns off."""
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


with silent_stderr():
    import tensorflow as tf
    import tf_keras as keras

tf.get_logger().setLevel("ERROR")
warnings.filterwarnings("ignore", message="You are saving your model as an HDF5 file")
warnings.filterwarnings("ignore", message="The `keras.constraints.serialize")  # from QKeras
warnings.filterwarnings("ignore", message="The initializer HeNormal is unseeded")  # from QKeras; overwritten

__all__ = ["keras", "make_deterministic", "silent_stderr", "tf"]


def make_deterministic(seed: int) -> None:
    """Seed Python, numpy and TensorFlow, and choose deterministic kernels."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
