"""The results table: its columns, a summary in a few sentences, and the table as CSV and Markdown."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, fields

from common import paper
from common.hls.designs import CUTS
from common.published_designs import overestimate
from common.report.results import DASH, GROUPS, Row, number

NOTES = (
    "A dash is a value that was not measured or does not exist. Weights left are those that are not zero, biases not "
    "counted; L1 is the mean |r − r̂| of a pixel, accuracy the fraction of correct digits, both for the test images.",
    f"The paper's designs are encoder + classifier. Their numbers are C-synthesis estimates: {overestimate()}. The "
    "last column names the source. The paper's loss of 0.0628 is not an L1 loss: see Table 2 on this page.",
    f"The paper: {paper.REPORT}; {paper.REVISION}.",
    "Values that differ: summed over all pairs of simulations of a design; 0 is the only good number.",
)


@dataclass(frozen=True)
class Column:
    """A column of the table: its heading, and how a row's value is written."""

    heading: str
    write: Callable[[Row], str]


COLUMNS = (
    Column("weights left", lambda row: number(row.weights_left)),
    Column("bits", lambda row: row.bits or DASH),
    Column("L1", lambda row: number(row.test_l1, 4)),
    Column("accuracy", lambda row: number(row.test_accuracy, 4)),
    Column("LUT", lambda row: number(row.lut)),
    Column("FF", lambda row: number(row.ff)),
    Column("DSP", lambda row: number(row.dsp)),
    Column("latency [cycles]", lambda row: number(row.latency_cycles)),
    Column("clock [ns]", lambda row: number(row.clock_ns, 2)),
    Column("latency [ns]", lambda row: number(row.latency_ns, 1)),
    Column("values that differ", lambda row: row.exactness or DASH),
    Column("source", lambda row: ", ".join(filter(None, ("stale" * row.stale, row.source))) or DASH),
)
NETWORK_COLUMNS = ("weights left", "bits", "L1", "accuracy", "source")
DESIGN_COLUMNS = (
    "accuracy",
    "LUT",
    "FF",
    "DSP",
    "latency [cycles]",
    "clock [ns]",
    "latency [ns]",
    "values that differ",
    "source",
)


def headline(rows: list[Row]) -> list[str]:
    """Return a few sentences about the quantized and pruned network, without stale numbers."""
    ours = [row for row in rows if row.variant == "quantized_pruned" and row.kind != "paper" and not row.stale]
    network = next((row for row in ours if row.kind == "network" and row.test_accuracy is not None), None)
    design = next((row for row in ours if row.lut is not None and row.name == CUTS["encoder_classifier"]), None)
    sentences = []
    if network is not None:
        sentences.append(
            f"The quantized and pruned network keeps {number(network.weights_left)} weights of {network.bits} bits; "
            f"its test accuracy is {100 * network.test_accuracy:.1f} %."
        )
    if design is not None:
        sentences.append(
            f"As hardware, encoder and classifier use {number(design.lut)} LUTs, {number(design.ff)} flip-flops and "
            f"{number(design.dsp)} DSPs ({design.source}); the latency is {number(design.latency_cycles)} clock cycles."
        )
    compared = [row for row in rows if row.exactness is not None and not row.stale]
    if compared:
        differing, values = (
            sum(each) for each in zip(*((row.differing, row.compared) for row in compared), strict=True)
        )
        words = "Not one" if differing == 0 else number(differing)
        sentences.append(
            f"{words} of {number(values)} values compared between simulations of the quantized designs "
            f"{'differs' if differing < 2 else 'differ'}."
        )
    return sentences


def as_csv(rows: list[Row]) -> str:
    """Return the rows as CSV, numbers as measured."""
    names = [field.name for field in fields(Row)]
    names.insert(names.index("clock_ns") + 1, "latency_ns")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([getattr(row, name) for name in names] for row in rows)
    return text.getvalue()


def as_markdown(rows: list[Row]) -> str:
    """Return the rows as two Markdown tables, networks and designs, narrow enough for a terminal."""
    networks = [row for row in rows if row.kind == "network" or (row.kind == "paper" and row.lut is None)]
    designs = [row for row in rows if row not in networks]
    tables = (("Networks", networks, NETWORK_COLUMNS), ("Designs", designs, DESIGN_COLUMNS))
    return "\n".join(f"## {title}\n\n{_markdown_table(part, columns)}" for title, part, columns in tables if part)


def _markdown_table(rows: list[Row], headings: tuple[str, ...]) -> str:
    """Return a table with the name of each variant on a line before its rows."""
    columns = [column for column in COLUMNS if column.heading in headings]
    table = [["", *(column.heading for column in columns)]]
    variant = None
    for row in rows:
        if row.variant != variant:
            variant = row.variant
            table.append([f"**{GROUPS[variant]}**", *[""] * len(columns)])
        name = f"*{row.name}*" if row.kind == "paper" else row.name
        table.append([name, *(column.write(row) for column in columns)])
    table = [[cell.replace("|", r"\|").replace("\n", " ") for cell in line] for line in table]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:-1]), "-" * widths[-1]]
    lines = [_padded(table[0], widths), ruler, *(_padded(line, widths) for line in table[1:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _padded(line: list[str], widths: list[int]) -> list[str]:
    first, *numbers, last = line
    middle = [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
    return [first.ljust(widths[0]), *middle, last.ljust(widths[-1])]
