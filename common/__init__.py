"""Code shared by the numbered stages, one module per subject."""

import logging
import os

# Set before any module imports TensorFlow: QKeras and TensorFlow Model Optimization need Keras 2.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # these networks are too small to gain from a GPU

# Figures are drawn into files: ignore the backend that Jupyter exports, and the user's matplotlibrc.
os.environ["MPLBACKEND"] = "agg"
os.environ["MATPLOTLIBRC"] = os.devnull
os.environ["KERAS_HOME"] = os.devnull  # a keras.json there would change dtype and epsilon
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns if HOME is not writable
