"""Quantize the complete and the pruned networks by quantization-aware training with QKeras (paper, section 5).

Run:     python 04_quantize.py [--precision.encoder-1.weight-bits 4] [--help]
Reads:   outputs/01_prepare_data/images.npz, outputs/02_train_autoencoder/*.h5, outputs/03_prune/*.h5
Writes:  outputs/04_quantize/ autoencoder_quantized.h5, autoencoder_quantized_pruned.h5, classifier_quantized.h5,
         classifier_quantized_pruned.h5, learning_curves.csv, figures
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from common.fixed_point import FixedPoint
from common.images import dataset
from common.images.samples import Samples
from common.networks.precision import TUNED, NetworkPrecision
from common.networks.recipe import EncoderPenalty, EncoderSparsity, Raised, Recipe
from common.report.overview import update_overview
from common.running import console
from common.running.disk_space import Need
from common.stages.configuration import Epochs
from common.stages.run import Run
from common.stages.stage import Stage, run_stage

if TYPE_CHECKING:
    from common.networks.legacy_keras import keras

HLS4ML_DEFAULT = FixedPoint(width=16, integer=6)


@dataclass(frozen=True)
class Configuration(Recipe):
    """Settings of the quantization-aware training."""

    epochs: Epochs = 40
    """Epochs (paper's revision)."""
    zeros: Literal["held", "raised"] = "held"
    """Zeros of `quantized_pruned`: held from the pruned float network, or raised from the complete one."""
    raised: Raised = field(default_factory=Raised)
    """Sparsity and penalties of raised zeros."""
    precision: NetworkPrecision = field(default_factory=NetworkPrecision)
    """Fixed-point types, layer by layer."""


PRESETS = {
    "paper": Configuration(),
    "tuned": Configuration(
        epochs=120,
        optimizer="soap",
        learning_rate=1e-2,
        schedule="cosine",
        cross_entropy_weight=0.25,
        zeros="raised",
        raised=Raised(
            sparsity=EncoderSparsity(encoder_1=0.55, encoder_2=0.4),
            penalty=EncoderPenalty(encoder_1=1.5e-5, encoder_2=1.5e-5),
        ),
        precision=TUNED,
    ),
    "demo": Configuration(epochs=50, batch_size=32),
}


def main(run: Run, configuration: Configuration) -> None:
    """Train the quantized networks and compare them with post-training quantization."""
    train_samples, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    float_networks = {
        network: {
            "quantized": run.read("02_train_autoencoder", f"{network}.h5"),
            "quantized_pruned": run.read("03_prune", f"{network}_pruned.h5"),
        }
        for network in ("autoencoder", "classifier")
    }
    for stage in ("02_train_autoencoder", "03_prune"):
        run.read(stage, "learning_curves.csv")  # for `draw`; faults are reported before training

    from common.networks import architecture, quantized_training, trained, training
    from common.running import threads

    sources = {
        network: {variant: architecture.load(path) for variant, path in paths.items()}
        for network, paths in float_networks.items()
    }

    def train(network: str) -> quantized_training.Trained:
        common = (configuration.precision, configuration)
        samples = (train_samples, test_samples)
        if configuration.zeros == "held":
            return quantized_training.train_with_zeros_held(network, sources[network], *common, *samples)
        complete = sources[network]["quantized"]
        return quantized_training.train_with_zeros_raised(network, complete, *common, configuration.raised, *samples)

    parents = {"quantized": "complete", "quantized_pruned": "pruned" if configuration.zeros == "held" else "complete"}
    networks = [
        trained.TrainedNetwork(network, variant, model, curves, parents[variant])
        for network, found in zip(sources, threads.run_together(train, [(name,) for name in sources]), strict=True)
        for variant, (model, curves) in found.items()
    ]
    trained.keep(run, networks, train_samples, test_samples)
    for network, of_variants in sources.items():
        for variant, source in zip(("complete", "pruned"), of_variants.values(), strict=True):
            name = f"{network}/{variant}, {HLS4ML_DEFAULT} after training"
            run.metrics["models"][name] = post_training_row(source, test_samples)
    rows = [
        [name, row.get("nonzero_weights"), *training.summary_cells(row)] for name, row in run.metrics["models"].items()
    ]
    console.table("Quantized networks, test images", ["network", "weights", *training.SUMMARY_COLUMNS], rows)
    console.note(f"{HLS4ML_DEFAULT} after training: post-training quantization of the float network, hls4ml's default")


def post_training_row(source: "keras.Model", test_samples: Samples) -> dict[str, float]:
    """Return the row of `metrics.json` of a float network after post-training quantization."""
    from common.networks import quantization, training

    outputs = quantization.post_training_outputs(source, HLS4ML_DEFAULT, test_samples.intensities)
    return {f"test_{name}": round(value, 6) for name, value in training.scores(outputs, test_samples).items()}


def draw(run: Run, configuration: Configuration) -> None:
    """Compare Table 4 with the paper's, and draw all variants of the classifier network."""
    from common import paper
    from common.figures import of_variants
    from common.networks import architecture, training

    ours = run.metrics["models"]["classifier/quantized_pruned"]
    accuracies = [[key, f"{ours[key]:.4f}", paper.TABLE_4[key]] for key in ("train_accuracy", "test_accuracy")]
    console.table("Table 4: quantized and pruned", ["", "this run", "paper"], accuracies)

    _, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    paths = {
        "complete": run.read("02_train_autoencoder", "classifier.h5"),
        "pruned": run.read("03_prune", "classifier_pruned.h5"),
        "quantized": run.folder / "classifier_quantized.h5",
        "quantized_pruned": run.folder / "classifier_quantized_pruned.h5",
    }
    models = {variant: architecture.load(path) for variant, path in paths.items()}
    learned = training.load_curves(run.folder / "learning_curves.csv")
    curves = {variant: learned[f"classifier_{variant}"] for variant in ("quantized", "quantized_pruned")}
    earlier = (("complete", "02_train_autoencoder", "classifier"), ("pruned", "03_prune", "classifier_pruned"))
    for variant, stage, name in earlier:
        curves[variant] = training.load_curves(run.read(stage, "learning_curves.csv"))[name]
    parent = ours["parent"].partition("/")[2]
    of_variants.save_all(run.folder, models, curves, configuration.precision, test_samples, parent)


if __name__ == "__main__":
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw, Need(7)), update_overview)
