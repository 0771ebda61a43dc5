"""What `metrics.json` says of designs, in words: where their numbers come from, and which simulations were compared."""

from collections.abc import Mapping
from typing import Any

PAIRS = {
    "qkeras_csim": ("QKeras", "C simulation"),
    "csim_test_bench": ("C simulation", "test bench"),
    "csim_alir": ("C simulation", "traced logic"),
    "csim_table": ("C simulation", "latent table"),
    "alir_rtl": ("traced logic", "RTL"),
    "alir_vhdl": ("traced logic", "VHDL"),
    "rtl_netlist": ("RTL", "netlist"),
    "alir_netlist": ("traced logic", "routed netlist"),
    "csim_uart": ("C simulation", "simulated board"),
}
"""Two simulations whose values are compared, the reference first, by their key in `exactness`."""
ESTIMATE, SYNTHESIS, ROUTED = "C-synthesis estimate", "logic synthesis", "placed and routed"

Exactness = Mapping[str, Mapping[str, int]]


def pair_in_words(pair: str) -> str:
    """Return the names of two simulations that are compared."""
    return " and ".join(PAIRS[pair])


def compared(exactness: Exactness) -> dict[str, int]:
    """Return for how many designs two simulations were compared, by the pair, in order; only pairs that were."""
    designs = {pair: {name.partition(", ")[0] for name, row in exactness.items() if pair in row} for pair in PAIRS}
    return {pair: len(names) for pair, names in designs.items() if names}


def compared_in_words(exactness: Exactness) -> str:
    """List the pairs of simulations that were compared, with the number of designs."""
    return ", ".join(f"{pair_in_words(pair)} ({count})" for pair, count in compared(exactness).items())


def differences(exactness: Exactness) -> dict[tuple[str, str], str]:
    """Say of each design and each two of its simulations that differ how many values do."""
    words = {}
    for name, row in exactness.items():
        of = f" of {row['values']}" if "values" in row else ""
        for pair in PAIRS:
            if row.get(pair):
                words[name, pair] = f"{name}: {row[pair]}{of} values differ between {pair_in_words(pair)}"
    return words


def source(row: Mapping[str, Any]) -> str:
    """Say which tool and part a design's numbers are for, and how far it went: only what is routed has a speed."""
    if "lut" not in row:
        return "simulation"
    tool = ".".join(str(row.get("tool", "")).rpartition(", ")[2].split(".")[:2])
    kind = ESTIMATE if row.get("estimate") else ROUTED if "fmax_mhz" in row else SYNTHESIS
    return ", ".join(word for word in (kind, tool, str(row.get("part", ""))) if word)
