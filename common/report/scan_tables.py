"""The best designs of a scan next to the preset that it started from."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.report.network_tables import Comparison
from common.report.results import number

QUANTITIES = {
    "accuracy, held out": ("validation_accuracy", 4),
    "L1, held out": ("validation_l1", 4),
    "accuracy": ("test_accuracy", 4),
    "L1": ("test_l1", 4),
    "LUT (alkaid's estimate)": ("lut_estimate", 0),
    "LUT (Yosys)": ("lut", 0),
    "FF (Yosys)": ("ff", 0),
}
BETTER = {"accuracy": ("validation_accuracy", 1), "L1": ("validation_l1", -1), "LUTs": ("lut", -1)}


def finalists(path: Path) -> Comparison | None:
    """Return the best designs, trained with the full recipe, next to the base preset's.

    Args:
        path: `finalists.csv`, the base preset's design first.
    """
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        found = [row for row in csv.DictReader(file) if not row.get("fault")]
    if not found:
        return None
    base = found[0]
    axes = [name for name in base if "." in name]
    rows, notes = [], []
    for place, row in enumerate(found):
        name = row["point"] if place else f"{row['point']} (base preset)"
        cells = [number(float(row[key]), digits) for key, digits in QUANTITIES.values()]
        rows.append([name, *cells, ", ".join(f"{_last(axis)} {row[axis]}" for axis in axes if row[axis] != base[axis])])
        if place:
            notes.append(f"{row['point']} against the base preset: {verdict(row, base)}.")
    return Comparison(
        "The best designs of the scan, trained with the full recipe",
        ("design", *QUANTITIES, "differs from the base preset in"),
        rows,
        (*notes, "Designs were chosen on a validation set of training images; test images were not used for it."),
    )


def _last(axis: str) -> str:
    return " ".join(axis.split(".")[-2:])


def verdict(row: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    """Say in which quantities a design is better, the same or worse than another."""
    verdicts: dict[str, list[str]] = {"better": [], "the same": [], "worse": []}
    for words, (key, sign) in BETTER.items():
        gain = sign * (float(row[key]) - float(base[key]))
        verdicts["better" if gain > 0 else "worse" if gain < 0 else "the same"].append(words)
    return "; ".join(f"{word} in {', '.join(names)}" for word, names in verdicts.items() if names)
