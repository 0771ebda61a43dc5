"""Figures of how networks learn, epoch by epoch."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from common.plot_style import (
    COLUMN_WIDTH,
    GREY,
    INK,
    PAGE_WIDTH,
    CaptionedFigure,
    new_figure,
    styled,
    variant_style,
)

QUANTITIES = {"l1": "L1 loss of a pixel, mean |r − r̂|", "accuracy": "accuracy [%]"}


@styled
def learning_curves(
    curves: Mapping[str, Mapping[str, Sequence[float]]], pruning_start_epoch: float | None
) -> CaptionedFigure:
    """Draw loss and, for networks that classify, accuracy against the epoch (paper, figure 8).

    Args:
        curves: For each variant a value an epoch of `train_l1`, `test_l1` and, where it classifies, `train_accuracy`
            and `test_accuracy`, as `training.train` returns them.
        pruning_start_epoch: Epochs trained when weights are first set to zero, or None where none are.
    """
    shown = [name for name in QUANTITIES if any(f"test_{name}" in values for values in curves.values())]
    caption = (
        "How do the networks learn, and do they learn by heart? Lines with markers are the test images after each "
        "epoch, thin lines the training images during it (a mean while the weights move, so early on it lags behind). "
        "Where the two run together nothing is learnt by heart."
    )
    if pruning_start_epoch is not None:
        caption += (
            f" At the dotted line, after {pruning_start_epoch:.1f} epochs, the smallest weights of the pruned layers "
            "are set to zero: the pruned network jumps back and recovers."
        )
    if any("quantized" in variant for variant in curves):
        caption += " The quantized networks start from the trained ones, so they begin near their end."
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
            axes.axvline(pruning_start_epoch, color=GREY, ls=":", lw=1)
            axes.annotate(
                "pruning starts", (pruning_start_epoch, 0.98), (3, 0), xycoords=axes.get_xaxis_transform(),
                textcoords="offset points", rotation=90, va="top", fontsize=7, color=GREY,
            )
        axes.set(xlabel="epoch", ylabel=QUANTITIES[name])
        axes.set_xlim(0, None)
    handles = [
        Line2D([], [], color=look.colour, ls=look.line, marker=look.marker, label=look.label)
        for look in (variant_style(variant) for variant in curves)
    ]
    handles.append(Line2D([], [], color=INK, lw=0.6, label="training images"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handlelength=2.6)
    return figure


def _draw_curve(axes: Axes, variant: str, train: np.ndarray, test: np.ndarray, order: int) -> None:
    """Draw the two curves of a variant; those of the others have their markers at other epochs."""
    look = variant_style(variant)
    epochs = np.arange(1, len(test) + 1)
    axes.plot(epochs, train, color=look.colour, lw=0.6)
    every = max(len(test) // 6, 1)
    axes.plot(epochs, test, color=look.colour, ls=look.line, marker=look.marker, markevery=(order % every, every))


def _curve_columns(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, list[object]]:
    """Return one row an epoch of a variant, with everything that was recorded, empty where it was not."""
    names = dict.fromkeys(name for values in curves.values() for name in values)
    columns: dict[str, list[object]] = {"variant": [], "epoch": [], **{name: [] for name in names}}
    for variant, values in curves.items():
        epochs = max(len(value) for value in values.values())
        columns["variant"] += [variant] * epochs
        columns["epoch"] += range(1, epochs + 1)
        for name in names:
            columns[name] += values.get(name, [""] * epochs)
    return columns
