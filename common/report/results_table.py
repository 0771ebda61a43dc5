"""The results table: its columns, a summary in a few sentences, and the table as CSV and Markdown."""

import csv
import io
from collections.abc import Callable
from operator import attrgetter

from common import paper
from common.hls.designs import CUTS
from common.published_designs import overestimate
from common.report.results import DASH, GROUPS, Row, number

NOTES = (
    "A dash is a value that was not measured or does not exist. Weights left are those that are not zero, biases not "
    "counted; L1 is the mean |r − r̂| of a pixel, accuracy the fraction of images that are classified correctly, "
    "both for the test images.",
    f"The paper's designs are encoder + classifier. Their numbers are C-synthesis estimates: {overestimate()}. The "
    "last column names the source. The paper's loss of 0.0628 is not an L1 loss: see Table 2 on this page.",
    f"The paper: {paper.REPORT}; {paper.REVISION}.",
    "Values that differ: summed over all pairs of simulations of a design; 0 is the only good number.",
)


COLUMNS: dict[str, Callable[[Row], str]] = {
    "weights left": lambda row: number(row.record.nonzero_weights),
    "bits": lambda row: row.bits or DASH,
    "L1": lambda row: number(row.record.test_l1, 4),
    "accuracy": lambda row: number(row.record.test_accuracy, 4),
    "LUT": lambda row: number(row.record.lut),
    "FF": lambda row: number(row.record.ff),
    "DSP": lambda row: number(row.record.dsp),
    "latency [cycles]": lambda row: number(row.record.latency_cycles),
    "clock [ns]": lambda row: number(row.record.clock_ns, 2),
    "latency [ns]": lambda row: number(row.latency_ns, 1),
    "values that differ": lambda row: row.exactness or DASH,
    "source": lambda row: ", ".join(filter(None, ("stale" * row.record.stale, row.record.source))) or DASH,
}
CSV_COLUMNS = (
    *("variant", "kind", "name", "record.nonzero_weights", "bits", "record.test_l1", "record.test_accuracy"),
    *("record.lut", "record.ff", "record.dsp", "record.latency_cycles", "record.clock_ns", "latency_ns"),
    *("differing", "compared", "record.source", "record.stale"),
)
NETWORK_COLUMNS = ("weights left", "bits", "L1", "accuracy", "source")
DESIGN_COLUMNS = tuple(COLUMNS)[tuple(COLUMNS).index("accuracy") :]


def headline(rows: list[Row]) -> list[str]:
    """Return a few sentences about the quantized and pruned network, without stale numbers."""
    ours = [row for row in rows if row.variant == "quantized_pruned" and row.kind != "paper" and not row.record.stale]
    network = next((row for row in ours if row.kind == "network" and row.record.test_accuracy is not None), None)
    design = next((row for row in ours if row.record.lut is not None and row.name == CUTS["encoder_classifier"]), None)
    sentences = []
    if network is not None:
        sentences.append(
            f"The quantized and pruned network keeps {number(network.record.nonzero_weights)} weights of "
            f"{network.bits} bits; its test accuracy is {100 * network.record.test_accuracy:.1f} %."
        )
    if design is not None:
        used = design.record
        sentences.append(
            f"As hardware, encoder and classifier use {number(used.lut)} LUTs, {number(used.ff)} flip-flops and "
            f"{number(used.dsp)} DSPs ({used.source}); the latency is {number(used.latency_cycles)} clock cycles."
        )
    compared = [row for row in rows if row.exactness is not None and not row.record.stale]
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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(name.removeprefix("record.") for name in CSV_COLUMNS)
    writer.writerows(map(attrgetter(*CSV_COLUMNS), rows))
    return text.getvalue()


def as_markdown(rows: list[Row]) -> str:
    """Return the rows as two Markdown tables, networks and designs, narrow enough for a terminal."""
    networks = [row for row in rows if row.kind == "network" or (row.kind == "paper" and row.record.lut is None)]
    designs = [row for row in rows if row not in networks]
    tables = (("Networks", networks, NETWORK_COLUMNS), ("Designs", designs, DESIGN_COLUMNS))
    return "\n".join(f"## {title}\n\n{_markdown_table(part, columns)}" for title, part, columns in tables if part)


def _markdown_table(rows: list[Row], headings: tuple[str, ...]) -> str:
    """Return a table with the name of each variant on a line before its rows."""
    table = [["", *headings]]
    variant = None
    for row in rows:
        if row.variant != variant:
            variant = row.variant
            table.append([f"**{GROUPS[variant]}**", *[""] * len(headings)])
        name = f"*{row.name}*" if row.kind == "paper" else row.name
        table.append([name, *(COLUMNS[heading](row) for heading in headings)])
    table = [[cell.replace("|", r"\|").replace("\n", " ") for cell in line] for line in table]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:-1]), "-" * widths[-1]]
    lines = [_padded(table[0], widths), ruler, *(_padded(line, widths) for line in table[1:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _padded(line: list[str], widths: list[int]) -> list[str]:
    first, *numbers, last = line
    middle = [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
    return [first.ljust(widths[0]), *middle, last.ljust(widths[-1])]
