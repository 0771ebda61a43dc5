"""Child processes that outlive their parent unless they are killed."""

import time
from pathlib import Path

from stage_runs import is_alive

START_CHILD = "sleep 300 & echo $! > child.pid"
"""Shell command that starts a child which outlives its parent unless killed."""


def assert_child_dies(folder: Path) -> None:
    """Assert that the child of `START_CHILD` ends within two seconds."""
    pid = int((folder / "child.pid").read_text(encoding="utf-8"))
    deadline = time.monotonic() + 2
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} was left alive"
        time.sleep(0.01)
