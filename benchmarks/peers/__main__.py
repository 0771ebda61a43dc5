"""What do other tools reach? Networks 64-32-16-2-16-32-10 by HGQ2 and by plain QKeras, down to the same netlist.

Run:     python -m benchmarks.peers
Reads:   outputs/01_prepare_data/images.npz, of MNIST as preset `tuned` prepares it
Writes:  docs/results/peers.json; outputs/peers/ (the peers' Python environment, trainings, designs); what an
         earlier run finished is not computed again

`hgq2`: bit widths learnt with the weights; `hgq2_tables`: with learnt look-up tables (QDenseT) for some layers;
`qkeras_6_bits`: the project's own training with 6 bits everywhere and no pruning. All train on 50,000 images; the last
10,000 training images choose; test images are read for the chosen networks alone. All have sums of ternary adders, as
ours; none has its layers after the latent plane looked up in one table, as preset `tuned` has.
"""

import functools
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from alkaid.types import CombLogic

from benchmarks import measure
from benchmarks.peers import environment
from benchmarks.peers.designs import PRESET, PeerDesign
from benchmarks.seeds import OF_IMAGES, PREPARED
from common.errors import PipelineError
from common.images import data_sets, dataset
from common.images.samples import Samples
from common.networks.layout import HiddenLayers
from common.networks.precision import LayerPrecision
from common.report.docs import RESULTS, ROOT
from common.report.docs_records import write_json
from common.report.pipeline import DECLARED
from common.running import console, processes, yowasp
from common.scan import point_evaluation, point_training
from common.scan.points import Point
from common.stages import artifacts, provenance
from common.stages.run import outputs_folder

SEEDS, VALIDATION_IMAGES = 3, 10_000
HGQ2 = {"hgq2": "dense", "hgq2_tables": "tables"}
QKERAS = "qkeras_6_bits"
TIMEOUT_SECONDS = 7200.0


def hgq2(kind: str, images: Path, folder: Path, python: Path) -> dict[str, Any]:
    """Train a peer with HGQ2, unless it is trained already; return its numbers."""
    if not (folder / "training.json").exists():
        command = [str(python), "-m", "benchmarks.peers.train_hgq2", kind, str(images), str(folder)]
        log = folder / "training.log"
        processes.run_logged(
            command, folder=ROOT, log=log, timeout_seconds=TIMEOUT_SECONDS, environment=environment.ONE_THREAD
        )
    found = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    train, test = dataset.load(images)
    _, validation = train.split(VALIDATION_IMAGES)
    pixels = validation.intensities.astype(np.float64)
    rows, front = [], []
    for of_seed in found.pop("seeds"):
        source = folder / f"seed_{of_seed['seed']}"
        for number, point in enumerate(of_seed["points"]):
            logic = CombLogic.load(source / f"{number}.json")
            design = PeerDesign(logic, source / str(number))
            held_out = round(validation.accuracy(logic.predict(pixels)), 4)
            row = {"validation_accuracy": held_out, **design.cells(), "ebops": point["ebops"]}
            if number:
                front.append(row)
            else:
                of_test = design.simulated(np.load(source / "outputs.npy"), test)
                minutes = round(of_seed["training_minutes"], 2)
                rows.append({"seed": of_seed["seed"], **row, **of_test, "training_minutes": minutes})
    return {**found, "tuning_minutes": round(found["tuning_minutes"], 2), "seeds": rows, "front": front}


def once(path: Path, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return numbers that an earlier run left at `path`, or compute and keep them."""
    if not path.exists():
        artifacts.write_text_atomically(path, json.dumps(compute()))
    return json.loads(path.read_text(encoding="utf-8"))


def qkeras(seed: int, samples: tuple[Samples, Samples]) -> dict[str, Any]:
    """Train the plain QKeras peer with the project's recipe; return the numbers of a seed."""
    raised = DECLARED["quantize"][PRESET].raised
    six_bits = asdict(LayerPrecision(6, 1, 6, 1, 6, 3))  # logits need 3 integer bits
    no_zeros = {part: dict.fromkeys(getattr(raised, part), 0.0) for part in ("sparsity", "penalty")}
    precision = {"input_bits": 5, "precision": dict.fromkeys(HiddenLayers().kinds(), six_bits)}
    fields = {
        "train_autoencoder": {"seed": seed},
        "quantize": {"seed": seed, "part": "encoder_classifier", "raised": no_zeros, **precision},
        "synthesize": {"tabulate_latent": False},
    }
    point, started = Point(DECLARED, PRESET, fields, VALIDATION_IMAGES, synthesized=True), time.process_time()
    found = point_evaluation.evaluate(point, samples, point_training.train_source(point, samples))
    if found.error is not None:
        raise PipelineError(f"{QKERAS}, seed {seed}: {found.error}")
    values = found.values
    return {
        "seed": seed,
        "validation_accuracy": round(values["validation_accuracy"], 4),
        **{name: values[f"encoder_classifier_{name}"] for name in ("lut", "ff", "latency_cycles")},
        "accuracy": round(values["test_accuracy"], 4),
        "training_minutes": round((time.process_time() - started) / 60, 2),  # with conversion and simulation
    }


def main() -> None:
    """Train, build and record all peers."""
    outputs = outputs_folder().absolute()
    images, _ = artifacts.checked_artifact(outputs, PREPARED, "images.npz")
    prepared, wanted = artifacts.read_run(outputs, PREPARED), asdict(DECLARED["prepare_data"][PRESET])
    if prepared["dataset"] != data_sets.MNIST or any(prepared["configuration"][of] != wanted[of] for of in OF_IMAGES):
        raise PipelineError(f"{images} is not as preset {PRESET} has it; run: python {PREPARED}.py --preset {PRESET}")
    folder = outputs / "peers"
    python = environment.interpreter(folder / "environment")
    with console.progress_line("preparing the tools", None) as line:
        yowasp.compile_for_this_machine(("yosys",), outputs, outputs, line.say)
    peers: dict[str, Any] = {}
    for name, kind in HGQ2.items():
        (folder / name).mkdir(exist_ok=True)
        build = functools.partial(hgq2, kind, images, folder / name, python)
        peers[name] = once(folder / name / "numbers.json", build)
    samples, kept, rows = dataset.load(images), folder / QKERAS, []
    kept.mkdir(exist_ok=True)
    peers[QKERAS] = {"settings": {"bits": 6}, "trials": 0, "tuning_minutes": 0, "seeds": rows, "front": []}
    for seed in range(SEEDS):
        rows.append(once(kept / f"seed_{seed}.json", functools.partial(qkeras, seed, samples)))
        found = {"git_commit": provenance.git_commit(), "date": datetime.now(UTC).date().isoformat(), "peers": peers}
        write_json(ROOT / RESULTS / "peers.json", found)  # also if a later seed fails
    columns = ("seed", "validation_accuracy", "accuracy", "lut", "ff", "latency_cycles")
    rows = [[name, *(row[column] for column in columns)] for name, peer in peers.items() for row in peer["seeds"]]
    console.table("Peers, test images", ["peer", *columns], rows)


if __name__ == "__main__":
    measure.run(main)
