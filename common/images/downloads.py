"""Files of a public data set: in a given folder, in the download cache, or on a mirror, verified by checksum."""

import os
import time
from pathlib import Path

from common.errors import PipelineError
from common.images.idx_sets import IdxSet
from common.running import console, disk_space

PATIENCE_SECONDS = 30.0  # without an answer, and before the speed is checked
LEAST_SPEED = 20_000  # bytes/s; at this speed the 10 MB of MNIST's images take eight minutes
CHUNK = 1 << 16  # bytes


class DataUnavailableError(PipelineError):
    """A data set is not in the cache and cannot be downloaded."""


def locate(wanted: IdxSet, directory: Path | None, spare_cache: Path) -> dict[str, Path]:
    """Return the paths of a data set's files: of its archive by that name, or of its four IDX files by theirs.

    Searches `directory`, or else for MNIST `$MNIST_DIR`, or else the download cache. Missing files are downloaded from
    a mirror, into `spare_cache` if the user's cache is full or not writable.

    Raises:
        PipelineError: The given directory lacks a file.
        DataUnavailableError: No directory was given and the download failed.
    """
    given = directory or (os.environ.get("MNIST_DIR") if wanted.key == "mnist" else None)
    if given:
        return _in_directory(wanted, Path(given))
    cache = _cache(wanted, spare_cache)
    return {name.removesuffix(".gz"): _in_cache(wanted, name, cache) for name in wanted.sha256}


def _in_directory(wanted: IdxSet, directory: Path) -> dict[str, Path]:
    if wanted.archive and (directory / wanted.archive).is_file():
        return {wanted.archive: directory / wanted.archive}
    return {name: _named_like(wanted, directory, name) for name in wanted.names}


def _named_like(wanted: IdxSet, directory: Path, name: str) -> Path:
    other_programs = name.replace("-idx", ".idx")
    for candidate in (f"{name}.gz", name, f"{other_programs}.gz", other_programs):
        if (directory / candidate).is_file():
            return directory / candidate
    missing = f"{directory / name}.gz is missing, and so is {name} or {other_programs}"
    raise PipelineError(f"{missing}; {wanted.remedy}")


def _cache(wanted: IdxSet, spare: Path) -> Path:
    import pooch

    usual = pooch.os_cache(wanted.key)
    if all(os.access(usual / name, os.R_OK) for name in wanted.sha256):
        return usual
    if disk_space.has_room(usual, wanted.megabytes):
        return usual
    console.note(f"{usual} is full or not usable; {wanted.title} is kept in {spare}")
    return spare


def _in_cache(wanted: IdxSet, name: str, cache: Path) -> Path:
    import pooch
    from urllib3.exceptions import HTTPError

    pooch.get_logger().setLevel("ERROR")
    faults = []
    for mirror in wanted.mirrors:
        try:
            path = pooch.retrieve(
                f"{mirror}{name}", known_hash=wanted.sha256[name], fname=name, path=cache, downloader=_download
            )
            return Path(path)
        except (OSError, HTTPError, ValueError) as error:  # requests' are OSErrors; a wrong checksum is a ValueError
            faults.append(f"{mirror}: {type(error).__name__}")
    raise DataUnavailableError(f"{name} could not be downloaded ({'; '.join(faults)}); {wanted.remedy}")


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
