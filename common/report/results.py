"""The results: a row for each network, each design and each of the paper's, from `metrics.json`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
MEASURED = ("test_l1", "test_accuracy", "lut", "ff", "dsp", "latency_cycles", "clock_ns")
AFTER_TRAINING = " after training"  # ends the names of networks that were quantized without being trained again
# Of the paper's Table 1: weights alone, since its biases are counted otherwise (contradiction 2).
PAPER_WEIGHTS = {"complete": 6_048, "pruned": 5_586}
PAPER_BITS = {"complete": "16", "pruned": "16", "quantized_pruned": "5–16"}  # its Table 3, and hls4ml's default


@dataclass(frozen=True)
class Row:
    """A network or design; None is what was not measured.

    Attributes:
        variant: `complete`, `pruned`, `quantized`, `quantized_pruned` or `other`.
        kind: Whether it is a network run by Keras, a design of this run, or a row of the paper.
        name: What it is.
        weights_left: Weights that are not zero.
        bits: Of weights, the fewest and the most; `float` where they are floating point.
        test_l1: Mean absolute error of a pixel, test images.
        test_accuracy: 0 to 1, test images.
        lut: Look-up tables.
        ff: Flip-flops.
        dsp: Multiplier blocks.
        latency_cycles: From image to result [clock cycles].
        clock_ns: Clock period [ns].
        differing: Values in which two simulations of it differ, all comparisons together.
        compared: How many were compared.
        source: How far which tool went, on which FPGA.
        stale: Whether it was made from what has changed since.
    """

    variant: str
    kind: Literal["network", "design", "paper"]
    name: str
    weights_left: int | None = None
    bits: str | None = None
    test_l1: float | None = None
    test_accuracy: float | None = None
    lut: int | None = None
    ff: int | None = None
    dsp: int | None = None
    latency_cycles: int | None = None
    clock_ns: float | None = None
    differing: int | None = None
    compared: int | None = None
    source: str = ""
    stale: bool = False

    @property
    def latency_ns(self) -> float | None:
        """From image to result [ns]."""
        known = self.latency_cycles is not None and self.clock_ns is not None
        return self.latency_cycles * self.clock_ns if known else None

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
        *_paper_designs(),
    ]
    places = list(GROUPS)
    return sorted(rows, key=lambda row: places.index(row.variant))


def measured(found: Mapping[str, Any], key: str) -> float | None:
    """Return a number of a record, or None where it has none of that name."""
    value = found.get(key)
    return value if isinstance(value, int | float) else None


def _variant_of(name: str) -> str:
    return name if name in VARIANTS else "other"


def _network_row(name: str, found: Mapping[str, Any], precision: Mapping[str, Any] | None) -> Row:
    network, _, variant = name.partition("/")
    words = {"autoencoder": "autoencoder alone", "classifier": "with classifier"}.get(network, name)
    bits = _bits(precision, ()) if variant.startswith("quantized") else "float"
    tool = "QKeras" if variant.startswith("quantized") else "Keras"
    kept = {key: measured(found, key) for key in ("test_l1", "test_accuracy")}
    weights = measured(found, "nonzero_weights")
    stale = bool(found.get("stale"))
    return Row(_variant_of(variant), "network", words, weights, bits, **kept, source=tool, stale=stale)


def _bits(precision: Mapping[str, Any] | None, layers: tuple[str, ...]) -> str | None:
    """Return the fewest and the most bits of a weight, in all layers or in those that begin with one of the words."""
    types = [
        types["weight_bits"]
        for layer, types in (precision or {}).items()
        if isinstance(types, dict) and (not layers or layer.startswith(layers))
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
            _variant_of(record.variant),
            "design",
            CUTS.get(record.cut, record.design),
            record.nonzero_weights,
            bits=_bits(precision, PRECISION_OF_CUT.get(record.cut, ())) if quantized else "16",
            **{name: getattr(record, name) for name in MEASURED},
            differing=sum(counts) if counts else None,
            compared=sum(each.values * len(each.differing) for each in compared) if counts else None,
            source=record.source,
            stale=any(each.stale for each in (record, *compared)),
        )


def _of(exactness: ExactnessRecord, designs: Sequence[DesignRecord]) -> DesignRecord | None:
    """Return the design that was simulated, on its part or, where that has no record, the first."""
    same = [record for record in designs if record.design == exactness.design]
    return next((record for record in same if record.part == exactness.part), next(iter(same), None))


def _paper_networks() -> Iterable[Row]:
    for variant, found in paper.TABLE_2.items():
        weights, accuracy = PAPER_WEIGHTS[variant], found["test_accuracy"]
        yield Row(variant, "paper", "paper, Table 2", weights, "float", test_accuracy=accuracy, source="Keras")
    accuracy = paper.TABLE_4["test_accuracy"]
    variant = "quantized_pruned"
    yield Row(variant, "paper", "paper, Table 4", bits=PAPER_BITS[variant], test_accuracy=accuracy, source="QKeras")


def _paper_designs() -> Iterable[Row]:
    for name, record in paper.TABLES_5_AND_6.items():
        numbers = {each: getattr(record, each) for each in MEASURED}
        bits, variant = PAPER_BITS[record.variant], record.variant
        yield Row(variant, "paper", f"paper, {name}", bits=bits, **numbers, source=record.source)
