"""The front in docs/: presets over their seeds beside peers, as a picture and as a table."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.figures import front, style
from common.report.docs_tables import Run, of_encoder_classifier, spread, table

PICTURE = Path("docs/pictures/front.png")
CAPTION = PICTURE.with_suffix(".txt")
PEERS = Path("docs/results/peers.json")
WORDS = {
    "hgq2": ("HGQ2", "bit widths learnt with the weights"),
    "hgq2_tables": ("HGQ2, tables", "some layers as learnt tables (QDenseT)"),
    "qkeras_6_bits": ("QKeras, 6 bits", "6 bits everywhere, not pruned"),
}


def peers(root: Path) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the rows of each peer's seeds, by its name and description; none where peers are not recorded."""
    path = root / PEERS
    found = json.loads(path.read_text(encoding="utf-8"))["peers"] if path.is_file() else {}
    return {WORDS[name]: peer["seeds"] for name, peer in found.items() if peer["seeds"]}


def draw(root: Path, runs: Mapping[str, Run]) -> None:
    """Draw the picture from the recorded runs."""
    ours = {preset: rows for preset, run in runs.items() if (rows := of_encoder_classifier(run))}
    figure = front.front(ours, {name: rows for (name, _), rows in peers(root).items()})
    with tempfile.TemporaryDirectory() as folder:
        style.save(figure, Path(folder), PICTURE.stem)
        (root / PICTURE).write_bytes((Path(folder) / PICTURE.name).read_bytes())
    (root / CAPTION).write_text(f"{figure.caption}\n", encoding="utf-8")


def markdown(root: Path) -> str:
    """Return the picture with its caption, and the table of peers, in Markdown."""
    shown = {"accuracy": 4, "lut": 0, "ff": 0}
    rows = [
        [": ".join(words), str(len(found)), *(spread([row[key] for row in found], form) for key, form in shown.items())]
        for words, found in peers(root).items()
    ]
    columns = ["run here", "seeds", "accuracy", "LUT", "FF"]
    caption = (root / CAPTION).read_text(encoding="utf-8")
    return f"![Accuracy against LUTs]({PICTURE.relative_to('docs')})\n\n{caption}\n{table(columns, rows)}"
