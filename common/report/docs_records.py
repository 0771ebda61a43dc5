"""What docs/results/ keeps of a run: rows of `metrics.json` as records, and JSON in which a record is a line."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.stages import artifacts


def rows_of(part: Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of `designs` or `exactness` in `metrics.json` as records with the fields `design` and `part`.

    This is the one place that knows how `metrics.json` names its rows: `CUT/VARIANT` or `CUT/VARIANT, PART`.
    """
    if not isinstance(part, Mapping):
        return [dict(row) for row in part]
    named = ((name.partition(", "), row) for name, row in part.items())
    return [{"design": design, "part": what, **row} for (design, _, what), row in named]


def write_json(path: Path, content: object) -> None:
    """Write nested records as JSON, each innermost one on a line of its own, so that a change is a line of a diff."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, ensure_ascii=False)
    text = re.sub(r"[\[{]\n  [^\[\]{}]*\n\s*[\]}]", lambda found: re.sub(r"\n\s*", " ", found[0]), text)
    artifacts.write_text_atomically(path, text + "\n")
