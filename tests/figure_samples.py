"""Sample figures of all kinds, and helpers to read texts and data of figures."""

import csv
import warnings
from pathlib import Path

import numpy as np
from matplotlib.text import Text

from common import paper
from common.figures import agreement, anomaly, classes, hardware, latent, networks, style, training
from common.figures import images as image_figures
from common.figures import weights as weight_figures
from common.hls.designs import ALL
from common.images.samples import PAPER_FORMAT, ImageFormat
from common.records import ESTIMATE, SYNTHESIS, DesignRecord

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
SCORING = ("anomaly/quantized", "anomaly/quantized_pruned")


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


def layer_weights(pixels=64, encoder=(), latent=2, decoder=(), classifier=(), classes=10):
    """Return random kernels and biases of a network of any layers; without decoder if that is None."""
    generator, found = np.random.default_rng(2), {}
    parts = [("encoder", pixels, encoder)]
    parts += [("decoder", latent, (*decoder, pixels))] if decoder is not None else []
    parts += [("classifier", latent, (*classifier, classes))]
    for part, given, sizes in parts:
        inputs = given
        for place, nodes in enumerate((*sizes, latent) if part == "encoder" else sizes, start=1):
            name = "latent" if part == "encoder" and place > len(sizes) else f"{part}_{place}"
            found[name] = generator.normal(0, 0.4, (inputs, nodes)), generator.normal(0, 0.1, nodes)
            inputs = nodes
    return found


