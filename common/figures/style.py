"""Common style of all figures, and how they are saved.

Conventions of high-energy physics: inward ticks on all sides, axis titles at the ends of the axes, units in brackets.
Colours mean the same in every figure and can be distinguished with red-green blindness. Variants differ in marker, line
style and lightness, and classes are labelled, so that figures can be read in greyscale too.
"""

import csv
import functools
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
from matplotlib import style
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure

from common.hls.designs import CUTS
from common.stages.artifacts import write_text_atomically

PAGE_WIDTH = 7.0  # text width of an A4 or letter page [in]
COLUMN_WIDTH = 4.4  # figures with a single square panel [in]
DOTS_PER_INCH = 200  # of the PNG
RASTER_DOTS_PER_INCH = 150  # of rasterized parts of the SVG
SMALL = 6.5  # font size of numbers in a panel [pt]

INK = "#000000"
GREY = "#777777"
PALE = "#d9d9d9"
POSITIVE, NEGATIVE = "#20408f", "#e69f00"  # of signed quantities; dark and light in greyscale
IMAGES = LinearSegmentedColormap.from_list("ink", ["#ffffff", "#000000"])
ERRORS = LinearSegmentedColormap.from_list("error", ["#ffffff", "#e8743b", "#5b0a1e"])
DENSITY = LinearSegmentedColormap.from_list("density", ["#ffffff", "#cfe4f7", "#6fb0ea"])

STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so it is the same everywhere
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "xaxis.labellocation": "right",
    "yaxis.labellocation": "top",
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "xtick.major.pad": 4.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "hatch.linewidth": 0.6,
    "image.interpolation": "nearest",
    "mathtext.fontset": "dejavusans",
    "savefig.dpi": DOTS_PER_INCH,
    "svg.fonttype": "path",
    "svg.hashsalt": "mnist-autoencoder-fpga",
}


@dataclass(frozen=True)
class LineStyle:
    """Style of a variant in all figures: label, colour, line style and marker."""

    label: str
    colour: str
    line: str | tuple[float, tuple[float, ...]]
    marker: str


VARIANTS = {
    "complete": LineStyle("complete", "#20408f", "-", "o"),
    "pruned": LineStyle("pruned", "#c0392b", (0, (5, 1.5)), "s"),
    "quantized": LineStyle("quantized", "#009e73", (0, (4, 1.2, 1, 1.2)), "^"),
    "quantized_pruned": LineStyle("quantized, pruned", "#e69f00", (0, (1.2, 1.2)), "D"),
    "paper": LineStyle("paper", INK, (0, (8, 3)), "*"),
}

# The ten colours of M. Petroff (arXiv:2107.02270) that CMS recommends, assigned so that neighbouring digits in the
# latent plane differ most, for red-green blind readers and in greyscale too.
DIGITS = (
    "#a96b59",
    "#b9ac70",
    "#bd1f01",
    "#717581",
    "#94a4a2",
    "#ffa90e",
    "#3f90da",
    "#e76300",
    "#92dadd",
    "#832db6",
)
# Of more than ten classes, each ten after the first have these colours mixed with black or white. They are harder to
# distinguish, so that labels and names carry the identity; after fifty the colours repeat.
SHADES = (("black", 0.0), ("black", 0.45), ("white", 0.45), ("black", 0.7), ("white", 0.7))


