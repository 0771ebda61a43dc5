"""Convert trained networks into hls4ml projects, run C simulation on all test images, and compare it with Keras.

Run:     python 05_convert_hls.py [--designs encoder/quantized full/pruned] [--hls.backend Vitis] [--help]
Reads:   outputs/01_prepare_data/images.npz, classifier networks of stages 02 to 04
Writes:  outputs/05_convert_hls/CUT/VARIANT/ project/ (complete: copy it to a machine with the HLS tool and run
         build_prj.tcl), model.fml (for stage 06), csim.npz (outputs and latent points of all test images, outputs of
         all latent points), network.json (integers, for the results page); agreement.json (layer by layer and bit by
         bit), figures

The hardware has no softmax. It outputs logits: the largest logit is the most probable digit.
"""

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from common import records
from common.errors import PipelineError
from common.hls.designs import parse_designs
from common.hls.hls4ml_project import HlsOptions
from common.images import dataset
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
    processes: Annotated[int, Interval(1, 64)] = 2
    """Designs converted in parallel; each needs about 1 GB of memory."""
    allow: tuple[Literal["failed_input"], ...] = ()
    """Faults that become warnings: input from a failed stage."""

    def given(self, earlier: Earlier) -> Self:
        """Return it without default designs that need a quantized decoder; refuse such designs if there is none."""
        if earlier("quantize").part == "network":
            return self
        asked = [design for design in map(str, parse_designs(self.designs)) if design in WITH_QUANTIZED_DECODER]
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

    _, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    designs = parse_designs((*configuration.default_designs, *configuration.designs))
    models = {design.variant: run.read(*MODELS[design.variant]) for design in designs}
    tasks = [
        (design, models[design.variant], run.folder / str(design), test_samples, configuration.hls)
        for design in designs
    ]
    title = "converting, compiling, simulating"
    results = parallel.run_all(conversion.convert_and_simulate, tasks, configuration.processes, title)
    agreement = {
        str(result.design): {"layers": result.agreement, "differing_bits": result.bit_differences} for result in results
    }
    (run.folder / AGREEMENT).write_text(json.dumps(agreement, indent=1), encoding="utf-8")
    report(run, results, len(test_samples.labels))


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


def draw(run: Run, _: Configuration) -> None:
    """Draw the agreement of C simulation with Keras by layer and, where they differ, by bit."""
    from common.figures import agreement as agreement_figures
    from common.figures import style

    found = json.loads((run.folder / AGREEMENT).read_text(encoding="utf-8"))
    layers = agreement_figures.layer_agreement({design: agreement["layers"] for design, agreement in found.items()})
    style.save(layers, run.folder, "agreement_by_layer")
    bits = agreement_figures.bit_agreement({design: agreement["differing_bits"] for design, agreement in found.items()})
    if bits is not None:
        style.save(bits, run.folder, "agreement_by_bit")


if __name__ == "__main__":
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw, Need(45)), PIPELINE)
