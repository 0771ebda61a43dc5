"""Where points are kept: a folder each, named by what the point depends on, complete or not there at all."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.design_point import Outcome, identity
from common.errors import PipelineError
from common.point_evaluation import NETWORK

RESULT = "point.json"


@dataclass(frozen=True)
class PointStore:
    """A folder of points, which several scans may share.

    Attributes:
        folder: Of all points.
        images: SHA-256 of the prepared images.
    """

    folder: Path
    images: str

    def name(self, depends_on: Mapping[str, Any]) -> str:
        """Return the name of the folder of a point with these `dependencies`."""
        return identity(depends_on, self.images)

    def source_name(self, depends_on: Mapping[str, Any]) -> str:
        """Return the name of the folder of the float network that a point with these `dependencies` starts from."""
        return f"float-{identity(depends_on['source'], self.images)}"

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

    def load_source(self, name: str) -> Outcome | None:
        """Return a float network that is kept, or None."""
        path = self.folder / name / NETWORK
        return Outcome({}, files={NETWORK: path.read_bytes()}) if path.exists() else None

    def save(self, name: str, depends_on: Mapping[str, Any], outcome: Outcome) -> Path:
        """Keep what succeeded as a folder, or the log of what failed; return what was written.

        Args:
            name: Of the point, or of a float network.
            depends_on: All of the configuration that it depends on.
            outcome: What it gave.
        """
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
            record = {"images": self.images, "depends_on": depends_on, "values": outcome.values}
            (partial / RESULT).write_text(json.dumps(record, indent=1))
            if not final.exists():  # another scan may have been faster
                partial.rename(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        failed.unlink(missing_ok=True)
        return final
