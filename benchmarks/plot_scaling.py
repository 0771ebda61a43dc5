"""Figure of the scaling of time and memory."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from benchmarks.measure import Spread
from common.figures.style import GREY, INK, NEGATIVE, PAGE_WIDTH, POSITIVE, CaptionedFigure, new_figure, styled

LOOKS = {"conversion": (POSITIVE, "o", "-"), "synthesis": (NEGATIVE, "D", "--")}


@styled
def growth(
    images: Sequence[int],
    training: Sequence[Spread],
    widths: Sequence[int],
    curves: Mapping[str, Sequence[Mapping[str, float]]],
    exponents: Mapping[str, float],
    memory_bound: float,
) -> CaptionedFigure:
    """Draw the time of an epoch against images; time and memory of conversion and synthesis against width.

    Args:
        images: Numbers of training images.
        training: Time of an epoch for each [s].
        widths: Width factors of the network.
        curves: `seconds` and `bytes` at each width, for conversion and synthesis.
        exponents: Fitted exponents of `training`, `conversion` and `synthesis`.
        memory_bound: Memory limit, drawn as a line [byte].
    """
    rows = [("training", count, spread.median, "") for count, spread in zip(images, training, strict=True)]
    for phase, costs in curves.items():
        rows += [(phase, width, cost["seconds"], cost["bytes"]) for width, cost in zip(widths, costs, strict=True)]
    columns = ("what", "images or width", "seconds", "memory [byte]")
    figure = new_figure(
        PAGE_WIDTH,
        2.5,
        title="Scaling of time and memory",
        caption="How do time and memory scale? Time of a training epoch, and time and memory of conversion and "
        "synthesis of a design. A power law is a straight line; the exponents are fitted. At the left end, fixed "
        "costs are visible.",
        data=dict(zip(columns, zip(*rows, strict=True), strict=True)),
    )
    time_of_training, time_of_design, memory = figure.subplots(1, 3)
    medians = [spread.median for spread in training]
    errors = [[spread.median - spread.low for spread in training], [spread.high - spread.median for spread in training]]
    time_of_training.errorbar(images, medians, errors, color=INK, marker="s", capsize=2)
    _name(time_of_training, "training images", "time of an epoch [s]")
    time_of_training.text(
        0.06, 0.9, f"∝ images$^{{{exponents['training']:.2f}}}$", transform=time_of_training.transAxes
    )
    for phase, costs in curves.items():
        colour, marker, line = LOOKS[phase]
        look = {"color": colour, "marker": marker, "linestyle": line}
        label = f"{phase} ∝ width$^{{{exponents[phase]:.2f}}}$"
        time_of_design.plot(widths, [cost["seconds"] for cost in costs], label=label, **look)
        memory.plot(widths, [cost["bytes"] / 1e9 for cost in costs], label=phase, **look)
    memory.axhline(memory_bound / 1e9, color=GREY, linewidth=0.8)
    memory.text(widths[0], memory_bound / 1e9 * 0.94, f"{memory_bound / 1e9:.0f} GB", va="top", color=GREY)
    for axes, label in ((time_of_design, "time [s]"), (memory, "memory [GB]")):
        _name(axes, "width of the hidden layers", label)
        axes.xaxis.set_major_locator(FixedLocator(list(widths)))
        axes.xaxis.set_major_formatter(FixedFormatter([f"×{width}" for width in widths]))
        axes.xaxis.set_minor_locator(NullLocator())
    low, high = time_of_design.get_ylim()
    time_of_design.set_ylim(low, high * 4)
    time_of_design.legend(loc="upper left")
    memory.set_ylim(top=memory_bound / 1e9 * 1.5)
    return figure


def _name(axes: Axes, x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y, xscale="log", yscale="log")
