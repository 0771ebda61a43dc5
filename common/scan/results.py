"""Results of a scan: one row per point as CSV and JSON, the best points, and the best one as a preset file."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.scan.scheduling import Task
from common.scan.searching import log2_luts, on_front
from common.scan.spaces import DesignSpace, Values, flat

Row = dict[str, Any]


@dataclass(frozen=True)
class Worth:
    """Weights of L1 and LUTs in units of accuracy.

    Attributes:
        l1: Accuracy that equals an L1 of one.
        halving: Accuracy that equals a halving of the LUTs.
    """

    l1: float
    halving: float

    def score(self, row: Mapping[str, float]) -> float:
        """Return accuracy minus the weighted L1 and LUTs, on held-out images."""
        return row["validation_accuracy"] - self.l1 * row["validation_l1"] - self.halving * log2_luts(row)


def rows_of(found: Sequence[tuple[Values, Task]], recipe: str, worth: Worth) -> list[Row]:
    """Return one row per point, in the order of the proposals."""
    rows: dict[str, Row] = {}
    for values, task in found:
        row = {"point": task.name, "recipe": recipe, **values, **task.row, "fault": task.fault}
        rows.setdefault(task.name, row | ({"score": worth.score(task.row)} if task.row else {}))
    succeeded = [row for row in rows.values() if row["fault"] is None]
    for row, best in zip(succeeded, on_front(succeeded), strict=True):
        row["on_front"] = bool(best)
    return list(rows.values())


def best_of(rows: Sequence[Row], count: int) -> list[Row]:
    """Return the rows of the front with the highest scores, the highest first."""
    return sorted((row for row in rows if row.get("on_front")), key=lambda row: -row["score"])[:count]


def save(rows: Sequence[Row], folder: Path, name: str) -> None:
    """Write rows as CSV and JSON; missing values are empty or null."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    table = [{column: row.get(column) for column in columns} for row in rows]
    (folder / f"{name}.json").write_text(json.dumps(table, indent=1), encoding="utf-8")
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(table)


def load(path: Path) -> list[Row]:
    """Return the rows that `save` wrote as JSON; none if the file is missing."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def axes_of(rows: Sequence[Row]) -> list[str]:
    """Return the names of a scan's axes: the columns that are fields of a stage, such as `quantize.seed`."""
    return [name for name in rows[0] if "." in name]


def preset_text(space: DesignSpace, values: Values, row: Row) -> str:
    """Return the preset file of a point with the full recipe: the base, and the fields that differ from it."""
    lines = [
        f"# Point {row['point']} of a scan; run: python 01_prepare_data.py --preset FILE, then the stages after it.",
        f"# On held-out images: accuracy {row['validation_accuracy']:.4f}, L1 {row['validation_l1']:.4f}; "
        f"{row['lut_estimate']} LUTs by alkaid's estimate.",
        f"base = {json.dumps(space.base)}",
        *(f"{name} = {json.dumps(value)}" for name, value in flat(space.fields(values)).items()),
    ]
    return "\n".join(lines) + "\n"
