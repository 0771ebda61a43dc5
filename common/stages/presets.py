"""Presets: configurations of all stages, built in by name or loaded from a TOML file.

A preset file names a base preset, and overrides fields of the stages' configurations, by the subject of the stage:

    base = "tuned"
    quantize.seed = 3
    quantize.precision.encoder_1.weight_bits = 2

The first stage copies the file into its folder, where later stages read their fields.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import PipelineError
from common.stages import artifacts, toml_files
from common.stages.configuration import Configuration, completed, with_fields

BUILT_IN = ("paper", "revision", "tuned", "small", "demo")
FILE = "preset.toml"  # in the folder of the first stage
Declared = Mapping[str, Mapping[str, Any]]
"""Configuration of every stage for each built-in preset, by the subject of the stage, in order of the stages."""


@dataclass(frozen=True)
class Preset:
    """A preset.

    Attributes:
        name: `paper`, `revision`, `tuned`, `small`, `demo`, or the path of a file as the user gave it.
        base: Its built-in base preset.
        fields: Overridden fields by the subject of the stage, nested like the configurations.
        origin: Stage whose folder the file was read from, if any.
    """

    name: str
    base: str
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origin: str | None = None


def configuration_in_force(name: str, outputs: Path, preset: Preset, declared: Declared) -> Any:  # noqa: ANN401
    """Return the configuration of an earlier stage: that of its last run, or the preset's if it has not run.

    Args:
        name: Subject of the stage.
        outputs: Folder of all artifacts.
        preset: The preset in force.
        declared: Built-in presets of all stages.

    Raises:
        PipelineError: The stage was run with fields that it no longer has.
    """

    def fault(path: tuple[str, ...], text: str) -> PipelineError:
        stage = runs[0].parent.name
        again = artifacts.rerun(outputs, stage)
        return PipelineError(f"{outputs / stage} was made with other fields ({'.'.join(path)} {text}); run: {again}")

    runs = sorted(outputs.glob(f"[0-9]*_{name}/run.json"))
    try:
        fields = artifacts.read_run(outputs, runs[0].parent.name)["configuration"] if runs else None
    except PipelineError:
        fields = None  # damaged; reported when the stage reads it
    if fields is None:
        return default_configuration(name, outputs, preset, declared[name], declared)
    start = completed(declared[name]["paper"], lambda each: configuration_in_force(each, outputs, preset, declared))
    return with_fields(start, fields, fault)


def default_configuration(
    name: str, outputs: Path, preset: Preset, built_in: Mapping[str, Configuration], declared: Declared
) -> Configuration:
    """Return a stage's configuration of a preset, completed with what follows from earlier stages.

    Args:
        name: Subject of the stage.
        outputs: Folder of all artifacts, which may hold earlier stages.
        preset: The preset.
        built_in: The stage's built-in presets.
        declared: Built-in presets of all stages.
    """

    def unlikely(path: tuple[str, ...], text: str) -> PipelineError:
        return PipelineError(f"{'.'.join(path)} {text}")  # the preset was checked when it was read

    start = completed(built_in[preset.base], lambda each: configuration_in_force(each, outputs, preset, declared))
    return with_fields(start, preset.fields.get(name, {}), unlikely)


def subject(stage: str) -> str:
    """Return `prune` for `03_prune`."""
    return stage.partition("_")[2]


def load(name: str, declared: Declared) -> Preset:
    """Return a built-in preset, or load one from a file and check it against what all stages declare.

    Raises:
        PipelineError: There is no such preset, or the file has a fault; the message gives line and field.
    """
    if name in BUILT_IN:
        return Preset(name, name)
    path = Path(name)
    if path.suffix != ".toml" or not path.is_file():
        raise PipelineError(f"there is no preset {name}: it is one of {', '.join(BUILT_IN)}, or a TOML file")
    return read(path, name, declared)


def read(path: Path, name: str, declared: Declared) -> Preset:
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
    configurations(declared, base, fields, file)
    return Preset(name, base, fields)


def base_of(file: toml_files.TomlFile, name: object) -> str:
    """Return the name of a built-in preset, or raise if it is none."""
    if name not in BUILT_IN:
        raise file.fault(("base",), f"must be one of {', '.join(BUILT_IN)}, not {name!r}")
    return str(name)


def configurations(
    declared: Declared, base: str, fields: Mapping[str, Any], file: toml_files.TomlFile
) -> dict[str, Any]:
    """Return the configurations of all stages by subject: those of a built-in preset with fields replaced.

    Args:
        declared: Built-in presets of all stages.
        base: Name of the built-in preset.
        fields: As in `Preset`.
        file: Source of the fields, for messages.

    Raises:
        PipelineError: A stage or field is unknown, a value is wrong, or fields contradict each other.
    """
    for name, values in fields.items():
        if name not in declared:
            raise file.fault((name,), f"is not a stage; stages are {', '.join(declared)}")
        if not isinstance(values, Mapping):
            raise file.fault((name,), "is a stage, not a value")
        if "preset" in values:
            raise file.fault((name, "preset"), "is set only by --preset")
    found: dict[str, Any] = {}
    for name, built_in in declared.items():
        start = completed(built_in[base], found.__getitem__)
        replaced = with_fields(start, fields.get(name, {}), file.fault, (name,))
        try:
            found[name] = completed(replaced, found.__getitem__)
            if hasattr(replaced, "check"):
                replaced.check()
        except PipelineError as error:
            raise file.fault((name,), f"contradicts itself: {error}") from None
    return found


def in_force(outputs: Path, declared: Declared) -> Preset:
    """Return the preset that the first stage chose, or `paper` if it has not run yet."""
    for record in sorted(outputs.glob("[0-9]*/run.json"))[:1]:
        try:
            run = artifacts.read_run(outputs, record.parent.name)
        except PipelineError:
            break  # damaged; reported when the stage reads it
        if FILE in run["writes"]:
            preset = read(record.parent / FILE, run["preset"], declared)
            return dataclasses.replace(preset, origin=record.parent.name)
        return Preset(run["preset"], run["preset"])
    return Preset("paper", "paper")
