"""MNIST: located in a directory, in the download cache or on a mirror, and verified by checksum."""

import gzip
import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.images import dataset
from common.running import console, disk_space

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the four files, uncompressed, by name."""
SHA256_COMPRESSED = {
    "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
"""SHA-256 of the `.gz` files on the mirrors."""
CACHE_MEGABYTES = 12
COUNT = {"train": 60_000, "t10k": 10_000}
PATIENCE_SECONDS = 30.0  # without an answer, and before the speed is checked
LEAST_SPEED = 20_000  # bytes/s; at this speed the 10 MB of images take eight minutes
CHUNK = 1 << 16  # bytes
REMEDY = "download the four MNIST files and name their folder with --mnist-dir or MNIST_DIR"


class MnistUnavailableError(PipelineError):
    """MNIST is not in the cache and cannot be downloaded."""


@dataclass(frozen=True)
class LabelledImages:
    """Images, uint8 [N, height, width], and the digit that each one shows, uint8 [N], 0 to 9.

    `sha256` holds the hashes of the two uncompressed files, by name.
    """

    images: np.ndarray
    labels: np.ndarray
    sha256: dict[str, str]


def locate(directory: Path | None, spare_cache: Path) -> dict[str, Path]:
    """Return the path of each of the four files, by its name in `SHA256`.

    Searches `directory`, or else `$MNIST_DIR`, or else the download cache. Missing files are downloaded from a mirror,
    into `spare_cache` if the user's cache is full or not writable.

    Raises:
        PipelineError: The given directory lacks a file.
        MnistUnavailableError: No directory was given and the download failed.
    """
    given = directory or os.environ.get("MNIST_DIR")
    if given:
        return {name: _in_directory(Path(given), name) for name in SHA256}
    cache = _cache(spare_cache)
    return {name: _in_cache(name, cache) for name in SHA256}


def _in_directory(directory: Path, name: str) -> Path:
    other_programs = name.replace("-idx", ".idx")
    for candidate in (f"{name}.gz", name, f"{other_programs}.gz", other_programs):
        if (directory / candidate).is_file():
            return directory / candidate
    raise PipelineError(f"{directory / name}.gz is missing, and so is {name} or {other_programs}; {REMEDY}")


def _cache(spare: Path) -> Path:
    import pooch

    usual = pooch.os_cache("mnist")
    if all(os.access(usual / f"{name}.gz", os.R_OK) for name in SHA256):
        return usual
    if disk_space.has_room(usual, CACHE_MEGABYTES):
        return usual
    console.note(f"{usual} is full or not usable; MNIST is kept in {spare}")
    return spare


def _in_cache(name: str, cache: Path) -> Path:
    import pooch
    from urllib3.exceptions import HTTPError

    pooch.get_logger().setLevel("ERROR")
    faults = []
    for mirror in MIRRORS:
        try:
            path = pooch.retrieve(
                f"{mirror}{name}.gz",
                known_hash=SHA256_COMPRESSED[name],
                fname=f"{name}.gz",
                path=cache,
                downloader=_download,
            )
            return Path(path)
        except (OSError, HTTPError, ValueError) as error:  # requests' are OSErrors; a wrong checksum is a ValueError
            faults.append(f"{mirror}: {type(error).__name__}")
    raise MnistUnavailableError(f"{name}.gz could not be downloaded ({'; '.join(faults)}); {REMEDY}")


def _download(address: str, output: str, _pooch: object) -> None:
    """Download a file for pooch, which verifies it before caching; give up on a server that is too slow.

    Raises:
        OSError: The server does not answer, refuses, or is slower than `LEAST_SPEED`.
        HTTPError: The connection breaks or times out.
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


def read_idx(path: Path, dimensions: int) -> tuple[np.ndarray, str]:
    """Return the uint8 array of an IDX file (format: yann.lecun.com/exdb/mnist), and its SHA-256.

    The file may be compressed by gzip; the hash is that of the uncompressed bytes.

    Raises:
        PipelineError: The magic number, the number of dimensions or the length is wrong.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, gzip.zlib.error) as error:
        raise PipelineError(f"{path} cannot be decompressed ({error}); {REMEDY}") from None
    if content[:4] != bytes([0, 0, 8, dimensions]):
        raise PipelineError(f"{path} is not an IDX file of {dimensions}-dimensional bytes; {REMEDY}")
    header = 4 + 4 * dimensions
    shape = np.frombuffer(content[4:header].ljust(4 * dimensions, b"\0"), dtype=">u4")
    if len(content) != header + int(np.prod(shape, dtype=np.int64)):
        raise PipelineError(f"{path} has {len(content)} bytes where its header says {list(shape)}; {REMEDY}")
    array = np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
    return array, hashlib.sha256(content).hexdigest()


def read_labelled_images(files: dict[str, Path], part: str) -> LabelledImages:
    """Return the `train` (60,000) or `t10k` (10,000) images of 28 x 28 pixels, 0 to 255, and their labels.

    Raises:
        PipelineError: A file is damaged, swapped with another, or has a label above 9.
    """
    images_name, labels_name = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    images_path, labels_path = files[images_name], files[labels_name]
    (images, of_images), (labels, of_labels) = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images.shape != (COUNT[part], 28, 28):
        raise PipelineError(f"{images_path} has shape {images.shape}, not ({COUNT[part]}, 28, 28); {REMEDY}")
    if labels.shape != (COUNT[part],):
        raise PipelineError(f"{labels_path} has {len(labels)} labels, not {COUNT[part]}; {REMEDY}")
    if labels.max() > 9:
        raise PipelineError(f"{labels_path} has label {labels.max()}; digits are 0 to 9; {REMEDY}")
    return LabelledImages(images, labels, {images_name: of_images, labels_name: of_labels})


def dataset_of(files: dict[str, Path], parts: Iterable[LabelledImages], *, allow_other: bool) -> str:
    """Return `mnist`, or for other data a name with the start of its SHA-256.

    Raises:
        PipelineError: The data is not MNIST, and other data is not allowed.
    """
    found = {name: digest for part in parts for name, digest in part.sha256.items()}
    other = [name for name, digest in SHA256.items() if found[name] != digest]
    if not other:
        return dataset.MNIST
    if not allow_other:
        raise PipelineError(
            f"{files[other[0]]} is not MNIST's: its content has SHA-256 {found[other[0]]}, not {SHA256[other[0]]}; "
            f"{REMEDY}, or accept other data with --allow-other-data"
        )
    of_all = hashlib.sha256("".join(found[name] for name in SHA256).encode()).hexdigest()
    return f"other data (SHA-256 {of_all[:12]})"
