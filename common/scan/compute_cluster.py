"""Dask: a cluster of this machine's cores, or any that runs already, and workers made ready for our tasks."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
from distributed import Client, Future, LocalCluster, WorkerPlugin

from common.errors import PipelineError

CONNECT_SECONDS = 20
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


class ReadyForPoints(WorkerPlugin):
    """Lets a worker find this program, wherever it was started, and keeps TensorFlow to one thread.

    N workers of one thread do not fight over N cores; and sums are made in the same order whatever the machine has.
    """

    name = "ready-for-points"

    def __init__(self, program: str) -> None:
        self.program = program

    def setup(self, worker: object) -> None:
        """Prepare the process before anything imports TensorFlow."""
        if self.program not in sys.path:
            sys.path.insert(0, self.program)
        os.environ.update(dict.fromkeys(THREADS, "1"))


@contextlib.contextmanager
def connect(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Give a client of a running scheduler, or of a cluster of this machine that ends with the block.

    Args:
        scheduler: Its address, `tcp://HOST:PORT`, or None for a cluster of this machine.
        workers: Processes of that; each may use its part of the memory, and is started anew where it dies.

    Raises:
        PipelineError: No scheduler answers.
    """
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a scheduler that is lost is said in one line
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a worker has yet to learn where this program is
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message="Port 8787 is already in use")
            scheduler = stack.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:8787",
                    silence_logs=logging.CRITICAL,
                )
            )
        try:
            client = stack.enter_context(Client(scheduler, timeout=CONNECT_SECONDS))
        except (OSError, ValueError) as error:
            raise PipelineError(f"no Dask scheduler answers at {scheduler} ({error})") from None
        client.register_plugin(ReadyForPoints(str(Path(__file__).parents[2])))
        yield client


def submit(
    client: Client, key: str, function: Callable[..., Any], *arguments: object, then: tuple[Future, ...] = ()
) -> Future:
    """Give a call to the cluster, sealed: the scheduler passes it on, and need not have this program.

    Args:
        client: Of the cluster.
        key: Name of the task; a name that the scheduler has already is not computed twice.
        function: What is called.
        arguments: What it is given.
        then: Tasks whose results it is given behind them.
    """

    def call(sealed: bytes, *results: object) -> Any:  # noqa: ANN401
        import cloudpickle

        function, arguments = cloudpickle.loads(sealed)
        return function(*arguments, *results)

    # A local function travels as its code; one of a module would travel as a name that the scheduler looks up.
    return client.submit(call, cloudpickle.dumps((function, arguments)), *then, key=key)
