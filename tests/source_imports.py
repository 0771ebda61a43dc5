"""Imports of project files by a source file, from its syntax tree."""

import ast
import functools
from pathlib import Path

from stage_runs import ROOT


@functools.cache
def imported_files(source: Path) -> frozenset[Path]:
    """Return the modules of `common/` that a source file imports directly, anywhere; without `__init__`."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("common"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("common")]
        found |= {ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in names}
    return frozenset(path for path in found if path.is_file())
