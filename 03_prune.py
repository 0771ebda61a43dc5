"""Prune hidden layers while training from scratch, with TensorFlow Model Optimization (paper, section 4).

Run:     python 03_prune.py [--sparsity 0.9] [--help]
Reads:   outputs/01_prepare_data/images.npz, outputs/02_train_autoencoder/ network.json, classifier.h5 (for Table 1)
Writes:  outputs/03_prune/ autoencoder_pruned.h5, classifier_pruned.h5 (without pruning wrappers, with optimizer state),
         learning_curves.csv, table_1.csv, figures
"""

import csv
from dataclasses import dataclass, field, replace
from typing import Annotated, Self

from common.errors import PipelineError
from common.images import dataset
from common.networks import layout
from common.networks.recipe import InitialWeights, Recipe, Starts
from common.report.pipeline import PIPELINE
from common.running import console
from common.running.disk_space import Need
from common.stages.configuration import Earlier, Interval
from common.stages.run import Run
from common.stages.stage import Stage, run_stage

Steps = Annotated[int, Interval(0, 100_000_000)]


@dataclass(frozen=True)
class Configuration(Recipe):
    """Settings of the training and pruning of the float networks."""

    layers: tuple[str, ...] = ()
    """Dense layers to prune (default: hidden layers of the encoder but the first, the first of decoder and classifier;
    of the paper's network these are the three of 16 nodes in its Table 1)."""
    sparsity: Annotated[float, Interval(0, 0.99)] = 0.80
    """Fraction of their weights set to zero; the paper's text says 85 %, its Table 1 exactly 80 %."""
    begin_step: Steps = 2000
    """Optimizer step of the first pruning (paper, section 4)."""
    end_step: Steps = 10_000
    """Optimizer step of the last pruning; 30 epochs end earlier, at step 7050 (paper, section 4)."""
    frequency: Annotated[int, Interval(1, 1_000_000)] = 100
    """Steps between prunings (paper, section 4)."""
    initial_weights: InitialWeights = "glorot_uniform"
    """Weight initializer (Keras's default; the wider he_uniform starts with fewer dead ReLU units)."""
    starts: Starts = field(default_factory=Starts)
    """Choice of the initial network on a validation set, before pruning."""

    def given(self, earlier: Earlier) -> Self:
        """Return it with the default layers of the network; refuse layers that the network lacks."""
        hidden = earlier("train_autoencoder").network
        kinds = hidden.kinds()
        if unknown := [name for name in self.layers if name not in kinds]:
            raise PipelineError(f"--layers {unknown[0]}: there is no such layer; layers are {', '.join(kinds)}")
        return replace(self, layers=self.layers or hidden.usually_pruned())

    def check(self) -> None:
        """Refuse a schedule that ends before it begins."""
        if self.end_step < self.begin_step:
            raise PipelineError(f"--end-step {self.end_step} is before --begin-step {self.begin_step}")


PRESETS = {
    "paper": Configuration(),
    "revision": Configuration(sparsity=0.85, loss="mse", starts=Starts(count=6, epochs=4)),
    "tuned": Configuration(
        epochs=200,
        learning_rate=5e-3,  # Adam's: with SOAP, the classifier of one seed in three failed when pruning began
        schedule="cosine",
        cross_entropy_weight=0.2,
        initial_weights="he_uniform",
        starts=Starts(count=8, epochs=10),
    ),
    "demo": Configuration(epochs=50, batch_size=32, begin_step=800, end_step=2400),
}
PRESETS["small"] = PRESETS["tuned"]


def main(run: Run, configuration: Configuration) -> None:
    """Train and prune both networks, and check the sparsity."""
    train_samples, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    layers = layout.load(run.read("02_train_autoencoder", layout.FILE))
    for name in ("classifier.h5", "learning_curves.csv"):
        run.read("02_train_autoencoder", name)  # for `draw`; faults are reported before training

    from common.networks import pruned_training, pruning, trained, training
    from common.running import threads

    images = len(train_samples.labels)
    steps = configuration.epochs * training.steps_per_epoch(images, configuration.batch_size)
    if steps < configuration.begin_step:
        raise PipelineError(f"training ends at step {steps}, before --begin-step {configuration.begin_step}")
    schedule = pruning.PruningSchedule(
        configuration.sparsity, configuration.begin_step, configuration.end_step, configuration.frequency
    )

    def train(network: str) -> trained.TrainedNetwork:
        model, curves = pruned_training.train(
            network,
            layers,
            configuration.layers,
            schedule,
            configuration.initial_weights,
            configuration.starts,
            configuration,
            train_samples,
            test_samples,
        )
        return trained.TrainedNetwork(network, "pruned", model, curves)

    networks = threads.run_together(train, [(network,) for network in layout.NETWORKS])
    trained.keep(run, networks, train_samples, test_samples)
    rows = [[name, row["nonzero_weights"], *training.summary_cells(row)] for name, row in run.metrics["models"].items()]
    console.table("Pruned networks, test images", ["network", "weights", *training.SUMMARY_COLUMNS], rows)


def draw(run: Run, configuration: Configuration) -> None:
    """Compare Table 1 with the paper's, and draw the effect of pruning on the classifier network."""
    from common.figures import of_variants
    from common.networks import architecture, pruning, training

    train_samples, test_samples = dataset.load(run.read("01_prepare_data", "images.npz"))
    complete = architecture.load(run.read("02_train_autoencoder", "classifier.h5"))
    pruned = architecture.load(run.folder / "classifier_pruned.h5")
    table_1(run, pruning.nonzero_parameters(complete), pruning.nonzero_parameters(pruned))

    curves = {
        "complete": training.load_curves(run.read("02_train_autoencoder", "learning_curves.csv"))["classifier"],
        "pruned": training.load_curves(run.folder / "learning_curves.csv")["classifier_pruned"],
    }
    steps = training.steps_per_epoch(len(train_samples.labels), configuration.batch_size)
    begin_epoch = configuration.begin_step / steps
    of_variants.save_pruning(run.folder, complete, pruned, curves, begin_epoch, test_samples)


def table_1(run: Run, complete: dict[str, tuple[int, int]], pruned: dict[str, tuple[int, int]]) -> None:
    """Write and print the nonzero weights + biases of each layer beside the paper's Table 1."""
    from common import paper

    rows = []
    for layer in complete:
        of_paper = [f"{weights}+{biases}" for weights, biases in paper.TABLE_1.get(layer, ())] or ["", ""]
        rows.append([layer, *("{}+{}".format(*left[layer]) for left in (complete, pruned)), *of_paper])
    totals = [sum(map(sum, left.values())) for left in (complete, pruned)]
    rows.append(["total", *totals, *paper.TABLE_1_TOTAL])
    columns = ["layer", "complete", "pruned", "paper: complete", "paper: pruned"]
    with (run.folder / "table_1.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    shown = [row for row in rows if row[0] in (*paper.TABLE_1, "total")]
    console.table("Table 1: nonzero weights + biases of the pruned layers", columns, shown)
    console.note("zero biases belong to ReLU units that never fired; biases are not pruned")


if __name__ == "__main__":
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw, Need(4)), PIPELINE)
