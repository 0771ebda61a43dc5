"""Train the float networks: the autoencoder alone, and with a classifier on its latent plane (paper, section 3).

Run:     python 02_train_autoencoder.py [--network.encoder 24 12] [--epochs 60] [--seed 1] [--resume] [--help]
Reads:   outputs/01_prepare_data/images.npz
Writes:  outputs/02_train_autoencoder/ autoencoder.h5, classifier.h5 (with optimizer state), network.json (layers, for
         all later stages), learning_curves.csv, figures
"""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from common.errors import PipelineError
from common.images import dataset
from common.images.samples import ImageFormat
from common.networks import layout
from common.networks.layout import HiddenLayers, Layout
from common.networks.recipe import InitialWeights, Recipe, Starts
from common.report.pipeline import PIPELINE
from common.running import console
from common.running.disk_space import Need
from common.stages.configuration import Epochs
from common.stages.run import Run
from common.stages.stage import Stage, run_stage


@dataclass(frozen=True)
class Configuration(Recipe):
    """Settings of the training of the float networks."""

    network: HiddenLayers = field(default_factory=HiddenLayers)
    """Hidden layers; the defaults are the paper's."""
    epochs: Epochs = 30
    """Epochs; with --resume, additional epochs (paper, section 4.1)."""
    initial_weights: InitialWeights = "glorot_uniform"
    """Weight initializer (Keras's default; the wider he_uniform starts with fewer dead ReLU units)."""
    starts: Starts = field(default_factory=Starts)
    """Choice of the initial network on a validation set."""
    resume: bool = False
    """Continue the last training from its saved networks and optimizer state."""

    def check(self) -> None:
        """Refuse to resume with a cosine schedule, whose learning rate ends at zero."""
        if self.resume and self.schedule == "cosine":
            raise PipelineError("--resume needs --schedule constant: a cosine schedule ends at learning rate zero")

    def check_same_but_epochs(self, earlier: dict[str, Any]) -> None:
        """Refuse to resume with a recipe that differs from the last run's, `earlier`."""
        for name, now in json.loads(json.dumps(asdict(self))).items():
            before = earlier.get(name)
            if name not in ("epochs", "resume", "allow") and now != before:
                flag = f"--{name.replace('_', '-')}"
                raise PipelineError(f"--resume needs the settings of the last run: {flag} {before}, not {now}")


PRESETS = {
    "paper": Configuration(),
    "revision": Configuration(
        network=HiddenLayers(encoder=(15, 15, 15), decoder=(16, 32, 32), classifier=(16, 40)),
        loss="mse",
        starts=Starts(count=6, epochs=4),  # ours: a single start can lose a latent unit
    ),
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
PRESETS["small"] = PRESETS["tuned"]


def main(run: Run, configuration: Configuration) -> None:
    """Train, save and evaluate both networks."""
    train_samples, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    own_files = ("learning_curves.csv", "autoencoder.h5", "classifier.h5") if configuration.resume else ()
    saved = {name: run.read_own(name) for name in own_files}
    if configuration.resume:
        configuration.check_same_but_epochs(run.record_of(run.stage)["configuration"])
    layers = layout_of(configuration, train_samples.format)

    from common.networks import architecture, starts, trained, training
    from common.networks.legacy_keras import make_deterministic
    from common.running import threads

    earlier = training.load_curves(saved["learning_curves.csv"]) if configuration.resume else {}

    def train(network: str) -> trained.TrainedNetwork:
        if configuration.resume:
            make_deterministic(configuration.seed)
            model = architecture.load(saved[f"{network}.h5"])
        else:
            weights, choice = configuration.initial_weights, configuration.starts
            model = starts.begin(network, layers, weights, choice, configuration, train_samples)
        before = earlier.get(network, {})
        done = len(before.get("train_loss", []))
        further = replace(configuration, epochs=done + configuration.epochs)
        learning = training.train(model, train_samples, test_samples, further, network, initial_epoch=done)
        return trained.TrainedNetwork(network, "complete", model, training.joined(before, learning))

    networks = threads.run_together(train, [(network,) for network in layout.NETWORKS])
    layers.save(run.folder)
    trained.keep(run, networks, train_samples, test_samples)
    rows = [[name, row["parameters"], *training.summary_cells(row)] for name, row in run.metrics["models"].items()]
    console.table("Float networks, test images", ["network", "parameters", *training.SUMMARY_COLUMNS], rows)


def layout_of(configuration: Configuration, images: ImageFormat) -> Layout:
    """Return the layers of the networks for these images.

    Raises:
        PipelineError: hls4ml cannot unroll a layer, and `large_layer` is not allowed.
    """
    layers = Layout.of(configuration.network, images)
    if large := layers.too_large():
        text = f"{large}; make it smaller"
        if "large_layer" not in configuration.allow:
            raise PipelineError(f"{text}, or train it for software alone: --allow large_layer")
        console.warning(text)
    return layers


def draw(run: Run, _: Configuration) -> None:
    """Draw networks, weights, learning curves and the latent plane."""
    from common.figures import of_variants
    from common.networks import architecture, training

    _, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    models = {network: architecture.load(run.folder / f"{network}.h5") for network in layout.NETWORKS}
    curves = training.load_curves(run.folder / "learning_curves.csv")
    of_variants.save_complete(run.folder, models, curves["classifier"], test_samples)


if __name__ == "__main__":
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw, Need(5)), PIPELINE)
