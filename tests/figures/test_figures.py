"""Files and layout of all figures: no overlapping texts, reproducible files, captions, data."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from figure_samples import CURVES, DIGITS, FIGURES, POINTS, SAVED, boxes, read_csv, weights
from PIL import Image

from common.figures import style

ROOT = Path(__file__).parents[2]
LARGEST_SVG = 400_000  # bytes
# One of each kind of artist: text, lines, paths, points, pictures, contours, arrows.
DRAWN_TWICE = ("decision_regions", "quantization_shift", "accuracy_against_luts")


@pytest.mark.parametrize("name", FIGURES)
def test_texts_do_not_overlap_or_leave_the_page(saved_figures, name):
    figure = saved_figures[1][name]
    found = boxes(figure)
    for text, box in found:
        assert box.x0 >= -1 and box.y0 >= -1, f"{text!r} leaves the page"
        assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, f"{text!r} leaves the page"
    for (text, box), (other_text, other) in itertools.combinations(found, 2):
        width = min(box.x1, other.x1) - max(box.x0, other.x0)
        height = min(box.y1, other.y1) - max(box.y0, other.y0)
        assert width < 1 or height < 1, f"{text!r} and {other_text!r} overlap by {width:.1f} x {height:.1f} pixels"


@pytest.mark.parametrize("name", SAVED)
def test_files_are_written_and_small(saved_figures, name):
    folder = saved_figures[0]
    with Image.open(folder / f"{name}.png") as image:
        assert image.size[0] == pytest.approx(saved_figures[1][name].get_figwidth() * 200, abs=1)
        assert np.ptp(np.asarray(image.convert("L"))) > 200
    svg = (folder / f"{name}.svg").read_text(encoding="utf-8")
    assert len(svg) < LARGEST_SVG
    assert svg.rstrip().endswith("</svg>")
    assert not re.search(r"<dc:date>|href=\"(http|file)", svg)
    assert read_csv(folder / f"{name}.csv").keys() == saved_figures[1][name].data.keys()


def test_captions_have_a_question_and_an_answer(saved_figures):
    for name, figure in saved_figures[1].items():
        question, _, answer = figure.caption.partition("? ")
        assert answer, f"{name}: {figure.caption}"
        assert question[0].isupper() and answer.endswith("."), f"{name}: {figure.caption}"
        assert figure.title
    assert len({figure.caption for figure in saved_figures[1].values()}) >= len(FIGURES) - 4


def test_listing_names_all_figures_in_order(saved_figures):
    listing = json.loads((saved_figures[0] / "figures.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in listing] == SAVED
    assert all(entry.keys() == {"name", "title", "caption"} and all(entry.values()) for entry in listing)


def test_same_input_gives_same_bytes_with_any_user_settings(saved_figures, tmp_path):
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True, "svg.hashsalt": None, "savefig.dpi": 50}):
        for name in DRAWN_TWICE:
            style.save(FIGURES[name](), tmp_path, name)
    for path in (saved_figures[0] / f"{name}.{suffix}" for name in DRAWN_TWICE for suffix in ("png", "svg", "csv")):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), f"{path.name} differs"


def test_figure_saved_again_is_replaced_in_place(tmp_path):
    figure = FIGURES["luts_by_layer"]()
    for name in ("a", "b"):
        style.save(figure, tmp_path, name)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("a.*")}
    style.save(figure, tmp_path, "a", caption="Another?", data={"x": [1, 2]})
    listing = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert [(entry["name"], entry["caption"]) for entry in listing] == [("a", "Another?"), ("b", figure.caption)]
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "x\n1\n2\n"
    for suffix in ("png", "svg"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == before[f"a.{suffix}"]


def test_columns_of_different_lengths_are_refused(tmp_path):
    with pytest.raises(ValueError, match="shorter"):
        style.save(FIGURES["luts_by_layer"](), tmp_path, "a", data={"x": [1, 2], "y": [1]})


def test_neither_pyplot_nor_tensorflow_is_imported():
    modules = {path.stem for path in (ROOT / "common" / "figures").glob("[!_]*.py")} - {"of_variants"}  # runs networks
    program = f"import sys; from common.figures import {', '.join(modules)}; print(*sys.modules)"
    imported = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    ).stdout.split()
    assert "common.figures.style" in imported
    assert not {"matplotlib.pyplot", "tensorflow"} & {*imported}


def test_csv_has_the_exact_data(saved_figures):
    columns = read_csv(saved_figures[0] / "latent_plane.csv")
    np.testing.assert_array_equal(np.column_stack([columns["z1"], columns["z2"]]).astype(np.float32), POINTS)
    np.testing.assert_array_equal(np.array(columns["digit"], dtype=int), DIGITS)

    given = weights()
    rows = zip(*read_csv(saved_figures[0] / "network_autoencoder.csv").values(), strict=True)
    read = {(layer, source, node): np.float32(value) for layer, source, node, value in rows}
    assert len(read) == 2642 + 2704  # parameters of encoder and decoder
    assert read["latent", "7", "1"] == given["latent"][0][7, 1]
    assert read["latent", "bias", "1"] == given["latent"][1][1]

    curves = read_csv(saved_figures[0] / "learning_curves.csv")
    assert [float(value) for value in curves["test_l1"][:8]] == CURVES["complete"]["test_l1"]
    assert curves["epoch"][:8] == [str(epoch) for epoch in range(1, 9)]
