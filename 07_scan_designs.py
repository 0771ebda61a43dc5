"""Scan the space of designs on a Dask cluster: train, convert, trace and check each, then synthesize the best.

Run:     python 07_scan_designs.py [--space FILE.toml] [--points 200] [--scheduler tcp://HOST:8786] [--help]
Reads:   outputs/01_prepare_data/mnist8x8.npz, a space file, outputs/points/ (what is there is not computed again)
Writes:  outputs/points/ (a folder a point), outputs/07_scan_designs/ points.csv and finalists.csv (and .json),
         best.toml (for python 01_prepare_data.py --preset FILE), figures

Not part of plain `make`, since it takes long: `make scan`. Interrupted, it goes on where it stopped. Designs are chosen
on training images that are held out; test images choose nothing.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from common.errors import PipelineError
from common.report.overview import update_overview
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
    """Which designs are tried, and by whom."""

    space: Path = SPACES / "paper.toml"
    """Fields of the stages' configurations and the values that each may take; see the file itself."""
    vary: tuple[str, ...] = ()
    """Further lines of the space file, such as 'quantize.seed = [0, 1, 2]'; they replace the file's own."""
    search: Literal["optuna", "random", "grid"] = "optuna"
    """What proposes designs: optuna's multi-objective search (accuracy, L1, LUTs), chance, or one after another."""
    points: Annotated[int, Interval(1, 1_000_000)] = 60
    """Designs to propose."""
    ahead: Annotated[int, Interval(1, 100_000)] = 8
    """Designs proposed before the first of them is known; as many workers have work. The search depends on it."""
    seed: Seed = 0
    """Of the search."""
    validation_images: BatchSize = 10_000
    """Training images that are held out of every training, and choose."""
    finalists: Annotated[int, Interval(0, 1000)] = 3
    """Best designs of the scan, trained again with the full recipe and synthesized, beside the base preset's."""
    l1_weight: Weight = 2.0
    """Accuracy that an L1 of one is worth where the best designs are chosen."""
    lut_weight: Fraction = 0.01
    """Accuracy that half of the LUTs are worth there."""
    scheduler: str | None = None
    """Address of a Dask scheduler that runs, tcp://HOST:PORT; otherwise this machine's cores are used."""
    workers: Annotated[int, Interval(1, 1024)] = os.cpu_count() or 1
    """Processes on this machine; each has one thread and its part of the memory."""
    points_dir: Path | None = None
    """Where points are kept, outputs/points otherwise; scans may share one."""
    allow: tuple[Literal["failed_input"], ...] = ()
    """What is only warned of: input from a stage that failed."""


PRESETS = {
    "paper": Configuration(),
    "tuned": Configuration(space=SPACES / "tuned.toml"),
    "demo": Configuration(space=SPACES / "demo.toml", points=16, validation_images=300, finalists=1),
}


def main(run: Run, configuration: Configuration) -> None:
    """Scan, train the best again, and keep the best as a preset."""
    from common.running import yowasp
    from common.scan import compute_cluster, point_training, results, spaces
    from common.scan.point_store import PointStore
    from common.scan.scheduling import Scan
    from common.scan.searching import DesignSearch

    images = run.read("01_prepare_data", "mnist8x8.npz")
    space = spaces.load(run.read_external(configuration.space), configuration.vary, configuration.validation_images)
    search = DesignSearch(space, configuration.search, configuration.points, configuration.seed)
    worth = results.Worth(configuration.l1_weight, configuration.lut_weight)
    kept = configuration.points_dir or run.outputs / "points"
    store = PointStore(kept, run.reads["01_prepare_data/mnist8x8.npz"])
    console.note(f"{len(space.axes)} axes, {search.total} designs, kept in {os.path.relpath(kept)}")

    if configuration.finalists and configuration.scheduler is None:
        with console.progress_line("making the tools ready", None) as line:
            yowasp.compile_for_this_machine(("yosys",), run.folder, run.outputs, line.say)
    with compute_cluster.connect(configuration.scheduler, configuration.workers) as client:
        console.note(f"workers and their tasks: {client.dashboard_link}")
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
        tasks = scan.compute(points, "training the best again, synthesizing")

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
    """Print and draw the front, and the best designs beside the base preset's."""
    from common.figures import of_scan
    from common.report import scan_tables
    from common.scan import results

    rows, finalists = (results.load(run.folder / f"{name}.json") for name in ("points", "finalists"))
    front = [row for row in rows if row.get("on_front")]
    trained = [row for row in finalists if row["fault"] is None]
    tables = {"Front of the scan": front, "Trained with the full recipe, the base preset's design first": trained}
    for title, shown in tables.items():
        if not shown:
            continue
        cells = [[row["point"], *(_written(row.get(name), form) for name, form in SHOWN.values())] for row in shown]
        console.table(title, ["design", *SHOWN], cells)
    console.note("accuracy, L1: images held out; LUT est.: alkaid's; LUT, FF: Yosys; test images choose nothing")
    for row in trained[1:]:
        console.note(f"{row['point']} against the base preset: {scan_tables.verdict(row, trained[0])}")
    of_scan.save_all(run.folder, rows, finalists, results.axes_of(rows))


def _written(value: float | None, form: str) -> str | None:
    return None if value is None else format(value, form)


if __name__ == "__main__":
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw), update_overview)
