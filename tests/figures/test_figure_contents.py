"""Contents of figures: the numbers, marks and labels that each one draws."""

import itertools

import numpy as np
import pytest
from figure_samples import (
    CURVES,
    EXTENT,
    HLS_LAYERS,
    MATRIX,
    POINTS,
    REGIONS,
    SHAPES,
    VARIANTS,
    boxes,
    labelled_points,
    random,
    read_csv,
    text_of,
    weights,
)
from matplotlib.collections import PathCollection
from matplotlib.patches import PathPatch, Rectangle, StepPatch

from common import paper, published_designs
from common.figures import agreement, latent, networks, style, training
from common.figures import images as image_figures
from common.figures import labels as plot_labels
from common.figures import weights as weight_figures
from common.images.samples import PAPER_FORMAT


def test_example_digits_frame_the_crop_if_there_is_one(saved_figures):
    frames = {name: saved_figures[1][name].axes[0].patches for name in ("example_digits", "example_digits_small")}
    assert [patch.get_bbox().bounds for patch in frames["example_digits"]] == [(2.5, 2.5, 22, 22)]
    assert not frames["example_digits_small"]


def test_reconstructions_print_the_l1_loss(saved_figures):
    original, image = random(10, 64), random(10, 64, seed=1)
    text = text_of(saved_figures[1]["reconstructions"])
    for error in np.abs(original - image).mean(axis=1):
        assert f"{error:.3f}" in text


def test_decoded_images_are_upright_in_their_cells(tmp_path):
    images = np.zeros((2, 3, 8, 8))
    images[0, 2, 0, 7] = 1  # lower right cell, its upper right pixel
    figure = image_figures.decoded_plane(images, (0, 3, 0, 2), np.array([[0.5, 1.5]] * 5), PAPER_FORMAT)
    (shown,) = figure.axes[0].images
    assert shown.origin == "lower"
    pixels = np.asarray(shown.get_array())
    assert (np.argwhere(pixels.sum(axis=2) == 0) == [[7, 23]]).all()
    assert (pixels[8:, :8] != 1).any() and (pixels[8:, 8:] == 1).all()  # the density: upper left, nowhere else
    assert figure.data["test_images"].tolist() == [0, 0, 0, 5, 0, 0]


def test_worst_digits_never_claim_certainty():
    figure = image_figures.worst_images(
        random(2, 64), np.array([4, 7]), np.array([9, 2]), np.array([0.99999, 0.5]), PAPER_FORMAT
    )
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
def test_network_diagram_has_one_line_per_weight(network):
    given = weights()
    given["encoder_1"][0][:, 3] = 0  # a node without inputs
    given["decoder_2"][0][5, :] = 0  # a node without outputs
    given["decoder_1"][0][:, :] = 1
    figure = networks.network_diagram(given, network, "pruned")
    shown = [name for name in SHAPES if name.startswith(BRANCHES[network])]
    assert drawn_lines(figure) == sum(np.count_nonzero(given[name][0]) for name in shown)
    nodes = [dots for dots in figure.axes[0].collections if isinstance(dots, PathCollection)]
    count = sum(np.count_nonzero(array) for name in shown for array in given[name])
    assert f"{count:,} of" in figure.caption
    if network == "classifier":
        assert [len(dots.get_offsets()) for dots in nodes] == [2, 16, 32, 10]
        assert "Open dots" not in figure.caption
        return
    assert [len(dots.get_offsets()) for dots in nodes[:4]] == [64, 32, 16, 2]
    white = {row: [tuple(face[:3]) == (1, 1, 1) for face in nodes[row].get_facecolors()] for row in (1, 4)}
    assert white[1][3] and white[4][5] and sum(white[4]) == 1
    assert "Open dots" in figure.caption


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


def test_learning_curves_show_all_curves_and_the_start_of_pruning(saved_figures):
    panels = saved_figures[1]["learning_curves"].axes
    assert [axes.get_ylabel() for axes in panels] == [training.QUANTITIES["l1"], "accuracy [%]"]
    for axes, name, scale in zip(panels, ("l1", "accuracy"), (1, 100), strict=True):
        expected = [scale * np.array(CURVES[v][f"{part}_{name}"]) for v in VARIANTS for part in ("train", "test")]
        drawn = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 8]
        np.testing.assert_allclose(drawn, expected)
        assert [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2] == [3.5]
    assert len(saved_figures[1]["learning_curves_one_epoch"].axes) == 1


