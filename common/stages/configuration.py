"""Configurations: frozen dataclasses with the allowed values of their fields, and the command line made from them."""

import dataclasses
import functools
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from common.errors import PipelineError

Fault = Callable[[tuple[str, ...], str], PipelineError]
"""Function that returns the error of a field, given its path of names and the fault."""


@dataclasses.dataclass(frozen=True)
class Interval:
    """Closed interval of allowed values of a number, attached to its type with `Annotated`."""

    low: float
    high: float

    def refuses(self, value: float) -> bool:
        """Return whether a value is outside; NaN is."""
        return not self.low <= value <= self.high

    def __str__(self) -> str:
        return f"must be between {self.low} and {self.high}"


@dataclasses.dataclass(frozen=True)
class Pattern:
    """Regular expression that a string must match, and its description."""

    expression: str
    words: str

    def refuses(self, value: str) -> bool:
        """Return whether a string does not match."""
        return re.fullmatch(self.expression, value) is None

    def __str__(self) -> str:
        return f"must be {self.words}"


Fraction = Annotated[float, Interval(0, 1)]
Epochs = Annotated[int, Interval(1, 100_000)]
BatchSize = Annotated[int, Interval(1, 60_000)]
Rate = Annotated[float, Interval(1e-8, 1)]
Weight = Annotated[float, Interval(0, 1e6)]
Seed = Annotated[int, Interval(0, 2**32 - 1)]
Bits = Annotated[int, Interval(1, 24)]
Part = Annotated[
    str,
    Pattern(
        r"xc(?:7(?:[aksz]|v[xh]?)|[kvz]u|u|v[a-z])\d\w*(?:-\w+)+",
        "a part of AMD with package and speed grade, such as xcu250-figd2104-2L-e or xc7vx690tffg1761-2",
    ),
]

Configuration = TypeVar("Configuration")


def check(configuration: object, prefix: str = "--") -> None:
    """Check every field against its `Interval` or `Pattern`, then call the dataclass's own `check`, if any.

    Nested dataclasses are checked first, also in mappings. A method `check` finds fields that contradict each other.

    Raises:
        PipelineError: A value is not allowed, or contradicts another; the message gives flag, value and allowed values.
    """
    for name, hint in field_types(type(configuration)).items():
        value, flag = getattr(configuration, name), prefix + name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            check(value, f"{flag}.")
        elif isinstance(value, Mapping):
            for key, each in value.items():
                if dataclasses.is_dataclass(each):
                    check(each, f"{flag}.{key.replace('_', '-')}.")
                else:
                    _check_value(_item_type(hint), each, f"{flag}.{key.replace('_', '-')}")
        elif isinstance(value, tuple):
            for each in value:
                _check_value(_item_type(hint), each, flag)
        else:
            _check_value(hint, value, flag)
    own_check = getattr(configuration, "check", None)
    if own_check is not None:
        try:
            own_check()
        except PipelineError as error:
            raise PipelineError(f"{prefix.rstrip('.')}: {error}" if prefix != "--" else str(error)) from None


def _check_value(hint: Any, value: object, flag: str) -> None:  # noqa: ANN401
    for constraint in getattr(hint, "__metadata__", ()):
        if isinstance(constraint, Interval | Pattern) and constraint.refuses(value):
            raise PipelineError(f"{flag} {constraint}, not {value}")


def _item_type(hint: Any) -> Any:  # noqa: ANN401
    """Return the type of the items of a tuple, or of the values of a mapping."""
    kinds = [kind for kind in typing.get_args(hint) if kind is not Ellipsis]
    return kinds[-1] if kinds else None


Earlier = Callable[[str], Any]
"""Function that returns the configuration of an earlier stage, given its subject, such as `prune`."""


def completed(configuration: Configuration, earlier: Earlier) -> Configuration:
    """Return a configuration with the defaults that follow from earlier stages.

    Its own method `given(earlier)` finds them, if it has one, and refuses what the earlier stages exclude.

    Raises:
        PipelineError: A field does not fit the configuration of an earlier stage.
    """
    given = getattr(configuration, "given", None)
    return configuration if given is None else given(earlier)


def parse_command_line(description: str, default: Configuration, arguments: list[str] | None = None) -> Configuration:
    """Return `default` with fields overridden by command line flags (tyro refuses unknown names and wrong types).

    Raises:
        PipelineError: A value is not allowed, fields contradict each other, or a mapping has no such key.
        SystemExit: With status 0 after `--help`, 2 after a flag that is unknown or of the wrong type.
    """
    import tyro

    _check_keys(default, sys.argv[1:] if arguments is None else arguments)
    configuration = tyro.cli(type(default), description=description, default=default, args=arguments)
    check(configuration)
    return configuration


