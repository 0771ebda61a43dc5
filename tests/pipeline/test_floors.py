"""Layers of `common/`: a package imports only from its own or lower layers, called floors."""

import re
from pathlib import Path

import pytest
from source_imports import imported_files
from stage_runs import ROOT

COMMON = ROOT / "common"
FLOORS = (
    ("running",),
    ("stages",),
    ("images",),
    ("networks",),
    ("hls",),
    ("rtl",),
    ("verification",),
    ("synthesis",),
    ("lattice", "scan", "figures"),
    ("board", "report"),
)
"""Packages, lowest floor first. Modules directly in `common/` are below all, scripts and benchmarks above."""


def floor_of(path: Path) -> int:
    """Return the floor of a source file, 0 for the lowest."""
    if COMMON not in path.parents:
        return len(FLOORS) + 1
    package = path.relative_to(COMMON).parts[0]
    return next((floor for floor, names in enumerate(FLOORS, start=1) if package in names), 0)


def upward_imports(sources: list[Path]) -> list[str]:
    """Return a message for each import from a higher floor."""
    return [
        f"{source.relative_to(ROOT)} imports {imported.relative_to(ROOT)}, which is on a higher floor"
        for source in sources
        for imported in sorted(imported_files(source))
        if floor_of(imported) > floor_of(source)
    ]


def test_no_import_goes_up():
    assert upward_imports(sorted(COMMON.rglob("*.py"))) == []


def test_every_package_has_a_floor():
    packages = {path.parent.name for path in COMMON.glob("*/__init__.py")}
    assert packages == {name for names in FLOORS for name in names}


@pytest.mark.parametrize("line", ["from common.scan import spaces", "import common.scan.spaces"])
def test_upward_import_is_found_and_both_files_are_named(tmp_path, monkeypatch, line):
    source = tmp_path / "common" / "rtl" / "new.py"
    source.parent.mkdir(parents=True)
    source.write_text(f"def late():\n    {line}\n", encoding="utf-8")
    (tmp_path / "common" / "scan").mkdir()
    (tmp_path / "common" / "scan" / "spaces.py").touch()
    monkeypatch.setattr("source_imports.ROOT", tmp_path)
    for name, value in {"ROOT": tmp_path, "COMMON": tmp_path / "common"}.items():
        monkeypatch.setitem(globals(), name, value)
    assert upward_imports([source]) == ["common/rtl/new.py imports common/scan/spaces.py, which is on a higher floor"]


@pytest.mark.parametrize("path", sorted(COMMON.glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_a_package_says_which_module_to_open_first_and_the_docs_agree(path):
    first = re.search(r"\bOpen `(\w+)` first\b", path.read_text(encoding="utf-8"))[1]
    module = path.with_name(f"{first}.py")
    assert module.is_file()
    row = f"`common/{path.parent.name}/` |"
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (line,) = [line for line in page.splitlines() if row in line]
    assert f"`{module.relative_to(ROOT)}`" in line
