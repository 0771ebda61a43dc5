"""Design space of a scan: fields of the stages' configurations, and their allowed values.

A space file is a preset file in which a field may have a list of values, or a range, instead of one value:

    base = "tuned"
    quantize.input_bits = [3, 4]
    quantize.raised.sparsity.encoder_1 = { low = 0.5, high = 0.8, step = 0.05 }

    [shortened]                 # shorter training for the scan; its best designs are trained again without it
    quantize.epochs = 12

A list of equally spaced whole numbers is a range too, so that a search knows that 3 is between 2 and 4. A field that is
a list itself, such as the encoder's hidden layers, has a list of lists.
"""

import functools
import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from common.errors import PipelineError
from common.scan.point_store import dependencies, identity
from common.scan.points import Point
from common.stages import presets, toml_files
from common.stages.configuration import field_value, is_group, members
from common.stages.toml_files import TomlFile

SHORTENED = "shortened"
RANGE = {"low", "high", "step", "log"}
Values = Mapping[str, Any]
"""Value of each axis, by its name: the path of its field, with dots."""


@dataclass(frozen=True)
class DesignSpace:
    """Design space.

    Attributes:
        declared: Built-in presets of all stages.
        base: Built-in preset that every point starts from.
        fixed: Fields of all points that differ from it, nested as in a `presets.Preset`.
        shortened: Fields of the shorter recipe.
        axes: Allowed values of each axis.
        base_values: Values of the preset.
        validation_images: Number of held-out training images.
    """

    declared: presets.Declared
    base: str
    fixed: Mapping[str, Any]
    shortened: Mapping[str, Any]
    axes: Mapping[str, BaseDistribution]
    base_values: Values
    validation_images: int

    def fields(self, values: Values) -> dict[str, Any]:
        """Return the fields of a point that differ from the preset, with the full recipe."""
        fields = dict(self.fixed)
        for name, value in values.items():
            fields = merged(fields, _nested(name, value))
        return fields

    def point(self, values: Values, *, full_recipe: bool = False) -> Point:
        """Return the point with these values; with the full recipe it is also synthesized."""
        fields = self.fields(values)
        if not full_recipe:
            fields = merged(fields, self.shortened)
        return Point(self.declared, self.base, fields, self.validation_images, synthesized=full_recipe)

    def grid(self) -> dict[str, list[Any]]:
        """Return all values of each axis.

        Raises:
            PipelineError: An axis is a range without step.
        """
        return {name: _steps(name, axis) for name, axis in self.axes.items()}

    def contains(self, values: Values) -> bool:
        """Return whether each axis allows its value."""
        for name, axis in self.axes.items():
            if isinstance(axis, CategoricalDistribution):
                inside = values[name] in axis.choices
            else:
                inside = axis.low <= values[name] <= axis.high
            if not inside:
                return False
        return True


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested fields, those of `second` replacing those of `first`."""
    result = dict(first)
    for name, value in second.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(name), Mapping)
        result[name] = merged(result[name], value) if nested else value
    return result


def flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested fields by their paths, with dots."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def _nested(name: str, value: object) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    return value


def load(path: Path, vary: Sequence[str], validation_images: int, declared: presets.Declared) -> DesignSpace:
    """Return the design space of a file; every field and value is checked.

    Args:
        path: The TOML file.
        vary: Further TOML lines from the command line, whose fields replace those of the file.
        validation_images: Number of held-out training images.
        declared: Built-in presets of all stages.

    Raises:
        PipelineError: The file is missing or not TOML, has fields or values that the stages refuse, or an axis that no
            point depends on; the message gives file, line and field.
    """
    try:
        file = toml_files.parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} cannot be read as a space file ({error})") from None
    base = presets.base_of(file, file.values.get("base", "paper"))
    fixed: dict[str, Any] = {}
    shortened: dict[str, Any] = {}
    axes: dict[str, BaseDistribution] = {}
    for part in (file, *(toml_files.parse(line, f"--vary {line!r}") for line in vary)):
        fields = {name: value for name, value in part.values.items() if (part, name) != (file, "base")}
        quicker = fields.pop(SHORTENED, {})
        own, own_axes = _divided(declared, base, fields, fixed, part)
        fixed = merged(fixed, own)
        axes = {name: axis for name, axis in axes.items() if name not in flat(own)} | own_axes
        _check_shortened(declared, base, fixed, quicker, part)
        shortened = merged(shortened, quicker)
    if not axes:
        raise PipelineError(
            f"{path} has no axis: give a field a list of values, or a range {{ low = ..., high = ... }}"
        )
    presets.configurations(declared, base, merged(fixed, shortened), file)
    configurations = presets.configurations(declared, base, fixed, file)
    base_values = {name: _present(configurations, name) for name in axes}
    space = DesignSpace(declared, base, fixed, shortened, axes, base_values, validation_images)
    for name, axis in axes.items():
        ends = ({**base_values, name: value} for value in _ends(axis))
        if len({identity(dependencies(space.point(values, full_recipe=True)), "") for values in ends}) == 1:
            raise file.fault(name.split("."), "makes no difference to any point")
    return space


def _check_shortened(
    declared: presets.Declared, base: str, fixed: Mapping[str, Any], quicker: object, file: TomlFile
) -> None:
    if not isinstance(quicker, Mapping):
        raise file.fault((SHORTENED,), "is a group of stages, not a value")
    lines = {names[1:]: line for names, line in file.lines.items() if names[0] == SHORTENED}
    presets.configurations(declared, base, merged(fixed, quicker), TomlFile(file.name, {}, lines))


def _divided(
    declared: presets.Declared, base: str, fields: Mapping[str, Any], earlier: Mapping[str, Any], file: TomlFile
) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """Return the fields with one value, and the axes; both checked.

    Stages are divided in their order, since the fields of a later one can depend on an earlier one's values.
    """
    axes: dict[str, BaseDistribution] = {}
    fixed: dict[str, Any] = {}
    for stage in (*declared, *(name for name in fields if name not in declared)):
        values = fields.get(stage)
        if stage in declared and isinstance(values, Mapping):
            present = presets.configurations(declared, base, merged(earlier, fixed), file)[stage]
            fixed[stage] = _without_axes(values, present, (stage,), file, axes)
        elif stage in fields:
            fixed[stage] = values
    presets.configurations(declared, base, merged(earlier, fixed), file)
    return fixed, axes


def _without_axes(
    fields: Mapping[str, Any],
    configuration: object,
    group: tuple[str, ...],
    file: TomlFile,
    axes: dict[str, BaseDistribution],
    hint: object = None,
) -> dict[str, Any]:
    """Return the fields with one value; the others go into `axes`."""
    known = members(configuration, hint)
    fixed = {}
    for name, value in fields.items():
        path = (*group, name)
        present, kind = known.get(name, (None, None))
        if is_group(present) and isinstance(value, Mapping):
            fixed[name] = _without_axes(value, present, path, file, axes, kind)
        elif name in known and _has_values(value, present):
            axes[".".join(path)] = _axis(kind, value, file, path)
        else:
            fixed[name] = value
    return fixed


def _has_values(value: object, present: object) -> bool:
    """Return whether a field has a list of values or a range; of a field that is a list itself, a list of lists."""
    if isinstance(present, tuple):
        return isinstance(value, list) and bool(value) and all(isinstance(each, list) for each in value)
    return isinstance(value, list | Mapping)


def _axis(
    hint: object, value: Sequence[object] | Mapping[str, Any], file: TomlFile, path: tuple[str, ...]
) -> BaseDistribution:
    """Return the axis of a list of values or a range, for a field of type `hint`."""
    if isinstance(value, Mapping):
        if not {"low", "high"} <= set(value) <= RANGE:
            raise file.fault(path, "as a range needs low and high, and may have step or log")
        low, high = (field_value(hint, value[end], file.fault, (*path, end)) for end in ("low", "high"))
        kind = IntDistribution if isinstance(low, int) else FloatDistribution
        step = value.get("step", 1 if kind is IntDistribution else None)
        try:
            return kind(low, high, log=value.get("log", False), step=step)
        except (ValueError, TypeError) as error:
            raise file.fault(path, f"is no range ({error})") from None
    choices = [field_value(hint, choice, file.fault, path) for choice in value]
    if len(set(choices)) != len(choices) or len(choices) < 2:
        raise file.fault(path, "needs two or more different values")
    distances = {after - before for before, after in itertools.pairwise(choices)} if type(choices[0]) is int else set()
    if len(distances) == 1 and min(distances) > 0:
        return IntDistribution(choices[0], choices[-1], step=distances.pop())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of lists as choices, which a study in memory can hold
        return CategoricalDistribution(choices)


def _present(configurations: Mapping[str, object], name: str) -> object:
    stage, *fields = name.split(".")
    return functools.reduce(lambda group, field: members(group)[field][0], fields, configurations[stage])


def _ends(axis: BaseDistribution) -> tuple[object, object]:
    return axis.choices[:2] if isinstance(axis, CategoricalDistribution) else (axis.low, axis.high)


def _steps(name: str, axis: BaseDistribution) -> list[Any]:
    if isinstance(axis, CategoricalDistribution):
        return list(axis.choices)
    if axis.step is None:
        raise PipelineError(f"a grid needs the step of {name}")
    count = round((axis.high - axis.low) / axis.step) + 1
    return [axis.low + number * axis.step for number in range(count)]
