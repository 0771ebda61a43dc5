"""Cache of long steps: the output of a step is reused until its inputs change."""

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

KEPT = 24  # finished steps; the least recently used are removed


def key_of(*ingredients: object) -> str:
    """Return the cache key of a step with these inputs: folders (all their files), arrays, and JSON values."""
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
    """Return the result of a step and fill its folder, from the cache if it has run before.

    Several processes may share a store.

    Args:
        store: Folder of the cache.
        key: From `key_of`, of all inputs of the step and of its `provenance.program`.
        folder: Output folder; may hold the step's input.
        make: The step, which fills the folder and returns a JSON value.
    """
    kept = store / key
    with _locked(store, fcntl.LOCK_SH):
        if kept.is_dir():
            shutil.copytree(kept / "files", folder, dirs_exist_ok=True)
            os.utime(kept)
            return json.loads((kept / "result.json").read_text(encoding="utf-8"))
    result = make()
    with _locked(store, fcntl.LOCK_EX):
        if not kept.is_dir():  # unless another process was faster
            partial = store / ".partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(folder, partial / "files")
            (partial / "result.json").write_text(json.dumps(result), encoding="utf-8")
            partial.rename(kept)
        for oldest in sorted(store.glob("[!.]*"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(oldest, ignore_errors=True)
    return result


@contextmanager
def _locked(store: Path, how: int) -> Iterator[None]:
    """Hold the lock of a store: shared for reading, exclusive for writing and removing."""
    store.mkdir(parents=True, exist_ok=True)
    with (store / ".lock").open("a", encoding="utf-8") as lock:
        fcntl.flock(lock, how)
        yield
