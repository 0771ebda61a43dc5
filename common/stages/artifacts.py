"""Artifacts passed between stages: hashed, described by a `run.json`, and checked for staleness and damage."""

import csv
import ctypes
import errno
import hashlib
import json
import os
import shlex
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

from common.errors import PipelineError

RUN_FORMAT = 3
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of renameat2(2)
UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    EOFError,
    NotImplementedError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
)
"""Exceptions that loading a damaged archive, array or description may raise."""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record_digest(record: dict[str, Any]) -> str:
    """Return the SHA-256 of a `run.json` without this digest, to detect damage."""
    rest = {key: value for key, value in record.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, default=str).encode()).hexdigest()


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a text file atomically: write a temporary file, then rename it."""
    beside = path.with_name(f".{path.name}.partial")
    try:
        beside.write_text(text, encoding="utf-8", errors="replace")  # file names may hold invalid UTF-8
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def replace_folder(new: Path, current: Path, previous: Path) -> None:
    """Replace a folder by another atomically: if the process dies, the old or the new one exists.

    Args:
        new: The new folder; afterwards the path of the old one.
        current: Path of the folder to replace.
        previous: Path of the old one on file systems that cannot exchange two folders atomically.
    """
    if not current.exists():
        new.rename(current)
        return
    library = ctypes.CDLL(None, use_errno=True)
    if library.renameat2(AT_FDCWD, os.fsencode(new), AT_FDCWD, os.fsencode(current), RENAME_EXCHANGE) == 0:
        return
    if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(current))
    current.rename(previous)
    new.rename(current)


def find(outputs: Path, name: str) -> Path | None:
    """Return the path of an artifact, whichever stage has written it; None where no stage has."""
    return next(iter(sorted(outputs.glob(f"[0-9]*/{name}"))), None)


def rerun(outputs: Path, stage: str) -> str:
    """Return the command that makes a stage's artifacts again: that of its last run, with its flags.

    If that is unknown or has --resume, which needs undamaged artifacts, return the script without flags, the first
    stage with the preset of the others.
    """
    command = (_record(outputs, stage) or {}).get("command", ["--resume"])
    if "--resume" not in command:
        return shlex.join(command)
    others = [path.parent.name for path in outputs.glob("[0-9]*/run.json") if path.parent.name != stage]
    preset = next((record["preset"] for name in others if (record := _record(outputs, name))), None)
    is_first = all(stage < name for name in others)
    return f"python {stage}.py" + (f" --preset {preset}" if is_first and preset else "")


def _record(outputs: Path, stage: str) -> dict[str, Any] | None:
    """Return the content of a `run.json`, or None if it is missing, damaged or of another format version."""
    try:
        run = json.loads((outputs / stage / "run.json").read_text(encoding="utf-8"))
        return run if run["format"] == RUN_FORMAT and run["sha256"] == record_digest(run) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_run(outputs: Path, stage: str) -> dict[str, Any]:
    """Return the content of a stage's `run.json`: provenance and hashes of its artifacts.

    Raises:
        PipelineError: The stage has not run, or its `run.json` is damaged or of another format version.
    """
    path = outputs / stage / "run.json"
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
        version = run["format"]
        if version == RUN_FORMAT:
            parts = (run[key] for key in ("configuration", "reads", "writes", "metrics"))
            if not all(isinstance(part, dict) for part in parts) or run["sha256"] != record_digest(run):
                raise ValueError(path)
            return run
    except FileNotFoundError:
        fault = f"{path} is missing, so stage {stage} has not finished here;"
    except (ValueError, KeyError, TypeError, OSError):
        fault = f"{path} is damaged;"
    else:
        fault = (
            f"{path} has format version {version}, this program reads version {RUN_FORMAT}; "
            "use the program that wrote it, or"
        )
    raise PipelineError(f"{fault} run: {rerun(outputs, stage)}")


def stale_reason(outputs: Path, stage: str) -> str | None:
    """Return why a finished stage is stale, upstream stages first, or None if it is up to date.

    A stage is stale when a file that it read has changed since. Only the `run.json` files are compared;
    `checked_artifact` also checks the bytes of a file.

    Raises:
        PipelineError: A `run.json` upstream is missing or damaged.
    """
    reads = read_run(outputs, stage)["reads"]
    origins = sorted({name.partition("/")[0] for name in reads})
    for origin in origins:
        upstream = stale_reason(outputs, origin)
        if upstream is not None:
            return upstream
    for origin in origins:
        written = read_run(outputs, origin)["writes"]
        for name, digest in reads.items():
            folder, _, file = name.partition("/")
            if folder == origin and written.get(file) != digest:
                command = rerun(outputs, stage)
                return f"{outputs / stage} was made from {name}, which has changed since; run: {command}"
    return None


def failure(outputs: Path, stage: str) -> str | None:
    """Return the failures of a finished stage with the command to run it again, or None if it succeeded.

    Raises:
        PipelineError: Its `run.json` is missing or damaged.
    """
    failures = read_run(outputs, stage).get("failures", ())
    if not failures:
        return None
    more = f" (and {len(failures) - 1} more)" if failures[1:] else ""
    return f"stage {stage} failed: {failures[0]}{more}; fix that and run: {rerun(outputs, stage)}"


def checked_artifact(outputs: Path, stage: str, name: str) -> tuple[Path, str]:
    """Return path and SHA-256 of an artifact that is present, intact and not stale.

    Raises:
        PipelineError: The file is missing, differs from what its stage wrote, or its stage is stale; the message
            gives the file, the fault and the command that fixes it.
    """
    path = outputs / stage / name
    written = read_run(outputs, stage)["writes"]
    if name not in written:
        raise PipelineError(f"stage {stage} has not written {path}; run: python {stage}.py with flags for it")
    stale = stale_reason(outputs, stage)
    if stale is not None:
        raise PipelineError(f"stale input: {stale}")
    remedy = f"run: {rerun(outputs, stage)}"
    try:
        digest = sha256(path)
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; {remedy}") from None
    except OSError as error:
        raise PipelineError(f"{path} cannot be read ({error.strerror}); {remedy}") from None
    if digest != written[name]:
        raise PipelineError(f"{path} is not what stage {stage} wrote (damaged or replaced); {remedy}")
    return path, digest


def faulty_files(outputs: Path, stage: str) -> dict[str, str]:
    """Return `missing` or `damaged` for each file that differs from what its stage wrote, by file name."""
    faults = {}
    for name, digest in read_run(outputs, stage)["writes"].items():
        path = outputs / stage / name
        if not path.is_file():
            faults[name] = "missing"
        elif sha256(path) != digest:
            faults[name] = "damaged"
    return faults
