"""Scheduling of a scan: proposals become tasks of a Dask cluster; results are stored and reported to the search.

If a worker dies, Dask runs its point again elsewhere. If a scan dies, only the running points are lost: stored points
are found again, whichever scan computed them.
"""

import platform
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from distributed import Client, Future, as_completed
from distributed.scheduler import KilledWorker

from common.errors import PipelineError
from common.running.console import CONSOLE, note, progress_line
from common.scan import compute_cluster, point_evaluation, point_training
from common.scan.point_store import PointStore, dependencies
from common.scan.points import Outcome, Point
from common.scan.searching import DesignSearch, on_front
from common.stages import provenance

SHOWN_SECONDS = 0.5


@dataclass
class Task:
    """Task of a point.

    Attributes:
        name: Name of the point, see `PointStore.name`.
        depends_on: All its dependencies.
        row: Its numbers once it has succeeded.
        fault: Why it failed, with the path of its log.
    """

    name: str
    depends_on: Mapping[str, Any]
    row: dict[str, Any] = field(default_factory=dict)
    fault: str | None = None

    @property
    def finished(self) -> bool:
        """Whether the point has succeeded or failed."""
        return bool(self.row) or self.fault is not None


class Scan:
    """Scan that computes points on a cluster, unless they are stored already."""

    def __init__(
        self,
        store: PointStore,
        client: Client,
        samples: Future,
        evaluate: Callable[[Point, Any, Outcome], Outcome] = point_evaluation.evaluate,
        train_source: Callable[[Point, Any], Outcome] = point_training.train_source,
    ) -> None:
        """Prepare a scan.

        Args:
            store: Store of points.
            client: Client of the cluster.
            samples: Training and test images, as a task that can run again if a worker with them dies.
            evaluate: Function that computes a point; benchmarks and tests replace it.
            train_source: Function that trains the float network of points; likewise.
        """
        self._store, self._client, self._samples = store, client, samples
        self._evaluate, self._train_source = evaluate, train_source
        self._tasks: dict[str, Task] = {}
        self._sources: dict[str, Future] = {}
        self._futures: dict[str, Future] = {}
        self._completed = as_completed([], loop=client.loop, with_results=True, raise_errors=False)
        self._computed, self._started = 0, time.monotonic()
        self._shown, self._words = 0.0, ""

    def search(self, search: DesignSearch, ahead: int) -> list[tuple[dict[str, Any], Task]]:
        """Compute the proposals of a search; return parameters and task of each, in order.

        The search gets results in the order of its proposals, and is at most `ahead` proposals ahead. So its path does
        not depend on the number or speed of workers.

        Args:
            search: Search that proposes points.
            ahead: Maximum of open proposals: the number of workers that can be busy.
        """
        told, waiting = [], deque()
        with progress_line("scanning designs", search.total) as line:
            while True:
                while len(waiting) < ahead and (trial := search.ask()) is not None:
                    waiting.append((trial, self._begin(search.point(trial))))
                if not waiting:
                    return told
                trial, task = waiting.popleft()
                self._finish(task, lambda: line.say(self._progress(search.total)))
                search.tell(trial, task.row)
                told.append((trial.params, task))
                line.advance(self._progress(search.total))

    def compute(self, points: Sequence[Point], title: str) -> list[Task]:
        """Compute points in any order; return their tasks in the order of the points."""
        with progress_line(title, len(points)) as line:
            tasks = [self._begin(point) for point in points]
            for task in tasks:
                self._finish(task, lambda: None)
                line.advance(task.name)
        return tasks

    def _begin(self, point: Point) -> Task:
        """Return the task of a point: from an earlier proposal, from the store, or submitted to the cluster."""
        depends_on = dependencies(point)
        name = self._store.name(depends_on)
        if name not in self._tasks:
            task = self._tasks[name] = Task(name, depends_on, self._store.load(name) or {})
            if not task.finished:
                then = (self._samples, self._source(point, depends_on))
                call = compute_as, point_evaluation.__name__, depends_on["program"], self._evaluate, point
                future = compute_cluster.submit(self._client, f"point-{name}", *call, then=then)
                self._futures[name] = future
                self._completed.add(future)
        return self._tasks[name]

    def _source(self, point: Point, depends_on: Mapping[str, Any]) -> Future:
        """Return the float network of a point: from an earlier point, from the store, or submitted to the cluster."""
        name = self._store.source_name(depends_on)
        if name not in self._sources:
            kept = self._store.load_source(name)
            if kept is not None:
                future = compute_cluster.submit(self._client, name, lambda: kept)
            else:
                program = depends_on["source"]["program"]
                call = compute_as, point_training.__name__, program, self._train_source, point
                future = compute_cluster.submit(self._client, name, *call, then=(self._samples,))
                future.add_done_callback(lambda done: self._keep_source(name, depends_on["source"], done))
            self._sources[name] = future
        return self._sources[name]

    def _keep_source(self, name: str, depends_on: Mapping[str, Any], done: Future) -> None:
        """Store a float network; if its training failed, its points report that."""
        if done.status == "finished":
            self._store.save(name, depends_on, done.result())

    def _finish(self, task: Task, show: Callable[[], None]) -> None:
        """Process results of the cluster until this task is finished."""
        while not task.finished:
            show()
            future, result = next(self._completed)
            self._take(self._tasks[future.key.removeprefix("point-")], _outcome(result))

    def _take(self, task: Task, outcome: Outcome) -> None:
        """Store the outcome of a task."""
        kept = self._store.save(task.name, task.depends_on, outcome)
        del self._futures[task.name]
        self._computed += 1
        task.row = outcome.values and self._store.load(task.name)  # another scan may have stored it first
        if outcome.error is not None:
            task.fault = f"{outcome.error}; its output is in {kept}"
        if not CONSOLE.is_terminal:
            note(f"{task.name} {task.fault or _in_words(task.row)}")

    def _progress(self, total: int) -> str:
        """Return progress, expected end and current front in words, updated each half second."""
        if time.monotonic() - self._shown < SHOWN_SECONDS:
            return self._words
        tasks = list(self._tasks.values())
        rows = [task.row for task in tasks if task.row]
        workers = len(self._client.nthreads())
        words = [
            f"{min(len(self._futures), workers)} running, {sum(task.fault is not None for task in tasks)} failed",
            f"{workers} worker{'s' * (workers != 1)}",
        ]
        left = total - sum(task.finished for task in tasks)
        if self._computed and left > 0:
            seconds = (time.monotonic() - self._started) / self._computed * left
            words.append(f"until {datetime.now() + timedelta(seconds=seconds):%d %b %H:%M}")
        if rows:
            front = [row for row, best in zip(rows, on_front(rows), strict=True) if best]
            words.append(f"front of {len(front)}: {_in_words(max(front, key=lambda row: row['validation_accuracy']))}")
        self._shown, self._words = time.monotonic(), ", ".join(words)
        return self._words


