"""How the data flow through this pipeline (paper, figure 1): positions of stages, variants and their numbers.

Stages are boxes in a row. Each variant of the network is a line through them, with a stop where it is trained,
converted or synthesized. There are two layouts: stages side by side for wide screens, top to bottom for narrow ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.figures.style import VARIANTS
from common.records import SIMULATION
from common.report.page import Page
from common.report.results import measured, number
from common.report.stage_status import Stage

IMAGES = "images"
TOOLS = {
    "prepare_data": "images",
    "train_autoencoder": "Keras",
    "prune": "Keras, TFMOT",
    "quantize": "QKeras",
    "convert_hls": "hls4ml, C++",
    "synthesize": "RTL and netlist",
}
FIRST_STOP = {
    IMAGES: "prepare_data",
    "complete": "train_autoencoder",
    "pruned": "prune",
    "quantized": "quantize",
    "quantized_pruned": "quantize",
}
PARENTS = {"complete": IMAGES, "pruned": IMAGES, "quantized": "complete", "quantized_pruned": "pruned"}
"""What each variant is trained from, unless `metrics.json` records another parent."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """Positions [px]: stages follow each other along one direction; lines of variants are spaced along the other.

    Attributes:
        name: `wide` or `tall`.
        size: Of the whole drawing.
        first_box: Upper left corner of the first box.
        box: Width and height of a box.
        step: From stage to stage.
        lanes: Across, of the line of each variant.
    """

    name: str
    size: Point
    first_box: Point
    box: Point
    step: Point
    lanes: Mapping[str, float]

    @property
    def is_wide(self) -> bool:
        """Whether stages are side by side."""
        return self.step[0] > 0

    def box_of(self, column: int) -> Point:
        """Return the upper left corner of a stage's box."""
        return self.first_box[0] + column * self.step[0], self.first_box[1] + column * self.step[1]

    @property
    def name_place(self) -> tuple[str, float]:
        """Return how the name at a line's first stop is anchored, and how far to the right: not on the line."""
        return ("start", -6) if self.is_wide else ("middle", 0)

    def guide(self, column: int) -> str:
        """Return the path of a thin line from a stage's box across all lanes."""
        x, y = self.box_of(column)
        if self.is_wide:
            return f"M{x + self.box[0] / 2:g} {y + self.box[1]:g}V{max(self.lanes.values()):g}"
        return f"M{x + self.box[0]:g} {y + self.box[1] / 2:g}H{max(self.lanes.values()):g}"

    def stop(self, lane: str, column: int) -> Point:
        """Return where the line of a variant passes a stage."""
        x, y = self.box_of(column)
        return (x + self.box[0] / 2, self.lanes[lane]) if self.is_wide else (self.lanes[lane], y + self.box[1] / 2)


LAYOUTS = (
    Layout(
        "wide",
        (1120, 390),
        (1, 1),
        (164, 106),
        (190.6, 0),
        {"complete": 168, "quantized": 222, IMAGES: 222, "pruned": 284, "quantized_pruned": 338},
    ),
    Layout(
        "tall",
        (358, 772),
        (1, 1),
        (148, 108),
        (0, 132),
        {"complete": 186, "quantized": 231, IMAGES: 231, "pruned": 275, "quantized_pruned": 319},
    ),
)


@dataclass(frozen=True)
class Box:
    """A stage: its corner, and the tool it uses."""

    stage: Stage
    x: float
    y: float
    tool: str


@dataclass(frozen=True)
class Line:
    """A piece of a variant's line, solid where the stage has run."""

    path: str
    colour: str
    done: bool


@dataclass(frozen=True)
class Stop:
    """A stop on a variant's line: its name above, at the first stop, and numbers below."""

    x: float
    y: float
    colour: str
    above: Sequence[str]
    below: Sequence[str]
    anchor: str
    name_x: float


@dataclass(frozen=True)
class Workflow:
    """The drawing in one layout."""

    layout: Layout
    boxes: Sequence[Box]
    guides: Sequence[str]
    lines: Sequence[Line]
    stops: Sequence[Stop]


