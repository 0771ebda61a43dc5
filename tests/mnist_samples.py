"""Small files in the format of MNIST, for tests."""

from pathlib import Path

import numpy as np

from common.images import mnist

COUNT = {"train": 30, "t10k": 20}
HTML = b"<!doctype html><title>503 Service Unavailable</title>"
NAMES = tuple(mnist.SHA256)
NO_CACHE = Path("/proc/no-cache")  # nothing can be written there


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def dataset_of(files: dict[str, Path], *, allow_other: bool = False) -> str:
    parts = [mnist.read_labelled_images(files, part) for part in COUNT]
    return mnist.dataset_of(files, parts, allow_other=allow_other)
