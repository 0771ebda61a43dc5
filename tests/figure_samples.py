"""Sample figures of all kinds, and helpers to read texts and data of figures."""

import csv
import warnings
from pathlib import Path

import numpy as np
from matplotlib.text import Text

from common import paper
from common.figures import agreement, hardware, latent, networks, style, training
from common.figures import images as image_figures
from common.figures import weights as weight_figures
from common.images.samples import PAPER_FORMAT
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
    "example_digits": lambda: image_figures.example_images(
        (255 * random(10, 28, 28)).astype(np.uint8),
        22,
        {name: (31 * random(10, 8, 8)).astype(np.uint8) for name in ("anti_aliased", "every_third_pixel")},
        PAPER_FORMAT,
    ),
    "example_digits_small": lambda: image_figures.example_images(
        (255 * random(10, 8, 8)).astype(np.uint8),
        8,
        {"anti_aliased": (31 * random(10, 8, 8)).astype(np.uint8)},
        PAPER_FORMAT,
    ),
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


# Drawn but not saved: further data for functions of other figures.
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
