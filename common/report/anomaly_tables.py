"""How well the anomaly score finds anomalies, beside other methods: `anomaly.csv` of stage 05."""

import csv
from pathlib import Path

from common.errors import PipelineError
from common.images.anomalies import KINDS
from common.report.network_tables import Comparison
from common.stages import artifacts
from common.stages.artifacts import UNREADABLE

COLUMNS = {
    "auc": "Anomaly score: area under the ROC curve",
    "efficiency at 0.01": "Anomaly score: efficiency at 1 % false alarms",
    "efficiency at 0.001": "Anomaly score: efficiency at 0.1 % false alarms",
}
NOTES = {
    "auc": "0.5 is a guess, 1 a perfect separation; the error is the standard deviation over bootstrap samples. The "
    "hardware computes what the quantized network does. `latent` and Mahalanobis use the latent space alone; the plane "
    "of a network with classifier was trained with labels, which the autoencoder alone has not seen.",
    "efficiency": "Share of the anomalies that trigger. The threshold is set on held-out training images; the last "
    "column is the share of the normal test images that trigger.",
}


def read(path: Path) -> list[Comparison]:
    """Return the tables that `anomaly.csv` holds, none where it is not there.

    Raises:
        PipelineError: The file is damaged.
    """
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [_table(rows, column) for column in COLUMNS]
    except UNREADABLE:
        raise PipelineError(f"{path} is damaged; run: {artifacts.rerun(path.parents[1], path.parent.name)}") from None


def _table(rows: list[dict[str, str]], column: str) -> Comparison:
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    found = {(row["method"], row["kind"]): row for row in rows}
    is_area = column == "auc"
    cells = []
    for method in dict.fromkeys(row["method"] for row in rows):
        of_method = [found[method, kind] for kind in kinds]
        values = [
            f"{float(row[column]):.3f} ± {float(row['auc_error']):.3f}" if is_area else f"{float(row[column]):.1%}"
            for row in of_method
        ]
        alarms = [] if is_area else [f"{float(of_method[0][column.replace('efficiency', 'false alarms')]):.2%}"]
        cells.append([method, *values, *alarms])
    headings = ("method", *(KINDS[kind] for kind in kinds), *([] if is_area else ["normal images"]))
    return Comparison(COLUMNS[column], headings, cells, (NOTES[column.split(maxsplit=1)[0]],))
