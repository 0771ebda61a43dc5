"""Scan the design space on a Dask cluster: train, convert, trace and verify designs, then synthesize the best.

Run:     python 07_scan_designs.py [--space FILE.toml] [--points 200] [--scheduler tcp://HOST:8786] [--help]
Reads:   outputs/01_prepare_data/images.npz, a space file, outputs/points/ (finished points are reused)
Writes:  outputs/points/ (one folder per point), outputs/07_scan_designs/ points.csv and finalists.csv (and .json),
         best.toml (for python 01_prepare_data.py --preset FILE), figures

Not part of plain `make`, since it takes long: run `make scan`. An interrupted scan continues where it stopped. Designs
are chosen on held-out training images, never on test images.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from common.errors import PipelineError
from common.report.pipeline import DECLARED, PIPELINE
from common.running import console
from common.stages.configuration import BatchSize, Fraction, Interval, Seed, Weight
from common.stages.run import Run
from common.stages.stage import Stage, run_stage

SPACES = Path(__file__).parent / "spaces"
SHOWN = {
    "accuracy": ("validation_accuracy", ".4f"),
    "L1": ("validation_l1", ".4f"),
    "LUT est.": ("lut_estimate", ",d"),
    "LUT": ("lut", ",d"),
    "FF": ("ff", ",d"),
    "test acc.": ("test_accuracy", ".4f"),
    "test L1": ("test_l1", ".4f"),
}


@dataclass(frozen=True)
class Configuration:
    """Design space, search, and workers."""

    space: Path = SPACES / "paper.toml"
    """Space file: fields of the stages' configurations and the values of each."""
    vary: tuple[str, ...] = ()
    """Additional lines of the space file, such as 'quantize.seed = [0, 1, 2]'; they override the file."""
    search: Literal["optuna", "random", "grid"] = "optuna"
    """Search method: optuna's multi-objective search (accuracy, L1, LUTs), random sampling, or all designs."""
    points: Annotated[int, Interval(1, 1_000_000)] = 60
    """Number of designs to propose."""
    ahead: Annotated[int, Interval(1, 100_000)] = 8
    """Designs proposed ahead of results, to keep as many workers busy; the search depends on it."""
    seed: Seed = 0
    """Seed of the search."""
    validation_images: BatchSize = 10_000
    """Training images held out as validation set, to choose designs."""
    finalists: Annotated[int, Interval(0, 1000)] = 3
    """Best designs, trained again with the full recipe and synthesized together with the base preset's."""
    l1_weight: Weight = 2.0
    """Weight of L1 in the ranking: accuracy equivalent to an L1 of one."""
    lut_weight: Fraction = 0.01
    """Weight of LUTs in the ranking: accuracy equivalent to halving them."""
    scheduler: str | None = None
    """Address of a running Dask scheduler, tcp://HOST:PORT (default: a cluster on this machine)."""
    workers: Annotated[int, Interval(1, 1024)] = os.cpu_count() or 1
    """Processes on this machine; each has one thread and its share of the memory."""
    points_dir: Path | None = None
    """Folder of finished points (default: outputs/points); scans may share one."""
    allow: tuple[Literal["failed_input"], ...] = ()
    """Faults that become warnings: input from a failed stage."""


PRESETS = {
    "paper": Configuration(),
    "revision": Configuration(space=SPACES / "revision.toml"),
    "tuned": Configuration(space=SPACES / "tuned.toml"),
    "small": Configuration(space=SPACES / "tuned.toml"),
    "demo": Configuration(space=SPACES / "demo.toml", points=16, validation_images=300, finalists=1),
}


def main(run: Run, configuration: Configuration) -> None:
    """Scan, train the best designs again, and save the best one as a preset."""
    from common.running import yowasp
    from common.scan import compute_cluster, point_training, results, spaces
    from common.scan.point_store import PointStore
    from common.scan.scheduling import Scan
    from common.scan.searching import DesignSearch

    images = run.read("01_prepare_data", "images.npz")
    space = spaces.load(
        run.read_external(configuration.space), configuration.vary, configuration.validation_images, DECLARED
    )
    search = DesignSearch(space, configuration.search, configuration.points, configuration.seed)
    worth = results.Worth(configuration.l1_weight, configuration.lut_weight)
    kept = configuration.points_dir or run.outputs / "points"
    store = PointStore(kept, run.reads["01_prepare_data/images.npz"])
    console.note(f"{len(space.axes)} axes, {search.total} designs, kept in {os.path.relpath(kept)}")

    if configuration.finalists and configuration.scheduler is None:
        with console.progress_line("preparing the tools", None) as line:
            yowasp.compile_for_this_machine(("yosys",), run.folder, run.outputs, line.say)
    with compute_cluster.connect(configuration.scheduler, configuration.workers) as client:
        console.note(f"dashboard of the workers: {client.dashboard_link}")
        key = f"images-{store.images}"
        samples = compute_cluster.submit(client, key, point_training.load_images, images.read_bytes())
        scan = Scan(store, client, samples)
        found = scan.search(search, configuration.ahead)
        rows = results.rows_of(found, "shortened" if space.shortened else "full", worth)
        results.save(rows, run.folder, "points")
        places = {task.name: values for values, task in found}
        chosen = [places[row["point"]] for row in results.best_of(rows, configuration.finalists)]
        finals = [space.base_values, *chosen] if chosen else []
        points = [space.point(values, full_recipe=True) for values in finals]
        tasks = scan.compute(points, "training and synthesizing finalists")

    finalists = results.rows_of(list(zip(finals, tasks, strict=True)), "full", worth)
    if finalists:
        results.save(finalists, run.folder, "finalists")
    run.failures += [f"design {row['point']}: {row['fault']}" for row in [*rows, *finalists] if row["fault"]]
    best = results.best_of(finalists, 1) or results.best_of(rows, 1)
    if not best:
        raise PipelineError(f"no design of {len(rows)} succeeded; first: {run.failures[0]}")
    values = {name: best[0][name] for name in space.axes}
    (run.folder / "best.toml").write_text(results.preset_text(space, values, best[0]), encoding="utf-8")


def draw(run: Run, _: Configuration) -> None:
    """Print and draw the Pareto front, and compare the best designs with the base preset's."""
    from common.figures import of_scan
    from common.report import scan_tables
    from common.scan import results

    rows, finalists = (results.load(run.folder / f"{name}.json") for name in ("points", "finalists"))
    front = [row for row in rows if row.get("on_front")]
    trained = [row for row in finalists if row["fault"] is None]
    tables = {"Pareto front of the scan": front, "Finalists, trained with the full recipe, base preset first": trained}
    for title, shown in tables.items():
        if not shown:
            continue
        cells = [[row["point"], *(_written(row.get(name), form) for name, form in SHOWN.values())] for row in shown]
        console.table(title, ["design", *SHOWN], cells)
    console.note("accuracy, L1: validation set; LUT est.: alkaid; LUT, FF: Yosys; test images are not used to choose")
    for row in trained[1:]:
        console.note(f"{row['point']} against the base preset: {scan_tables.verdict(row, trained[0])}")
    of_scan.save_all(run.folder, rows, finalists, results.axes_of(rows))


def _written(value: float | None, form: str) -> str | None:
    return None if value is None else format(value, form)


if __name__ == "__main__":
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw), PIPELINE)
