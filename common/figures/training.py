"""Figure of learning curves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from common.figures.style import (
    COLUMN_WIDTH,
    GREY,
    INK,
    PAGE_WIDTH,
    VARIANTS,
    CaptionedFigure,
    new_figure,
    styled,
    variant_style,
)

FIRST_EPOCHS = 2  # may exceed the axis
QUANTITIES = {"l1": "L1 loss per pixel, mean |r − r̂|", "accuracy": "accuracy [%]"}


@styled
def learning_curves(
    curves: Mapping[str, Mapping[str, Sequence[float]]], pruning_start_epoch: float | None
) -> CaptionedFigure:
    """Draw loss and, with a classifier, accuracy against the epoch (paper, figure 8).

    Args:
        curves: Values per epoch of `train_l1`, `test_l1` and, with a classifier, `train_accuracy` and `test_accuracy`,
            as `training.train` returns them, by variant.
        pruning_start_epoch: Epoch at which pruning starts, or None to leave it out.
    """
    curves = {variant: curves[variant] for variant in VARIANTS if variant in curves}
    shown = [name for name in QUANTITIES if any(f"test_{name}" in values for values in curves.values())]
    caption = (
        "How do the networks learn, and do they overfit? Lines with markers are the test images after each epoch; thin "
        "lines are the training images, averaged during the epoch, so at first they lag. The first epochs may exceed "
        "the axis. Where both lines agree, there is no overfitting."
    )
    if pruning_start_epoch is not None:
        caption += (
            f" At the dotted line, after {pruning_start_epoch:.1f} epochs, pruning sets the smallest weights to zero; "
            "the network mostly recovers."
        )
    elif "pruned" in curves:
        caption += " The pruned network jumps where pruning sets its smallest weights to zero."
    if any("quantized" in variant for variant in curves):
        caption += (
            " Quantized networks lose accuracy at the first epoch and recover during quantization-aware training."
        )
    figure = new_figure(
        PAGE_WIDTH if len(shown) > 1 else COLUMN_WIDTH,
        3.2,
        title="Learning curves",
        caption=caption,
        data=_curve_columns(curves),
    )
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, name in zip(panels, shown, strict=True):
        percent = 100 if name == "accuracy" else 1
        for order, (variant, values) in enumerate(curves.items()):
            if f"test_{name}" in values:
                train, test = (np.multiply(values[f"{part}_{name}"], percent) for part in ("train", "test"))
                _draw_curve(axes, variant, train, test, order)
        if pruning_start_epoch is not None:
            _mark_pruning(axes, pruning_start_epoch)
        axes.set(xlabel="epoch", ylabel=QUANTITIES[name], xlim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        _look_past_first_epochs(axes)
    handles = [
        Line2D([], [], color=look.colour, ls=look.line, marker=look.marker, label=look.label)
        for look in (variant_style(variant) for variant in curves)
    ]
    handles.append(Line2D([], [], color=INK, lw=0.6, label="training images"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handlelength=2.6)
    return figure


def _draw_curve(axes: Axes, variant: str, train: np.ndarray, test: np.ndarray, order: int) -> None:
    """Draw the two curves of a variant, with markers at other epochs than for the other variants."""
    look = variant_style(variant)
    epochs = np.arange(1, len(test) + 1)
    axes.plot(epochs, train, color=look.colour, lw=0.6)
    every = max(len(test) // 6, 1)
    axes.plot(epochs, test, color=look.colour, ls=look.line, marker=look.marker, markevery=(order % every, every))


def _mark_pruning(axes: Axes, epoch: float) -> None:
    axes.axvline(epoch, color=GREY, ls=":", lw=1)
    above = {"xycoords": axes.get_xaxis_transform(), "textcoords": "offset points", "ha": "center", "va": "bottom"}
    axes.annotate("pruning starts", (epoch, 1), (0, 2), fontsize=7, color=GREY, **above)


def _look_past_first_epochs(axes: Axes) -> None:
    """Scale the axis to the curves after the first epochs, if there are enough, to make differences visible."""
    curves = [np.asarray(line.get_ydata()) for line in axes.lines if len(line.get_ydata()) > 2 * FIRST_EPOCHS]
    if curves:
        later = np.concatenate([curve[FIRST_EPOCHS:] for curve in curves])
        margin = 0.06 * max(np.ptp(later), 1e-6)
        axes.set_ylim(later.min() - margin, later.max() + margin)


def _curve_columns(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, list[object]]:
    """Return one row per variant and epoch, with all recorded values, empty if missing."""
    names = dict.fromkeys(name for values in curves.values() for name in values)
    columns: dict[str, list[object]] = {"variant": [], "epoch": [], **{name: [] for name in names}}
    for variant, values in curves.items():
        epochs = max(len(value) for value in values.values())
        columns["variant"] += [variant] * epochs
        columns["epoch"] += range(1, epochs + 1)
        for name in names:
            columns[name] += values.get(name, [""] * epochs)
    return columns
