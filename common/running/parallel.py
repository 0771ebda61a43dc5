"""Independent tasks in parallel processes, with a common progress line and a line per task."""

import gc
import multiprocessing
import multiprocessing.connection
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from common.errors import PipelineError
from common.running.console import ProgressLine, progress_line

POLL_SECONDS = 0.2
GRACE_SECONDS = 1.0
COLLECTION = (200_000, 50, 1000)  # rare: a netlist is millions of objects without cycles, and takes long to search
_messages: Any = None  # in a worker: the queue to the progress line of the main process


def _start_worker(messages: Any) -> None:  # noqa: ANN401  (multiprocessing names no type for its queues)
    """Start a process group for the worker and its tools that dies with the main process, which handles Ctrl-C."""
    global _messages  # noqa: PLW0603  (the only way to keep an initializer's argument)
    _messages = messages
    gc.set_threshold(*COLLECTION)
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os.killpg(0, signal.SIGTERM)  # `run_logged` then ends tools in groups of their own
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401
    try:
        return function(*arguments)
    except SystemExit:  # on SIGTERM; the executor would start the next task
        os.killpg(0, signal.SIGKILL)
    finally:
        say("")


def _end(workers: Sequence[multiprocessing.Process]) -> None:
    """End workers and their process groups: first by SIGTERM, then by SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for worker in workers:
            try:
                os.killpg(worker.pid, number)
            except ProcessLookupError:  # it has ended, or has no group yet
                worker.kill()
        for worker in workers:
            worker.join(GRACE_SECONDS)


def say(text: str) -> None:
    """Show a few words below the progress line, called from a task; shown until its next call or its end."""
    if _messages is not None:
        _messages.put((os.getpid(), text))


def run_all(function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]], processes: int, title: str) -> list[Any]:
    """Call `function` with each tuple of arguments, in new processes, and return the results in order.

    The processes are spawned, since TensorFlow does not survive a fork. After an error, they and their tools are ended.

    Args:
        function: Function of an importable module or of the main script.
        tasks: Arguments of each call.
        processes: Number of parallel processes.
        title: Title of the progress line.

    Raises:
        PipelineError: A process died (out of memory, or killed).
    """
    context = multiprocessing.get_context("spawn")
    messages = context.Queue()
    workers = min(processes, len(tasks))
    with (
        progress_line(title, len(tasks)) as line,
        ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(messages,)) as pool,
    ):
        try:
            futures = [pool.submit(_call, function, arguments) for arguments in tasks]
            for future in futures:
                future.add_done_callback(lambda _: line.advance())
            said: dict[int, str] = {}
            return [_result(future, messages, said, line) for future in futures]
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            _end(multiprocessing.active_children())
            if isinstance(error, BrokenProcessPool):
                raise PipelineError(
                    f"{title}: a process died, perhaps out of memory; --processes 1 needs least memory"
                ) from None
            raise


def _result(future: Future, messages: Any, said: dict[int, str], line: ProgressLine) -> Any:  # noqa: ANN401
    """Wait for a task, showing the last message of each worker; return its result."""
    while not future.done():
        try:
            worker, text = messages.get(timeout=POLL_SECONDS)
        except queue.Empty:
            continue
        said[worker] = text
        line.say_below([text for text in said.values() if text])
    return future.result()
