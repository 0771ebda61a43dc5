"""Files that stages hand to each other: hashed, described by a `run.json`, and noticed when stale or damaged."""

import hashlib
import json
from pathlib import Path
from typing import Any

from common.errors import PipelineError

RUN_FORMAT = 1


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
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def read_run(outputs: Path, stage: str) -> dict[str, Any]:
    """Return what `run.json` of a stage's folder says: how its artifacts were made, and their hashes.

    Raises:
        PipelineError: The stage has not run, or its `run.json` is damaged or of another format version.
    """
    path = outputs / stage / "run.json"
    mend = f"run: python {stage}.py"
    try:
        run = json.loads(path.read_text())
        version = run["format"]
        if version == RUN_FORMAT:
            parts = (run[key] for key in ("configuration", "reads", "writes", "metrics"))
            if not all(isinstance(part, dict) for part in parts) or run.get("sha256") not in (None, record_digest(run)):
                raise ValueError(path)
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing, so stage {stage} has not finished here; {mend}") from None
    except (ValueError, KeyError, TypeError, OSError):
        raise PipelineError(f"{path} is damaged; {mend}") from None
    if version != RUN_FORMAT:
        raise PipelineError(
            f"{path} has format version {version}, this program reads version {RUN_FORMAT}; "
            f"use the program that wrote it, or {mend}"
        )
    return run


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
                return f"{outputs / stage} was made from {name}, which has changed since; run: python {stage}.py"
    return None


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
    try:
        digest = sha256(path)
    except FileNotFoundError:
        raise PipelineError(f"{path} is missing; run: python {stage}.py") from None
    except OSError as error:
        raise PipelineError(f"{path} cannot be read ({error.strerror}); run: python {stage}.py") from None
    if digest != written[name]:
        raise PipelineError(f"{path} is not what stage {stage} wrote (damaged or replaced); run: python {stage}.py")
    return path, digest
