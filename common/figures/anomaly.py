"""Figures of the anomaly score: ROC, efficiency against false alarms, distributions, extreme images, correlation."""

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, PercentFormatter

from common.figures.labels import hide_ticks
from common.figures.style import (
    COLUMN_WIDTH,
    GREY,
    IMAGES,
    INK,
    NEGATIVE,
    PAGE_WIDTH,
    POSITIVE,
    SMALL,
    VARIANTS,
    CaptionedFigure,
    new_figure,
    styled,
)

NORMAL = "normal"
FEWEST = 10  # false alarms that a rate rests on: 10,000 images support rates down to 1e-3
PANELS = 3  # in a row
EXTREMES = 12  # images of each sort
ScoresByKind = Mapping[str, np.ndarray]
"""Scores of images by their kind, the normal ones first."""

LOOKS = {
    "hardware": {"color": INK, "marker": "o", "ms": 2.8, "ls": "", "mfc": "none", "mew": 0.7, "zorder": 5},
    "quantized": {"color": VARIANTS["quantized_pruned"].colour, "ls": "-"},
    "float": {"color": VARIANTS["complete"].colour, "ls": (0, (5, 1.5))},
    "autoencoder alone, float": {"color": VARIANTS["pruned"].colour, "ls": (0, (4, 1.2, 1, 1.2))},
    "Mahalanobis distance, quantized": {"color": VARIANTS["quantized"].colour, "ls": (0, (1.2, 1.2))},
    "PCA, two components": {"color": GREY, "ls": "-"},
    "isolation forest": {"color": GREY, "ls": (0, (5, 1.5))},
    "sum of intensities": {"color": GREY, "ls": (0, (1.2, 1.2))},
}
"""How a method is drawn, by its name in the legend."""


@styled
def roc(methods: Mapping[str, ScoresByKind], kinds: Mapping[str, str], score: str) -> CaptionedFigure:
    """Draw the ROC curve of each method, for each kind of anomaly.

    Args:
        methods: Scores by kind of each method of `LOOKS`.
        kinds: Kinds of anomalies in words.
        score: Score of the hardware.
    """
    figure, panels, curves = _grid_of_curves(
        methods,
        kinds,
        title="ROC of the anomaly score",
        caption=f"How well are anomalies separated from normal images? ROC curves of the score {score} on test images, "
        "for each kind of anomaly: the further a curve bends to the upper left, the better; the diagonal is a guess. "
        "Circles are the hardware, which computes what the quantized network does. The plane was trained with labels, "
        "which the autoencoder alone has not seen. Grey lines are methods without a network.",
    )
    for kind, axes in panels.items():
        for name, (false_alarms, efficiency) in curves[kind].items():
            _draw_curve(axes, name, false_alarms, efficiency, np.linspace(0, 1, 11))
        axes.plot((0, 1), (0, 1), color=GREY, lw=0.5, zorder=0)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
    return figure


@styled
def efficiency(methods: Mapping[str, ScoresByKind], kinds: Mapping[str, str], score: str) -> CaptionedFigure:
    """Draw the efficiency against the rate of false alarms, as triggers show it; arguments as for `roc`."""
    figure, panels, curves = _grid_of_curves(
        methods,
        kinds,
        title="Efficiency against the rate of false alarms",
        caption=f"How many anomalies does a trigger find that may fire on few normal images? Share of the anomalies "
        f"above a threshold of the score {score}, against the share of the normal test images above it. Bars at 1 % "
        "and 10 % are binomial errors of the hardware. Lower rates would rest on fewer than ten images.",
    )
    lowest = _lowest_rate(methods)
    for kind, axes in panels.items():
        for name, (false_alarms, found) in curves[kind].items():
            _draw_curve(axes, name, false_alarms, found, np.geomspace(lowest, 1, 10))
        false_alarms, found = curves[kind]["hardware"]
        anomalous, normal = (len(methods["hardware"][name]) for name in (kind, NORMAL))
        for rate in (rate for rate in (0.01, 0.1) if rate >= lowest):
            height = np.interp(rate, false_alarms, found)
            errors = (np.sqrt(share * (1 - share) / count) for share, count in ((height, anomalous), (rate, normal)))
            axes.errorbar(rate, height, *errors, color=INK, lw=0.8, zorder=6)
        axes.set(xscale="log", xlim=(lowest, 1), ylim=(0, 1.02))
        axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
        axes.xaxis.set_minor_formatter(NullFormatter())
    return figure


def _lowest_rate(methods: Mapping[str, ScoresByKind]) -> float:
    return FEWEST / len(next(iter(methods.values()))[NORMAL])


