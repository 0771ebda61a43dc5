"""Labels in figures without overlaps: names of classes in discs, texts next to points, names along an axis."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.transforms import Bbox

from common.figures.style import GREY, INK, SMALL, class_colours

DISC_DIAMETER = 17.0  # with rim and margin, at a font size of 8 pt [pt]
LONGEST_IN_DISC = 2  # characters; longer names are in boxes
FEW_LABELS, MANY_LABELS = 12, 30  # in a panel; with more, their type is smaller
MOST_LABELS = 60  # in a panel
SMALLEST = 4.5  # font size of a name on an axis [pt]
CHARACTER_WIDTH = 0.62  # of the average character, as a share of the font size
LABEL_DISTANCES = (6, 12, 20, 30, 42)  # from a point to the edge of its text; the nearest free one is used [pt]
LABEL_DIRECTIONS = ((1, 0), (0, 1), (0, -1), (-1, 0), (0.7, 0.7), (0.7, -0.7), (-0.7, 0.7), (-0.7, -0.7))


def label_classes(axes: Axes, positions: Mapping[int, Sequence[float]], names: Sequence[str]) -> None:
    """Write names of classes at positions (data coordinates), each on white with a rim in the colour of its class.

    Short names are in discs, others in boxes. Overlapping ones are moved apart, with a line to the position. Limits of
    the axes must be final. Of more than `MOST_LABELS` the first are written.

    Args:
        axes: The panel.
        positions: Where to write, by label.
        names: Names of all classes, by label.
    """
    positions = dict(list(positions.items())[:MOST_LABELS])
    if not positions:
        return
    colours = class_colours(len(names))
    is_short = max(len(names[label]) for label in positions) <= LONGEST_IN_DISC
    size = 8 if len(positions) <= FEW_LABELS and is_short else SMALL if len(positions) <= MANY_LABELS else 5
    figure = axes.get_figure()
    figure.draw_without_rendering()
    exact = axes.transData.transform(list(positions.values()))
    shape = {
        "boxstyle": "circle,pad=0.22" if is_short else "round,pad=0.25",
        "facecolor": "white",
        "linewidth": 0.2 * size,
    }
    texts = [
        axes.text(
            *position,
            names[label],
            **{"ha": "center", "va": "center", "size": size, "weight": "bold" if is_short else "normal", "zorder": 10},
            bbox={**shape, "edgecolor": colours[label]},
        )
        for label, position in positions.items()
    ]
    if is_short:
        places = _discs_apart(exact, DISC_DIAMETER * size / 8 * figure.dpi / 72)
    else:
        extents = [text.get_window_extent().size for text in texts]
        places = _boxes_apart(exact, np.array(extents) + 0.8 * size * figure.dpi / 72)
    frame = axes.get_window_extent()
    places = np.clip(places, frame.min, frame.max)
    for text, place, origin in zip(texts, axes.transData.inverted().transform(places), positions.values(), strict=True):
        text.set_position(place)
        axes.plot(*zip(origin, place, strict=True), color=INK, lw=0.1 * size, zorder=9)


def _discs_apart(exact: np.ndarray, diameter: float) -> np.ndarray:
    """Return centres of discs near positions [N, 2], moved apart until none overlap [px]."""
    places = exact.copy()
    for _ in range(200):
        apart = places[:, None] - places[None]
        distance = np.hypot(*np.moveaxis(apart, 2, 0))
        np.fill_diagonal(distance, np.inf)
        if distance.min() >= diameter:
            break
        pushed = np.clip(diameter - distance, 0, None) / np.maximum(distance, 1e-3)
        places += 0.5 * (apart * pushed[..., None]).sum(axis=1) + 1e-3 * np.arange(len(places))[:, None]
    return places


def _boxes_apart(exact: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return centres of boxes of sizes [N, 2] near positions [N, 2], moved apart until none overlap [px].

    Two boxes move along the axis in which they overlap less.
    """
    places = exact + 1e-3 * np.arange(len(exact))[:, None]
    needed = (sizes[:, None] + sizes[None]) / 2
    for _ in range(400):
        apart = places[:, None] - places[None]
        common = needed - np.abs(apart)
        overlaps = (common > 0).all(axis=2)
        np.fill_diagonal(overlaps, val=False)
        if not overlaps.any():
            break
        along = np.eye(2)[common.argmin(axis=2)] * overlaps[..., None]
        places += 0.3 * (np.sign(apart) * common * along).sum(axis=1)
    return places


def hide_ticks(axes: Axes) -> None:
    """Remove all ticks of a panel, and keep its frame."""
    axes.set(xticks=[], yticks=[])


def name_categories(axis: Axis, names: Sequence[str]) -> None:
    """Put names at 0, 1, 2, ... of an axis, without ticks between them."""
    axis.set_ticks(range(len(names)), labels=names)
    axis.set_tick_params(which="both", length=0)


def name_classes(axis: Axis, names: Sequence[str], spacing: float) -> None:
    """Put names of classes at 0, 1, 2, ... of an axis; names that do not fit are smaller, upright or left out.

    Args:
        axis: The axis.
        names: Names of the classes.
        spacing: Distance of two classes on the axis [pt].
    """
    is_horizontal = axis.axis_name == "x"
    size = min(7.0, max(0.85 * spacing, SMALLEST))
    is_wide = is_horizontal and max(map(len, names), default=0) * CHARACTER_WIDTH * size > spacing
    every = -(-SMALLEST // spacing) if spacing < SMALLEST else 1
    name_categories(axis, [name if place % every == 0 else "" for place, name in enumerate(names)])
    axis.set_tick_params(labelsize=size, labelrotation=90 if is_wide else 0)


def wrapped(name: str, width: int = 11, lines: int = 3) -> str:
    """Return a name in lines of at most `width` characters, broken after spaces and slashes, the last one cut short."""
    parts = textwrap.wrap(name.replace("/", "/ "), width, max_lines=lines, placeholder="…")
    return "\n".join(parts).replace("/ ", "/")


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
