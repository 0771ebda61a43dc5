"""Quantize with QKeras, the quantization in the training loop, from the complete and the pruned networks (section 5).

Run:     python 04_quantize.py [--precision.encoder-1.weight-bits 4] [--help]
Reads:   outputs/01_prepare_data/mnist8x8.npz, outputs/02_train_autoencoder/*.h5, outputs/03_prune/*.h5
Writes:  outputs/04_quantize/ autoencoder_quantized.h5, autoencoder_quantized_pruned.h5, classifier_quantized.h5,
         classifier_quantized_pruned.h5, learning_curves.csv, figures
"""

from dataclasses import dataclass, field
from typing import Literal

from common import console, dataset, paper, stages
from common.configuration import BatchSize, Epochs, Rate, Seed, Weight
from common.fixed_point import FixedPoint
from common.precision import NetworkPrecision

HLS4ML_DEFAULT = FixedPoint(width=16, integer=6)


@dataclass(frozen=True)
class Configuration:
    """How the quantized networks are trained."""

    epochs: Epochs = 40
    """Passes over the training images (paper's revision)."""
    batch_size: BatchSize = 256
    """Images per step."""
    learning_rate: Rate = 1e-3
    """Of Adam, at the start (Keras's default)."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate over the training: as it is, or decayed to zero by a cosine."""
    cross_entropy_weight: Weight = 0.1
    """Of the digit's cross-entropy beside the image's L1 loss (the author's published code)."""
    seed: Seed = 0
    """Of the order of images."""
    precision: NetworkPrecision = field(default_factory=NetworkPrecision)
    """Fixed-point types, layer by layer."""


PRESETS = {
    "paper": Configuration(),
    "tuned": Configuration(epochs=100, schedule="cosine", cross_entropy_weight=0.3),
    "demo": Configuration(epochs=50, batch_size=32),
}


def main(run: stages.Run, configuration: Configuration) -> None:
    """Train the quantized networks and compare them with quantization after training."""
    from common import networks, quantization, training
    from common.legacy_keras import make_deterministic

    train_samples, test_samples = dataset.load(run.read("01_prepare_data", "mnist8x8.npz"))
    recipe = training.Recipe(
        configuration.epochs,
        configuration.batch_size,
        configuration.learning_rate,
        configuration.schedule,
        configuration.cross_entropy_weight,
        configuration.seed,
    )
    curves, rows = {}, []
    for network in networks.NETWORKS:
        sources = {
            "quantized": networks.load(run.read("02_train_autoencoder", f"{network}.h5")),
            "quantized_pruned": networks.load(run.read("03_prune", f"{network}_pruned.h5")),
        }
        for variant, source in sources.items():
            make_deterministic(configuration.seed)
            before = {"quantized": "complete", "quantized_pruned": "pruned"}[variant]
            layers = tuple(networks.layers_of(network)) if variant == "quantized_pruned" else ()
            name, title = f"{network}_{variant}", f"{network} {variant}"
            model, curves[name] = quantization.train(
                source,
                network,
                configuration.precision,
                layers,
                train_samples,
                test_samples,
                recipe,
                f"{network} {variant}",
            )
            networks.save(model, run.folder / f"{name}.h5")
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


if __name__ == "__main__":
    stages.run_stage(__file__, __doc__, PRESETS, main)