FASHION = ImageFormat(
    10,
    4,
    ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    "class",
)
LETTERS = ImageFormat(8, 5, tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "class")
BALANCED = ImageFormat(28, 8, tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"), "class")
MANY = ImageFormat(8, 8, tuple(f"kind {number}" for number in range(256)), "class")


def labelled_points(classes: int, dimensions: int, count: int = 20, *, seed: int = 0, spread: float = 0.3):
    """Return points around a centre for each class, [N, dimensions], negative ones among them, and labels [N]."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count * classes) % classes
    centres = generator.normal(0, 2, (classes, dimensions))
    return (centres[labels] + generator.normal(0, spread, (len(labels), dimensions))).astype(np.float32), labels


def confusions(classes: int) -> np.ndarray:
    off = np.random.default_rng(4).integers(0, 9, (classes, classes)) ** 2 // 20
    return off + np.diag(np.arange(classes) + 300)


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


def scores_of(classes: int, missing: int | None = None):
    """Return L1 loss and accuracy of each class, by variant; NaN for a missing class."""
    found = {name: (random(classes, seed=n), random(classes, seed=n + 9)) for n, name in enumerate(VARIANTS)}
    for scores in found.values() if missing is not None else ():
        for values in scores:
            values[missing] = np.nan
    return found


KINDS = {"left_out": "classes left out", "turned": "turned by 180°", "noise": "noise"}


def anomaly_scores(shift: float = 1.0, count: int = 2000):
    """Return scores of normal images and of three kinds of anomalies, further and further away."""
    generator = np.random.default_rng(3)
    return {kind: generator.gamma(6, 0.5, count) + shift * place for place, kind in enumerate(("normal", *KINDS))}


METHODS = {name: anomaly_scores(2 / (place + 1)) for place, name in enumerate(anomaly.LOOKS)}
AREAS = [
    {
        "prepare_data.normal": [digit for digit in range(10) if digit != left],
        **{f"test_auc, {name}": 0.5 + 0.04 * left + 0.01 * place + 0.005 * seed for place, name in enumerate(
            ("l1", "mse", "latent", "Mahalanobis", "PCA, two components", "isolation forest", "sum of intensities"))},
    }
    for left in range(10) for seed in range(3)
]  # fmt: skip
EXTREME = {
    "normal,\nhighest l1": (random(12, 64), random(12, 64, seed=1), np.arange(12) + 10.0),
    "classes left out,\nlowest l1": (random(12, 64, seed=2), random(12, 64, seed=3), np.arange(12) / 3),
}


FIGURES = {
    "anomaly_roc": lambda: anomaly.roc(METHODS, KINDS, "l1"),
    "anomaly_efficiency": lambda: anomaly.efficiency(METHODS, KINDS, "mse"),
    "anomaly_scores": lambda: anomaly.distributions(anomaly_scores(), KINDS, "l1", 5.75),
    "anomaly_scores_without_trigger": lambda: anomaly.distributions(anomaly_scores(), KINDS, "latent", None),
    "anomaly_extremes": lambda: anomaly.extremes(EXTREME, "l1"),
    "anomaly_extremes_without_decoder": lambda: anomaly.extremes(
        {name: (images[:5], None, scores[:5]) for name, (images, _, scores) in EXTREME.items()}, "latent"
    ),
    "anomaly_against_intensity": lambda: anomaly.against_intensity(anomaly_scores(0.5), anomaly_scores(), KINDS, "l1"),
    "anomaly_left_out": lambda: anomaly.left_out(AREAS, "prepare_data.normal"),
    "example_digits": lambda: image_figures.example_images(
        (255 * random(10, 28, 28)).astype(np.uint8),
        22,
        {
            "anti_aliased": (31 * random(10, 8, 8)).astype(np.uint8),
            "every_third_pixel": (31 * random(10, 8, 8, seed=1)).astype(np.uint8),
        },
        PAPER_FORMAT,
    ),
    "example_digits_small": lambda: image_figures.example_images(
        (31 * random(10, 8, 8)).astype(np.uint8),
        8,
        {"prepared": (31 * random(10, 8, 8)).astype(np.uint8)},
        PAPER_FORMAT,
    ),
    "example_images_not_square": lambda: image_figures.example_images(
        (255 * random(10, 28, 36)).astype(np.uint8),
        20,
        {"spline_zoom": (15 * random(10, 10, 10)).astype(np.uint8)},
        FASHION,
    ),
    "example_images_of_26": lambda: image_figures.example_images(
        (255 * random(26, 28, 28)).astype(np.uint8),
        22,
        {"anti_aliased": (31 * random(26, 8, 8)).astype(np.uint8)},
        LETTERS,
    ),
    "example_images_of_two": lambda: image_figures.example_images(
        (255 * random(2, 28, 28)).astype(np.uint8),
        28,
        {"anti_aliased": (31 * random(2, 8, 8)).astype(np.uint8)},
        ImageFormat(8, 5, ("cat", "a long name of a dog"), "class"),
    ),
    "reconstructions": lambda: image_figures.reconstructions(
        random(10, 64), range(10), {"quantized_pruned": random(10, 64, seed=1)}, 2, PAPER_FORMAT
    ),
    "reconstructions_of_fashion": lambda: image_figures.reconstructions(
        random(10, 100), range(10), {variant: random(10, 100, seed=1) for variant in VARIANTS}, 12, FASHION
    ),
    "reconstructions_of_26": lambda: image_figures.reconstructions(
        random(10, 64), range(10), {"pruned": random(10, 64, seed=1)}, 1, LETTERS
    ),
    "decoded_plane": lambda: image_figures.decoded_plane(random(6, 6, 8, 8), EXTENT, POINTS, PAPER_FORMAT),
    "decoded_plane_of_fashion": lambda: image_figures.decoded_plane(
        random(6, 6, 10, 10), (-4, 4, -3, 3), labelled_points(10, 2)[0], FASHION
    ),
    "worst_digits": lambda: image_figures.worst_images(
        random(12, 64), DIGITS[:12], (DIGITS[:12] + 1) % 10, np.linspace(1, 0.5, 12), PAPER_FORMAT
    ),
    "worst_digits_none": lambda: image_figures.worst_images(
        random(0, 64), DIGITS[:0], DIGITS[:0], random(0), PAPER_FORMAT
    ),
    "worst_images_of_fashion": lambda: image_figures.worst_images(
        random(12, 100), DIGITS[:12], (DIGITS[:12] + 1) % 10, np.linspace(1, 0.5, 12), FASHION
    ),
    "network_whole": lambda: networks.network_diagram(weights(), "whole", "pruned"),
    "network_autoencoder": lambda: networks.network_diagram(weights(), "autoencoder", "complete"),
    "network_classifier": lambda: networks.network_diagram(weights(), "classifier", "complete"),
    "network_without_hidden_layers": lambda: networks.network_diagram(
        layer_weights(latent=3, classes=26), "whole", "complete"
    ),
    "network_wide": lambda: networks.network_diagram(
        layer_weights(784, (300, 100), 8, (100, 300), (40,), 47), "whole", "complete"
    ),
    "network_deep": lambda: networks.network_diagram(
        layer_weights(100, (64, 48, 32, 24, 16, 12, 8), 1, (16,), (8, 8, 8, 8)), "whole", "complete"
    ),
    "network_without_decoder": lambda: networks.network_diagram(
        layer_weights(100, (32,), 4, None, (16,)), "whole", "quantized"
    ),
    "network_classifier_small": lambda: networks.network_diagram(
        layer_weights(16, (8,), 1, None, (), 2), "classifier", "complete"
    ),
    "weights_deep": lambda: weight_figures.weight_distributions(
        layer_weights(100, (64, 48, 32, 24, 16, 12, 8, 8, 8, 8), 1, None), "complete", None
    ),
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
    "latent_plane": lambda: latent.latent_space(POINTS, DIGITS, "quantized_pruned", PAPER_FORMAT),
    "latent_plane_dead": lambda: latent.latent_space(POINTS * np.float32([0, 1]), DIGITS, "pruned", PAPER_FORMAT),
    "latent_plane_of_26": lambda: latent.latent_space(*labelled_points(26, 2), "complete", LETTERS),
    "latent_plane_of_47": lambda: latent.latent_space(*labelled_points(47, 2), "complete", BALANCED),
    "latent_plane_of_fashion": lambda: latent.latent_space(*labelled_points(10, 2), "pruned", FASHION),
    "latent_plane_of_256": lambda: latent.latent_space(*labelled_points(256, 2), "pruned", MANY),
    "latent_line": lambda: latent.latent_space(*labelled_points(10, 1, 200), "complete", PAPER_FORMAT),
    "latent_line_of_few_bits": lambda: latent.latent_space(
        np.rint(2 * labelled_points(26, 1, 50)[0]) / 2, np.arange(1300) % 26, "quantized", LETTERS
    ),
    "latent_line_dead": lambda: latent.latent_space(np.zeros((20, 1)), np.arange(20) % 10, "quantized", FASHION),
    "latent_space_of_three": lambda: latent.latent_space(*labelled_points(10, 3, 100), "complete", PAPER_FORMAT),
    "latent_space_of_five": lambda: latent.latent_space(*labelled_points(26, 5), "quantized", LETTERS),
    "latent_space_of_many": lambda: latent.latent_space(*labelled_points(10, 40), "quantized", FASHION),
    "decision_regions": lambda: latent.decision_regions(REGIONS, EXTENT, POINTS, DIGITS, PAPER_FORMAT),
    "decision_regions_of_26": lambda: latent.decision_regions(
        np.add.outer(np.arange(40) // 8 * 5, np.arange(40) // 8), (-3, 3, -2, 2), *labelled_points(26, 2), LETTERS
    ),
    "decision_regions_of_fashion": lambda: latent.decision_regions(
        REGIONS, (-3, 3, -2, 2), *labelled_points(10, 2), FASHION
    ),
    "decision_regions_of_one": lambda: latent.decision_regions(0 * REGIONS, EXTENT, POINTS, DIGITS, PAPER_FORMAT),
    "quantization_shift": lambda: latent.quantization_shift(
        POINTS, np.rint(4 * POINTS) / 4, DIGITS, "complete", PAPER_FORMAT
    ),
    "quantization_shift_line": lambda: latent.quantization_shift(
        labelled_points(10, 1)[0], 1.2 * labelled_points(10, 1, seed=0, spread=0.4)[0], DIGITS[:200], "pruned", FASHION
    ),
    "quantization_shift_space": lambda: latent.quantization_shift(
        labelled_points(26, 4)[0], 1.2 * labelled_points(26, 4)[0], labelled_points(26, 4)[1], "pruned", LETTERS
    ),
    "confusion_matrix": lambda: classes.confusion_matrix(MATRIX, "complete", PAPER_FORMAT),
    "confusion_matrix_of_fashion": lambda: classes.confusion_matrix(MATRIX, "complete", FASHION),
    "confusion_matrix_of_26": lambda: classes.confusion_matrix(confusions(26), "complete", LETTERS),
    "confusion_matrix_of_47": lambda: classes.confusion_matrix(confusions(47), "complete", BALANCED),
    "confusion_matrix_of_256": lambda: classes.confusion_matrix(confusions(256), "complete", MANY),
    "confusion_matrix_right": lambda: classes.confusion_matrix(
        np.diag([0, 4]), "complete", ImageFormat(class_names=("a", "b"))
    ),
    "digit_scores": lambda: classes.class_scores(scores_of(10), PAPER_FORMAT),
    "class_scores_of_fashion": lambda: classes.class_scores(scores_of(10), FASHION),
    "class_scores_of_47": lambda: classes.class_scores(scores_of(47), BALANCED),
    "class_scores_without_decoder": lambda: classes.class_scores(
        {name: (None, accuracy) for name, (_, accuracy) in scores_of(10, missing=3).items()}, FASHION
    ),
    "class_scores_of_both": lambda: classes.class_scores(
        {name: (l1 if name == "complete" else None, right) for name, (l1, right) in scores_of(26, missing=3).items()},
        LETTERS,
    ),
    "layer_agreement_of_all": lambda: agreement.layer_agreement(
        {
            design: dict.fromkeys(HLS_LAYERS[:2], 0.5)
            for design in (*ALL, "anomaly/quantized", "anomaly/quantized_pruned")
        }
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


# Saved too; the others are further data for functions of these.
SAVED = [
    "anomaly_roc",
    "anomaly_efficiency",
    "anomaly_scores",
    "anomaly_extremes",
    "anomaly_left_out",
    "example_digits",
    "reconstructions",
    "decoded_plane",
    "worst_digits",
    "network_autoencoder",
    "weights_quantized",
    "learning_curves",
    "latent_plane",
    "latent_line",
    "latent_space_of_three",
    "decision_regions",
    "quantization_shift",
    "confusion_matrix",
    "confusion_matrix_of_47",
    "digit_scores",
    "layer_agreement",
    "bit_agreement",
    "resources",
    "accuracy_against_luts",
    "luts_by_layer",
    "pipeline_depth",
]


def save_all(folder: Path):
    """Save figures in a folder; return all figures by name, drawn with warnings as errors."""
    figures = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, draw in FIGURES.items():
            figures[name] = draw()
            if name in SAVED:
                style.save(figures[name], folder, name)
            else:
                figures[name].draw_without_rendering()
    return figures


def read_csv(path: Path) -> dict[str, list[str]]:
    """Return the columns of a CSV file by name."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in header}


def visible_texts(figure) -> list[Text]:
    """Return visible texts, without those of ticks that are off or out of the limits of their axis."""
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
    """Return visible texts."""
    return [text.get_text() for text in visible_texts(figure)]


def boxes(figure):
    """Return visible texts and their extents [px]."""
    if figure.stale or figure.get_layout_engine() is None:  # not drawn yet, or last drawn to a file
        figure.draw_without_rendering()
    return [(text.get_text(), Text.get_window_extent(text)) for text in visible_texts(figure)]
