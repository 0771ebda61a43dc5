"""What a numbered script is made of: the modules of `common/` that it imports, directly or through others."""

import ast
from pathlib import Path


def imported_modules(script: Path) -> list[Path]:
    """Return the files of all modules of `common/` that a script needs, also those imported late or in a child process.

    The results page, the package `common.report`, is left out: any stage makes it anew, and it is no reason to train
    again.

    Args:
        script: A numbered script; `common/` lies beside it.
    """
    package = script.parent / "common"
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        new = {package / f"{name}.py" for name in _imports_of(waiting.pop())} - found
        new = {path for path in new if path.is_file()}
        found |= new
        waiting += new
    return sorted(found)


def _imports_of(source: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.removeprefix("common.") for alias in node.names if alias.name.startswith("common.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "common":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("common."):
            names.add(node.module.removeprefix("common."))
    return names
