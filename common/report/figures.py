"""Figures on the page: listed by `figures.json`, embedded as SVG, or as PNG where the page grows too large."""

import base64
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

BUDGET = 6_500_000  # bytes of all embedded figures; the page is to stay below 8 MB
PIXELS_PER_POINT = 5 / 3  # 8 pt in a figure are 13 px on the page
ESCAPED = "%#\"'<>&"  # what an SVG must not hold as it is within a data URI within an attribute; the percent sign first


@dataclass(frozen=True)
class Figure:
    """A figure as the page shows it.

    Attributes:
        name: Of its files, without suffix.
        title: A few words.
        caption: The question that it answers, and what to see in it.
        folder: Of its files, below `outputs/`.
        width: On the page [px], or None where the SVG does not say.
        source: A data URI, or the empty string where it is too large to be embedded.
    """

    name: str
    title: str
    caption: str
    folder: str
    width: int | None
    source: str = ""


def read_figures(outputs: Path, folder: str) -> tuple[list[Figure], list[str]]:
    """Return the figures that a stage's `figures.json` lists, not embedded yet, and what is wrong with others."""
    listing = outputs / folder / "figures.json"
    if not listing.exists():
        return [], []
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))
        listed = [tuple(str(entry[key]) for key in ("name", "title", "caption")) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError):
        return [], [f"{folder}/figures.json is damaged"]
    figures, faults = [], []
    for name, title, caption in listed:
        drawing = listing.parent / f"{name}.svg"
        if "/" in name or not drawing.is_file() or not drawing.with_suffix(".png").is_file():
            faults.append(f"{folder}/{name}.svg or .png is missing")
            continue
        with drawing.open(encoding="utf-8", errors="replace") as file:
            width = re.search(r'<svg[^>]*\swidth="(\d+(?:\.\d+)?)pt"', file.read(4000))
        pixels = round(float(width[1]) * PIXELS_PER_POINT) if width else None
        figures.append(Figure(name, title, caption, folder, pixels))
    return figures, faults


def embed(outputs: Path, figures: list[Figure], budget: int = BUDGET) -> list[Figure]:
    """Return the figures with their sources, all together below a budget [byte].

    Where SVGs are too large, PNGs replace the largest; where that is not enough, links do.
    """
    drawings = {figure: _svg_source(outputs / figure.folder / f"{figure.name}.svg") for figure in figures}
    sources = dict(drawings)
    for figure in sorted(figures, key=lambda figure: -len(drawings[figure])):
        if sum(map(len, sources.values())) <= budget:
            break
        picture = _png_source(outputs / figure.folder / f"{figure.name}.png")
        if len(picture) < len(drawings[figure]):
            sources[figure] = picture
    for figure in sorted(figures, key=lambda figure: -len(sources[figure])):
        if sum(map(len, sources.values())) <= budget:
            break
        sources[figure] = ""
    return [replace(figure, source=sources[figure]) for figure in figures]


def _svg_source(path: Path) -> str:
    svg = path.read_text(encoding="utf-8", errors="replace").replace("\n", " ")  # browsers drop line ends
    for character in ESCAPED:
        svg = svg.replace(character, f"%{ord(character):02X}")
    return f"data:image/svg+xml;charset=utf-8,{svg}"


def _png_source(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
