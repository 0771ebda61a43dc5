"""MNIST: found in a directory, in the download cache or on a mirror, and checked before it is believed."""

import gzip
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common import console
from common.errors import PipelineError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
COUNT = {"train": 60_000, "t10k": 10_000}
PATIENCE_SECONDS = 30.0  # without an answer, and before speed counts
LEAST_SPEED = 20_000  # bytes a second; the ten megabytes of images take eight minutes at that
CHUNK = 1 << 16  # bytes
MENDING = "download the four MNIST files and name their folder with --mnist-dir or MNIST_DIR"


class MnistUnavailableError(PipelineError):
    """MNIST is neither in the directory given, nor in the cache, nor to be had from a mirror."""


@dataclass(frozen=True)
class LabelledImages:
    """Images, uint8 [N, height, width], and the digit that each one shows, uint8 [N], 0 to 9."""

    images: np.ndarray
    labels: np.ndarray


def locate(directory: Path | None) -> dict[str, Path]:
    """Return the path of each of the four files, by its `.gz` name.

    Looked for in `directory`, else in `$MNIST_DIR`, else in the download cache, else downloaded from a mirror.

    Raises:
        PipelineError: The directory given lacks a file.
        MnistUnavailableError: No directory was given and the download failed.
    """
    given = directory or os.environ.get("MNIST_DIR")
    if given:
        return {name: _in_directory(Path(given), name) for name in SHA256}
    return {name: _in_cache(name) for name in SHA256}


def _in_directory(directory: Path, name: str) -> Path:
    for candidate in (directory / name, directory / name.removesuffix(".gz")):
        if candidate.is_file():
            return candidate
    raise PipelineError(f"{directory / name} is missing, and so is the file without .gz; {MENDING}")


def _in_cache(name: str) -> Path:
    import pooch
    from urllib3.exceptions import HTTPError

    pooch.get_logger().setLevel("ERROR")
    faults = []
    for mirror in MIRRORS:
        try:
            path = pooch.retrieve(
                mirror + name,
                known_hash=SHA256[name],
                fname=name,
                path=pooch.os_cache("mnist"),
                downloader=_download,
            )
            return Path(path)
        except (OSError, HTTPError, ValueError) as error:  # requests' are OSErrors; a wrong checksum is a ValueError
            faults.append(f"{mirror}: {type(error).__name__}")
    raise MnistUnavailableError(f"{name} could not be downloaded ({'; '.join(faults)}); {MENDING}")


def _download(address: str, output: str, _pooch: object) -> None:
    """Download a file for pooch, which checks it before it enters the cache; give up on a server that is too slow.

    Raises:
        OSError: The server does not answer, refuses, or sends less than `LEAST_SPEED`.
        HTTPError: It breaks off, or falls silent.
    """
    import requests

    with requests.get(address, stream=True, timeout=PATIENCE_SECONDS) as response, Path(output).open("wb") as file:
        response.raise_for_status()
        size = int(response.headers.get("Content-Length", 0))
        started, received = time.monotonic(), 0
        with console.progress_line(f"downloading {address.rpartition('/')[2]}", size // CHUNK + 1) as line:
            while chunk := response.raw.read1(CHUNK, decode_content=True):
                file.write(chunk)
                received += len(chunk)
                seconds = time.monotonic() - started
                if seconds > PATIENCE_SECONDS and received / seconds < LEAST_SPEED:
                    raise TimeoutError(f"{received} bytes in {seconds:.0f} s")
                line.show(received // CHUNK, f"{received / max(seconds, 1e-3) / 1e6:.1f} MB/s")


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Return the uint8 array of an IDX file, gzip-compressed or not (format: yann.lecun.com/exdb/mnist).

    Raises:
        PipelineError: The magic number, the number of dimensions or the length is wrong.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, gzip.zlib.error) as error:
        raise PipelineError(f"{path} cannot be decompressed ({error}); {MENDING}") from None
    if content[:4] != bytes([0, 0, 8, dimensions]):
        raise PipelineError(f"{path} is not an IDX file of {dimensions}-dimensional bytes; {MENDING}")
    header = 4 + 4 * dimensions
    shape = np.frombuffer(content[4:header].ljust(4 * dimensions, b"\0"), dtype=">u4")
    if len(content) != header + int(np.prod(shape, dtype=np.int64)):
        raise PipelineError(f"{path} has {len(content)} bytes where its header says {list(shape)}; {MENDING}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def read_labelled_images(files: dict[str, Path], part: str) -> LabelledImages:
    """Return the `train` (60,000) or `t10k` (10,000) images of 28 x 28 pixels, 0 to 255, and their labels.

    Raises:
        PipelineError: A file is damaged, swapped with another, or has a label above 9.
    """
    images_path, labels_path = files[f"{part}-images-idx3-ubyte.gz"], files[f"{part}-labels-idx1-ubyte.gz"]
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images.shape != (COUNT[part], 28, 28):
        raise PipelineError(f"{images_path} has shape {images.shape}, not ({COUNT[part]}, 28, 28); {MENDING}")
    if labels.shape != (COUNT[part],):
        raise PipelineError(f"{labels_path} has {len(labels)} labels, not {COUNT[part]}; {MENDING}")
    if labels.max() > 9:
        raise PipelineError(f"{labels_path} has label {labels.max()}; digits are 0 to 9; {MENDING}")
    return LabelledImages(images, labels)
