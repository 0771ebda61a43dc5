"""What a script or a module is made of: modules of `common/` that it imports, and data files that these read."""

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
    "running/console", "running/disk_space", "stages/provenance",  # words on the terminal, records
    "paper", "published_designs",  # numbers that ours are shown beside
)  # fmt: skip
"""Modules that draw, print or describe: they change no artifact, so that figures are drawn anew without training."""
RESULTS_PAGE = ("report", "report/*")  # any stage makes it anew


def computing_files(source: Path) -> list[Path]:
    """Return the modules and data files of `common/` with which a script or module computes, direct or not.

    Also modules that are imported late or in a child process.

    Args:
        source: A numbered script, or a module of `common/`.
    """
    return sorted(_closure(source, left_out=(*DRAWING, *RESULTS_PAGE)))


def drawing_files(source: Path) -> list[Path]:
    """Return the modules and data files of `common/` that a script needs to draw and print alone."""
    return sorted(_closure(source, left_out=RESULTS_PAGE) - _closure(source, left_out=(*DRAWING, *RESULTS_PAGE)))


@functools.cache
def code_digest(module: str) -> str:
    """Return a SHA-256 of a module and all that it computes with, wherever the checkout is.

    Args:
        module: Its name, such as `common.synthesis.yosys`.
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
    """Return what a file of Python imports from `common/`, and the data files and folders beside it that it names."""
    imported, said = set(), set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                imported |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                imported |= {f"{module}.{alias.name}" for alias in names}
            case ast.Constant(value=str(text)):
                said.add(text)
    places = {
        COMMON.parent / place
        for name in imported
        for place in itertools.accumulate(name.split("."), "{}/{}".format)
        if place.startswith(COMMON.name)
    }
    modules = {file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")}
    named = [path for path in source.parent.iterdir() if path.name in said] if COMMON in source.parents else []
    data = {file for path in named for file in (path, *path.rglob("*")) if file.suffix not in (".py", ".pyc")}
    return frozenset(path for path in modules | data if path.is_file())
