"""Anomaly scores of the same images by all methods: networks, hardware and baselines; and how good each is."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.hls import golden_outputs
from common.hls.anomaly_score import density_of, latent_step, threshold_of
from common.hls.designs import Design, Scoring
from common.images.anomalies import Anomalies
from common.images.samples import Samples
from common.networks import architecture
from common.networks.architecture import latent_layer, layer_of
from common.networks.layout import IMAGE
from common.networks.legacy_keras import keras
from common.stages.artifacts import UNREADABLE

FILE, TABLE = "anomaly_scores.npz", "anomaly.csv"
HARDWARE = "hardware"
RATES = (0.01, 0.001)  # of false alarms
RESAMPLES = 100  # of the bootstrap
BASELINES = ("PCA, two components", "isolation forest", "sum of intensities")


@dataclass(frozen=True)
class MethodScores:
    """Scores of all methods, larger for more unusual images.

    Attributes:
        held_out: Scores of the held-out images by method, [N].
        tested: Scores of the test images and anomalies by method, in the order of `Anomalies.after`, [N].
    """

    held_out: Mapping[str, np.ndarray]
    tested: Mapping[str, np.ndarray]

    def save(self, folder: Path) -> None:
        """Write them."""
        parts = {"held_out": self.held_out, "tested": self.tested}
        arrays = {part: np.stack(list(scores.values())) for part, scores in parts.items()}
        np.savez_compressed(folder / FILE, methods=np.array(list(self.tested)), **arrays)


def load(folder: Path) -> MethodScores:
    """Return what `MethodScores.save` wrote.

    Raises:
        PipelineError: The file is damaged.
    """
    try:
        with np.load(folder / FILE, allow_pickle=False) as file:
            methods = [str(name) for name in file["methods"]]
            parts = (dict(zip(methods, file[part], strict=True)) for part in ("held_out", "tested"))
            return MethodScores(*parts)
    except UNREADABLE as error:
        raise PipelineError(f"{folder / FILE} is damaged ({error}); run: python 05_convert_hls.py") from None


def compare(
    folder: Path,
    design: Design,
    networks: Mapping[str, Path],
    train_samples: Samples,
    test_samples: Samples,
    scoring: Scoring,
) -> dict[str, list["Quality"]]:
    """Score all images by all methods, write scores and qualities, and return the qualities by method.

    Args:
        folder: Folder of stage 05, with the golden outputs of the design.
        design: A design that scores.
        networks: Files of networks by name; `quantized` is the one of the design.
        train_samples: Training images.
        test_samples: Test images.
        scoring: Score of the design, and anomalies.
    """
    models = {name: architecture.load(path) for name, path in networks.items()}
    hardware = golden_outputs.load(folder / str(design)).outputs[:, 0]
    scores = score_all(models, hardware, train_samples, test_samples, scoring)
    scores.save(folder)
    found = qualities(scores, scoring.anomalies)
    save_table(found, folder)
    return {method: [each for each in found if each.method == method] for method in scores.tested}


def score_all(
    networks: Mapping[str, keras.Model],
    hardware: np.ndarray,
    train_samples: Samples,
    test_samples: Samples,
    scoring: Scoring,
) -> MethodScores:
    """Return the scores of networks by four methods each, of the hardware, and of the baselines.

    Args:
        networks: Networks by name; `quantized` is the one in hardware.
        hardware: Scores by the C simulation for test images and anomalies, [N].
        train_samples: Training images.
        test_samples: Test images.
        scoring: Score of the hardware, and anomalies.
    """
    count = len(scoring.anomalies.held_out)
    images = np.concatenate([scoring.anomalies.held_out, scoring.anomalies.after(test_samples.intensities)])
    found = {
        f"{name}, {method}": scores
        for name, model in networks.items()
        for method, scores in of_network(model, train_samples, images).items()
    }
    # The hardware's threshold is set on scores by Keras, to which the C simulation is equal.
    own = found[f"quantized, {scoring.options.score}"][:count]
    found = {HARDWARE: np.concatenate([own, hardware]), **found, **_of_baselines(train_samples.intensities, images)}
    parts = slice(count), slice(count, None)
    return MethodScores(*({name: scores[part] for name, scores in found.items()} for part in parts))


def of_network(model: keras.Model, train_samples: Samples, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores of images, [N], by `l1`, `mse`, `latent` and the Mahalanobis distance.

    The distance is that from the nearest class, in units of the scatter that all classes share.
    """
    both = keras.Model(model.input, [latent_layer(model).output, layer_of(model, IMAGE).output])
    points, reconstructed = architecture.predict(both, images)
    learned, labels = architecture.latent_points(model, train_samples.intensities), train_samples.labels
    means = np.stack([learned[labels == label].mean(axis=0) for label in np.unique(labels)])
    scatter = np.cov((learned - means[np.unique(labels, return_inverse=True)[1]]).T.reshape(learned.shape[1], -1))
    inverse = np.linalg.pinv(scatter.reshape(learned.shape[1], -1))
    offsets = points[:, None] - means
    squares = np.einsum("ncd,de,nce->nc", offsets, inverse, offsets)
    differences = np.abs(images - reconstructed).astype(np.float64)
    return {
        "l1": differences.sum(axis=1),
        "mse": (differences**2).sum(axis=1),
        "latent": density_of(learned, latent_step(model)).at(points),
        "Mahalanobis": np.sqrt(squares.min(axis=1)),
    }


