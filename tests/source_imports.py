"""Which files of the project a source file imports, by its syntax tree."""

import ast
import functools
from pathlib import Path

from stage_runs import ROOT


@functools.cache
def imported_files(source: Path) -> frozenset[Path]:
    """Return the modules of `common/` that a source file imports by itself, at its top or later; no `__init__`."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("common"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("common")]
        found |= {ROOT.joinpath(*name.split(".")).with_suffix(".py") for name in names}
    return frozenset(path for path in found if path.is_file())
