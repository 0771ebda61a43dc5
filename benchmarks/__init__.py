"""Speed, measured side by side: each module answers one question; `make benchmarks` runs all."""

import common  # noqa: F401  (chooses Keras 2, before a benchmark imports TensorFlow)
