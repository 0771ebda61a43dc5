"""All figures of the networks' variants: of the complete one, of pruning, and of all four."""

from pathlib import Path

from common.figures import images as image_figures
from common.figures import latent, networks, training
from common.figures import weights as weight_figures
from common.figures.style import save
from common.hls.designs import VARIANTS
from common.images.samples import Samples
from common.networks import architecture, evaluation
from common.networks.legacy_keras import keras
from common.networks.precision import NetworkPrecision


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
    found = evaluation.evaluate_classifier(models["classifier"], test_samples)
    save(latent.latent_plane(found.latent, test_samples.labels, "complete"), folder, "figure_09_latent_plane")


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
    save(latent.latent_plane(found.latent, test_samples.labels, "pruned"), folder, "figure_09_latent_plane")
    shown = test_samples.first_of_each_class()
    images = {"complete": before.images[shown], "pruned": found.images[shown]}
    save(image_figures.reconstructions(test_samples.intensities[shown], images), folder, "figure_10_reconstructions")


def save_all(
    folder: Path,
    models: dict[str, keras.Model],
    curves: dict[str, dict[str, list[float]]],
    precision: NetworkPrecision,
    test_samples: Samples,
    parent: str,
) -> None:
    """Draw and save all four variants: weights, learning curves, latent plane, predictions, images.

    Args:
        folder: Output folder.
        models: Classifier network of each variant.
        curves: Learning curves of each variant.
        precision: Types of the quantized variants.
        test_samples: Test images.
        parent: Variant that the quantized and pruned network was trained from.
    """
    found = {variant: evaluation.evaluate_classifier(models[variant], test_samples) for variant in VARIANTS}
    for number, variant in ((11, "quantized"), (12, "quantized_pruned")):
        weights = architecture.weights_of(models[variant])
        figure = weight_figures.weight_distributions(weights, variant, precision.weight_steps())
        save(figure, folder, f"figure_{number}_weights_{variant}")
    save(training.learning_curves(curves, None), folder, "figure_08_learning_curves")
    variant = "quantized_pruned"
    best, digits = found[variant], test_samples.labels
    save(latent.latent_plane(best.latent, digits, variant), folder, "figure_09_latent_plane")
    shown = test_samples.first_of_each_class()
    reconstructed = {name: each.images[shown] for name, each in found.items()}
    originals = test_samples.intensities[shown]
    save(image_figures.reconstructions(originals, reconstructed), folder, "figure_10_reconstructions")
    model = models[variant]
    images, _ = evaluation.decode_grid(model, best.extent(), evaluation.GRID)
    save(image_figures.decoded_plane(images, best.extent(), best.latent), folder, "decoded_plane")
    _, regions = evaluation.decode_grid(model, best.extent(), evaluation.REGION_CELLS)
    figure = latent.decision_regions(regions, best.extent(), best.latent, digits)
    save(figure, folder, "decision_regions")
    save(latent.confusion_matrix(best.confusion(), variant), folder, "confusion_matrix")
    scores = {name: each.digit_scores() for name, each in found.items()}
    save(latent.digit_scores(scores), folder, "digit_scores")
    worst = best.worst()
    certainty = best.probabilities[worst].max(axis=1)
    figure = image_figures.worst_digits(test_samples.intensities[worst], digits[worst], best.decided[worst], certainty)
    save(figure, folder, "worst_digits")
    figure = latent.quantization_shift(found[parent].latent, best.latent, digits, parent)
    save(figure, folder, "quantization_shift")
