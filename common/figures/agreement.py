"""Figures of agreement between C simulation and network, layer by layer and bit by bit."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from common.figures.labels import name_categories
from common.figures.style import (
    ERRORS,
    PAGE_WIDTH,
    PALE,
    SMALL,
    CaptionedFigure,
    design_words,
    in_order,
    new_figure,
    styled,
)

MOST_UPRIGHT = 9  # with more designs, their names are rotated


@styled
def layer_agreement(agreement: Mapping[str, Mapping[str, float]]) -> CaptionedFigure:
    """Draw the share of values in which C simulation and network agree, layer by layer.

    Args:
        agreement: Fraction of values that agree, by design (`CUT/VARIANT`) and layer.
    """
    agreement = {name: agreement[name] for name in in_order(agreement)}
    layers = list(dict.fromkeys(layer for values in agreement.values() for layer in values))
    exact = sum(all(value == 1 for value in values.values()) for values in agreement.values())
    caption = (
        "Does the C simulation compute what the network computes? Each cell is the share of a layer's values, over all "
        "test images, that agree: bit by bit for quantized networks. "
        f"{exact} of {len(agreement)} designs agree in every value of every layer."
    )
    if any(not name.partition("/")[2].startswith("quantized") for name in agreement):
        caption += " The complete and the pruned network are floating-point: values agree if they are within 1/32."
    if len({tuple(values) for values in agreement.values()}) > 1:
        caption += " Grey: the design does not have this layer."
    cells = [(design, layer) for design, values in agreement.items() for layer in values]
    figure = new_figure(
        PAGE_WIDTH,
        1.1 + 0.2 * len(layers),
        title="Agreement of C simulation and network, layer by layer",
        caption=caption,
        data={
            "design": [design for design, _ in cells],
            "layer": [layer for _, layer in cells],
            "agreeing": [agreement[design][layer] for design, layer in cells],
        },
    )
    _draw_agreement(figure.subplots(), agreement, layers)
    return figure


@styled
def bit_agreement(bit_differences: Mapping[str, Mapping[str, Sequence[float]]]) -> CaptionedFigure | None:
    """Draw how often each bit differs between the C simulation and the network's values cast to the same types.

    Args:
        bit_differences: Fraction of values that differ in each bit, from the least significant bit up, by design
            (`CUT/VARIANT`) and layer.

    Returns:
        The figure of all designs that differ, or None if none does.
    """
    designs = [name for name in in_order(bit_differences) if any(map(np.any, bit_differences[name].values()))]
    if not designs:
        return None
    layers = list(dict.fromkeys(layer for name in designs for layer in bit_differences[name]))
    bits = max(len(fractions) for name in designs for fractions in bit_differences[name].values())
    cells = [(design, layer) for design in designs for layer in bit_differences[design]]
    values = [list(bit_differences[design][layer]) for design, layer in cells]
    figure = new_figure(
        PAGE_WIDTH,
        (0.75 + 0.2 * len(layers)) * len(designs),
        title="Which bits differ",
        caption="In which bits do C simulation and network differ? Each row is a layer, each column a bit of its "
        "output, the least significant at the right. Numbers are the percentage of values, over all test images, in "
        "which the bit differs from the network's value cast to the layer's type. At 50 % a bit is random; after a "
        "ReLU both values are often zero and agree. Designs that agree in every bit are not drawn.",
        data={
            "design": [design for design, _ in cells],
            "layer": [layer for _, layer in cells],
            **{f"bit_{bit}": [each[bit] if bit < len(each) else "" for each in values] for bit in range(bits)},
        },
    )
    panels = figure.subplots(len(designs), 1, squeeze=False)[:, 0]
    for axes, design in zip(panels, designs, strict=True):
        _draw_bits(axes, design, bit_differences[design], bits)
    panels[-1].set_xlabel("bit (0 is the least significant)")
    return figure


def _draw_agreement(axes: Axes, agreement: Mapping[str, Mapping[str, float]], layers: Sequence[str]) -> None:
    shares = np.array([[values.get(layer, np.nan) for values in agreement.values()] for layer in layers])
    axes.set_facecolor(PALE)  # for layers that a design does not have
    axes.imshow(1 - shares, cmap=ERRORS, vmin=0, vmax=2, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        if not np.isnan(share):
            text = "all" if share == 1 else f"{min(100 * share, 99.99):.2f}"
            axes.text(column, row, text, ha="center", va="center", size=SMALL)
    name_categories(axes.yaxis, [layer.replace("_", " ") for layer in layers])
    wrapped = [
        design_words(name).replace(" + ", " +\n").replace(": ", ":\n").replace(", ", ",\n") for name in agreement
    ]
    name_categories(axes.xaxis, wrapped)
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", labelsize=SMALL, labelrotation=90 if len(agreement) > MOST_UPRIGHT else 0)
    axes.set_title("values that agree [%]", loc="left", pad=8)


def _draw_bits(axes: Axes, design: str, values: Mapping[str, Sequence[float]], widest: int) -> None:
    grid = np.full((len(values), widest), np.nan)
    for row, fractions in enumerate(values.values()):
        grid[row, : len(fractions)] = fractions
    axes.set_facecolor(PALE)  # for layers with fewer bits
    axes.imshow(grid, cmap=ERRORS, vmin=0, vmax=1, aspect="auto")
    for (row, column), fraction in np.ndenumerate(grid):
        if fraction > 0:
            text = f"{100 * fraction:.0f}" if fraction >= 0.005 else "<1"
            axes.text(column, row, text, ha="center", va="center", size=SMALL)
    name_categories(axes.yaxis, [layer.replace("_", " ") for layer in values])
    name_categories(axes.xaxis, [str(bit) for bit in range(widest)])
    axes.invert_xaxis()
    axes.set_title(f"values that differ in this bit [%], {design_words(design)}", loc="left")
