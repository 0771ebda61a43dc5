"""Configurations: frozen dataclasses whose fields carry their allowed values, and the command line made of them."""

import dataclasses
import re
import typing
from typing import Annotated, TypeVar

from common.errors import PipelineError

Preset = typing.Literal["paper", "tuned", "demo"]


@dataclasses.dataclass(frozen=True)
class Interval:
    """The closed interval of values that a number may take, written behind its type with `Annotated`."""

    low: float
    high: float

    def refuses(self, value: float) -> bool:
        """Whether a value, NaN among them, lies outside."""
        return not self.low <= value <= self.high

    def __str__(self) -> str:
        return f"must lie between {self.low} and {self.high}"


@dataclasses.dataclass(frozen=True)
class Pattern:
    """The regular expression that a word has to match, and what that is in words."""

    expression: str
    words: str

    def refuses(self, value: str) -> bool:
        """Whether a word is none of these."""
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
    """Hold every field against its `Interval` or `Pattern`, and fields against each other where a dataclass says how.

    Dataclasses within dataclasses are checked first, by the same rules; their own method `check` is what holds fields
    against each other.

    Raises:
        PipelineError: A value is not allowed, or contradicts another; the message names flag, value and what is.
    """
    for name, hint in typing.get_type_hints(type(configuration), include_extras=True).items():
        value, flag = getattr(configuration, name), prefix + name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            check(value, f"{flag}.")
        for constraint in getattr(hint, "__metadata__", ()):
            if isinstance(constraint, Interval | Pattern) and constraint.refuses(value):
                raise PipelineError(f"{flag} {constraint}, not {value}")
    own_check = getattr(configuration, "check", None)
    if own_check is not None:
        try:
            own_check()
        except PipelineError as error:
            raise PipelineError(f"{prefix.rstrip('.')}: {error}" if prefix != "--" else str(error)) from None


def parse_command_line(description: str, default: Configuration, arguments: list[str] | None = None) -> Configuration:
    """Let command line flags override the fields of `default` (tyro refuses unknown names and wrong types).

    Raises:
        PipelineError: A value is not allowed, or fields contradict each other.
        SystemExit: With status 0 after `--help`, 2 after a flag that is unknown or of the wrong type.
    """
    import tyro

    configuration = tyro.cli(type(default), description=description, default=default, args=arguments)
    check(configuration)
    return configuration
