"""Quantize the complete and the pruned networks by quantization-aware training with QKeras (paper, section 5).

Run:     python 04_quantize.py [--precision.encoder-1.weight-bits 4] [--help]
Reads:   outputs/01_prepare_data/images.npz, outputs/02_train_autoencoder/ *.h5 and network.json, outputs/03_prune/*.h5
Writes:  outputs/04_quantize/ autoencoder_quantized.h5, autoencoder_quantized_pruned.h5, classifier_quantized.h5,
         classifier_quantized_pruned.h5, learning_curves.csv, figures
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from common.errors import PipelineError
from common.fixed_point import FixedPoint
from common.images import dataset
from common.images.samples import Samples
from common.networks import layout, precision
from common.networks.precision import LayerPrecision, NetworkPrecision
from common.networks.recipe import Raised, Recipe, for_each_layer
from common.report.pipeline import PIPELINE
from common.running import console
from common.running.disk_space import Need
from common.stages.configuration import Earlier, Epochs, Interval
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
    part: Literal["network", "encoder_classifier"] = "network"
    """Quantized part: all, or encoder and classifier alone, trained on cross-entropy alone (paper's revision)."""
    input_bits: Annotated[int, Interval(1, 8)] = 5
    """Leading bits of a pixel that the network uses; not more than the images have [bit]."""
    precision: Mapping[str, LayerPrecision] = field(default_factory=lambda: precision.PAPER)
    """Fixed-point types, layer by layer (paper's revision, Table 3)."""
    logits: Literal["rounded", "rounded_afterwards"] = "rounded"
    """Logits are rounded to the type of `class` while the network trains, or only afterwards: training fails with
    logits of few bits, which hardly change the largest one."""
    image_bits: Annotated[int, Interval(1, 8)] = 6
    """Bits of a reconstructed pixel, all fractional [bit]."""

    def given(self, earlier: Earlier) -> Self:
        """Return it with types, sparsity and penalty for each layer of the network."""
        hidden = earlier("train_autoencoder").network
        types = for_each_layer(self.precision, hidden)
        for name, kind in hidden.kinds().items():
            if kind == "image":
                precision.check_sigmoid(name, types[name])
        return replace(self, precision=types, raised=self.raised.for_each_layer(hidden))

    @property
    def networks(self) -> tuple[str, ...]:
        """Networks to quantize."""
        return layout.NETWORKS if self.part == "network" else (layout.CLASSIFIER,)

    @property
    def network_precision(self) -> NetworkPrecision:
        """Fixed-point types of the whole network."""
        return NetworkPrecision(self.input_bits, self.precision, self.image_bits)


PENALTY_AFTER_LATENT = dict.fromkeys(("decoder", "image", "classifier", "class"), 3e-6)  # against dead units
PRESETS = {
    "paper": Configuration(),
    "revision": Configuration(
        part="encoder_classifier",
        zeros="raised",
        raised=Raised(
            sparsity=dict.fromkeys(("encoder_2", "encoder_3", "classifier_1"), 0.80),
            begin=2000 / 9400,  # of 40 epochs of 235 steps
            share=2000 / 9400,  # at once: constant sparsity
        ),
    ),
    "tuned": Configuration(
        epochs=120,
        optimizer="soap",
        learning_rate=2e-2,
        schedule="cosine",
        cross_entropy_weight=0.25,
        zeros="raised",
        raised=Raised(
            sparsity={"encoder_1": 0.74, "encoder_2": 0.58},
            share=0.7,
            penalty=PENALTY_AFTER_LATENT | {"encoder": 1e-4},
            penalty_share=0.7,
        ),
        input_bits=4,
        precision=precision.TUNED,
        logits="rounded_afterwards",
    ),
    "demo": Configuration(epochs=50, batch_size=32),
}
PRESETS["small"] = replace(
    PRESETS["tuned"],
    raised=replace(
        PRESETS["tuned"].raised,
        sparsity={"encoder_1": 0.85, "encoder_2": 0.7},
        share=0.8,
        penalty=PENALTY_AFTER_LATENT | {"encoder": 2e-4},
        penalty_share=0.8,
    ),
)


def main(run: Run, configuration: Configuration) -> None:
    """Train the quantized networks and compare them with post-training quantization."""
    train_samples, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    layers = layout.load(run.read("02_train_autoencoder", layout.FILE))
    if configuration.input_bits > layers.bits:
        raise PipelineError(f"--input-bits {configuration.input_bits}: the images have {layers.bits} bits")
    float_networks = {
        network: {
            "quantized": run.read("02_train_autoencoder", f"{network}.h5"),
            "quantized_pruned": run.read("03_prune", f"{network}_pruned.h5"),
        }
        for network in configuration.networks
    }
    for stage in ("02_train_autoencoder", "03_prune"):
        run.read(stage, "learning_curves.csv")  # for `draw`; faults are reported before training

    from common.networks import architecture, quantized_training, trained, training
    from common.networks.quantization import QuantizedNetwork
    from common.running import threads

    sources = {
        network: {variant: architecture.load(path) for variant, path in paths.items()}
        for network, paths in float_networks.items()
    }

    def train(network: str) -> quantized_training.Trained:
        with_decoder = network == layout.AUTOENCODER or configuration.part == "network"
        types, rounded = configuration.network_precision, configuration.logits == "rounded"
        wanted = QuantizedNetwork(network, layers, types, with_decoder, rounded)
        samples = (train_samples, test_samples)
        if configuration.zeros == "held":
            return quantized_training.train_with_zeros_held(wanted, sources[network], configuration, *samples)
        complete = sources[network]["quantized"]
        return quantized_training.train_with_zeros_raised(
            wanted, complete, configuration, configuration.raised, *samples
        )

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
    steps = configuration.network_precision.weight_steps()
    of_variants.save_all(run.folder, models, curves, steps, test_samples, parent)


if __name__ == "__main__":
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw, Need(7)), PIPELINE)