def _check_keys(default: object, arguments: list[str]) -> None:
    """Refuse flags with an unknown key of a mapping, naming the keys that there are."""
    for argument in arguments:
        flag, present = argument.partition("=")[0], default
        for name in flag.removeprefix("--").replace("-", "_").split(".") if flag.startswith("--") else ():
            if isinstance(present, Mapping):
                if name not in present:
                    raise PipelineError(f"{flag}: there is no {name}; there are {', '.join(present)}")
                present = present[name]
            else:
                present = getattr(present, name, None)


@functools.cache
def field_types(dataclass: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields with their constraints, by name."""
    return typing.get_type_hints(dataclass, include_extras=True)


def with_fields(
    configuration: Configuration,
    fields: Mapping[str, Any],
    fault: Fault,
    group: tuple[str, ...] = (),
    hint: Any = None,  # noqa: ANN401
) -> Configuration:
    """Return a configuration with fields, nested ones too, replaced by values of a TOML file.

    Args:
        configuration: A dataclass, or a mapping from a name to a value or a dataclass.
        fields: Values by field name; for a nested dataclass or mapping, its fields.
        fault: Function that returns the error of a field.
        group: Names of the enclosing groups.
        hint: Type of a mapping.

    Raises:
        PipelineError: A field is unknown, or its value has the wrong type or is out of range.
    """
    values = {}
    known = members(configuration, hint)
    for name, value in fields.items():
        path = (*group, name)
        if name not in known:
            raise fault(
                path,
                f"is unknown; {'names' if isinstance(configuration, Mapping) else 'fields'} are {', '.join(known)}",
            )
        present, kind = known[name]
        if not is_group(present):
            values[name] = field_value(kind, value, fault, path)
        elif isinstance(value, Mapping):
            values[name] = with_fields(present, value, fault, path, kind)
        else:
            raise fault(path, f"is a group of fields, not a value: {', '.join(members(present, kind))}")
    return (
        {**configuration, **values}
        if isinstance(configuration, Mapping)
        else dataclasses.replace(configuration, **values)
    )


def is_group(value: object) -> bool:
    """Return whether a field's value has fields itself: a nested dataclass, or a mapping."""
    return dataclasses.is_dataclass(value) or isinstance(value, Mapping)


def members(group: Any, hint: Any = None) -> dict[str, tuple[Any, Any]]:  # noqa: ANN401
    """Return value and type of each field of a dataclass, or of each key of a mapping, whose type is `hint`."""
    if isinstance(group, Mapping):
        return {name: (value, _item_type(hint)) for name, value in group.items()}
    return {name: (getattr(group, name), kind) for name, kind in field_types(type(group)).items()}


def field_value(hint: Any, value: object, fault: Fault, path: tuple[str, ...]) -> object:  # noqa: ANN401
    """Return a value of a TOML file converted to the type `hint` of its field.

    Raises:
        PipelineError: It has the wrong type, or the field's `Interval` or `Pattern` refuses it.
    """
    import typeguard

    kind, *constraints = typing.get_args(hint) if typing.get_origin(hint) is Annotated else (hint,)
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    if isinstance(value, list):
        value = tuple(value)
    elif isinstance(value, str) and Path in kinds:
        value = Path(value)
    elif type(value) is int and kind is float:
        value = float(value)
    try:
        typeguard.check_type(value, kind, collection_check_strategy=typeguard.CollectionCheckStrategy.ALL_ITEMS)
        suits = not isinstance(value, bool) or bool in kinds
    except typeguard.TypeCheckError:
        suits = False
    if not suits:
        raise fault(path, f"must be {_in_words(kind)}, not {value!r}")
    for constraint in constraints:
        if isinstance(constraint, Interval | Pattern) and constraint.refuses(value):
            raise fault(path, f"{constraint}, not {value}")
    if isinstance(value, tuple):
        for item in value:
            field_value(_item_type(kind), item, fault, path)
    return value


def _in_words(kind: Any) -> str:  # noqa: ANN401
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(kind)))
    if typing.get_origin(kind) is tuple:
        return "a list, each item " + _in_words(typing.get_args(kind)[0])
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}.get(kind, str(kind))
