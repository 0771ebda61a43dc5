"""TOML files with the line number of each field, for error messages."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.errors import PipelineError

_SECTION = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
_FIELD = re.compile(r"\s*([\w.\-\"' ]+?)\s*=")


@dataclass(frozen=True)
class TomlFile:
    """Content of a TOML file.

    Attributes:
        name: Its path, or the flag that it stands for, for messages.
        values: As `tomllib` reads them.
        lines: Line number of each section and field, by path of names.
    """

    name: str
    values: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int]

    def fault(self, field: Sequence[str], text: str) -> PipelineError:
        """Return the error of a field, with its line number."""
        field = tuple(field)
        around = [self.lines[field[:count]] for count in range(len(field), 0, -1) if field[:count] in self.lines]
        within = [line for names, line in self.lines.items() if names[: len(field)] == field]
        line = next(iter([*around, *within]), None)
        where = self.name if line is None else f"{self.name}, line {line}"
        return PipelineError(f"{where}: {'.'.join(field)} {text}")


def parse(text: str, name: str) -> TomlFile:
    """Parse the text of a TOML file.

    Raises:
        PipelineError: The text is not TOML; the message gives line and column.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PipelineError(f"{name} is not TOML: {error}") from None
    return TomlFile(name, values, _lines(text))


def _lines(text: str) -> dict[tuple[str, ...], int]:
    lines: dict[tuple[str, ...], int] = {}
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _SECTION.match(line):
            section = _names(match[1])
            lines.setdefault(section, number)
        elif match := _FIELD.match(line):
            lines.setdefault((*section, *_names(match[1])), number)
    return lines


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(name.strip(" \"'") for name in dotted.split("."))
