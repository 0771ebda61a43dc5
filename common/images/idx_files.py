"""IDX files, the format of MNIST: a magic number, the shape, then the bytes of an array (yann.lecun.com/exdb/mnist)."""

import gzip
import hashlib
import zipfile
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.stages.artifacts import UNREADABLE


def read(path: Path | zipfile.Path, dimensions: int) -> tuple[np.ndarray, str]:
    """Return the uint8 array of an IDX file, and the SHA-256 of its uncompressed bytes.

    Args:
        path: The file, in a folder or in a zip archive; it may be compressed by gzip.
        dimensions: Expected number of dimensions.

    Raises:
        PipelineError: The file cannot be read, or its magic number, number of dimensions or length is wrong.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except UNREADABLE as error:
        raise PipelineError(f"{path} cannot be decompressed ({error})") from None
    if content[:4] != bytes([0, 0, 8, dimensions]):
        raise PipelineError(f"{path} is not an IDX file of {dimensions}-dimensional bytes")
    header = 4 + 4 * dimensions
    shape = np.frombuffer(content[4:header].ljust(4 * dimensions, b"\0"), dtype=">u4")
    if len(content) != header + int(np.prod(shape, dtype=np.int64)):
        raise PipelineError(f"{path} has {len(content)} bytes where its header says {list(map(int, shape))}")
    array = np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
    return array, hashlib.sha256(content).hexdigest()