def compute_as(
    module: str, program: Mapping[str, Any], compute: Callable[..., Outcome], point: Point, *given: object
) -> Outcome:
    """Return the outcome of a point, computed on a worker, or an error if its program is not the scan's.

    Args:
        module: Name of the module that computes.
        program: The scan's `provenance.program` of that module.
        compute: Function to call.
        point: The point.
        given: Further arguments of `compute`.
    """
    ours = provenance.program(module)
    if ours == program:
        return compute(point, *given)
    differing = [
        f"{name} {ours['packages'][name]} instead of {version}"
        for name, version in program["packages"].items()
        if ours["packages"][name] != version
    ]
    words = ", ".join(differing) or f"other code than the scan has for {module}"
    return Outcome({}, f"the worker on {platform.node()} has {words}; bring it up to date and start it again")


def _outcome(result: Any) -> Outcome:  # noqa: ANN401
    """Return the outcome of a finished task.

    Raises:
        PipelineError: The scheduler is lost.
    """
    match result:
        case Outcome():
            return result
        case (_, KilledWorker(), _):
            return Outcome({}, "every worker that ran it has died (out of memory?)")
        case (_, error, trace):
            raise error.with_traceback(trace)
        case _:
            raise PipelineError("the scheduler is lost; finished points are stored, run the scan again to continue")


def _in_words(row: dict[str, Any]) -> str:
    part = "validation" if "validation_accuracy" in row else "test"
    return f"accuracy {row[f'{part}_accuracy']:.4f}, L1 {row[f'{part}_l1']:.4f}, {row['lut_estimate']} LUT"
