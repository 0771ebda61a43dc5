"""Overhead of a scan per point, and designs per hour with one and two workers.

Run:     python -m benchmarks.scan [DESIGNS]

First, points that compute nothing give the overhead of proposals, Dask and folders. Then real designs of the tuned
space with its shortened recipe run on one worker and on two, after a warm-up design that is not counted. The time of a
design divided by the overhead of a point is the number of workers that one scan can keep busy.
"""

import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from distributed import Client, Future

from benchmarks import measure
from common.report.pipeline import DECLARED
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
    """Return an empty outcome instead of a float network."""
    return Outcome({})


def empty(point: Point, *_: object) -> Outcome:
    """Return made-up numbers of a design at once."""
    accuracy = len(str(point.fields)) / 1000
    return Outcome({"validation_accuracy": accuracy, "validation_l1": 0.1, "lut_estimate": 1000})


class Measured:
    """Scans on one cluster, each with new points."""

    def __init__(
        self,
        client: Client,
        samples: Future,
        evaluate: Callable[..., Outcome],
        train_source: Callable[..., Outcome],
        folder: Path,
    ) -> None:
        """Prepare scans, see `scheduling.Scan`; `folder` stores their points."""
        self._space: DesignSpace = spaces.load(SPACE, [], VALIDATION_IMAGES, DECLARED)
        self._client, self._samples = client, samples
        self._evaluate, self._train_source = evaluate, train_source
        self._scan = Scan(PointStore(folder, "benchmark"), client, samples, evaluate, train_source)
        self._seeds = itertools.count()

    def warm_up(self) -> None:
        """Compute a design on every worker, so that TensorFlow is imported; it is not counted."""
        point = self._space.point(self._space.base_values)
        source = self._client.submit(self._train_source, point, self._samples)
        self._client.gather(
            [
                self._client.submit(self._evaluate, point, self._samples, source, workers=[address], pure=False)
                for address in self._client.nthreads()
            ]
        )

    def seconds(self, strategy: Strategy, points: int) -> float:
        """Return the time of a scan [s]."""
        search = DesignSearch(self._space, strategy, points, next(self._seeds))
        started = time.perf_counter()
        self._scan.search(search, AHEAD)
        return time.perf_counter() - started


def overheads() -> dict[str, list[float]]:
    """Return the overhead per point, three times for each strategy [s]."""
    with tempfile.TemporaryDirectory() as folder, compute_cluster.connect(None, max(WORKERS)) as client:
        scans = Measured(client, client.submit(tuple), empty, no_source, Path(folder))
        scans.warm_up()
        return {
            strategy: [scans.seconds(strategy, points) / points for _ in range(3)]
            for strategy, points in EMPTY_POINTS.items()
        }


def untrained(_: Point, __: object) -> Outcome:
    """Return a float network with random weights; training from it takes as long as from a trained one."""
    from common.networks import architecture, training
    from common.networks.layout import Layout
    from common.networks.recipe import Recipe

    model = architecture.build("classifier", Layout())
    training.compile_network(model, Recipe(), 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / point_evaluation.NETWORK
        architecture.save(model, path)
        return Outcome({}, files={point_evaluation.NETWORK: path.read_bytes()})


def seconds_a_design(workers: int, designs: int) -> float:
    """Return the average time of a design with this many workers [s]."""
    with tempfile.TemporaryDirectory() as folder, compute_cluster.connect(None, workers) as client:
        samples = client.scatter(measure.mnist_samples(), broadcast=True)
        scans = Measured(client, samples, point_evaluation.evaluate, untrained, Path(folder))
        scans.warm_up()
        return scans.seconds("random", designs * workers) / (designs * workers)


def main(designs: int = DESIGNS) -> None:
    """Measure both, and report how many workers saturate a scan."""
    benchmark = measure.Benchmark("scan", "Scans of designs", ["", "time per point", "points per hour"])
    overhead = {strategy: measure.Spread.of(seconds) for strategy, seconds in overheads().items()}
    for strategy, spread in overhead.items():
        name = f"overhead, {EMPTY_POINTS[strategy]:,} points, {strategy}"
        benchmark.row(name, f"{1000 * spread.median:.1f} ms", "")
    design = {workers: seconds_a_design(workers, designs) for workers in WORKERS}
    for workers, seconds in design.items():
        benchmark.row(f"designs, {workers} worker{'s' * (workers > 1)}", f"{seconds:.1f} s", f"{3600 / seconds:,.0f}")
    busy = design[1] / overhead["random"].median
    benchmark.notes.append(
        f"two workers compute {design[1] / design[2]:.2f} times as many designs as one; by extrapolation, one scan "
        f"keeps {busy:,.0f} workers busy, and 1,000 cores compute {3.6e6 / design[1]:,.0f} designs per hour"
    )
    benchmark.values = {
        "overhead_seconds": {strategy: spread.median for strategy, spread in overhead.items()},
        "seconds_a_design": {str(workers): seconds for workers, seconds in design.items()},
        "workers_kept_busy": busy,
    }
    benchmark.finish()


if __name__ == "__main__":
    measure.run(main, *map(int, sys.argv[1:]))
