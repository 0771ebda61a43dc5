"""Store of points: one folder per point, named by a hash of its dependencies, complete or absent."""

import errno
import hashlib
import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from common.errors import PipelineError
from common.scan import point_evaluation, point_training
from common.scan.point_training import NETWORK
from common.scan.points import Outcome, Point
from common.stages import provenance

RESULT = "point.json"


def dependencies(point: Point) -> dict[str, Any]:
    """Return all dependencies of a point except the images, with those of its float network under `source`.

    They are the configuration and the program: its code and package versions.
    """
    stages = point.configurations()
    synthesize = stages["synthesize"]
    stage = "train_autoencoder" if stages["quantize"].zeros == "raised" else "prune"
    return {
        "source": {
            "program": provenance.program(point_training.__name__),
            "validation_images": point.validation_images,
            "normal": stages["prepare_data"].normal,
            "network": asdict(stages["train_autoencoder"].network),
            stage: asdict(stages[stage]),
        },
        "program": provenance.program(point_evaluation.__name__),
        "synthesized": point.synthesized,
        "quantize": asdict(stages["quantize"]),
        "hls": asdict(stages["convert_hls"].hls),
        "latency_cutoff": synthesize.latency_cutoff,
        "tabulate_latent": synthesize.tabulate_latent,
        "family": synthesize.families[0] if point.synthesized else None,
    }


def identity(depends_on: Mapping[str, Any], images: str) -> str:
    """Return a hash of the dependencies and of the SHA-256 of the prepared images, for a name."""
    said = json.dumps({"images": images, **depends_on}, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class PointStore:
    """Folder of points, which several scans may share.

    Attributes:
        folder: Folder of all points.
        images: SHA-256 of the prepared images.
    """

    folder: Path
    images: str

    def name(self, depends_on: Mapping[str, Any]) -> str:
        """Return the folder name of a point with these `dependencies`."""
        return identity(depends_on, self.images)

    def source_name(self, depends_on: Mapping[str, Any]) -> str:
        """Return the folder name of the float network of a point with these `dependencies`."""
        return f"float-{identity(depends_on['source'], self.images)}"

    def load(self, name: str) -> dict[str, Any] | None:
        """Return the numbers of a point, or None if it has not been computed.

        Raises:
            PipelineError: Its file is damaged.
        """
        path = self.folder / name / RESULT
        try:
            values = json.loads(path.read_text(encoding="utf-8"))["values"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, OSError):
            raise PipelineError(f"{path} is damaged; remove the folder {path.parent}, and run the scan again") from None
        return values

    def load_source(self, name: str) -> Outcome | None:
        """Return a stored float network, or None."""
        path = self.folder / name / NETWORK
        return Outcome({}, files={NETWORK: path.read_bytes()}) if path.exists() else None

    def save(self, name: str, depends_on: Mapping[str, Any], outcome: Outcome) -> Path:
        """Write the outcome as a folder, or its log if it failed; return the path.

        Args:
            name: Name of the point or float network.
            depends_on: All its dependencies.
            outcome: Its outcome.
        """
        failed = self.folder / f"{name}.failed.log"
        if outcome.error is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            failed.write_bytes(outcome.files.get("log.txt", b"") + f"{outcome.error}\n".encode())
            return failed
        # Another scan, perhaps on another machine, may write the same point at the same time.
        partial, final = self.folder / f".{name}.{uuid.uuid4().hex}.partial", self.folder / name
        try:
            for path, content in outcome.files.items():
                (partial / path).parent.mkdir(parents=True, exist_ok=True)
                (partial / path).write_bytes(content)
            record = {"images": self.images, "depends_on": depends_on, "values": outcome.values}
            partial.mkdir(parents=True, exist_ok=True)
            (partial / RESULT).write_text(json.dumps(record, indent=1), encoding="utf-8")
            partial.rename(final)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        failed.unlink(missing_ok=True)
        return final
