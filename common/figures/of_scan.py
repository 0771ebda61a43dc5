"""All figures of a scan."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common import paper
from common.figures import anomaly, scan, scan_axes
from common.figures.style import save

PAPERS_DESIGN = "QAE pruned"
NORMAL = "prepare_data.normal"  # axis of a space of classes that are left out
FEWEST = 3  # designs that figures need


def save_all(
    folder: Path, rows: Sequence[Mapping[str, Any]], finalists: Sequence[Mapping[str, Any]], axes: Sequence[str]
) -> None:
    """Draw and save the figures of a scan, if it has enough designs.

    Args:
        folder: Output folder.
        rows: Its designs, also those that failed.
        finalists: The base preset's design and the best ones, trained with the full recipe.
        axes: Names of the axes of its space.
    """
    rows = [row for row in rows if row["fault"] is None]
    finalists = [row for row in finalists if row["fault"] is None]
    if len(rows) < FEWEST:
        return
    if NORMAL in axes:
        save(anomaly.left_out(rows, NORMAL), folder, "left_out")
        return
    save(scan.front(rows, finalists, paper.TABLES_5_AND_6[PAPERS_DESIGN]), folder, "front")
    save(scan.front_growth(rows), folder, "front_growth")
    save(scan_axes.parallel_coordinates(rows, axes), folder, "parallel_coordinates")
    save(scan_axes.partial_dependence(rows, axes), folder, "partial_dependence")
