"""Files that stages hand to each other: hashed, described by a `run.json`, and noticed when stale or damaged."""

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
"""What reading an archive, an array or a description may raise where a byte of it is not what it was."""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def record_digest(record: dict[str, Any]) -> str:
    """Return the SHA-256 of what a `run.json` says beside this digest, so that damage to it is noticed."""
    said = {key: value for key, value in record.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a text file as a whole: write beside it, then rename."""
    beside = path.with_name(f".{path.name}.partial")
    try:
        beside.write_text(text, encoding="utf-8", errors="replace")  # a file name may hold bytes that are no text
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def replace_folder(new: Path, current: Path, previous: Path) -> None:
    """Put a folder in the place of another in one step: whenever the process dies, the old or the new one is there.

    Args:
        new: The folder to put there; where the old one goes.
        current: Where it belongs.
        previous: Where the old one goes instead on file systems that cannot exchange two folders in one step.
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


def rerun(outputs: Path, stage: str) -> str:
    """Return the command that makes a stage's artifacts anew: that of its last run, with its flags.

    Where that is not known, or went on from artifacts that may be the damaged ones, it is the script alone, the first
    one with the preset of the others.
    """
    command = (_record(outputs, stage) or {}).get("command", ["--resume"])
    if "--resume" not in command:
        return shlex.join(command)
    others = [path.parent.name for path in outputs.glob("[0-9]*/run.json") if path.parent.name != stage]
    preset = next((record["preset"] for name in others if (record := _record(outputs, name))), None)
    is_first = all(stage < name for name in others)
    return f"python {stage}.py" + (f" --preset {preset}" if is_first and preset else "")


def _record(outputs: Path, stage: str) -> dict[str, Any] | None:
    """Return what a `run.json` says, or None where it is missing, damaged or of another format version."""
    try:
        run = json.loads((outputs / stage / "run.json").read_text(encoding="utf-8"))
        return run if run["format"] == RUN_FORMAT and run["sha256"] == record_digest(run) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_run(outputs: Path, stage: str) -> dict[str, Any]:
    """Return what `run.json` of a stage's folder says: how its artifacts were made, and their hashes.

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
    """Say why a finished stage is stale, upstream first, or return None where it is not.

    A stage is stale when one of the files that it read has since been made anew with other content. Only the
    `run.json` files are compared; `checked_artifact` holds the bytes of a file against them.

    Raises:
        PipelineError: A `run.json` on the way up is missing or damaged.
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
                mend = rerun(outputs, stage)
                return f"{outputs / stage} was made from {name}, which has changed since; run: {mend}"
    return None


def failure(outputs: Path, stage: str) -> str | None:
    """Say what a finished stage found wrong, and the command that runs it again, or return None where it succeeded.

    Raises:
        PipelineError: Its `run.json` is missing or damaged.
    """
    failures = read_run(outputs, stage).get("failures", ())
    if not failures:
        return None
    more = f" (and {len(failures) - 1} more)" if failures[1:] else ""
    return f"stage {stage} failed: {failures[0]}{more}; mend that and run: {rerun(outputs, stage)}"


def checked_artifact(outputs: Path, stage: str, name: str) -> tuple[Path, str]:
    """Return path and SHA-256 of an artifact that is present, intact and not stale.

    Raises:
        PipelineError: The file is missing, differs from what its stage wrote, or its stage is stale; the message
            names file, fault and the command that mends it.
    """
    path = outputs / stage / name
    written = read_run(outputs, stage)["writes"]
    if name not in written:
        raise PipelineError(f"stage {stage} has not written {path}; run: python {stage}.py with what you ask for")
    stale = stale_reason(outputs, stage)
    if stale is not None:
        raise PipelineError(f"stale input: {stale}")
    mend = f"run: {rerun(outputs, stage)}"
    try:
        digest = sha256(path)
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; {mend}") from None
    except OSError as error:
        raise PipelineError(f"{path} cannot be read ({error.strerror}); {mend}") from None
    if digest != written[name]:
        raise PipelineError(f"{path} is not what stage {stage} wrote (damaged or replaced); {mend}")
    return path, digest


def faulty_files(outputs: Path, stage: str) -> dict[str, str]:
    """Return `missing` or `damaged` for each file that is not what its stage wrote, by the file's name."""
    faults = {}
    for name, digest in read_run(outputs, stage)["writes"].items():
        path = outputs / stage / name
        if not path.is_file():
            faults[name] = "missing"
        elif sha256(path) != digest:
            faults[name] = "damaged"
    return faults