def draw_workflows(page: Page) -> list[Workflow]:
    """Return the drawing in both layouts."""
    return [_draw(layout, page) for layout in LAYOUTS]


def _draw(layout: Layout, page: Page) -> Workflow:
    columns = {stage.subject: column for column, stage in enumerate(page.stages) if stage.subject in TOOLS}
    done = {stage.subject for stage in page.stages if stage.run is not None}
    shown = [stage for stage in page.stages if stage.subject in columns]
    boxes = [Box(stage, *layout.box_of(columns[stage.subject]), _tool(stage, page)) for stage in shown]
    lines, stops = [], []
    for lane, first in FIRST_STOP.items():
        if first not in columns:
            continue
        colour = VARIANTS[lane].colour if lane in VARIANTS else "currentColor"
        begin = columns[first]
        if lane in PARENTS:
            source = layout.stop(_parent(lane, page), begin - 1)
            lines.append(Line(_curve(source, layout.stop(lane, begin), layout), colour, first in done))
        downstream = [stage.subject for stage in shown if columns[stage.subject] >= begin]
        if lane == IMAGES:
            downstream = downstream[:2]  # as far as the stage before pruning, which trains from scratch
        for subject in downstream:
            column = columns[subject]
            below = _numbers(subject, lane, page)
            if subject != first:
                start, end = layout.stop(lane, column - 1), layout.stop(lane, column)
                reached = subject in done and (bool(below) or subject in ("train_autoencoder", "prune", "quantize"))
                lines.append(Line(_curve(start, end, layout), colour, reached))
            if below or subject == first:
                above = _name(lane, layout) if subject == first else ()
                stops.append(Stop(*layout.stop(lane, column), colour, above, below, *layout.name_place))
    return Workflow(layout, boxes, [layout.guide(columns[stage.subject]) for stage in shown], lines, stops)


def _tool(stage: Stage, page: Page) -> str:
    """Return what a stage uses, or of the first one what it makes."""
    found = page.image_format
    if stage.subject != FIRST_STOP[IMAGES] or found is None:
        return TOOLS[stage.subject]
    return f"{found.side} × {found.side} pixels, {found.bits} bit{'s' if found.bits > 1 else ''}"


def _parent(lane: str, page: Page) -> str:
    recorded = page.models.get(f"classifier/{lane}", {}).get("parent", "")
    return recorded.partition("/")[2] or PARENTS[lane]


def _curve(start: Point, end: Point, layout: Layout) -> str:
    """Return the path of a line that leaves and arrives in the direction of the stages."""
    middle = tuple((a + b) / 2 for a, b in zip(start, end, strict=True))
    if layout.is_wide:
        controls = (middle[0], start[1]), (middle[0], end[1])
    else:
        controls = (start[0], middle[1]), (end[0], middle[1])
    points = " ".join(f"{x:g} {y:g}" for x, y in (*controls, end))
    return f"M{start[0]:g} {start[1]:g}C{points}"


def _name(lane: str, layout: Layout) -> tuple[str, ...]:
    words = VARIANTS[lane].label if lane in VARIANTS else "images"
    return (words,) if layout.is_wide else tuple(words.split(" "))


def _numbers(subject: str, lane: str, page: Page) -> tuple[str, ...]:
    """Return the numbers of a variant at a stage: accuracy, values that differ, or LUTs."""
    if lane == IMAGES:
        return ()
    if subject in ("train_autoencoder", "prune", "quantize"):
        made_here = FIRST_STOP[lane] == subject
        accuracy = measured(page.models.get(f"classifier/{lane}", {}), "test_accuracy")
        return (number(accuracy, 4),) if made_here and accuracy is not None else ()
    designs = [record for record in page.designs if record.variant == lane]
    if subject == "convert_hls":
        counts = [record.differing.get("qkeras_csim") for record in page.exactness if record.variant == lane]
        differing = [count for count in counts if count is not None]
        accuracies = [record.test_accuracy for record in designs if record.kind == SIMULATION]
        if differing:
            return number(sum(differing)), "differ"
        return (number(accuracies[0], 4),) if accuracies else ()
    luts = [record.lut for record in designs if record.lut is not None]
    return (number(luts[0]), "LUT") if luts else ()
