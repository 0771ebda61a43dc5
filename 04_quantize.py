"""Quantize with QKeras, the quantization in the training loop, from the complete and the pruned networks (section 5).

Run:     python 04_quantize.py [--precision.encoder-1.weight-bits 4] [--help]
Reads:   outputs/01_prepare_data/mnist8x8.npz, outputs/02_train_autoencoder/*.h5, outputs/03_prune/*.h5
Writes:  outputs/04_quantize/ autoencoder_quantized.h5, autoencoder_quantized_pruned.h5, classifier_quantized.h5,
         classifier_quantized_pruned.h5, learning_curves.csv, figures
"""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from common import console, dataset, paper, stages
from common.configuration import Epochs
from common.fixed_point import FixedPoint
from common.precision import LayerPrecision, NetworkPrecision
from common.recipe import EncoderPenalty, EncoderSparsity, Recipe, Staged
from common.samples import Samples

if TYPE_CHECKING:
    from common.legacy_keras import keras

HLS4ML_DEFAULT = FixedPoint(width=16, integer=6)


@dataclass(frozen=True)
class Configuration(Recipe):
    """How the quantized networks are trained."""

    epochs: Epochs = 40
    """Passes over the training images (paper's revision)."""
    initialization: Literal["float", "scratch"] = "float"
    """Where training begins: at the float networks' weights (paper's revision), or at random ones, in the phases of
    `staged`: at 2 or 3 bits a weight the float solution is of no use, and its latent plane a hindrance."""
    staged: Staged = field(default_factory=Staged)
    """Phases from scratch; the recipe itself (epochs, rate, weight) is that of the last one, at fixed zeros."""
    precision: NetworkPrecision = field(default_factory=NetworkPrecision)
    """Fixed-point types, layer by layer."""


BEHIND_LATENT = LayerPrecision(10, 3, 10, 3, 10, 4)  # costs nothing: stage 06 tabulates what it computes
TUNED_PRECISION = NetworkPrecision(
    input_bits=3,
    encoder_1=LayerPrecision(3, 0, 6, 1, 4, 1),
    encoder_2=LayerPrecision(2, 0, 6, 1, 3, 1),
    latent=LayerPrecision(5, 1, 6, 1, 4, 2),
    decoder_1=BEHIND_LATENT,
    decoder_2=BEHIND_LATENT,
    decoder_3=LayerPrecision(10, 3, 10, 3, 8, 3),
    image_bits=6,
    classifier_1=BEHIND_LATENT,
    classifier_2=BEHIND_LATENT,
    classifier_3=LayerPrecision(10, 3, 10, 3, 8, 4),
)

PRESETS = {
    "paper": Configuration(),
    "tuned": Configuration(
        epochs=110,
        learning_rate=4e-3,
        schedule="cosine",
        cross_entropy_weight=0.35,
        initialization="scratch",
        staged=Staged(
            sparsity=EncoderSparsity(encoder_1=0.65, encoder_2=0.45),
            penalty=EncoderPenalty(encoder_1=3e-5, encoder_2=1.5e-5),
        ),
        precision=TUNED_PRECISION,
    ),
    "demo": Configuration(epochs=50, batch_size=32),
}


def main(run: stages.Run, configuration: Configuration) -> None:
    """Train the quantized networks and compare them with quantization after training."""
    from common import networks, quantization, training

    train_samples, test_samples = dataset.load(run.read("01_prepare_data", "mnist8x8.npz"))
    curves, models, rows = {}, {}, []
    for network in networks.NETWORKS:
        sources = {
            "quantized": networks.load(run.read("02_train_autoencoder", f"{network}.h5")),
            "quantized_pruned": networks.load(run.read("03_prune", f"{network}_pruned.h5")),
        }
        trained = (train_from_float if configuration.initialization == "float" else train_from_scratch)(
            network, sources, configuration, train_samples, test_samples
        )
        for variant, (model, learning) in trained.items():
            source, before = sources[variant], {"quantized": "complete", "quantized_pruned": "pruned"}[variant]
            name, title = f"{network}_{variant}", f"{network} {variant}"
            curves[name] = learning
            networks.save(model, run.folder / f"{name}.h5")
            models[name] = model
            models[f"{network}_{before}"] = source
            row = training.describe(model, train_samples, test_samples)
            run.metrics.setdefault("models", {})[f"{network}/{variant}"] = row
            rows.append([title, row["nonzero_weights"], *training.summary_cells(row)])
            baseline = training.scores(
                quantization.post_training_outputs(source, HLS4ML_DEFAULT, test_samples.intensities), test_samples
            )
            baseline_row = {f"test_{key}": round(value, 6) for key, value in baseline.items()}
            run.metrics["models"][f"{network}/{before}, {HLS4ML_DEFAULT} after training"] = baseline_row
            rows.append([f"{network} {before} *", None, *training.summary_cells(baseline_row)])
    training.save_curves(run.folder / "learning_curves.csv", curves)
    console.table("Quantized networks, test images", ["network", "weights", *training.SUMMARY_COLUMNS], rows)
    console.note(f"* the float network cast to {HLS4ML_DEFAULT} after training, hls4ml's default")
    ours = run.metrics["models"]["classifier/quantized_pruned"]
    console.table(
        "Table 4: quantized and pruned",
        ["", "this run", "paper"],
        [
            [f"{part} accuracy", f"{ours[f'{part}_accuracy']:.4f}", paper.TABLE_4[f"{part}_accuracy"]]
            for part in ("train", "test")
        ],
    )
    plot(run, models, curves, configuration.precision, test_samples)


