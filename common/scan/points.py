"""A point of the space of designs: its configuration, and what it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.stages import presets
from common.stages.toml_files import TomlFile


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
