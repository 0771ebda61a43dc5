"""Presets: configurations of all stages, built in by name or loaded from a TOML file.

A preset file names a base preset, and overrides fields of the stages' configurations, by the subject of the stage:

    base = "tuned"
    quantize.seed = 3
    quantize.precision.encoder_1.weight_bits = 2

The first stage copies the file into its folder, where later stages read their fields.
"""

import dataclasses
import functools
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import PipelineError
from common.stages import artifacts, toml_files
from common.stages.configuration import Configuration, with_fields

BUILT_IN = ("paper", "tuned", "demo")
FILE = "preset.toml"  # in the folder of the first stage
SCRIPTS = Path(__file__).parents[2]


@dataclass(frozen=True)
class Preset:
    """A preset.

    Attributes:
        name: `paper`, `tuned`, `demo`, or the path of a file as the user gave it.
        base: Its built-in base preset.
        fields: Overridden fields by the subject of the stage, nested like the configurations.
        origin: Stage whose folder the file was read from, if any.
    """

    name: str
    base: str
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origin: str | None = None

    def configuration(self, stage: str, built_in: Mapping[str, Configuration]) -> Configuration:
        """Return the configuration of a stage, given its script's name and built-in presets."""
        return with_fields(built_in[self.base], self.fields.get(subject(stage), {}), _unlikely)


def _unlikely(path: tuple[str, ...], text: str) -> PipelineError:
    return PipelineError(f"{'.'.join(path)} {text}")


def subject(stage: str) -> str:
    """Return `prune` for `03_prune`."""
    return stage.partition("_")[2]


def load(name: str) -> Preset:
    """Return a built-in preset, or load one from a file.

    Raises:
        PipelineError: There is no such preset, or the file has a fault; the message gives line and field.
    """
    if name in BUILT_IN:
        return Preset(name, name)
    path = Path(name)
    if path.suffix != ".toml" or not path.is_file():
        raise PipelineError(f"there is no preset {name}: it is one of {', '.join(BUILT_IN)}, or a TOML file")
    return read(path, name)


def read(path: Path, name: str) -> Preset:
    """Load a preset from a file, and check every field.

    Raises:
        PipelineError: The file is not TOML, or has unknown fields or wrong values.
    """
    try:
        file = toml_files.parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} cannot be read as a preset ({error})") from None
    fields = dict(file.values)
    base = base_of(file, fields.pop("base", "paper"))
    configurations(base, fields, file)
    return Preset(name, base, fields)


def base_of(file: toml_files.TomlFile, name: object) -> str:
    """Return the name of a built-in preset, or raise if it is none."""
    if name not in BUILT_IN:
        raise file.fault(("base",), f"must be one of {', '.join(BUILT_IN)}, not {name!r}")
    return str(name)


def configurations(base: str, fields: Mapping[str, Any], file: toml_files.TomlFile) -> dict[str, Any]:
    """Return the configurations of all stages by subject: those of a built-in preset with fields replaced.

    Args:
        base: Name of the built-in preset.
        fields: As in `Preset`.
        file: Source of the fields, for messages.

    Raises:
        PipelineError: A stage or field is unknown, a value is wrong, or fields contradict each other.
    """
    known = declared()
    for name, values in fields.items():
        if name not in known:
            raise file.fault((name,), f"is not a stage; stages are {', '.join(known)}")
        if not isinstance(values, Mapping):
            raise file.fault((name,), "is a stage, not a value")
        if "preset" in values:
            raise file.fault((name, "preset"), "is set only by --preset")
    found = {}
    for name, built_in in known.items():
        found[name] = with_fields(built_in[base], fields.get(name, {}), file.fault, (name,))
        if hasattr(found[name], "check"):
            try:
                found[name].check()
            except PipelineError as error:
                raise file.fault((name,), f"contradicts itself: {error}") from None
    return found


@functools.cache
def declared() -> dict[str, Mapping[str, Any]]:
    """Return the built-in presets that the numbered scripts declare, by the subject of the stage."""
    found = {}
    for script in sorted(SCRIPTS.glob("[0-9][0-9]_*.py")):
        specification = importlib.util.spec_from_file_location(f"stage_{script.stem}", script)
        module = importlib.util.module_from_spec(specification)
        sys.modules.setdefault(specification.name, module)  # `typing` looks names up there
        specification.loader.exec_module(module)
        found[subject(script.stem)] = module.PRESETS
    return found


def in_force(outputs: Path) -> Preset:
    """Return the preset that the first stage chose, or `paper` if it has not run yet."""
    for record in sorted(outputs.glob("[0-9]*/run.json"))[:1]:
        try:
            run = artifacts.read_run(outputs, record.parent.name)
        except PipelineError:
            break  # damaged; reported when the stage reads it
        if FILE in run["writes"]:
            preset = read(record.parent / FILE, run["preset"])
            return dataclasses.replace(preset, origin=record.parent.name)
        return Preset(run["preset"], run["preset"])
    return Preset("paper", "paper")
