"""Independent trainings in parallel threads; TensorFlow releases Python while it trains an epoch.

Processes would each have to import TensorFlow again, which takes as long as a short training.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

POLL_SECONDS = 0.2
_local = threading.local()  # event `stop`, shared by all threads of a call and their child threads


class StoppedError(Exception):
    """A task was cancelled because another one failed or the user pressed Ctrl-C."""


def run_together(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Call `function` with each tuple of arguments in parallel, and return the results in order.

    Keras keeps its random state per thread, so a task that seeds it is reproducible. When a task fails, or Ctrl-C is
    pressed, the others end at their next `stop_if_asked`.
    """
    stop = getattr(_local, "stop", None) or threading.Event()
    errors: list[BaseException] = []

    def call(arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
        _local.stop = stop
        try:
            return function(*arguments)
        except BaseException as error:
            errors.append(error)
            stop.set()
            raise

    with ThreadPoolExecutor(max(len(tasks), 1)) as pool:
        try:
            futures = [pool.submit(call, arguments) for arguments in tasks]
            while wait(futures, POLL_SECONDS).not_done:
                pass  # poll: a signal delivered to another thread does not wake this one
        except BaseException:  # signals reach only the main thread
            stop.set()
            raise
    if errors:
        raise errors[0]
    return [future.result() for future in futures]


def stop_if_asked() -> None:
    """Raise if the tasks of `run_together` are to end.

    Raises:
        StoppedError: Another task has failed, or Ctrl-C was pressed.
    """
    stop = getattr(_local, "stop", None)
    if stop is not None and stop.is_set():
        raise StoppedError
