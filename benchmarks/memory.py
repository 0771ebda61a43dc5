"""Peak memory of a process and its descendants, sampled while they run."""

import os
import threading
from types import TracebackType

import psutil

SAMPLING_SECONDS = 0.1


class PeakMemory:
    """Sampler of the memory of a process and its descendants, or only the descendants, during a block.

    Attributes:
        peak: Largest total memory [byte]; shared pages count once per process, so it is an upper limit.
    """

    def __init__(self, pid: int | None = None, *, descendants_only: bool = False) -> None:
        self.peak = 0
        self._pid = pid or os.getpid()
        self._descendants_only = descendants_only
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, memory_in_use(self._pid, descendants_only=self._descendants_only))
            if self._ended.wait(SAMPLING_SECONDS):
                return


def memory_in_use(pid: int, *, descendants_only: bool = False) -> int:
    """Return the memory of a process and its descendants, or only the descendants [byte]; 0 if it has ended."""
    total = 0
    try:
        process = psutil.Process(pid)
        for each in [*([] if descendants_only else [process]), *process.children(recursive=True)]:
            total += each.memory_info().rss
    except psutil.NoSuchProcess:  # one has ended; the next sample counts the others
        pass
    return total
