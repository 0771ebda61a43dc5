"""Convert trained networks into hls4ml projects, simulate their C++ over all test images, and compare it with Keras.

Run:     python 05_convert_hls.py [--designs encoder/quantized full/pruned] [--hls.backend Vitis] [--help]
Reads:   outputs/01_prepare_data/mnist8x8.npz, classifier networks of stages 02 to 04
Writes:  outputs/05_convert_hls/CUT/VARIANT/ project/ (complete: copy it to a machine with the HLS tool and run
         build_prj.tcl), model.fml (for stage 06), csim.npz (outputs for all test images), network.json (integers, for
         the results page); agreement.csv, figures

Softmax is left out of the hardware, which gives logits: the largest logit is the most probable digit.
"""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np

from common import console, dataset, parallel, stages
from common.configuration import Interval
from common.designs import Design, parse_designs
from common.hls import HlsOptions
from common.samples import Samples

DEFAULT_DESIGNS = (
    "encoder_classifier/quantized_pruned",
    "full/quantized_pruned",
    "encoder_classifier/quantized",
    "full/quantized",
    "encoder_classifier/pruned",
    "encoder_classifier/complete",
)
MODELS = {
    "complete": ("02_train_autoencoder", "classifier.h5"),
    "pruned": ("03_prune", "classifier_pruned.h5"),
    "quantized": ("04_quantize", "classifier_quantized.h5"),
    "quantized_pruned": ("04_quantize", "classifier_quantized_pruned.h5"),
}


@dataclass(frozen=True)
class Configuration:
    """Which designs are converted, and how."""

    designs: tuple[str, ...] = ()
    """Designs CUT/VARIANT to convert beside the default ones; `all` names every one."""
    default_designs: tuple[str, ...] = DEFAULT_DESIGNS
    """Designs that are always converted (paper's revision: encoder and classifier, Tables 5 and 6)."""
    hls: HlsOptions = field(default_factory=HlsOptions)
    """Settings of the hls4ml projects."""
    processes: Annotated[int, Interval(1, 64)] = 2
    """Designs converted at a time; each needs about 1 GB of memory."""

    def check(self) -> None:
        """Refuse designs that do not exist."""
        parse_designs((*self.default_designs, *self.designs))


PRESETS = {
    "paper": Configuration(),
    "tuned": Configuration(default_designs=DEFAULT_DESIGNS[:4]),  # its float networks outgrow ap_fixed<16,6>
    "demo": Configuration(default_designs=DEFAULT_DESIGNS[:2]),
}


@dataclass(frozen=True)
class Outcome:
    """What the conversion of one design gave."""

    design: Design
    values: int
    differing: int
    keras_accuracy: float | None
    csim_accuracy: float | None
    agreement: dict[str, float]
    mismatch: str | None


def convert_and_simulate(
    design: Design, network: Path, folder: Path, test_samples: Samples, options: HlsOptions
) -> Outcome:
    """Convert one design, simulate its C++ for all test images, and write its artifacts into `folder`."""
    from common import c_simulation, hls, integer_network, networks

    parallel.say(str(design))
    folder.mkdir(parents=True)
    cut = networks.cut(networks.load(network), design.cut)
    pixels = test_samples.intensities
    expected = c_simulation.keras_outputs(cut, pixels)
    model = hls.convert(cut, folder / "project", options, quantized=design.quantized)
    found, found_layers = c_simulation.c_simulate(model, pixels)
    expected_layers = c_simulation.keras_layer_outputs(cut, list(found_layers), pixels)
    tolerance = 0.0 if design.quantized else c_simulation.FLOAT_TOLERANCE
    agreement = c_simulation.agreement(expected_layers, found_layers, tolerance)
    differing = int(np.count_nonzero(expected != found))
    mismatch = (
        c_simulation.first_mismatch(model, expected_layers, found_layers) if design.quantized and differing else None
    )
    hls.write_project(model, pixels, expected)
    hls.save_model(model, folder / "model.fml")
    if design.quantized:
        (folder / "network.json").write_text(json.dumps(integer_network.export(model)))
    np.savez_compressed(folder / "csim.npz", outputs=found.astype(np.float32))
    return Outcome(
        design,
        values=found.size,
        differing=differing,
        keras_accuracy=test_samples.accuracy(expected[:, -10:]) if design.has_logits else None,
        csim_accuracy=test_samples.accuracy(found[:, -10:]) if design.has_logits else None,
        agreement=agreement,
        mismatch=mismatch,
    )


def main(run: stages.Run, configuration: Configuration) -> None:
    """Convert all designs, a few at a time, and report where C simulation and Keras differ."""
    _, test_samples = dataset.load(run.read("01_prepare_data", "mnist8x8.npz"))
    designs = parse_designs((*configuration.default_designs, *configuration.designs))
    models = {design.variant: run.read(*MODELS[design.variant]) for design in designs}
    tasks = [
        (design, models[design.variant], run.folder / str(design), test_samples, configuration.hls)
        for design in designs
    ]
    title = "converting, compiling, simulating"
    outcomes = parallel.run_all(convert_and_simulate, tasks, configuration.processes, title)
    report(run, outcomes, len(test_samples.digits))


def report(run: stages.Run, outcomes: list[Outcome], images: int) -> None:
    """Write the agreement layer by layer and the metrics, draw it, and print the summary."""
    from common import plot_agreement, plot_style

    agreement = {str(outcome.design): outcome.agreement for outcome in outcomes}
    plot_style.save(plot_agreement.layer_agreement(agreement), run.folder, "agreement_by_layer")
    with (run.folder / "agreement.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["design", "layer", "fraction of values that agree"])
        writer.writerows([outcome.design, *item] for outcome in outcomes for item in outcome.agreement.items())
    rows = []
    for outcome in outcomes:
        name = str(outcome.design)
        if outcome.csim_accuracy is not None:
            run.metrics.setdefault("designs", {})[name] = {"test_accuracy": outcome.csim_accuracy}
        if outcome.design.quantized:
            exactness = {"images": images, "values": outcome.values, "qkeras_csim": outcome.differing}
            run.metrics.setdefault("exactness", {})[name] = exactness
        accuracies = [
            None if value is None else f"{value:.4f}" for value in (outcome.keras_accuracy, outcome.csim_accuracy)
        ]
        verdict = f"{outcome.differing} of {outcome.values}" if outcome.design.quantized else "float"
        rows.append([name, *accuracies, verdict, f"{min(outcome.agreement.values()):.4f}"])
    columns = ["design", "Keras", "C sim.", "values differ", "layer"]
    console.table(f"Accuracy and agreement of C simulation with Keras, {images} images", columns, rows)
    console.note("layer: fraction of values that agree in the worst layer; float designs: within 1/32")
    run.failures += [f"{outcome.design} is not exact: {outcome.mismatch}" for outcome in outcomes if outcome.mismatch]


if __name__ == "__main__":
    stages.run_stage(__file__, __doc__, PRESETS, main)
