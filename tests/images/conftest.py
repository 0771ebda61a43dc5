"""Fixtures of the tests of images: small files in the format of MNIST."""

import gzip
import hashlib

import numpy as np
import pytest
from mnist_samples import COUNT, idx, replace_set


@pytest.fixture
def arrays():
    """Return random images and labels by file name."""
    rng = np.random.default_rng(0)
    made = {}
    for part, count in COUNT.items():
        made[f"{part}-images-idx3-ubyte"] = rng.integers(256, size=(count, 28, 28), dtype=np.uint8)
        made[f"{part}-labels-idx1-ubyte"] = rng.permutation(np.arange(count) % 10).astype(np.uint8)
    return made


@pytest.fixture
def files(arrays, tmp_path):
    """Return paths of four small MNIST files by name."""
    paths = {}
    for name, array in arrays.items():
        paths[name] = tmp_path / f"{name}.gz"
        paths[name].write_bytes(gzip.compress(idx(array)))
    return paths


@pytest.fixture
def as_mnist(files, arrays, monkeypatch):
    """Accept the hashes of the small files as MNIST's."""
    digests = {name: hashlib.sha256(idx(array)).hexdigest() for name, array in arrays.items()}
    replace_set(monkeypatch, "mnist", content_sha256=digests)
