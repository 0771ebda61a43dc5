"""Test numbers of several seeds of a preset, of designs after logic synthesis.

Run:     python -m benchmarks.seeds [--preset tuned] [--seeds 10]
Reads:   outputs/01_prepare_data/images.npz, of MNIST and as the preset prepares it; outputs/points/
Writes:  docs/results/PRESET_seeds.json; outputs/points/ (a seed that is finished is not computed again)

Each seed trains on all 60,000 training images and goes through C simulation, test bench, traced logic, RTL and netlist
of both cuts over all test images, as points of stage 07 do. Run it once a recipe is final: test images choose nothing.
"""

import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from common.errors import PipelineError
from common.images import data_sets
from common.report.docs import RESULTS, ROOT
from common.report.docs_records import write_json
from common.report.pipeline import DECLARED
from common.running import console, yowasp
from common.scan import compute_cluster, point_training
from common.scan.point_store import PointStore
from common.scan.points import Point
from common.scan.scheduling import Scan, Task
from common.stages import artifacts, provenance
from common.stages.configuration import Interval, parse_command_line
from common.stages.run import outputs_folder

PREPARED = "01_prepare_data"
TRAINING = ("train_autoencoder", "prune", "quantize")
OF_IMAGES = ("data", "crop", "side", "bits", "downsampling")  # fields of stage 01 that the images depend on


@dataclass(frozen=True)
class Configuration:
    """Which preset, and how many seeds."""

    preset: str = "tuned"
    """Built-in preset on MNIST."""
    seeds: Annotated[int, Interval(1, 1000)] = 10
    """Number of seeds, from 0."""
    workers: Annotated[int, Interval(1, 1024)] = 2
    """Seeds in parallel, of one thread each."""


def main(configuration: Configuration) -> None:
    """Compute all seeds, write their numbers, and print them."""
    outputs, preset = outputs_folder(), configuration.preset
    images, digest = artifacts.checked_artifact(outputs, PREPARED, "images.npz")
    prepared, wanted = artifacts.read_run(outputs, PREPARED), asdict(DECLARED["prepare_data"][preset])
    other = [name for name in OF_IMAGES if prepared["configuration"][name] != wanted[name]]
    if prepared["dataset"] != data_sets.MNIST or other:
        remedy = f"python {PREPARED}.py --preset {preset}"
        raise PipelineError(f"{images} is not MNIST as preset {preset} prepares it; run: {remedy}")
    seeds = [{stage: {"seed": seed} for stage in TRAINING} for seed in range(configuration.seeds)]
    points = [Point(DECLARED, preset, fields, validation_images=0, synthesized=True) for fields in seeds]
    store = PointStore(outputs / "points", digest)
    with console.progress_line("preparing the tools", None) as line:
        yowasp.compile_for_this_machine(("yosys",), outputs, outputs, line.say)
    with compute_cluster.connect(None, configuration.workers) as client:
        samples = compute_cluster.submit(client, "images", point_training.load_images, images.read_bytes())
        tasks = Scan(store, client, samples).compute(points, f"{len(points)} seeds of {preset}")
    rows = [row_of(seed, task, store) for seed, task in enumerate(tasks)]
    found = {"git_commit": provenance.git_commit(), "date": datetime.now(UTC).date().isoformat(), "seeds": rows}
    write_json(ROOT / RESULTS / f"{preset}_seeds.json", found)
    cells = [[row["seed"], *(value for name, value in row.items() if name != "seed")] for row in rows]
    console.table(f"Seeds of {preset}, test images", list(rows[0]), cells)


def row_of(seed: int, task: Task, store: PointStore) -> dict[str, Any]:
    """Return the numbers of a seed.

    Raises:
        PipelineError: Its point failed, for instance since a value differs.
    """
    if task.fault is not None:
        raise PipelineError(f"seed {seed}: {task.fault}")
    of_float = store.load(store.source_name(task.depends_on))
    counts = {name: task.row[name] for name in task.row if name.endswith(("_lut", "_ff", "_latency_cycles"))}
    return {
        "seed": seed,
        "float_accuracy": round(of_float["test_accuracy"], 4),
        "accuracy": round(task.row["test_accuracy"], 4),
        "l1": round(task.row["test_l1"], 4),
        "nonzero_weights": task.row["nonzero_weights"],
        **counts,
        "values_compared": task.row["values_compared"],
    }


if __name__ == "__main__":
    try:
        main(parse_command_line((__doc__ or "").partition("\n")[0], Configuration()))
    except PipelineError as error:
        console.error(str(error))
        sys.exit(1)
