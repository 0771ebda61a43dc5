"""The picture of the README: drawn from a finished run of any preset, kept with a note of which run it was."""

import csv
import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from common import paper
from common.errors import PipelineError
from common.figures import overview, style
from common.images import dataset
from common.records import SYNTHESIS
from common.report.docs_records import write_json
from common.report.docs_tables import commit_words
from common.report.metrics import merged
from common.stages import artifacts

PICTURE = Path("docs/pictures/overview.png")
CAPTION = PICTURE.with_suffix(".json")
CUTS = {"ours: encoder +\nclassifier": "encoder_classifier", "ours: full\nnetwork": "full"}


def draw(outputs: Path, root: Path) -> None:
    """Draw it from the figures' data of stage 04 and the designs of stage 06, and write which run that was.

    Raises:
        PipelineError: Images or the figures' data are missing, damaged or stale, or have no latent plane or no images.
    """
    _, samples = dataset.load(artifacts.checked_artifact(outputs, "01_prepare_data", dataset.FILE)[0])
    image_format = samples.format

    def columns(name: str) -> list[dict[str, str]]:
        with artifacts.checked_artifact(outputs, "04_quantize", name)[0].open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    plane, pixels = columns("figure_09_latent_plane.csv"), columns("figure_10_reconstructions.csv")
    if not plane or {"z1", "z2", image_format.noun} - plane[0].keys() or "z3" in plane[0]:
        raise PipelineError("the picture needs a latent plane: two dimensions")
    images = {
        version: np.array([float(row["value"]) for row in pixels if row["version"] == version]).reshape(
            -1, image_format.pixels
        )
        for version in ("original", "quantized_pruned")
    }
    # The first of a design's records after logic synthesis is that of the open tools.
    found = {each.design: each for each in reversed(merged(outputs)["designs"]) if each.kind == SYNTHESIS}
    ours = {name: found.get(f"{cut}/quantized_pruned") for name, cut in CUTS.items()}
    of_paper = {name: record for name, record in paper.TABLES_5_AND_6.items() if record.part == "xcu250"}
    figure = overview.overview(
        np.array([[float(row["z1"]), float(row["z2"])] for row in plane]),
        np.array([image_format.class_names.index(row[image_format.noun]) for row in plane]),
        *images.values(),
        overview.bars(ours, of_paper),
        image_format,
    )
    run = artifacts.read_run(outputs, "06_synthesize")
    (root / PICTURE).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        style.save(figure, Path(folder), "overview")
        with Image.open(Path(folder) / "overview.png") as drawn:  # 256 colours: a third of the bytes
            drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(root / PICTURE, optimize=True)
    about = {"preset": run["preset"], "git_commit": run["git_commit"], "date": run["started"][:10]}
    write_json(root / CAPTION, about | {"caption": figure.caption})


def preset(root: Path) -> str | None:
    """Return the preset of the run that the picture shows, or None where there is no picture."""
    return json.loads((root / CAPTION).read_text(encoding="utf-8"))["preset"] if (root / PICTURE).is_file() else None


def markdown(root: Path) -> str:
    """Return the picture and its caption in Markdown."""
    about = json.loads((root / CAPTION).read_text(encoding="utf-8"))
    run = f"Preset `{about['preset']}`, {commit_words(about['git_commit'])}, {about['date']}."
    return f"![Latent plane, reconstructed digits and LUTs of one run]({PICTURE})\n\n{about['caption']} {run}\n"
