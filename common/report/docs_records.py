"""JSON files of docs/: each record is a line."""

import json
import re
from pathlib import Path

from common.stages import artifacts


def write_json(path: Path, content: object) -> None:
    """Write nested records as JSON, each innermost one on a line of its own, so that a change is a line of a diff."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, ensure_ascii=False)
    text = re.sub(r"[\[{]\n  [^\[\]{}]*\n\s*[\]}]", lambda found: re.sub(r"\n\s*", " ", found[0]), text)
    artifacts.write_text_atomically(path, text + "\n")
