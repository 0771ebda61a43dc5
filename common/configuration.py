"""Configurations: frozen dataclasses whose fields carry their allowed range, and the command line made of them."""

import dataclasses
import typing
from typing import Annotated, TypeVar

from common.errors import PipelineError

Preset = typing.Literal["paper", "tuned", "demo"]


@dataclasses.dataclass(frozen=True)
class Interval:
    """The closed interval of values that a number may take, written behind its type with `Annotated`."""

    low: float
    high: float


Fraction = Annotated[float, Interval(0, 1)]
Epochs = Annotated[int, Interval(1, 100_000)]
BatchSize = Annotated[int, Interval(1, 60_000)]
Rate = Annotated[float, Interval(1e-8, 1)]
Weight = Annotated[float, Interval(0, 1e6)]
Seed = Annotated[int, Interval(0, 2**32 - 1)]
Bits = Annotated[int, Interval(1, 24)]

Configuration = TypeVar("Configuration")


def check_ranges(configuration: object, prefix: str = "--") -> None:
    """Hold every field, those of nested dataclasses too, against its `Interval`.

    Raises:
        PipelineError: A value, NaN among them, lies outside; the message names flag, value and allowed range.
    """
    for name, hint in typing.get_type_hints(type(configuration), include_extras=True).items():
        value, flag = getattr(configuration, name), prefix + name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            check_ranges(value, f"{flag}.")
        for constraint in getattr(hint, "__metadata__", ()):
            if isinstance(constraint, Interval) and not constraint.low <= value <= constraint.high:
                raise PipelineError(f"{flag} must lie between {constraint.low} and {constraint.high}, not {value}")


def parse_command_line(description: str, default: Configuration, arguments: list[str] | None = None) -> Configuration:
    """Let command line flags override the fields of `default` (tyro refuses unknown names and wrong types).

    Raises:
        PipelineError: A value lies outside of its range, or fields contradict each other.
        SystemExit: With status 0 after `--help`, 2 after a flag that is unknown or of the wrong type.
    """
    import tyro

    configuration = tyro.cli(type(default), description=description, default=default, args=arguments)
    check_ranges(configuration)
    check = getattr(configuration, "check", None)
    if check is not None:
        check()
    return configuration
