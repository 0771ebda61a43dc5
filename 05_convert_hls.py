"""Convert trained networks into hls4ml projects, run C simulation on all test images, and compare it with Keras.

Run:     python 05_convert_hls.py [--designs encoder/quantized full/pruned] [--hls.backend Vitis] [--help]
         python 05_convert_hls.py --designs anomaly/quantized_pruned --anomaly.false-alarm-rate 0.01 (docs/anomaly.md)
Reads:   outputs/01_prepare_data/images.npz and, for designs that score, anomalies.npz; networks of stages 02 to 04
Writes:  outputs/05_convert_hls/CUT/VARIANT/ project/ (complete: copy it to a machine with the HLS tool and run
         build_prj.tcl), model.fml (for stage 06), csim.npz (outputs and latent points of all test images, outputs of
         all latent points), network.json (integers, for the results page); agreement.json (layer by layer and bit by
         bit); for designs that score anomaly_scores.npz and anomaly.csv (all methods); figures

The hardware has no softmax. It outputs logits: the largest logit is the most probable digit.
"""

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from common import records
from common.errors import PipelineError
from common.hls.designs import ANOMALY, AnomalyOptions, Design, Scoring, parse_designs
from common.hls.hls4ml_project import HlsOptions
from common.images import anomalies, dataset
from common.report.pipeline import PIPELINE
from common.running import console, parallel
from common.running.disk_space import Need
from common.stages.configuration import Earlier, Interval
from common.stages.run import Run
from common.stages.stage import Stage, run_stage

if TYPE_CHECKING:
    from common.hls import conversion

AGREEMENT = "agreement.json"
DEFAULT_DESIGNS = (
    "encoder_classifier/quantized_pruned",
    "full/quantized_pruned",
    "encoder_classifier/quantized",
    "full/quantized",
    "encoder_classifier/pruned",
    "encoder_classifier/complete",
)
WITH_QUANTIZED_DECODER = ("full/quantized_pruned", "full/quantized")
MODELS = {
    "complete": ("02_train_autoencoder", "classifier.h5"),
    "pruned": ("03_prune", "classifier_pruned.h5"),
    "quantized": ("04_quantize", "classifier_quantized.h5"),
    "quantized_pruned": ("04_quantize", "classifier_quantized_pruned.h5"),
}


@dataclass(frozen=True)
class Configuration:
    """Designs to convert, and settings of the conversion."""

    designs: tuple[str, ...] = ()
    """Designs CUT/VARIANT to convert in addition to the default ones; `all` selects all."""
    default_designs: tuple[str, ...] = DEFAULT_DESIGNS
    """Designs that are always converted (paper's revision: encoder and classifier, Tables 5 and 6)."""
    hls: HlsOptions = field(default_factory=HlsOptions)
    """Settings of the hls4ml projects."""
    anomaly: AnomalyOptions = field(default_factory=AnomalyOptions)
    """What the designs `anomaly` compute; they need images of stage 01 with --normal."""
    processes: Annotated[int, Interval(1, 64)] = 2
    """Designs converted in parallel; each needs about 1 GB of memory."""
    allow: tuple[Literal["failed_input"], ...] = ()
    """Faults that become warnings: input from a failed stage."""

    def given(self, earlier: Earlier) -> Self:
        """Return it without default designs that need a quantized decoder; refuse designs that lack what they need."""
        designs = parse_designs(self.designs)
        scoring = [design for design in designs if design.scores_anomalies]
        if scoring and not earlier("prepare_data").normal:
            raise PipelineError(f"--designs {scoring[0]} needs anomalies: python 01_prepare_data.py --normal LABELS")
        if earlier("quantize").part == "network":
            return self
        asked = [design for design in map(str, designs) if design in WITH_QUANTIZED_DECODER]
        asked += scoring if self.anomaly.score != "latent" else []
        if asked:
            raise PipelineError(f"--designs {asked[0]} needs a quantized decoder: python 04_quantize.py --part network")
        kept = tuple(name for name in self.default_designs if name not in WITH_QUANTIZED_DECODER)
        return replace(self, default_designs=kept)

    def check(self) -> None:
        """Refuse designs that do not exist."""
        parse_designs((*self.default_designs, *self.designs))


PRESETS = {
    "paper": Configuration(),
    "revision": Configuration(),
    "tuned": Configuration(default_designs=DEFAULT_DESIGNS[:4]),  # its float networks overflow ap_fixed<16,6>
    "demo": Configuration(default_designs=DEFAULT_DESIGNS[:2]),
}
PRESETS["small"] = PRESETS["tuned"]