class CaptionedFigure(Figure):
    """Figure with title, caption and data.

    Attributes:
        title: Title in a few words.
        caption: Question that the figure answers, what is drawn, what to see.
        data: Columns of equal length with the numbers shown.
    """

    title: str
    caption: str
    data: dict[str, Sequence[object] | np.ndarray]


Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def styled(draw: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorate a function to draw in this style, independent of the user's matplotlib settings."""

    @functools.wraps(draw)
    def draw_styled(*arguments: Parameters.args, **keywords: Parameters.kwargs) -> Result:
        with style.context(["default", STYLE]):
            return draw(*arguments, **keywords)

    return draw_styled


def new_figure(
    width: float, height: float, *, title: str, caption: str, data: Mapping[str, Sequence[object] | np.ndarray]
) -> CaptionedFigure:
    """Return an empty figure of `width` x `height` [in], with title, caption and data."""
    figure = CaptionedFigure(figsize=(width, height), layout="constrained")
    figure.title, figure.caption, figure.data = title, caption, dict(data)
    return figure


def class_colours(count: int) -> list[str]:
    """Return a colour, `#rrggbb`, for each of `count` classes: the ten of `DIGITS`, then shades of them."""
    found = []
    for index in range(count):
        other, share = SHADES[index // len(DIGITS) % len(SHADES)]
        own, mixed = (np.array(to_rgb(colour)) for colour in (DIGITS[index % len(DIGITS)], other))
        found.append(to_hex((1 - share) * own + share * mixed))
    return found


def variant_style(name: str) -> LineStyle:
    """Return the style of a variant; its name may have a network or cut before it, as in `encoder/pruned`."""
    return VARIANTS[name.rpartition("/")[2]]


def in_order(designs: Iterable[str]) -> list[str]:
    """Return names of designs, `CUT/VARIANT`, sorted by cut (smallest first) and variant (order of the pipeline)."""
    places = {name: place for names in (CUTS, VARIANTS) for place, name in enumerate(names)}
    return sorted(designs, key=lambda name: [places[part] for part in name.split("/")])


def design_words(name: str) -> str:
    """Return what a design, named `CUT/VARIANT`, is called in figures."""
    return f"{CUTS[name.partition('/')[0]]}: {variant_style(name).label}"


def save(
    figure: CaptionedFigure,
    folder: Path,
    name: str,
    caption: str | None = None,
    data: Mapping[str, Sequence[object] | np.ndarray] | None = None,
) -> None:
    """Write a figure as PNG and SVG, its data as CSV, and list it in the folder's `figures.json`.

    The same figure gives the same bytes. `figures.json` is a list of `name`, `title` and `caption`, in the order in
    which figures were first saved; saving again replaces an entry.

    Args:
        figure: The figure.
        folder: Output folder; made if it is missing.
        name: Name of the files, without suffix.
        caption: Caption instead of the figure's own.
        data: Columns of equal length instead of the figure's own.

    Raises:
        ValueError: The columns differ in length.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with style.context(["default", STYLE]):
        figure.draw_without_rendering()
        figure.set_layout_engine(None)  # the layout is final; repeating it takes most of the time
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
        drawing = io.StringIO()
        figure.savefig(
            drawing,
            format="svg",
            dpi=RASTER_DOTS_PER_INCH,
            metadata={"Title": figure.title, "Date": None, "Creator": None},
        )
    (folder / f"{name}.svg").write_text(_with_short_coordinates(drawing.getvalue()), encoding="utf-8")
    _write_csv(folder / f"{name}.csv", figure.data if data is None else data)
    listing = folder / "figures.json"
    entries = json.loads(listing.read_text(encoding="utf-8")) if listing.exists() else []
    entry = {"name": name, "title": figure.title, "caption": figure.caption if caption is None else caption}
    names = [each["name"] for each in entries]
    if name in names:
        entries[names.index(name)] = entry
    else:
        entries.append(entry)
    write_text_atomically(listing, json.dumps(entries, indent=1, ensure_ascii=False) + "\n")


def _with_short_coordinates(svg: str) -> str:
    """Return an SVG with path coordinates cut to two decimals [1/100 pt], which makes files a third smaller."""
    return re.sub(r' d="[^"]+"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)


def _write_csv(path: Path, data: Mapping[str, Sequence[object] | np.ndarray]) -> None:
    # str() of a numpy number has the digits of its type: 0.1 instead of 0.10000000149 for a float32.
    columns = [[str(value) for value in column] for column in data.values()]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(data)
        writer.writerows(zip(*columns, strict=True))
