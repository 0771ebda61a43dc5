"""What the numbered stages share: one module per subject."""

import logging
import os

# Before TensorFlow is imported, by whichever module: QKeras and TensorFlow Model Optimization are written for Keras 2.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # these networks are too small to gain from a GPU

# Figures are drawn into files: neither the backend that Jupyter exports to its shells counts nor a user's matplotlibrc.
os.environ["MPLBACKEND"] = "agg"
os.environ["MATPLOTLIBRC"] = os.devnull
os.environ["KERAS_HOME"] = os.devnull  # a keras.json there changes the type and the epsilon of every computation
logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns at each start where it cannot write to HOME