def main(run: Run, configuration: Configuration) -> None:
    """Convert all designs in parallel, and report where C simulation and Keras differ."""
    from common.hls import conversion

    train_samples, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    designs = parse_designs((*configuration.default_designs, *configuration.designs))
    scoring = None
    if any(design.scores_anomalies for design in designs):
        found = anomalies.load(run.read("01_prepare_data", anomalies.FILE), test_samples.format)
        scoring = Scoring(configuration.anomaly, train_samples.intensities, found)
    models = {design.variant: run.read(*MODELS[design.variant]) for design in designs}
    options = (test_samples, configuration.hls, run.finished_steps)
    tasks = [
        (
            design,
            models[design.variant],
            run.folder / str(design),
            *options,
            scoring if design.scores_anomalies else None,
        )
        for design in designs
    ]
    title = "converting, compiling, simulating"
    results = parallel.run_all(conversion.convert_and_simulate, tasks, configuration.processes, title)
    agreement = {
        str(result.design): {"layers": result.agreement, "differing_bits": result.bit_differences} for result in results
    }
    (run.folder / AGREEMENT).write_text(json.dumps(agreement, indent=1), encoding="utf-8")
    report(run, results, len(test_samples.labels))
    if scoring is not None:
        compare_methods(run, next(design for design in designs if design.scores_anomalies), scoring)


def compare_methods(run: Run, design: Design, scoring: Scoring) -> None:
    """Score the images of a design by other methods too, and report how well each finds anomalies."""
    from common.hls import anomaly_methods

    paths = {
        "quantized": run.read(*MODELS[design.variant]),
        "float": run.read(*MODELS["complete"]),
        "autoencoder alone": run.read("02_train_autoencoder", "autoencoder.h5"),
    }
    samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    found = anomaly_methods.compare(run.folder, design, paths, *samples, scoring)
    kinds = [anomalies.KINDS[kind] for kind in scoring.anomalies.kinds]
    rows = [[method, *(f"{quality.auc:.3f}" for quality in qualities)] for method, qualities in found.items()]
    console.table("Area under the ROC curve", ["method", *kinds], rows)


def report(run: Run, results: "list[conversion.Conversion]", images: int) -> None:
    """Write the metrics, print the summary, and report designs that are not bit-exact."""
    rows = []
    exactness = [result.exactness for result in results if result.design.quantized]
    run.metrics |= records.as_metrics([result.record for result in results], exactness)
    for result in results:
        accuracies = [
            None if value is None else f"{value:.4f}" for value in (result.keras_accuracy, result.record.test_accuracy)
        ]
        (differing,), values = result.exactness.differing.values(), result.exactness.values
        verdict = f"{differing} of {values}" if result.design.quantized else "float"
        rows.append([result.design, *accuracies, verdict, f"{min(result.agreement.values()):.4f}"])
    columns = ["design", "Keras", "C sim.", "values differ", "worst layer"]
    console.table(f"Accuracy and agreement of C simulation with Keras, {images} images", columns, rows)
    console.note("worst layer: fraction of values that agree; float designs: to within 1/32")
    console.note("the hardware has no softmax: the largest logit is the most probable digit")
    for result in results:
        overflows = [f"{result.design} overflows: {overflow}" for overflow in result.overflows]
        if result.design.quantized:
            run.failures += overflows
        else:
            for overflow in overflows:
                run.warn(overflow)
    run.failures += [f"{result.design} is not exact: {result.mismatch}" for result in results if result.mismatch]


def draw(run: Run, configuration: Configuration) -> None:
    """Draw the agreement of C simulation with Keras by layer and, where they differ, by bit; and anomaly scores."""
    from common.figures import agreement as agreement_figures
    from common.figures import style

    found = json.loads((run.folder / AGREEMENT).read_text(encoding="utf-8"))
    layers = agreement_figures.layer_agreement({design: agreement["layers"] for design, agreement in found.items()})
    style.save(layers, run.folder, "agreement_by_layer")
    bits = agreement_figures.bit_agreement({design: agreement["differing_bits"] for design, agreement in found.items()})
    if bits is not None:
        style.save(bits, run.folder, "agreement_by_bit")
    for design in [name for name in found if name.startswith(ANOMALY)][:1]:
        draw_scores(run, design, configuration.anomaly.score)


def draw_scores(run: Run, design: str, score: str) -> None:
    """Draw how well the score of a design finds anomalies, beside other methods."""
    from common.figures import of_anomaly
    from common.hls import anomaly_methods

    _, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    further = anomalies.load(run.read("01_prepare_data", anomalies.FILE), test_samples.format)
    network = json.loads((run.folder / design / "network.json").read_text(encoding="utf-8"))
    tested = anomaly_methods.load(run.folder).tested
    of_anomaly.save_all(run.folder, tested, score, network, further, test_samples)


if __name__ == "__main__":
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw, Need(45)), PIPELINE)
