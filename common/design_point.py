"""A point of the space of designs: its configuration, its name, and what it gives."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from common import presets
from common.toml_files import TomlFile

FORMAT = 1  # of the results; a new one makes every point be computed again


@dataclass(frozen=True)
class Point:
    """A point.

    Attributes:
        base: Built-in preset that it starts from.
        fields: What differs from it, nested as in a `presets.Preset`.
        validation_images: Training images held out.
        synthesized: Whether Yosys synthesizes it, RTL and netlist are simulated over all test images.
    """

    base: str
    fields: Mapping[str, Any]
    validation_images: int
    synthesized: bool = False

    def configurations(self) -> dict[str, Any]:
        """Return the configurations of all stages, by subject."""
        return presets.configurations(self.base, self.fields, TomlFile("this point", {}, {}))


@dataclass(frozen=True)
class Outcome:
    """What a point gave.

    Attributes:
        values: Its numbers by name; empty where it failed.
        error: Why it failed, in a line, or None.
        files: What it leaves, by path.
    """

    values: dict[str, Any]
    error: str | None = None
    files: dict[str, bytes] = field(default_factory=dict, repr=False)


def dependencies(point: Point) -> dict[str, Any]:
    """Return all of the configuration that a point depends on; under `source`, what its float network depends on."""
    stages = point.configurations()
    synthesize = stages["synthesize"]
    stage = "train_autoencoder" if stages["quantize"].zeros == "raised" else "prune"
    return {
        "source": {"format": FORMAT, "validation_images": point.validation_images, stage: asdict(stages[stage])},
        "synthesized": point.synthesized,
        "quantize": asdict(stages["quantize"]),
        "hls": asdict(stages["convert_hls"].hls),
        "latency_cutoff": synthesize.latency_cutoff,
        "tabulate_latent": synthesize.tabulate_latent,
        "family": synthesize.families[0] if point.synthesized else None,
    }


def identity(depends_on: Mapping[str, Any], images: str) -> str:
    """Return a name: a hash of what it depends on, with the SHA-256 of the prepared images."""
    said = json.dumps({"images": images, **depends_on}, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
