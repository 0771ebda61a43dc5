"""Train the float networks: the autoencoder, and the same with a classifier on its latent plane (paper, section 3).

Run:     python 02_train_autoencoder.py [--epochs 60] [--seed 1] [--resume] [--help]
Reads:   outputs/01_prepare_data/mnist8x8.npz
Writes:  outputs/02_train_autoencoder/ autoencoder.h5, classifier.h5 (with optimizer state), learning_curves.csv,
         figures
"""

from dataclasses import dataclass
from typing import Literal

from common import console, dataset, stages
from common.configuration import BatchSize, Epochs, Rate, Seed, Weight
from common.errors import PipelineError


@dataclass(frozen=True)
class Configuration:
    """How the float networks are trained."""

    epochs: Epochs = 30
    """Passes over the training images; with --resume, further passes (paper, section 4.1)."""
    batch_size: BatchSize = 256
    """Images per step; fits the paper's 'bumps near the eighth epoch' when pruning begins at step 2000."""
    learning_rate: Rate = 1e-3
    """Of Adam, at the start (Keras's default)."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate over the training: as it is, or decayed to zero by a cosine."""
    cross_entropy_weight: Weight = 0.1
    """Of the digit's cross-entropy beside the image's L1 loss (the author's published code)."""
    seed: Seed = 0
    """Of initial weights and of the order of images."""
    resume: bool = False
    """Go on from the networks that are there, exactly where they were left."""

    def check(self) -> None:
        """Refuse to go on where the learning rate has come to zero."""
        if self.resume and self.schedule == "cosine":
            raise PipelineError("--resume needs --schedule constant: a cosine schedule ends at learning rate zero")


PRESETS = {
    "paper": Configuration(),
    "tuned": Configuration(epochs=200, learning_rate=5e-3, schedule="cosine", cross_entropy_weight=0.3),
    "demo": Configuration(epochs=50, batch_size=32),
}


def main(run: stages.Run, configuration: Configuration) -> None:
    """Train, save and evaluate both networks."""
    from common import evaluation, networks, plot_latent, plot_networks, plot_training, plot_weights, training
    from common.legacy_keras import make_deterministic
    from common.plot_style import save

    train_samples, test_samples = dataset.load(run.read("01_prepare_data", "mnist8x8.npz"))
    recipe = training.Recipe(
        configuration.epochs,
        configuration.batch_size,
        configuration.learning_rate,
        configuration.schedule,
        configuration.cross_entropy_weight,
        configuration.seed,
    )
    images = len(train_samples.digits)
    earlier = training.load_curves(run.read_own("learning_curves.csv")) if configuration.resume else {}
    curves, models, rows = {}, {}, []
    for network in networks.NETWORKS:
        make_deterministic(configuration.seed)
        if configuration.resume:
            model = networks.load(run.read_own(f"{network}.h5"))
        else:
            model = networks.build(network)
            training.compile_network(model, recipe, images)
        behind = len(earlier.get(network, {}).get("train_loss", []))
        new = training.train(model, train_samples, test_samples, recipe, network, initial_epoch=behind)
        curves[network] = {name: earlier.get(network, {}).get(name, []) + values for name, values in new.items()}
        networks.save(model, run.folder / f"{network}.h5")
        models[network] = model
        row = training.describe(model, train_samples, test_samples)
        run.metrics.setdefault("models", {})[f"{network}/complete"] = row
        rows.append([network, row["parameters"], *training.summary_cells(row)])
    training.save_curves(run.folder / "learning_curves.csv", curves)
    console.table("Float networks, test images", ["network", "parameters", *training.SUMMARY_COLUMNS], rows)

    weights = networks.weights_of(models["classifier"])
    found = evaluation.evaluate_classifier(models["classifier"], test_samples)
    save(plot_networks.network_diagram(weights, "classifier"), run.folder, "figure_03_whole_network")
    autoencoder_weights = networks.weights_of(models["autoencoder"])
    save(plot_networks.network_diagram(autoencoder_weights, "autoencoder"), run.folder, "figure_04_autoencoder")
    save(plot_weights.weight_distributions(weights, "complete", None), run.folder, "figure_06_weights_complete")
    save(
        plot_training.learning_curves({"complete": curves["classifier"]}, None), run.folder, "figure_08_learning_curves"
    )
    save(plot_latent.latent_plane(found.latent, test_samples.digits, "complete"), run.folder, "figure_09_latent_plane")


if __name__ == "__main__":
    stages.run_stage(__file__, __doc__, PRESETS, main)
