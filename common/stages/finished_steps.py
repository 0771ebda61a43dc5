"""Long steps that need not be repeated: what one has written is kept until what it was made of changes."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

KEPT = 24  # finished steps; the ones that have not been used longest give way


def key_of(*ingredients: object) -> str:
    """Return a name for what a step makes of folders (all files in them), arrays, and what JSON can hold."""
    digest = hashlib.sha256()
    for ingredient in ingredients:
        for part in _parts(ingredient):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _parts(ingredient: object) -> Sequence[bytes]:
    if isinstance(ingredient, Path):
        files = sorted(path for path in ingredient.rglob("*") if path.is_file())
        return [part for file in files for part in (str(file.relative_to(ingredient)).encode(), file.read_bytes())]
    if isinstance(ingredient, np.ndarray):
        return [str((ingredient.shape, ingredient.dtype)).encode(), ingredient.tobytes()]
    return [json.dumps(ingredient, sort_keys=True, default=str).encode()]


def once(store: Path, key: str, folder: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Have a step fill a folder, or fill it with what an earlier run of that step has left; return its result.

    Several processes may share a store.

    Args:
        store: Where finished steps are kept.
        key: From `key_of`, of all that the step depends on, the `provenance.program` that does it among them.
        folder: Does not exist yet, or holds the step's input.
        make: The step: fills the folder and returns what JSON can hold.
    """
    kept = store / key
    with _locked(store, fcntl.LOCK_SH):
        if kept.is_dir():
            shutil.copytree(kept / "files", folder, dirs_exist_ok=True)
            os.utime(kept)
            return json.loads((kept / "result.json").read_text(encoding="utf-8"))
    result = make()
    with _locked(store, fcntl.LOCK_EX):
        if not kept.is_dir():  # another process may have been faster
            partial = store / ".partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(folder, partial / "files")
            (partial / "result.json").write_text(json.dumps(result), encoding="utf-8")
            partial.rename(kept)
        for forgotten in sorted(store.glob("[!.]*"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(forgotten, ignore_errors=True)
    return result


@contextmanager
def _locked(store: Path, how: int) -> Iterator[None]:
    """Hold the lock of a store: shared to read, alone to write and to forget."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / ".lock").open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, how)
        yield
