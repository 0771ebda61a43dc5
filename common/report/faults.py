"""Results of `make faults`: how many faults of each class were injected, and how many the pipeline survived."""

import json
from dataclasses import dataclass
from pathlib import Path

from common.errors import PipelineError
from common.stages import artifacts


@dataclass(frozen=True)
class FaultCount:
    """A class of faults, how many were injected, and how many of them did no harm."""

    fault: str
    injected: int
    survived: int


@dataclass(frozen=True)
class FaultTable:
    """A run of `make faults`."""

    started: str  # [UTC]
    commit: str
    seconds: int
    counts: tuple[FaultCount, ...]  # of each class

    @property
    def failed(self) -> list[int]:
        """Positions of the classes with a fault that was not survived."""
        return [index for index, count in enumerate(self.counts) if count.survived < count.injected]


def read_faults(outputs: Path) -> FaultTable | None:
    """Return the last table of faults, or None where there is none.

    Raises:
        PipelineError: `faults.json` is damaged or of another format version.
    """
    path = outputs / "faults.json"
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        if table["format"] != artifacts.RUN_FORMAT or table["sha256"] != artifacts.record_digest(table):
            raise ValueError(path)
        counts = [FaultCount(str(row["fault"]), int(row["injected"]), int(row["survived"])) for row in table["faults"]]
        return FaultTable(str(table["started"]), str(table["commit"]), int(table["seconds"]), tuple(counts))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise PipelineError(f"{path.name} is damaged or of another version; run: make faults") from None
