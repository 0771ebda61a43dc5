"""Labels in figures without overlaps: digits in discs, texts next to points, names along an axis."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.transforms import Bbox

from common.figures.style import DIGITS, GREY, INK, SMALL

DISC_DIAMETER = 17.0  # with rim and margin [pt]
LABEL_DISTANCES = (6, 12, 20, 30, 42)  # from a point to the edge of its text; the nearest free one is used [pt]
LABEL_DIRECTIONS = ((1, 0), (0, 1), (0, -1), (-1, 0), (0.7, 0.7), (0.7, -0.7), (-0.7, 0.7), (-0.7, -0.7))


def label_digits(axes: Axes, positions: Mapping[int, Sequence[float]]) -> None:
    """Write digits at positions (data coordinates), each in a white disc with a rim in its colour.

    Overlapping discs are moved apart, with a line to the position. Limits of the axes must be final.
    """
    figure = axes.get_figure()
    figure.draw_without_rendering()
    exact = axes.transData.transform(list(positions.values()))
    places = exact.copy()
    diameter = DISC_DIAMETER * figure.dpi / 72
    for _ in range(200):
        apart = places[:, None] - places[None]
        distance = np.hypot(*np.moveaxis(apart, 2, 0))
        np.fill_diagonal(distance, np.inf)
        if distance.min() >= diameter:
            break
        pushed = np.clip(diameter - distance, 0, None) / np.maximum(distance, 1e-3)
        places += 0.5 * (apart * pushed[..., None]).sum(axis=1) + 1e-3 * np.arange(len(places))[:, None]
    for digit, (x, y), (from_x, from_y) in zip(
        positions, axes.transData.inverted().transform(places), positions.values(), strict=True
    ):
        axes.plot([from_x, x], [from_y, y], color=INK, lw=0.8, zorder=9)
        disc = {"boxstyle": "circle,pad=0.22", "facecolor": "white", "edgecolor": DIGITS[digit], "linewidth": 1.6}
        axes.text(x, y, str(digit), ha="center", va="center", size=8, weight="bold", bbox=disc, zorder=10)


def hide_ticks(axes: Axes) -> None:
    """Remove all ticks of a panel, and keep its frame."""
    axes.set(xticks=[], yticks=[])


def name_categories(axis: Axis, names: Sequence[str]) -> None:
    """Put names at 0, 1, 2, ... of an axis, without ticks between them."""
    axis.set_ticks(range(len(names)), labels=names)
    axis.set_tick_params(which="both", length=0)


def place_labels(axes: Axes, points: np.ndarray, texts: Sequence[str], avoid: np.ndarray | None = None) -> None:
    """Write a text next to each point, without overlaps of texts with each other or with points.

    Each text in turn takes the free place nearest to its point; distant texts get a line to it.

    Args:
        axes: The panel, its limits and scales final.
        points: Data coordinates, [N, 2].
        texts: One for each point.
        avoid: Data coordinates of further points that texts must not cover, [M, 2].
    """
    figure = axes.get_figure()
    figure.draw_without_rendering()  # gives the panel its final position
    frame, pixels = axes.get_window_extent(), figure.dpi / 72
    anchors = axes.transData.transform(points)
    marks = anchors if avoid is None else np.concatenate([anchors, axes.transData.transform(avoid)])
    taken = [Bbox.from_bounds(x - 3 * pixels, y - 3 * pixels, 6 * pixels, 6 * pixels) for x, y in marks]
    for point, text in zip(points, texts, strict=True):
        note = axes.annotate(text, point, (0, 0), textcoords="offset points", fontsize=SMALL, ha="center", va="center")
        extent = note.get_window_extent()
        places = []
        for distance in LABEL_DISTANCES:
            for direction in LABEL_DIRECTIONS:
                # Offset of the text's centre, so that its edge is at the distance.
                offset = np.multiply(direction, distance * pixels) + np.sign(direction) * extent.size / 2
                box = extent.translated(*offset).padded(pixels)
                covered = _area(box) - _common_area(box, frame) + sum(_common_area(box, other) for other in taken)
                places.append((covered, distance, tuple(offset / pixels), box))
        _, distance, offset, box = min(places, key=lambda place: place[:2])
        note.set_position(offset)
        taken.append(box)
        if distance > LABEL_DISTANCES[0]:
            line = {"arrowstyle": "-", "lw": 0.5, "color": GREY, "shrinkA": 0, "shrinkB": 3, "relpos": (0.5, 0.5)}
            axes.annotate("", point, offset, textcoords="offset points", arrowprops=line, zorder=1)


def _area(box: Bbox) -> float:
    return box.width * box.height


def _common_area(box: Bbox, other: Bbox) -> float:
    common = Bbox.intersection(box, other)
    return 0.0 if common is None else _area(common)
