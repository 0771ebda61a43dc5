"""Independent trainings at the same time, in threads: while TensorFlow trains an epoch, Python is free for another.

Threads, because processes would have to import TensorFlow once more each, which takes as long as many a training.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

POLL_SECONDS = 0.2
_local = threading.local()  # its `stop`, an event, is shared by all threads of a call and those that they start


class StoppedError(Exception):
    """Work given up because other work has failed, or the user has asked for the end."""


def run_together(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Call `function` with each tuple of arguments, all at the same time, and return the results in order.

    Keras keeps the state of its random numbers by thread: a task that seeds them draws the same whatever else runs.
    When a task fails, or Ctrl-C is pressed, the others end at their next `stop_if_asked`.
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
                pass  # a signal that another thread has taken does not wake this one
        except BaseException:  # signals reach the main thread alone
            stop.set()
            raise
    if errors:
        raise errors[0]
    return [future.result() for future in futures]


def stop_if_asked() -> None:
    """Raise where the tasks of `run_together` are to end; elsewhere, do nothing.

    Raises:
        StoppedError: They are.
    """
    stop = getattr(_local, "stop", None)
    if stop is not None and stop.is_set():
        raise StoppedError
