"""Figures: every one renders, says the same every time, hides nothing, and shows the numbers it was given."""

import csv
import itertools
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import PathPatch, Rectangle, StepPatch
from matplotlib.text import Text
from PIL import Image
from skimage.color import rgb2gray, rgb2lab

from common import paper, published_designs
from common.figures import agreement, hardware, latent, networks, style, training
from common.figures import images as image_figures
from common.figures import labels as plot_labels
from common.figures import weights as weight_figures
from common.records import ESTIMATE, SYNTHESIS, DesignRecord

ROOT = Path(__file__).parents[2]
LARGEST_SVG = 400_000  # bytes
EXTENT = (0.0, 4.0, 0.0, 3.0)
SHAPES = {
    "encoder_1": (64, 32),
    "encoder_2": (32, 16),
    "latent": (16, 2),
    "decoder_1": (2, 16),
    "classifier_1": (2, 16),  # interleaved, as Keras orders the layers of two branches
    "decoder_2": (16, 32),
    "classifier_2": (16, 32),
    "decoder_3": (32, 64),
    "classifier_3": (32, 10),
}
VARIANTS = ("complete", "pruned", "quantized", "quantized_pruned")


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def weights(sparse: tuple[str, ...] = ("encoder_2", "decoder_1"), step: float | None = None):
    generator = np.random.default_rng(1)
    found = {}
    for name, shape in SHAPES.items():
        kernel = generator.normal(0, 0.4, shape).astype(np.float32)
        if name in sparse:
            kernel[generator.random(shape) < 0.8] = 0
        if step:
            kernel = np.clip(np.rint(kernel / step) * step, -1, 1 - step)
        found[name] = kernel, generator.normal(0, 0.1, shape[1]).astype(np.float32)
    return found


