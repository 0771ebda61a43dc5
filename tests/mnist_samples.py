"""Small files in the format of MNIST, for tests."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from common.images import idx_sets, originals

COUNT = {"train": 30, "t10k": 20}
HTML = b"<!doctype html><title>503 Service Unavailable</title>"
NAMES = idx_sets.MNIST.names
NO_CACHE = Path("/proc/no-cache")  # nothing can be written there


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def load(files: dict[str, Path], *, allow_other: bool = False) -> originals.Originals:
    return originals.of_idx_set(idx_sets.SETS["mnist"], files, allow_other=allow_other)


def dataset_of(files: dict[str, Path], *, allow_other: bool = False) -> str:
    return load(files, allow_other=allow_other).name


def replace_set(monkeypatch, key: str, **fields: object) -> idx_sets.IdxSet:
    """Replace fields of a public data set for one test; return it."""
    changed = replace(idx_sets.SETS[key], **fields)
    monkeypatch.setitem(idx_sets.SETS, key, changed)
    return changed
