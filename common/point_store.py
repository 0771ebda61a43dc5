"""Where points are kept: a folder each, named by what the point depends on, complete or not there at all."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.design_point import Outcome, Point, dependencies, identity
from common.errors import PipelineError

RESULT = "point.json"


@dataclass(frozen=True)
class PointStore:
    """A folder of points, which several scans may share.

    Attributes:
        folder: Of all points.
        inputs: SHA-256 of each file that points read.
    """

    folder: Path
    inputs: Mapping[str, str]

    @property
    def inputs_name(self) -> str:
        """Return a name for the inputs, from their hashes."""
        return hashlib.sha256(json.dumps(dict(self.inputs)).encode()).hexdigest()[:16]

    def name(self, point: Point) -> str:
        """Return the name of a point's folder."""
        return identity(point, self.inputs)

    def load(self, name: str) -> dict[str, Any] | None:
        """Return the numbers of a point, or None where it has not been computed.

        Raises:
            PipelineError: Its file is damaged.
        """
        path = self.folder / name / RESULT
        try:
            values = json.loads(path.read_text())["values"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, OSError):
            raise PipelineError(f"{path} is damaged; remove the folder {path.parent}, and run the scan again") from None
        return values

    def save(self, name: str, point: Point, outcome: Outcome) -> Path:
        """Keep a point that succeeded as a folder, or the log of one that failed; return what was written."""
        failed = self.folder / f"{name}.failed.log"
        if outcome.error is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            failed.write_bytes(outcome.files.get("log.txt", b"") + f"{outcome.error}\n".encode())
            return failed
        partial, final = self.folder / f".{name}.{os.getpid()}.partial", self.folder / name
        partial.mkdir(parents=True, exist_ok=True)
        try:
            for path, content in outcome.files.items():
                (partial / path).parent.mkdir(parents=True, exist_ok=True)
                (partial / path).write_bytes(content)
            record = {"inputs": dict(self.inputs), "depends_on": dependencies(point), "values": outcome.values}
            (partial / RESULT).write_text(json.dumps(record, indent=1))
            if not final.exists():  # another scan may have been faster
                partial.rename(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        failed.unlink(missing_ok=True)
        return final
