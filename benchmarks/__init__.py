"""Benchmarks of speed and memory, one module per question; `make benchmarks` runs all."""

import common  # noqa: F401  (chooses Keras 2, before a benchmark imports TensorFlow)
