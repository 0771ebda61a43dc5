"""Trained networks of a stage: saving, evaluation and recording."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.images.samples import Samples
from common.networks import architecture, plausibility, training
from common.networks.legacy_keras import keras
from common.stages.run import Run

Curves = dict[str, list[float]]


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network.

    Attributes:
        network: `autoencoder` or `classifier`.
        variant: `complete`, `pruned`, `quantized` or `quantized_pruned`.
        model: The network, compiled and with its optimizer state.
        curves: Its learning curves.
        parent: Variant that its training started from; None for random weights.
    """

    network: str
    variant: str
    model: keras.Model
    curves: Curves
    parent: str | None = None

    @property
    def name(self) -> str:
        """Return the name of its file and of its curves."""
        return self.network if self.variant == "complete" else f"{self.network}_{self.variant}"


def keep(run: Run, networks: Sequence[TrainedNetwork], train_samples: Samples, test_samples: Samples) -> None:
    """Save networks and learning curves, record their rows of `metrics.json`, and report implausible results."""
    models = run.metrics.setdefault("models", {})
    for trained in networks:
        architecture.save(trained.model, run.folder / f"{trained.name}.h5")
        parent = {"parent": f"{trained.network}/{trained.parent}"} if trained.parent else {}
        row = training.describe(trained.model, train_samples, test_samples)
        models[f"{trained.network}/{trained.variant}"] = parent | row
        title = f"{trained.network}, {trained.variant}"
        run.report_findings(plausibility.findings(trained.model, test_samples, title))
    training.save_curves(run.folder / "learning_curves.csv", {trained.name: trained.curves for trained in networks})
