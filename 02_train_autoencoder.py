"""Train the float networks: the autoencoder, and the same with a classifier on its latent plane (paper, section 3).

Run:     python 02_train_autoencoder.py [--epochs 60] [--seed 1] [--resume] [--help]
Reads:   outputs/01_prepare_data/mnist8x8.npz
Writes:  outputs/02_train_autoencoder/ autoencoder.h5, classifier.h5 (with optimizer state), learning_curves.csv,
         figures
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from common import console, dataset, stages
from common.configuration import Epochs
from common.errors import PipelineError
from common.recipe import Recipe, Starts
from common.report import update_overview


@dataclass(frozen=True)
class Configuration(Recipe):
    """How the float networks are trained."""

    epochs: Epochs = 30
    """Passes over the training images; with --resume, further passes (paper, section 4.1)."""
    initial_weights: Literal["glorot_uniform", "he_uniform"] = "glorot_uniform"
    """Distribution of initial weights (Keras's default; the wider he_uniform starts fewer ReLU units dead)."""
    starts: Starts = field(default_factory=Starts)
    """Choice of the initial network on images held out."""
    resume: bool = False
    """Go on from the networks that are there, exactly where they were left."""

    def check(self) -> None:
        """Refuse to go on where the learning rate has come to zero."""
        if self.resume and self.schedule == "cosine":
            raise PipelineError("--resume needs --schedule constant: a cosine schedule ends at learning rate zero")

    def check_same_but_epochs(self, earlier: dict[str, Any]) -> None:
        """Refuse to go on with another recipe than that of the run before, whose record says `earlier`."""
        for name, now in asdict(self).items():
            before = earlier.get(name)
            if name not in ("epochs", "resume", "allow") and now != before:
                flag = f"--{name.replace('_', '-')}"
                raise PipelineError(f"--resume goes on as before, with {flag} {before}, not {now}; say {flag} {before}")


PRESETS = {
    "paper": Configuration(),
    "tuned": Configuration(
        epochs=100,
        optimizer="soap",
        learning_rate=1.5e-2,
        schedule="cosine",
        cross_entropy_weight=0.2,
        initial_weights="he_uniform",
        starts=Starts(count=8, epochs=10),
    ),
    "demo": Configuration(epochs=50, batch_size=32),
}


def main(run: stages.Run, configuration: Configuration) -> None:
    """Train, save and evaluate both networks."""
    train_samples, test_samples = dataset.load(run.read("01_prepare_data", "mnist8x8.npz"))
    own_files = ("learning_curves.csv", "autoencoder.h5", "classifier.h5") if configuration.resume else ()
    left = {name: run.read_own(name) for name in own_files}
    if configuration.resume:
        configuration.check_same_but_epochs(run.record_of(run.stage)["configuration"])

    from common import (
        evaluation,
        networks,
        plausibility,
        plot_latent,
        plot_networks,
        plot_training,
        plot_weights,
        starts,
        threads,
        training,
    )
    from common.legacy_keras import keras, make_deterministic
    from common.plot_style import save

    earlier = training.load_curves(left["learning_curves.csv"]) if configuration.resume else {}

    def train(network: str) -> tuple[keras.Model, dict[str, list[float]]]:
        if configuration.resume:
            make_deterministic(configuration.seed)
            model = networks.load(left[f"{network}.h5"])
        else:
            weights, choice = configuration.initial_weights, configuration.starts
            model = starts.begin(network, weights, choice, configuration, train_samples)
        behind = len(earlier.get(network, {}).get("train_loss", []))
        further = replace(configuration, epochs=behind + configuration.epochs)
        learning = training.train(model, train_samples, test_samples, further, network, initial_epoch=behind)
        return model, learning

    curves, models, rows = {}, {}, []
    trained = threads.run_together(train, [(network,) for network in networks.NETWORKS])
    for network, (model, new) in zip(networks.NETWORKS, trained, strict=True):
        curves[network] = {name: earlier.get(network, {}).get(name, []) + values for name, values in new.items()}
        networks.save(model, run.folder / f"{network}.h5")
        models[network] = model
        row = training.describe(model, train_samples, test_samples)
        run.metrics.setdefault("models", {})[f"{network}/complete"] = row
        run.report_findings(plausibility.findings(model, test_samples, f"{network}, complete"))
        rows.append([network, row["parameters"], *training.summary_cells(row)])
    training.save_curves(run.folder / "learning_curves.csv", curves)
    console.table("Float networks, test images", ["network", "parameters", *training.SUMMARY_COLUMNS], rows)

    weights = networks.weights_of(models["classifier"])
    found = evaluation.evaluate_classifier(models["classifier"], test_samples)
    alone = networks.weights_of(models["autoencoder"])
    diagrams = {
        "figure_03_whole_network": plot_networks.network_diagram(weights, "whole", "complete"),
        "figure_04_autoencoder": plot_networks.network_diagram(alone, "autoencoder", "complete"),
        "figure_05_classifier": plot_networks.network_diagram(weights, "classifier", "complete"),
    }
    for name, figure in diagrams.items():
        save(figure, run.folder, name)
    save(plot_weights.weight_distributions(weights, "complete", None), run.folder, "figure_06_weights_complete")
    save(
        plot_training.learning_curves({"complete": curves["classifier"]}, None), run.folder, "figure_08_learning_curves"
    )
    save(plot_latent.latent_plane(found.latent, test_samples.digits, "complete"), run.folder, "figure_09_latent_plane")


if __name__ == "__main__":
    stages.run_stage(__file__, __doc__, PRESETS, main, update_overview)
