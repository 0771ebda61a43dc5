"""What does a scan cost beside its designs, and how many designs an hour do one and two workers make?

Run:     python -m benchmarks.scan [DESIGNS]

First points that compute nothing: what is left is what proposals, Dask and folders cost. Then real designs of the tuned
space with its shortened recipe, on one worker and on two, each warmed up by a design that is not counted. From both
follows how many workers one scan keeps busy: the time of a design over the overhead of a point.
"""

import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from distributed import Client, Future

from benchmarks import measure
from common.scan import compute_cluster, point_evaluation, spaces
from common.scan.point_store import PointStore
from common.scan.points import Outcome, Point
from common.scan.scheduling import Scan
from common.scan.searching import DesignSearch, Strategy
from common.scan.spaces import DesignSpace

SPACE = Path(__file__).parents[1] / "spaces" / "tuned.toml"
VALIDATION_IMAGES = 10_000
EMPTY_POINTS: dict[Strategy, int] = {"random": 1000, "optuna": 200}
WORKERS = (1, 2)
DESIGNS = 6  # on each worker
AHEAD = 8


def no_source(_: Point, __: object) -> Outcome:
    """Return no float network."""
    return Outcome({})


def empty(point: Point, *_: object) -> Outcome:
    """Return numbers at once, as if they came from a design."""
    accuracy = len(str(point.fields)) / 1000
    return Outcome({"validation_accuracy": accuracy, "validation_l1": 0.1, "lut_estimate": 1000})


class Measured:
    """Scans of one cluster, each with points that no scan before it had."""

    def __init__(
        self,
        client: Client,
        samples: Future,
        evaluate: Callable[..., Outcome],
        train_source: Callable[..., Outcome],
        folder: Path,
    ) -> None:
        """Prepare scans, see `scan.Scan`, whose points are kept in `folder`."""
        self._space: DesignSpace = spaces.load(SPACE, [], VALIDATION_IMAGES)
        self._client, self._samples = client, samples
        self._evaluate, self._train_source = evaluate, train_source
        self._scan = Scan(PointStore(folder, "benchmark"), client, samples, evaluate, train_source)
        self._seeds = itertools.count()

    def warm_up(self) -> None:
        """Compute a design that is not counted on every worker: its first one waits for TensorFlow's import."""
        point = self._space.point(self._space.base_values)
        source = self._client.submit(self._train_source, point, self._samples)
        self._client.gather(
            [
                self._client.submit(self._evaluate, point, self._samples, source, workers=[address], pure=False)
                for address in self._client.nthreads()
            ]
        )

    def seconds(self, strategy: Strategy, points: int) -> float:
        """Return how long a scan takes [s]."""
        search = DesignSearch(self._space, strategy, points, next(self._seeds))
        started = time.perf_counter()
        self._scan.search(search, AHEAD)
        return time.perf_counter() - started


def overheads() -> dict[str, list[float]]:
    """Return what a point costs beside its computation, three times for each way of proposing [s]."""
    with tempfile.TemporaryDirectory() as folder, compute_cluster.connect(None, max(WORKERS)) as client:
        scans = Measured(client, client.submit(tuple), empty, no_source, Path(folder))
        scans.warm_up()
        return {
            strategy: [scans.seconds(strategy, points) / points for _ in range(3)]
            for strategy, points in EMPTY_POINTS.items()
        }


def untrained(_: Point, __: object) -> Outcome:
    """Return a float network with random weights: a design trains as long from these as from others."""
    from common.networks import architecture, training
    from common.networks.recipe import Recipe

    model = architecture.build("classifier")
    training.compile_network(model, Recipe(), 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / point_evaluation.NETWORK
        architecture.save(model, path)
        return Outcome({}, files={point_evaluation.NETWORK: path.read_bytes()})


def seconds_a_design(workers: int, designs: int) -> float:
    """Return how long a design takes on average with this many workers [s]."""
    with tempfile.TemporaryDirectory() as folder, compute_cluster.connect(None, workers) as client:
        samples = client.scatter(measure.mnist_samples(), broadcast=True)
        scans = Measured(client, samples, point_evaluation.evaluate, untrained, Path(folder))
        scans.warm_up()
        return scans.seconds("random", designs * workers) / (designs * workers)


def main(designs: int = DESIGNS) -> None:
    """Measure both, and say where a scan saturates."""
    benchmark = measure.Benchmark("scan", "Scans of designs", ["", "a point", "points an hour"])
    overhead = {strategy: measure.Spread.of(seconds) for strategy, seconds in overheads().items()}
    for strategy, spread in overhead.items():
        name = f"overhead, {EMPTY_POINTS[strategy]:,} points, {strategy}"
        benchmark.row(name, f"{1000 * spread.median:.1f} ms", "")
    design = {workers: seconds_a_design(workers, designs) for workers in WORKERS}
    for workers, seconds in design.items():
        benchmark.row(f"designs, {workers} worker{'s' * (workers > 1)}", f"{seconds:.1f} s", f"{3600 / seconds:,.0f}")
    busy = design[1] / overhead["random"].median
    benchmark.notes.append(
        f"two workers make {design[1] / design[2]:.2f} times as many designs as one; on paper, one scan keeps "
        f"{busy:,.0f} workers busy, and 1,000 cores make {3.6e6 / design[1]:,.0f} designs an hour"
    )
    benchmark.values = {
        "overhead_seconds": {strategy: spread.median for strategy, spread in overhead.items()},
        "seconds_a_design": {str(workers): seconds for workers, seconds in design.items()},
        "workers_kept_busy": busy,
    }
    benchmark.finish()


if __name__ == "__main__":
    measure.run(main, *map(int, sys.argv[1:]))