def test_latent_plane_labels_the_medians(saved_figures):
    axes = saved_figures[1]["latent_plane"].axes[0]
    labels = {text.get_text(): text.get_position() for text in axes.texts}
    for digit in range(10):
        assert labels[str(digit)] == pytest.approx(np.median(POINTS[digit::10], axis=0), abs=0.02)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < POINTS[:, 0].min() and POINTS[:, 0].max() < right
    assert bottom < POINTS[:, 1].min() and POINTS[:, 1].max() < top


@pytest.mark.parametrize("name", ["T-shirt/top", "7"])
def test_classes_with_the_same_median_do_not_overlap(name):
    figure = style.new_figure(4, 4, title="", caption="", data={})
    axes = figure.subplots()
    plot_labels.label_classes(axes, dict.fromkeys(range(6), (0.5, 0.5)), [name] * 6)
    if len(name) > 1:
        found = [box for text, box in boxes(figure) if text == name]
        assert not any(box.overlaps(other) for box, other in itertools.combinations(found, 2))
        return
    centres = axes.transData.transform([text.get_position() for text in axes.texts])
    apart = [np.hypot(*(one - other)) for one, other in itertools.combinations(centres, 2)]
    assert min(apart) > 0.98 * plot_labels.DISC_DIAMETER * figure.dpi / 72


def test_labels_of_close_points_do_not_overlap():
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


def test_each_decision_region_is_labelled_inside(saved_figures):
    axes = saved_figures[1]["decision_regions"].axes[0]
    left, right, bottom, top = EXTENT
    labelled = set()
    for text in axes.texts:
        x, y = text.get_position()
        row, column = int((y - bottom) / (top - bottom) * 40), int((x - left) / (right - left) * 40)
        assert REGIONS[row, column] == int(text.get_text())
        labelled.add(int(text.get_text()))
    assert labelled == {*np.unique(REGIONS).tolist()}


def test_confusion_matrix_prints_counts_at_true_row_and_predicted_column(saved_figures):
    figure = saved_figures[1]["confusion_matrix"]
    shown = {text.get_position()[::-1]: int(text.get_text()) for text in figure.axes[0].texts}
    assert shown == {(row, column): MATRIX[row, column] for row, column in np.argwhere(MATRIX)}
    assert f"{np.trace(MATRIX):,} of {MATRIX.sum():,}" in figure.caption


def test_agreement_of_all_needs_every_value(saved_figures):
    figure = saved_figures[1]["layer_agreement"]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("all") == 4 * 6 + 4 * len(HLS_LAYERS) - 1
    assert texts.count("99.99") == 1
    assert "7 of 8 designs agree" in figure.caption


def test_bits_are_drawn_only_for_designs_that_differ(saved_figures):
    (panel,) = saved_figures[1]["bit_agreement"].axes
    assert panel.get_title(loc="left").endswith(", full network: complete")
    assert [text.get_text() for text in panel.texts] == ["20", "10", "10", "<1"]
    assert agreement.bit_agreement({"full/quantized": {"latent": [0, 0, 0]}}) is None


def test_resources_distinguish_zero_from_not_measured_and_estimates_from_synthesis(saved_figures):
    texts = text_of(saved_figures[1]["resources"])
    assert texts.count("not measured") == 4  # FFs and cycles of the pruned design, by either tool
    assert texts.count("0") >= 3  # DSPs of three designs, at an axis that starts at 0
    panel = saved_figures[1]["resources"].axes[0]
    open_markers = [line.get_xdata()[0] for line in panel.lines if line.get_markerfacecolor() == "white"]
    estimates = [record.lut for record in paper.TABLES_5_AND_6.values()]
    assert open_markers == [99_000, *estimates]


