"""All figures of the networks' variants: of the complete one, of pruning, and of all four."""

from collections.abc import Mapping
from pathlib import Path

from common.figures import classes, latent, networks, training
from common.figures import images as image_figures
from common.figures import weights as weight_figures
from common.figures.style import save
from common.hls.designs import VARIANTS
from common.images.samples import Samples
from common.networks import architecture, evaluation
from common.networks.legacy_keras import keras


def save_complete(
    folder: Path, models: dict[str, keras.Model], curves: dict[str, list[float]], test_samples: Samples
) -> None:
    """Draw and save the complete networks: diagrams, weights, learning curves, latent plane.

    Args:
        folder: Output folder.
        models: Both networks, by name.
        curves: Learning curves of the classifier network.
        test_samples: Test images.
    """
    weights, alone = (architecture.weights_of(models[network]) for network in ("classifier", "autoencoder"))
    diagrams = {
        "figure_03_whole_network": networks.network_diagram(weights, "whole", "complete"),
        "figure_04_autoencoder": networks.network_diagram(alone, "autoencoder", "complete"),
        "figure_05_classifier": networks.network_diagram(weights, "classifier", "complete"),
    }
    for name, figure in diagrams.items():
        save(figure, folder, name)
    save(weight_figures.weight_distributions(weights, "complete", None), folder, "figure_06_weights_complete")
    save(training.learning_curves({"complete": curves}, None), folder, "figure_08_learning_curves")
    _save_latent_space(folder, evaluation.evaluate_classifier(models["classifier"], test_samples), "complete")


def save_pruning(
    folder: Path,
    complete: keras.Model,
    pruned: keras.Model,
    curves: dict[str, dict[str, list[float]]],
    begin_epoch: float,
    test_samples: Samples,
) -> None:
    """Draw and save the effect of pruning on weights, learning curves, latent plane and images.

    Args:
        folder: Output folder.
        complete: Classifier network before pruning.
        pruned: Classifier network after pruning.
        curves: Learning curves of both, by variant.
        begin_epoch: Epoch at which pruning starts.
        test_samples: Test images.
    """
    weights = architecture.weights_of(pruned)
    save(networks.network_diagram(weights, "whole", "pruned"), folder, "pruned_network")
    save(weight_figures.weight_distributions(weights, "pruned", None), folder, "figure_07_weights_pruned")
    save(training.learning_curves(curves, begin_epoch), folder, "figure_08_learning_curves")
    before, found = (evaluation.evaluate_classifier(model, test_samples) for model in (complete, pruned))
    _save_latent_space(folder, found, "pruned")
    _save_reconstructions(folder, {"complete": before, "pruned": found})


def save_all(
    folder: Path,
    models: dict[str, keras.Model],
    curves: dict[str, dict[str, list[float]]],
    weight_steps: Mapping[str, float],
    test_samples: Samples,
    parent: str,
) -> None:
    """Draw and save all four variants: weights, learning curves, latent plane, predictions, images.

    Args:
        folder: Output folder.
        models: Classifier network of each variant.
        curves: Learning curves of each variant.
        weight_steps: Step of the weights' fixed-point type, by layer of the quantized variants.
        test_samples: Test images.
        parent: Variant that the quantized and pruned network was trained from.
    """
    found = {variant: evaluation.evaluate_classifier(models[variant], test_samples) for variant in VARIANTS}
    for number, variant in ((11, "quantized"), (12, "quantized_pruned")):
        weights = architecture.weights_of(models[variant])
        figure = weight_figures.weight_distributions(weights, variant, weight_steps)
        save(figure, folder, f"figure_{number}_weights_{variant}")
    save(training.learning_curves(curves, None), folder, "figure_08_learning_curves")
    variant = "quantized_pruned"
    best, labels, image_format = found[variant], test_samples.labels, test_samples.format
    _save_latent_space(folder, best, variant)
    _save_reconstructions(folder, found)
    if best.latent.shape[1] == 2:
        _save_planes(folder, models[variant], best)
    save(classes.confusion_matrix(best.confusion(), variant, image_format), folder, "confusion_matrix")
    scores = {name: each.class_scores() for name, each in found.items()}
    save(classes.class_scores(scores, image_format), folder, "digit_scores")
    worst = best.worst()
    certainty = best.probabilities[worst].max(axis=1)
    of_worst = test_samples.intensities[worst], labels[worst], best.decided[worst], certainty
    save(image_figures.worst_images(*of_worst, image_format), folder, "worst_digits")
    shift = found[parent].latent, best.latent, labels, parent, image_format
    save(latent.quantization_shift(*shift), folder, "quantization_shift")


def _save_latent_space(folder: Path, found: evaluation.Evaluation, variant: str) -> None:
    figure = latent.latent_space(found.latent, found.samples.labels, variant, found.samples.format)
    save(figure, folder, "figure_09_latent_plane")


def _save_reconstructions(folder: Path, found: Mapping[str, evaluation.Evaluation]) -> None:
    """Draw and save reconstructions by the variants that have a decoder, if there are any."""
    decoded = {variant: each for variant, each in found.items() if each.images is not None}
    if not decoded:
        return
    first = next(iter(decoded.values()))
    samples, dimensions = first.samples, first.latent.shape[1]
    shown = image_figures.examples_of(samples.labels)
    figure = image_figures.reconstructions(
        samples.intensities[shown],
        samples.labels[shown],
        {variant: each.images[shown] for variant, each in decoded.items()},
        dimensions,
        samples.format,
    )
    save(figure, folder, "figure_10_reconstructions")


def _save_planes(folder: Path, model: keras.Model, found: evaluation.Evaluation) -> None:
    """Draw and save what the layers after a latent plane make of it: images, if there are any, and decisions."""
    extent, samples = found.extent(), found.samples
    images, _ = evaluation.decode_grid(model, extent, evaluation.GRID)
    if images is not None:
        figure = image_figures.decoded_plane(images, extent, found.latent, samples.format)
        save(figure, folder, "decoded_plane")
    _, regions = evaluation.decode_grid(model, extent, evaluation.REGION_CELLS)
    figure = latent.decision_regions(regions, extent, found.latent, samples.labels, samples.format)
    save(figure, folder, "decision_regions")