def train_from_float(
    network: str,
    sources: "dict[str, keras.Model]",
    configuration: Configuration,
    train_samples: Samples,
    test_samples: Samples,
) -> "dict[str, tuple[keras.Model, dict[str, list[float]]]]":
    """Train each variant from its float network's weights, zeros of the pruned one held at zero."""
    from common import networks, quantization
    from common.legacy_keras import make_deterministic

    trained = {}
    for variant, source in sources.items():
        make_deterministic(configuration.seed)
        trained[variant] = quantization.train(
            source,
            network,
            configuration.precision,
            tuple(networks.layers_of(network)) if variant == "quantized_pruned" else (),
            train_samples,
            test_samples,
            configuration,
            f"{network} {variant}",
        )
    return trained


def train_from_scratch(
    network: str,
    sources: "dict[str, keras.Model]",
    configuration: Configuration,
    train_samples: Samples,
    test_samples: Samples,
) -> "dict[str, tuple[keras.Model, dict[str, list[float]]]]":
    """Train each variant in phases, of which the first, the encoder's, is the same for all."""
    from common import staged_training, training

    precision, staged = configuration.precision, configuration.staged
    samples = (train_samples, test_samples)
    start, learning = staged_training.train_encoder_first(
        network, precision, staged, *samples, configuration, f"{network} encoder first"
    )
    trained = {}
    for variant in sources:
        sparsities = asdict(staged.sparsity) if variant == "quantized_pruned" else {}
        model, later = staged_training.train_pruned_by_steps(
            start, network, precision, staged, sparsities, *samples, configuration, f"{network} {variant}"
        )
        trained[variant] = model, training.joined(learning, later)
    return trained


def plot(
    run: stages.Run,
    models: "dict[str, keras.Model]",
    curves: dict[str, dict[str, list[float]]],
    precision: NetworkPrecision,
    test_samples: Samples,
) -> None:
    """Draw the classifier network's four variants: weights, learning, latent plane, decisions, images."""
    from common import evaluation, networks, plot_images, plot_latent, plot_training, plot_weights, training
    from common.plot_style import save

    found = {
        variant: evaluation.evaluate_classifier(models[f"classifier_{variant}"], test_samples)
        for variant in networks.VARIANTS
    }
    for number, variant in ((11, "quantized"), (12, "quantized_pruned")):
        weights = networks.weights_of(models[f"classifier_{variant}"])
        figure = plot_weights.weight_distributions(weights, variant, precision.weight_steps())
        save(figure, run.folder, f"figure_{number}_weights_{variant}")
    all_curves = {
        "complete": training.load_curves(run.read("02_train_autoencoder", "learning_curves.csv"))["classifier"],
        "pruned": training.load_curves(run.read("03_prune", "learning_curves.csv"))["classifier"],
        **{variant: curves[f"classifier_{variant}"] for variant in ("quantized", "quantized_pruned")},
    }
    save(plot_training.learning_curves(all_curves, None), run.folder, "figure_08_learning_curves")
    variant = "quantized_pruned"
    best, digits = found[variant], test_samples.digits
    save(plot_latent.latent_plane(best.latent, digits, variant), run.folder, "figure_09_latent_plane")
    shown = test_samples.first_of_each_digit()
    reconstructed = {name: each.images[shown] for name, each in found.items()}
    originals = test_samples.intensities[shown]
    save(plot_images.reconstructions(originals, reconstructed), run.folder, "figure_10_reconstructions")
    model = models[f"classifier_{variant}"]
    images, _ = evaluation.decode_grid(model, best.extent(), evaluation.GRID)
    save(plot_images.decoded_plane(images, best.extent(), best.latent), run.folder, "decoded_plane")
    _, regions = evaluation.decode_grid(model, best.extent(), evaluation.REGION_CELLS)
    figure = plot_latent.decision_regions(regions, best.extent(), best.latent, digits)
    save(figure, run.folder, "decision_regions")
    save(plot_latent.confusion_matrix(best.confusion(), variant), run.folder, "confusion_matrix")
    scores = {name: each.digit_scores() for name, each in found.items()}
    save(plot_latent.digit_scores(scores), run.folder, "digit_scores")
    worst = best.worst()
    certainty = best.probabilities[worst].max(axis=1)
    figure = plot_images.worst_digits(test_samples.intensities[worst], digits[worst], best.decided[worst], certainty)
    save(figure, run.folder, "worst_digits")
    figure = plot_latent.quantization_shift(found["pruned"].latent, best.latent, digits)
    save(figure, run.folder, "quantization_shift")


if __name__ == "__main__":
    stages.run_stage(__file__, __doc__, PRESETS, main)
