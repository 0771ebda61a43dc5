"""Dependencies of a script or module: the modules of `common/` that it imports, and the data files they read."""

import ast
import functools
import hashlib
import itertools
import json
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

COMMON = Path(__file__).resolve().parents[1]
DRAWING = (
    "figures/*", "synthesis/tables",
    "running/console", "running/disk_space", "stages/provenance",  # terminal output, records
    "paper", "published_designs",  # numbers for comparison
)  # fmt: skip
"""Modules that draw, print or describe. They change no artifact: a change redraws figures without training."""
RESULTS_PAGE = ("report", "report/*")  # every stage makes it again


def computing_files(source: Path) -> list[Path]:
    """Return the modules and data files of `common/` that affect the results of a script or module.

    Includes indirect imports, and imports in functions or child processes.

    Args:
        source: Path of a numbered script, or of a module of `common/`.
    """
    return sorted(_closure(source, left_out=(*DRAWING, *RESULTS_PAGE)))


def drawing_files(source: Path) -> list[Path]:
    """Return the modules and data files of `common/` that a script needs only to draw and print."""
    return sorted(_closure(source, left_out=RESULTS_PAGE) - _closure(source, left_out=(*DRAWING, *RESULTS_PAGE)))


@functools.cache
def code_digest(module: str) -> str:
    """Return the SHA-256 of a module and its computing files, independent of the place of the checkout.

    Args:
        module: Name, such as `common.synthesis.yosys`.
    """
    source = COMMON.parent.joinpath(*module.split(".")).with_suffix(".py")
    digests = {
        path.relative_to(COMMON).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in [source, *computing_files(source)]
    }
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def _closure(source: Path, left_out: Iterable[str]) -> set[Path]:
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        new = {path for path in _needed_by(waiting.pop()) if not _matches(path, left_out)} - found
        found |= new
        waiting += [path for path in new if path.suffix == ".py"]
    return found - {source}


def _matches(path: Path, patterns: Iterable[str]) -> bool:
    name = path.relative_to(COMMON).as_posix().removesuffix("/__init__.py").removesuffix(".py")
    return any(fnmatch(name, pattern) for pattern in patterns)


@functools.cache
def _needed_by(source: Path) -> frozenset[Path]:
    """Return the modules that a Python file imports from `common/`, and the data files in its folder that it names."""
    imported, strings = set(), set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                imported |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                imported |= {f"{module}.{alias.name}" for alias in names}
            case ast.Constant(value=str(text)):
                strings.add(text)
    places = {
        COMMON.parent / place
        for name in imported
        for place in itertools.accumulate(name.split("."), "{}/{}".format)
        if place.startswith(COMMON.name)
    }
    modules = {file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")}
    named = [path for path in source.parent.iterdir() if path.name in strings] if COMMON in source.parents else []
    data = {file for path in named for file in (path, *path.rglob("*")) if file.suffix not in (".py", ".pyc")}
    return frozenset(path for path in modules | data if path.is_file())
