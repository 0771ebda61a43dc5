"""Dask cluster, started on this machine or already running, with workers prepared for our tasks."""

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
    """Worker plugin that makes this program importable and limits TensorFlow to one thread.

    N single-threaded workers do not compete for N cores, and the order of sums does not depend on the machine.
    """

    name = "ready-for-points"

    def __init__(self, program: str) -> None:
        self.program = program

    def setup(self, worker: object) -> None:
        """Prepare the worker process before TensorFlow is imported."""
        if self.program not in sys.path:
            sys.path.insert(0, self.program)
        os.environ.update(dict.fromkeys(THREADS, "1"))


@contextlib.contextmanager
def connect(scheduler: str | None, workers: int) -> Iterator[Client]:
    """Yield a client of a running scheduler, or of a local cluster that ends with the block.

    Args:
        scheduler: Address, `tcp://HOST:PORT`, or None for a local cluster.
        workers: Processes of a local cluster; each may use its share of the memory, and is restarted if it dies.

    Raises:
        PipelineError: No scheduler answers.
    """
    logging.getLogger("distributed.client").setLevel(
        logging.CRITICAL
    )  # a lost scheduler gets a one-line message of ours
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import this program yet
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
    """Submit a pickled call to the cluster, so that the scheduler need not have this program; return its future.

    Args:
        client: Client of the cluster.
        key: Name of the task; the scheduler computes each name only once.
        function: Function to call.
        arguments: Its first arguments.
        then: Tasks whose results are its further arguments.
    """

    def call(pickled: bytes, *results: object) -> Any:  # noqa: ANN401
        import cloudpickle

        function, arguments = cloudpickle.loads(pickled)
        return function(*arguments, *results)

    # A local function is pickled as code; a module's function would be a name that the scheduler has to import.
    return client.submit(call, cloudpickle.dumps((function, arguments)), *then, key=key)