def _grid_of_curves(
    methods: Mapping[str, ScoresByKind], kinds: Mapping[str, str], *, title: str, caption: str
) -> tuple[CaptionedFigure, dict[str, Axes], dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]]:
    """Return a figure with a panel for each kind, and the ROC curve of each method by kind."""
    from sklearn.metrics import roc_curve

    curves: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for kind in kinds:
        for name, scores in methods.items():
            parts = scores[NORMAL], scores[kind]
            curve = roc_curve(np.repeat([0, 1], list(map(len, parts))), np.concatenate(parts))[:2]
            curves.setdefault(kind, {})[name] = curve
    rates = np.geomspace(_lowest_rate(methods), 1, 31)
    data = {"false_alarms": rates} | {
        f"{kind}: {name}": np.interp(rates, *curve) for kind, found in curves.items() for name, curve in found.items()
    }
    rows = -(-(len(kinds) + 1) // PANELS)
    figure = new_figure(PAGE_WIDTH, 2.25 * rows, title=title, caption=caption, data=data)
    grid = figure.subplots(rows, PANELS, squeeze=False, sharex=True, sharey=True)
    panels = dict(zip(kinds, grid.flat, strict=False))
    for axes in list(grid.flat)[len(kinds) :]:
        axes.set_axis_off()
    for kind, axes in panels.items():
        axes.set_title(kinds[kind])
        axes.tick_params(labelbottom=True)
    for axes in grid[:, 0]:
        axes.set_ylabel("efficiency")
    for axes in list(panels.values())[-PANELS:]:
        axes.set_xlabel("rate of false alarms")
    handles = [Axes.plot(grid[-1, -1], [], [], label=name, **LOOKS[name])[0] for name in methods]
    grid[-1, -1].legend(handles=handles, loc="center", fontsize=SMALL + 0.5)
    return figure, panels, curves


def _draw_curve(axes: Axes, name: str, false_alarms: np.ndarray, efficiencies: np.ndarray, marked: np.ndarray) -> None:
    """Draw a curve, or marks at some rates of a method that is drawn so."""
    if LOOKS[name]["ls"] == "":
        false_alarms, efficiencies = marked, np.interp(marked, false_alarms, efficiencies)
    axes.plot(false_alarms, efficiencies, clip_on=bool(LOOKS[name]["ls"]), **{"lw": 1.0, **LOOKS[name]})


@styled
def distributions(
    scores: ScoresByKind, kinds: Mapping[str, str], score: str, threshold: float | None
) -> CaptionedFigure:
    """Draw the distribution of the hardware's score for normal images and each kind of anomaly.

    Args:
        scores: Scores by kind.
        kinds: Kinds of anomalies in words.
        score: Name of the score.
        threshold: Of the trigger, or None if there is none.
    """
    low, high = (np.quantile(np.concatenate(list(scores.values())), share) for share in (0, 0.999))
    edges = np.linspace(low, max(high, low + 1e-6), 41)
    shares = {
        kind: np.histogram(np.minimum(values, edges[-1]), edges)[0] / len(values) for kind, values in scores.items()
    }
    line = "" if threshold is None else f" The dashed line is the threshold of the trigger, {threshold:g}."
    rows = -(-len(kinds) // PANELS)
    figure = new_figure(
        PAGE_WIDTH,
        2.0 * rows + 0.3,
        title="Distribution of the anomaly score",
        caption=f"Which scores do normal images and anomalies have? Score {score} of the hardware, for the normal test "
        f"images (filled) and for each kind of anomaly (line); the last bin holds all larger scores.{line}",
        data={"score_from": edges[:-1], **shares},
    )
    panels = list(figure.subplots(rows, PANELS, squeeze=False, sharex=True, sharey=True).flat)
    for axes, (kind, words) in zip(panels, kinds.items(), strict=False):
        axes.stairs(shares[NORMAL], edges, fill=True, color=POSITIVE, alpha=0.35)
        axes.stairs(shares[kind], edges, color=NEGATIVE, lw=1.2)
        if threshold is not None:
            axes.axvline(threshold, color=INK, lw=0.8, ls="--")
        axes.set_title(words)
        axes.set_xlabel(f"score {score}")
        axes.tick_params(labelbottom=True)
    for axes in panels[len(kinds) :]:
        axes.set_axis_off()
    for axes in panels[::PANELS]:
        axes.set_ylabel("share of the images")
    return figure


@styled
def extremes(rows: Mapping[str, tuple[np.ndarray, np.ndarray | None, np.ndarray]], score: str) -> CaptionedFigure:
    """Draw the normal images with the highest scores and the anomalies with the lowest, with reconstructions.

    Args:
        rows: For both, in words: images, [k, pixels] of 0 to 1, their reconstructions, None without decoder, and
            scores [k].
        score: Name of the score.
    """
    lines = [
        (words, pixels, scores if pixels is last else None)
        for name, (images, made, scores) in rows.items()
        for last in [images if made is None else made]
        for words, pixels in ((name, images), ("reconstructed", made))
        if pixels is not None
    ]
    made = " Reconstruction misses what lies near the training images: such anomalies are drawn as well as normal ones."
    figure = new_figure(
        PAGE_WIDTH,
        0.2 + 0.72 * len(lines),
        title="Images that the score gets wrong",
        caption=f"Where does the score {score} fail? Normal test images with the highest scores, and anomalies with "
        "the lowest, each with its score; where the hardware has a decoder, its reconstruction is below the image."
        + made
        * (score != "latent"),
        data={
            "row": [words.replace("\n", " ") for words, pixels, _ in lines for _ in pixels],
            **{
                f"pixel_{index}": column
                for index, column in enumerate(np.concatenate([pixels for _, pixels, _ in lines]).T)
            },
        },
    )
    panels = figure.subplots(len(lines), EXTREMES, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for row, (words, pixels, scores) in zip(panels, lines, strict=True):
        row[0].set_ylabel(words, rotation=0, ha="right", va="center", y=0.5, fontsize=7)
        for place, (axes, image) in enumerate(zip(row, pixels, strict=False)):
            axes.set_axis_on()
            hide_ticks(axes)
            axes.spines[:].set(linewidth=0.5, color=GREY)
            axes.imshow(image.reshape(isqrt(image.size), -1), cmap=IMAGES, vmin=0, vmax=1)
            if scores is not None:
                axes.set_xlabel(f"{scores[place]:.2f}", loc="center", fontsize=SMALL, labelpad=1.5)
    return figure


@styled
def against_intensity(
    intensities: ScoresByKind, scores: ScoresByKind, kinds: Mapping[str, str], score: str
) -> CaptionedFigure:
    """Draw the score of each image against the sum of its intensities.

    Args:
        intensities: Sum of the intensities of each image, by kind.
        scores: Scores, by kind.
        kinds: Kinds of anomalies in words; the first is drawn beside the normal images.
        score: Name of the score.
    """
    first = next(iter(kinds))
    shown = (NORMAL, first)
    correlation = np.corrcoef(intensities[NORMAL], scores[NORMAL])[0, 1]
    figure = new_figure(
        COLUMN_WIDTH,
        3.4,
        title="Score against the sum of intensities",
        caption="Is the score more than the brightness of an image? Each point is a test image: its score "
        f"{score}, against the sum of its intensities. Of the normal images the two have the correlation "
        f"{correlation:.2f}; near ±1, the sum alone would do.",
        data={
            "kind": [kind for kind in shown for _ in scores[kind]],
            "sum_of_intensities": np.concatenate([intensities[kind] for kind in shown]),
            "score": np.concatenate([scores[kind] for kind in shown]),
        },
    )
    axes = figure.subplots()
    for kind, colour, words in ((NORMAL, POSITIVE, "normal"), (first, NEGATIVE, kinds[first])):
        axes.scatter(intensities[kind], scores[kind], s=2, color=colour, linewidths=0, rasterized=True, label=words)
    axes.set(xlabel="sum of intensities", ylabel=f"score {score}")
    axes.legend(markerscale=3)
    return figure


@styled
def left_out(rows: Sequence[Mapping[str, Any]], axis: str) -> CaptionedFigure:
    """Draw the area under the ROC curve of each method for each class that is left out of the training.

    Args:
        rows: Designs of a scan, each with the labels of its normal classes in the column `axis`.
        axis: That column.
    """
    prefix = "test_auc, "
    methods = [name for name in rows[0] if name.startswith(prefix)]
    labels = sorted({label for row in rows for label in row[axis]})
    of_each = {label: [row for row in rows if label not in row[axis]] for label in labels}
    of_each = {label: found for label, found in of_each.items() if found}
    means = {name: [np.mean([row[name] for row in found]) for found in of_each.values()] for name in methods}
    spreads = {name: [np.std([row[name] for row in found]) for found in of_each.values()] for name in methods}
    figure = new_figure(
        PAGE_WIDTH,
        3.2,
        title="Each class left out in turn",
        caption="Which classes are found as anomalies by a network that has never seen them? Area under the ROC curve "
        "for the test images of the class that was left out of the training, against the test images of the others; "
        f"means of {len(rows) / len(of_each):g} seeds, with their standard deviation. Open marks are methods without a "
        "network. At 0.5, the dotted line, a method guesses.",
        data={"left_out": list(of_each)}
        | {
            f"{name.removeprefix(prefix)}{words}": values
            for words, columns in (("", means), (", standard deviation", spreads))
            for name, values in columns.items()
        },
    )
    axes = figure.subplots()
    looks = [
        *((line.colour, line.marker, line.colour) for line in list(VARIANTS.values())[:4]),
        *((GREY, marker, "white") for marker in ("o", "s", "^")),
    ]
    places = np.arange(len(of_each))
    for number, (name, (colour, marker, fill)) in enumerate(zip(methods, looks, strict=False)):
        shift = 0.09 * (number - (len(methods) - 1) / 2)
        style = {"color": colour, "marker": marker, "mfc": fill, "ms": 3.5, "ls": "", "lw": 0.8}
        axes.errorbar(places + shift, means[name], spreads[name], label=name.removeprefix(prefix), **style)
    axes.axhline(0.5, color=GREY, lw=0.6, ls=":")
    axes.set(xlabel="class left out", ylabel="area under the ROC curve")
    axes.set_xticks(places, [str(label) for label in of_each])
    axes.tick_params(axis="x", which="both", length=0)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure
