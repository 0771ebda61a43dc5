"""The results: a row for each network, each design and each of the paper's, from `metrics.json`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from common import paper
from common.hls.designs import CUTS, VARIANTS
from common.records import DesignRecord, ExactnessRecord, completed

DASH = "–"
PRECISION_OF_CUT = {"encoder": ("encoder", "latent"), "encoder_classifier": ("encoder", "latent", "classifier")}
GROUPS = {
    "complete": "Complete",
    "pruned": "Pruned",
    "quantized": "Quantized",
    "quantized_pruned": "Quantized and pruned",
    "other": "Others",
}
AFTER_TRAINING = " after training"  # ends the names of networks that were quantized without being trained again
# Of the paper's Table 1: weights alone, since its biases are counted otherwise (contradiction 2).
PAPER_WEIGHTS = {"complete": 6_048, "pruned": 5_586}
PAPER_BITS = {"complete": "16", "pruned": "16", "quantized_pruned": "5–16"}  # its Table 3, and hls4ml's default


@dataclass(frozen=True)
class Row:
    """A network or design."""

    kind: Literal["network", "design", "paper"]  # run by Keras, a design of this run, or of the paper
    name: str  # in words
    record: DesignRecord  # what was measured
    bits: str | None = None  # of weights, the fewest and the most; `float` where they are floating point
    differing: int | None = None  # values in which two simulations of it differ, all comparisons together
    compared: int | None = None  # how many were compared

    @property
    def variant(self) -> str:
        """Variant of the network, or `other`."""
        return self.record.variant if self.record.variant in VARIANTS else "other"

    @property
    def latency_ns(self) -> float | None:
        """From image to result [ns]."""
        cycles, clock_ns = self.record.latency_cycles, self.record.clock_ns
        return None if cycles is None or clock_ns is None else cycles * clock_ns

    @property
    def exactness(self) -> str | None:
        """How many values differ, in words."""
        return None if self.differing is None else f"{self.differing:,} of {self.compared:,}"


def number(value: float | None, decimals: int = 0) -> str:
    """Write a number, thousands apart, the minus sign as such; a dash for None."""
    return DASH if value is None else f"{value:,.{decimals}f}".replace("-", "−")


def read_rows(
    models: Mapping[str, Mapping[str, Any]],
    designs: Sequence[DesignRecord],
    exactness: Sequence[ExactnessRecord],
    precision: Mapping[str, Any] | None,
) -> list[Row]:
    """Return all rows, variant by variant: networks, the paper's networks, designs, the paper's designs.

    Args:
        models: What `metrics.json` says of networks, by their names.
        designs: What it says of designs.
        exactness: What it says of their simulations.
        precision: Fixed-point types of the quantized networks as configured, or None where they are not known.
    """
    rows = [
        *(_network_row(name, found, precision) for name, found in models.items() if AFTER_TRAINING not in name),
        *_paper_networks(),
        *_design_rows(completed(designs), exactness, precision),
        *(Row("paper", f"paper, {name}", row, PAPER_BITS[row.variant]) for name, row in paper.TABLES_5_AND_6.items()),
    ]
    places = list(GROUPS)
    return sorted(rows, key=lambda row: places.index(row.variant))


def measured(found: Mapping[str, Any], key: str) -> float | None:
    """Return a number of a record, or None where it has none of that name."""
    value = found.get(key)
    return value if isinstance(value, int | float) else None


def _network_row(name: str, found: Mapping[str, Any], precision: Mapping[str, Any] | None) -> Row:
    network, _, variant = name.partition("/")
    words = {"autoencoder": "autoencoder alone", "classifier": "with classifier"}.get(network, name)
    quantized = variant.startswith("quantized")
    numbers = {key: measured(found, key) for key in ("nonzero_weights", "test_l1", "test_accuracy")}
    record = DesignRecord(design=name, kind="QKeras" if quantized else "Keras", **numbers, stale="stale" in found)
    return Row("network", words, record, _bits(precision, ()) if quantized else "float")


def _bits(precision: Mapping[str, Any] | None, layers: tuple[str, ...]) -> str | None:
    """Return the fewest and the most bits of a weight, in all layers or in those that begin with one of the words."""
    types = [
        types["weight_bits"]
        for layer, types in (precision or {}).items()
        if isinstance(types, dict) and "weight_bits" in types and (not layers or layer.startswith(layers))
    ]
    if not types:
        return None
    return str(min(types)) if min(types) == max(types) else f"{min(types)}–{max(types)}"


def _design_rows(
    designs: Sequence[DesignRecord], exactness: Sequence[ExactnessRecord], precision: Mapping[str, Any] | None
) -> Iterable[Row]:
    cuts = list(CUTS)
    for record in sorted(designs, key=lambda record: [*cuts, record.cut].index(record.cut)):
        compared = [each for each in exactness if _of(each, designs) is record]
        counts = [count for each in compared for count in each.differing.values()]
        quantized = record.variant.startswith("quantized")
        yield Row(
            "design",
            CUTS.get(record.cut, record.design),
            replace(record, stale=any(each.stale for each in (record, *compared))),
            _bits(precision, PRECISION_OF_CUT.get(record.cut, ())) if quantized else "16",
            differing=sum(counts) if counts else None,
            compared=sum(each.values * len(each.differing) for each in compared) if counts else None,
        )


def _of(exactness: ExactnessRecord, designs: Sequence[DesignRecord]) -> DesignRecord | None:
    """Return the design that was simulated, on its part or, where that has no record, the first."""
    same = [record for record in designs if record.design == exactness.design]
    return next((record for record in same if record.part == exactness.part), next(iter(same), None))


def _paper_networks() -> Iterable[Row]:
    for variant, found in paper.TABLE_2.items():
        numbers = {"nonzero_weights": PAPER_WEIGHTS[variant], "test_accuracy": found["test_accuracy"]}
        yield Row("paper", "paper, Table 2", DesignRecord(design=f"/{variant}", kind="Keras", **numbers), "float")
    table_4 = DesignRecord(design="/quantized_pruned", kind="QKeras", test_accuracy=paper.TABLE_4["test_accuracy"])
    yield Row("paper", "paper, Table 4", table_4, PAPER_BITS[table_4.variant])