def test_accuracy_against_luts_shows_designs_with_both_numbers(saved_figures):
    columns = read_csv(saved_figures[0] / "accuracy_against_luts.csv")
    names = columns["design"]
    assert "encoder/quantized_pruned" not in names and "paper, QAE pruned, Virtex-7" not in names
    shown = dict(zip(names, zip(columns["lut"], columns["accuracy_percent"], strict=True), strict=True))
    assert shown["TreeLUT"] == ("4478", "97")
    assert float(shown["full/quantized_pruned"][1]) == pytest.approx(90.62)
    assert columns["pixels"].count("28") == len(published_designs.MNIST_CLASSIFIERS)


def test_latent_line_has_a_histogram_of_all_images_of_each_class(saved_figures):
    axes = saved_figures[1]["latent_line"].axes[0]
    points, labels = labelled_points(10, 1, 200)
    rows = [patch for patch in axes.patches if isinstance(patch, StepPatch) and patch.get_fill()]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == [str(label) for label in np.argsort([np.median(points[labels == label]) for label in range(10)])]
    assert len(rows) == 10


def test_latent_spaces_show_the_dimensions_with_the_most_variance():
    points = random(100, 5) * [1, 9, 0.1, 8, 7]
    assert latent.largest_dimensions(points) == [1, 3, 4]
    figure = latent.latent_space(points, np.arange(100) % 10, "pruned", PAPER_FORMAT)
    titles = {(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes if axes.axison}
    expected = {tuple(f"latent coordinate $z_{{{index}}}$" for index in pair) for pair in ((2, 4), (2, 5), (4, 5))}
    assert titles == expected
    assert "the three of 5 dimensions with the most variance: z2, z4, z5" in figure.caption


def test_captions_speak_of_classes_and_of_axes_only_where_they_are_true(saved_figures):
    captions = {name: figure.caption for name, figure in saved_figures[1].items()}
    assert "coloured by class" in captions["latent_plane_of_fashion"]
    assert "coloured by digit" in captions["latent_plane"] and "Points on the axes" in captions["latent_plane"]
    assert "Points on the axes" not in captions["latent_plane_of_fashion"], "it has negative coordinates"
    assert "The first 10 of 26 classes are shown." in captions["reconstructions_of_26"]
    assert "28 × 28 pixels that are kept" not in captions["example_images_of_two"]
    fashion = [name for name in captions if name.endswith("of_fashion")]
    assert fashion and not any("digit" in captions[name] for name in fashion)


def test_crop_of_images_that_are_not_square_is_framed_in_their_middle(saved_figures):
    frames = saved_figures[1]["example_images_not_square"].axes[0].patches
    assert [patch.get_bbox().bounds for patch in frames] == [(7.5, 3.5, 20, 20)]


def test_scores_without_decoder_or_test_images_are_left_out(saved_figures):
    figure = saved_figures[1]["class_scores_without_decoder"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["accuracy [%]"]
    assert all(np.isnan(line.get_ydata()[3]) for line in figure.axes[0].lines if len(line.get_ydata()) == 10)
    loss, accuracy = saved_figures[1]["class_scores_of_both"].axes
    lines = [sum(len(line.get_xdata()) == 26 for line in axes.lines) for axes in (loss, accuracy)]
    assert lines == [1, 4]


def test_examples_are_of_classes_that_have_images():
    labels = np.array([3, 3, 1, 1, 5, 5, 5, 5, 5])
    assert image_figures.examples_of(labels).tolist() == [2, 3, 0, 1, 4, 5, 6]
    assert image_figures.examples_of(np.arange(47)).tolist() == [*range(10)]


@pytest.mark.parametrize("name", ["network_wide", "network_deep", "network_without_hidden_layers"])
def test_diagrams_of_any_layers_stay_small(saved_figures, name):
    assert drawn_lines(saved_figures[1][name]) <= 11 * networks.MOST_LINES
    nodes = [dots for dots in saved_figures[1][name].axes[0].collections if isinstance(dots, PathCollection)]
    assert max(len(dots.get_offsets()) for dots in nodes) <= networks.MOST_NODES


def test_branches_are_in_the_order_of_their_numbers():
    found = weight_figures.branches_of({f"encoder_{number}": None for number in (10, 2, 1)} | {"latent": None})
    assert found == {"encoder": ["encoder_1", "encoder_2", "encoder_10", "latent"]}