def _of_baselines(train_images: np.ndarray, images: np.ndarray) -> dict[str, np.ndarray]:
    from sklearn.decomposition import PCA
    from sklearn.ensemble import IsolationForest

    components = PCA(2, random_state=0).fit(train_images)
    forest = IsolationForest(random_state=0).fit(train_images)
    reconstructed = components.inverse_transform(components.transform(images))
    scores = ((images - reconstructed) ** 2).sum(axis=1), -forest.score_samples(images), images.sum(axis=1)
    return dict(zip(BASELINES, scores, strict=True))


def areas(model: keras.Model, train_samples: Samples, normal: np.ndarray, anomalous: np.ndarray) -> dict[str, float]:
    """Return the area under the ROC curve of each method of a network and of each baseline.

    Args:
        model: The network.
        train_samples: Training images.
        normal: Normal images, float32 [N, pixels].
        anomalous: Anomalies, likewise.
    """
    from sklearn.metrics import roc_auc_score

    images, labels = np.concatenate([normal, anomalous]), np.repeat([0, 1], [len(normal), len(anomalous)])
    scores = of_network(model, train_samples, images) | _of_baselines(train_samples.intensities, images)
    return {method: round(float(roc_auc_score(labels, values)), 5) for method, values in scores.items()}


@dataclass(frozen=True)
class Quality:
    """How well a method finds a kind of anomaly.

    Attributes:
        method: Its name.
        kind: Kind of anomaly.
        auc: Area under the ROC curve.
        auc_error: Its standard deviation over bootstrap samples.
        false_alarms: Share of the normal test images that exceed the threshold, for each of `RATES`.
        efficiencies: Share of the anomalies that exceed it, likewise.
    """

    method: str
    kind: str
    auc: float
    auc_error: float
    false_alarms: tuple[float, ...]
    efficiencies: tuple[float, ...]


def qualities(scores: MethodScores, anomalies: Anomalies) -> list[Quality]:
    """Return the quality of each method for each kind of anomaly; thresholds are set on held-out images."""
    found = []
    for method, tested in scores.tested.items():
        by_kind = anomalies.by_kind(tested)
        normal = by_kind["normal"]
        thresholds = [threshold_of(scores.held_out[method], rate) for rate in RATES]
        alarms = tuple(float(np.mean(normal > threshold)) for threshold in thresholds)
        for kind in anomalies.kinds:
            efficiencies = tuple(float(np.mean(by_kind[kind] > threshold)) for threshold in thresholds)
            found.append(Quality(method, kind, *auc(normal, by_kind[kind]), alarms, efficiencies))
    return found


def auc(normal: np.ndarray, anomalous: np.ndarray) -> tuple[float, float]:
    """Return the area under the ROC curve, and its standard deviation over bootstrap samples."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    scores, labels = np.concatenate([normal, anomalous]), np.repeat([0, 1], [len(normal), len(anomalous)])
    drawn = (
        np.concatenate([rng.multinomial(len(part), np.full(len(part), 1 / len(part))) for part in (normal, anomalous)])
        for _ in range(RESAMPLES)
    )
    areas = [roc_auc_score(labels, scores, sample_weight=weights) for weights in drawn]
    return float(roc_auc_score(labels, scores)), float(np.std(areas))


def save_table(found: list[Quality], folder: Path) -> None:
    """Write the qualities as a table."""
    rates = [f"{name} {rate:g}" for rate in RATES for name in ("false alarms at", "efficiency at")]
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["method", "kind", "auc", "auc_error", *rates])
        for each in found:
            pairs = [value for pair in zip(each.false_alarms, each.efficiencies, strict=True) for value in pair]
            numbers = (each.auc, each.auc_error, *pairs)
            writer.writerow([each.method, each.kind, *(f"{number:.5f}" for number in numbers)])
