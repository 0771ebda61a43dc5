"""Points of the design space: configuration and outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.stages import presets
from common.stages.toml_files import TomlFile


@dataclass(frozen=True)
class Point:
    """A point: one design.

    Attributes:
        declared: Built-in presets of all stages.
        base: Built-in preset that it starts from.
        fields: Fields that differ from the preset, nested as in a `presets.Preset`.
        validation_images: Number of held-out training images; 0 for a report: all training images train the networks,
            and the scores are those of the test images.
        synthesized: Whether Yosys synthesizes its cuts, and RTL and netlist are simulated over all test images.
    """

    declared: presets.Declared = field(repr=False, compare=False)
    base: str
    fields: Mapping[str, Any]
    validation_images: int
    synthesized: bool = False

    def configurations(self) -> dict[str, Any]:
        """Return the configurations of all stages, by stage."""
        return presets.configurations(self.declared, self.base, self.fields, TomlFile("this point", {}, {}))


@dataclass(frozen=True)
class Outcome:
    """Outcome of a point.

    Attributes:
        values: Numbers by name; empty if it failed.
        error: Why it failed, in one line, or None.
        files: Contents of its files, by path.
    """

    values: dict[str, Any]
    error: str | None = None
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