DIGITS = np.arange(300) % 10
POINTS = (np.column_stack([DIGITS % 4, DIGITS // 4]) + 0.8 * random(300, 2)).astype(np.float32)
MATRIX = np.diag(np.arange(900, 1000, 10)) + np.arange(100).reshape(10, 10) % 7
CURVES = {
    variant: {
        f"{part}_{name}": list(np.linspace(0.2, 0.1, 8) if name == "l1" else np.linspace(0.3, 0.9, 8))
        for part in ("train", "test")
        for name in ("loss", "l1", "accuracy")
    }
    for variant in VARIANTS
}
DESIGNS = [
    DesignRecord(design=f"{cut}/{variant}", kind=kind, lut=lut, dsp=dsp, **numbers)
    for cut, variant, kind, lut, dsp, numbers in (
        ("encoder", "quantized_pruned", SYNTHESIS, 5210, 0, {"ff": 1803, "latency_cycles": 5}),
        ("encoder_classifier", "complete", SYNTHESIS, 62_210, 0,
         {"ff": 18_803, "latency_cycles": 12, "test_accuracy": 0.9}),
        ("encoder_classifier", "pruned", SYNTHESIS, 61_000, 7, {"test_accuracy": 0.9}),
        ("encoder_classifier", "pruned", ESTIMATE, 99_000, 7, {"test_accuracy": 0.9, "tool": "Vivado HLS 2020.1"}),
        ("full", "quantized_pruned", SYNTHESIS, 8720, 0, {"ff": 2700, "latency_cycles": 8, "test_accuracy": 0.9062}),
    )
]  # fmt: skip
# As hls4ml names and orders layers.
HLS_LAYERS = [name for layer in SHAPES for name in (layer, "image" if layer == "decoder_3" else f"{layer}_relu")][:-1]
AGREEMENT = {
    f"{cut}/{variant}": dict.fromkeys(HLS_LAYERS[: 6 if cut == "encoder" else None], 1.0)
    for cut in ("encoder", "full")
    for variant in VARIANTS
}
AGREEMENT["full/complete"]["latent"] = 0.999999
BITS = {"full/quantized": {"latent": [0, 0, 0]}, "full/complete": {"encoder_1": [0.2, 0.1], "latent": [0.1, 0.0001, 0]}}
REGIONS = np.add.outer(np.arange(40) // 14 * 3, np.arange(40) // 14)

FIGURES = {
    "example_digits": lambda: image_figures.example_digits(
        (255 * random(10, 28, 28)).astype(np.uint8), (31 * random(10, 8, 8)).astype(int), random(10, 8, 8)
    ),
    "example_digits_small": lambda: image_figures.example_digits(random(10, 8, 8), random(10, 8, 8), None),
    "reconstructions": lambda: image_figures.reconstructions(
        random(10, 64), {variant: random(10, 64, seed=1) for variant in ("quantized_pruned",)}
    ),
    "decoded_plane": lambda: image_figures.decoded_plane(random(6, 6, 8, 8), EXTENT, POINTS),
    "worst_digits": lambda: image_figures.worst_digits(
        random(12, 64), DIGITS[:12], (DIGITS[:12] + 1) % 10, np.linspace(1, 0.5, 12)
    ),
    "worst_digits_none": lambda: image_figures.worst_digits(random(0, 64), DIGITS[:0], DIGITS[:0], random(0)),
    "network_whole": lambda: networks.network_diagram(weights(), "whole", "pruned"),
    "network_autoencoder": lambda: networks.network_diagram(weights(), "autoencoder", "complete"),
    "network_classifier": lambda: networks.network_diagram(weights(), "classifier", "complete"),
    "weights_pruned": lambda: weight_figures.weight_distributions(weights(), "pruned", None),
    "weights_quantized": lambda: weight_figures.weight_distributions(
        {name: weights(step=1 / 16)[name] for name in ("encoder_2", "decoder_2", "latent")},
        "quantized",
        {**dict.fromkeys(SHAPES, 1 / 16), "latent": 2**-10},
    ),
    "learning_curves": lambda: training.learning_curves(CURVES, 3.5),
    "learning_curves_one_epoch": lambda: training.learning_curves(
        {"pruned": {"train_l1": [0.2], "test_l1": [0.1]}}, None
    ),
    "latent_plane": lambda: latent.latent_plane(POINTS, DIGITS, "quantized_pruned"),
    "latent_plane_dead": lambda: latent.latent_plane(POINTS * np.float32([0, 1]), DIGITS, "pruned"),
    "decision_regions": lambda: latent.decision_regions(REGIONS, EXTENT, POINTS, DIGITS),
    "quantization_shift": lambda: latent.quantization_shift(POINTS, np.rint(4 * POINTS) / 4, DIGITS, "complete"),
    "confusion_matrix": lambda: latent.confusion_matrix(MATRIX, "complete"),
    "digit_scores": lambda: latent.digit_scores(
        {variant: (random(10, seed=n), random(10, seed=n + 9)) for n, variant in enumerate(VARIANTS)}
    ),
    "layer_agreement_of_all": lambda: agreement.layer_agreement(
        {f"{cut}/{variant}": dict.fromkeys(HLS_LAYERS[:2], 0.5) for cut in style.CUTS for variant in VARIANTS}
    ),
    "layer_agreement": lambda: agreement.layer_agreement(AGREEMENT),
    "bit_agreement": lambda: agreement.bit_agreement(BITS),
    "resources": lambda: hardware.resources(DESIGNS, paper.TABLES_5_AND_6),
    "accuracy_against_luts": lambda: hardware.accuracy_against_luts(DESIGNS, paper.TABLES_5_AND_6),
    "luts_by_layer": lambda: hardware.luts_by_layer({name: 10 * n for n, name in enumerate(SHAPES)}, "full/quantized"),
    "pipeline_depth": lambda: hardware.pipeline_depth(
        [5, 2, 10], [7, 15, 4], [900, 2000, 400], "encoder_classifier/quantized_pruned"
    ),
}


# One figure of each function; the others differ in their data and are drawn but not saved.
DRAWN_ONLY = (
    "example_digits_small",
    "worst_digits_none",
    "network_whole",
    "network_classifier",
    "weights_pruned",
    "learning_curves_one_epoch",
    "latent_plane_dead",
    "layer_agreement_of_all",
)
SAVED = [name for name in FIGURES if name not in DRAWN_ONLY]
# One of each kind of artist: text, lines, paths, points, pictures, contours, arrows.
DRAWN_TWICE = ("decision_regions", "quantization_shift", "accuracy_against_luts")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of saved figures, and all figures by name, drawn with every warning an error."""
    folder = tmp_path_factory.mktemp("figures")
    figures = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, draw in FIGURES.items():
            figures[name] = draw()
            if name in SAVED:
                style.save(figures[name], folder, name)
            else:
                figures[name].draw_without_rendering()
    return folder, figures


def read_csv(path: Path) -> dict[str, list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in header}


def visible_texts(figure) -> list[Text]:
    """Texts that are seen: not those of ticks that are switched off or beyond the limits of their axis."""
    hidden = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        hidden |= set() if axis.axes.axison else {axis.label}
        low, high = sorted(axis.get_view_interval())
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if not (axis.axes.axison and low <= tick.get_loc() <= high):
                hidden |= {tick.label1, tick.label2}
    return [
        text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip() and text not in hidden
    ]


def text_of(figure) -> list[str]:
    return [text.get_text() for text in visible_texts(figure)]


def boxes(figure):
    if figure.stale or figure.get_layout_engine() is None:  # not drawn yet, or last drawn for a file
        figure.draw_without_rendering()
    return [(text.get_text(), Text.get_window_extent(text)) for text in visible_texts(figure)]


@pytest.mark.parametrize("name", FIGURES)
def test_texts_neither_overlap_nor_leave_the_page(saved, name):
    figure = saved[1][name]
    found = boxes(figure)
    for text, box in found:
        assert box.x0 >= -1 and box.y0 >= -1, f"{text!r} leaves the page"
        assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, f"{text!r} leaves the page"
    for (text, box), (other_text, other) in itertools.combinations(found, 2):
        width = min(box.x1, other.x1) - max(box.x0, other.x0)
        height = min(box.y1, other.y1) - max(box.y0, other.y0)
        assert width < 1 or height < 1, f"{text!r} and {other_text!r} overlap by {width:.1f} x {height:.1f} pixels"


@pytest.mark.parametrize("name", SAVED)
def test_files_are_written_and_small(saved, name):
    folder = saved[0]
    with Image.open(folder / f"{name}.png") as image:
        assert image.size[0] == pytest.approx(saved[1][name].get_figwidth() * 200, abs=1)
        assert np.ptp(np.asarray(image.convert("L"))) > 200
    svg = (folder / f"{name}.svg").read_text(encoding="utf-8")
    assert len(svg) < LARGEST_SVG
    assert svg.rstrip().endswith("</svg>")
    assert not re.search(r"<dc:date>|href=\"(http|file)", svg)
    assert read_csv(folder / f"{name}.csv").keys() == saved[1][name].data.keys()


def test_captions_ask_and_answer(saved):
    for name, figure in saved[1].items():
        question, _, answer = figure.caption.partition("? ")
        assert answer, f"{name}: {figure.caption}"
        assert question[0].isupper() and answer.endswith("."), f"{name}: {figure.caption}"
        assert figure.title
    assert len({figure.caption for figure in saved[1].values()}) >= len(FIGURES) - 2


def test_listing_names_all_figures_in_order(saved):
    listing = json.loads((saved[0] / "figures.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in listing] == SAVED
    assert all(entry.keys() == {"name", "title", "caption"} and all(entry.values()) for entry in listing)


def test_same_input_gives_same_bytes_whatever_the_users_settings(saved, tmp_path):
    with matplotlib.rc_context({"font.size": 20, "axes.grid": True, "svg.hashsalt": None, "savefig.dpi": 50}):
        for name in DRAWN_TWICE:
            style.save(FIGURES[name](), tmp_path, name)
    for path in (saved[0] / f"{name}.{suffix}" for name in DRAWN_TWICE for suffix in ("png", "svg", "csv")):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), f"{path.name} differs"


def test_a_figure_saved_again_is_replaced_where_it_stands(tmp_path):
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
    modules = [path.stem for path in (ROOT / "common" / "figures").glob("[!_]*.py")]
    program = f"import sys; from common import {', '.join(modules)}; print(*sys.modules)"
    imported = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    ).stdout.split()
    assert "common.figures.style" in imported
    assert not {"matplotlib.pyplot", "tensorflow"} & {*imported}


# The matrices of Machado et al. (2009) for complete red and green blindness, on linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}


def seen_as(colours, blindness: str) -> np.ndarray:
    rgb = np.array([to_rgb(colour) for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.transpose(BLINDNESS[blindness]), 0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("blindness", BLINDNESS)
def test_colours_are_told_apart(blindness):
    variants = [look.colour for look in style.VARIANTS.values()]
    for colours, least in ((variants, 25), (style.DIGITS, 17)):
        assert len(set(colours)) == len(colours)
        for colour, other in itertools.combinations(seen_as(colours, blindness), 2):
            assert np.linalg.norm(colour - other) > least


def test_variants_are_told_apart_in_greyscale_and_by_marker_and_line():
    looks = style.VARIANTS.values()
    lightness = sorted(seen_as([look.colour for look in looks], "none")[:, 0])
    assert np.diff(lightness).min() > 10
    assert max(lightness) < 80  # seen on white
    for attribute in ("colour", "line", "marker", "label"):
        assert len({str(getattr(look, attribute)) for look in looks}) == len(looks)
    assert abs(np.diff(seen_as([style.POSITIVE, style.NEGATIVE], "none")[:, 0])) > 30


@pytest.mark.parametrize("colours", [style.IMAGES, style.ERRORS, style.DENSITY])
def test_colour_maps_darken_steadily_so_that_they_read_in_greyscale(colours):
    grey = rgb2gray(colours(np.linspace(0, 1, 64))[None, :, :3])[0]
    assert (np.diff(grey) < 0).all()


def test_example_digits_frames_the_crop_only_where_there_is_one(saved):
    frames = {name: saved[1][name].axes[0].patches for name in ("example_digits", "example_digits_small")}
    assert [patch.get_bbox().bounds for patch in frames["example_digits"]] == [(2.5, 2.5, 22, 22)]
    assert not frames["example_digits_small"]


def test_reconstructions_print_the_l1_loss(saved):
    original, image = random(10, 64), random(10, 64, seed=1)
    text = text_of(saved[1]["reconstructions"])
    for error in np.abs(original - image).mean(axis=1):
        assert f"{error:.3f}" in text


def test_decoded_images_stand_upright_in_their_cells(tmp_path):
    images = np.zeros((2, 3, 8, 8))
    images[0, 2, 0, 7] = 1  # lower right cell, its upper right pixel
    figure = image_figures.decoded_plane(images, (0, 3, 0, 2), np.array([[0.5, 1.5]] * 5))
    (shown,) = figure.axes[0].images
    assert shown.origin == "lower"
    pixels = np.asarray(shown.get_array())
    assert (np.argwhere(pixels.sum(axis=2) == 0) == [[7, 23]]).all()
    assert (pixels[8:, :8] != 1).any() and (pixels[8:, 8:] == 1).all()  # the density: upper left, nowhere else
    assert figure.data["test_images"].tolist() == [0, 0, 0, 5, 0, 0]


def test_worst_digits_never_claim_certainty():
    figure = image_figures.worst_digits(random(2, 64), [4, 7], [9, 2], [0.99999, 0.5])
    assert {"4 → 9", "7 → 2", "p > 0.999", "p = 0.500"} <= {*text_of(figure)}


def drawn_lines(figure) -> int:
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, PathPatch)]
    return sum(len(patch.get_path().vertices) // 2 for patch in patches)


BRANCHES = {
    "whole": ("encoder", "latent", "decoder", "classifier"),
    "autoencoder": ("encoder", "latent", "decoder"),
    "classifier": ("classifier",),
}


@pytest.mark.parametrize("network", BRANCHES)
def test_network_diagram_draws_a_line_a_weight(network):
    given = weights()
    given["encoder_1"][0][:, 3] = 0  # a node that hears nothing
    given["decoder_2"][0][5, :] = 0  # a node that nothing hears
    given["decoder_1"][0][:, :] = 1
    figure = networks.network_diagram(given, network, "pruned")
    shown = [name for name in SHAPES if name.startswith(BRANCHES[network])]
    assert drawn_lines(figure) == sum(np.count_nonzero(given[name][0]) for name in shown)
    nodes = [dots for dots in figure.axes[0].collections if isinstance(dots, PathCollection)]
    count = sum(np.count_nonzero(array) for name in shown for array in given[name])
    assert f"{count:,} of" in figure.caption
    if network == "classifier":
        assert [len(dots.get_offsets()) for dots in nodes] == [2, 16, 32, 10]
        assert "open dot" not in figure.caption
        return
    assert [len(dots.get_offsets()) for dots in nodes[:4]] == [64, 32, 16, 2]
    white = {row: [tuple(face[:3]) == (1, 1, 1) for face in nodes[row].get_facecolors()] for row in (1, 4)}
    assert white[1][3] and white[4][5] and sum(white[4]) == 1
    assert "open dot" in figure.caption


@pytest.mark.parametrize("step", [None, 1 / 16, 2**-10])
def test_weight_distributions_count_every_weight_once(step):
    given = {name: weights(step=step)[name] for name in ("encoder_2", "latent", "decoder_3", "classifier_1")}
    steps = dict.fromkeys(SHAPES, step) if step else None
    figure = weight_figures.weight_distributions(given, "quantized", steps)
    panels = {axes.get_title(loc="left").replace(" ", "_"): axes for axes in figure.axes}
    assert {*panels} - {""} == {*given}
    for name, (kernel, _) in given.items():
        axes = panels[name]
        (bars,) = (patch for patch in axes.patches if isinstance(patch, StepPatch))
        heights, edges, _ = bars.get_data()
        assert heights[heights >= 1].sum() == np.count_nonzero(kernel)
        zeros = np.count_nonzero(kernel == 0)
        assert str(zeros) in [text.get_text() for text in axes.texts]
        strips = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        assert sum(strip.get_y() + strip.get_height() for strip in strips) == zeros
        if step == 1 / 16:  # a bar, and a mark, at each value that occurs
            marks = {segment[0, 0] for lines in axes.collections for segment in lines.get_segments()}
            assert {*np.unique(kernel[kernel != 0]).tolist()} <= marks
            assert (edges[:-1] + step / 2) % step == pytest.approx(0)


def test_learning_curves_show_all_curves_and_the_start_of_pruning(saved):
    panels = saved[1]["learning_curves"].axes
    assert [axes.get_ylabel() for axes in panels] == [training.QUANTITIES["l1"], "accuracy [%]"]
    for axes, name, scale in zip(panels, ("l1", "accuracy"), (1, 100), strict=True):
        expected = [scale * np.array(CURVES[v][f"{part}_{name}"]) for v in VARIANTS for part in ("train", "test")]
        drawn = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 8]
        np.testing.assert_allclose(drawn, expected)
        assert [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2] == [3.5]
    assert len(saved[1]["learning_curves_one_epoch"].axes) == 1


def test_latent_plane_labels_the_medians_within_the_frame(saved):
    axes = saved[1]["latent_plane"].axes[0]
    labels = {text.get_text(): text.get_position() for text in axes.texts}
    for digit in range(10):
        assert labels[str(digit)] == pytest.approx(np.median(POINTS[digit::10], axis=0), abs=0.02)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < POINTS[:, 0].min() and POINTS[:, 0].max() < right
    assert bottom < POINTS[:, 1].min() and POINTS[:, 1].max() < top


def test_digits_with_the_same_median_are_moved_apart():
    figure = style.new_figure(4, 4, title="", caption="", data={})
    axes = figure.subplots()
    plot_labels.label_digits(axes, dict.fromkeys(range(6), (0.5, 0.5)))
    centres = axes.transData.transform([text.get_position() for text in axes.texts])
    apart = [np.hypot(*(one - other)) for one, other in itertools.combinations(centres, 2)]
    assert min(apart) > 0.98 * plot_labels.DISC_DIAMETER * figure.dpi / 72


def test_labels_of_a_crowd_overlap_neither_each_other_nor_the_points():
    figure = style.new_figure(5, 4, title="", caption="", data={})
    axes = figure.subplots()
    points = 0.5 + 0.06 * (random(9, 2) - 0.5)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    plot_labels.place_labels(axes, points, [f"design {n}\nhere" for n in range(9)])
    found = [box for text, box in boxes(figure) if text.startswith("design")]
    assert len(found) == 9
    for box, other in itertools.combinations(found, 2):
        assert not box.overlaps(other)
    for x, y in axes.transData.transform(points):
        assert not any(box.contains(x, y) for box in found)


def test_decision_regions_label_each_region_inside_of_it(saved):
    axes = saved[1]["decision_regions"].axes[0]
    left, right, bottom, top = EXTENT
    labelled = set()
    for text in axes.texts:
        x, y = text.get_position()
        row, column = int((y - bottom) / (top - bottom) * 40), int((x - left) / (right - left) * 40)
        assert REGIONS[row, column] == int(text.get_text())
        labelled.add(int(text.get_text()))
    assert labelled == {*np.unique(REGIONS).tolist()}


def test_confusion_matrix_prints_counts_at_true_row_and_decided_column(saved):
    figure = saved[1]["confusion_matrix"]
    shown = {text.get_position()[::-1]: int(text.get_text()) for text in figure.axes[0].texts}
    assert shown == {(row, column): MATRIX[row, column] for row, column in np.argwhere(MATRIX)}
    assert f"{np.trace(MATRIX):,} of {MATRIX.sum():,}" in figure.caption


def test_agreement_says_all_only_of_all(saved):
    figure = saved[1]["layer_agreement"]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("all") == 4 * 6 + 4 * len(HLS_LAYERS) - 1
    assert texts.count("99.99") == 1
    assert "7 of 8 designs agree" in figure.caption


def test_bits_are_drawn_of_the_designs_that_differ_and_of_no_others(saved):
    (panel,) = saved[1]["bit_agreement"].axes
    assert panel.get_title(loc="left").endswith(", full network: complete")
    assert [text.get_text() for text in panel.texts] == ["20", "10", "10", "<1"]
    assert agreement.bit_agreement({"full/quantized": {"latent": [0, 0, 0]}}) is None


def test_resources_tell_nothing_from_not_measured_and_estimates_from_syntheses(saved):
    texts = text_of(saved[1]["resources"])
    assert texts.count("not measured") == 4  # FFs and cycles of the pruned design, by either tool
    assert texts.count("0") >= 3  # DSPs of three designs, beside an axis that starts at 0
    panel = saved[1]["resources"].axes[0]
    open_markers = [line.get_xdata()[0] for line in panel.lines if line.get_markerfacecolor() == "white"]
    estimates = [record.lut for record in paper.TABLES_5_AND_6.values()]
    assert open_markers == [99_000, *estimates]


def test_accuracy_against_luts_shows_what_has_both_numbers(saved):
    columns = read_csv(saved[0] / "accuracy_against_luts.csv")
    names = columns["design"]
    assert "encoder/quantized_pruned" not in names and "paper, QAE pruned, Virtex-7" not in names
    shown = dict(zip(names, zip(columns["lut"], columns["accuracy_percent"], strict=True), strict=True))
    assert shown["TreeLUT"] == ("4478", "97")
    assert float(shown["full/quantized_pruned"][1]) == pytest.approx(90.62)
    assert columns["pixels"].count("28") == len(published_designs.MNIST_CLASSIFIERS)


def test_csv_holds_the_data_to_the_last_bit(saved):
    columns = read_csv(saved[0] / "latent_plane.csv")
    np.testing.assert_array_equal(np.column_stack([columns["z1"], columns["z2"]]).astype(np.float32), POINTS)
    np.testing.assert_array_equal(np.array(columns["digit"], dtype=int), DIGITS)

    given = weights()
    rows = zip(*read_csv(saved[0] / "network_autoencoder.csv").values(), strict=True)
    read = {(layer, source, node): np.float32(value) for layer, source, node, value in rows}
    assert len(read) == 2642 + 2704  # parameters of encoder and decoder
    assert read["latent", "7", "1"] == given["latent"][0][7, 1]
    assert read["latent", "bias", "1"] == given["latent"][1][1]

    curves = read_csv(saved[0] / "learning_curves.csv")
    assert [float(value) for value in curves["test_l1"][:8]] == CURVES["complete"]["test_l1"]
    assert curves["epoch"][:8] == [str(epoch) for epoch in range(1, 9)]
