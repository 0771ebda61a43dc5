"""All figures of the anomaly score: rates, distributions, extreme images, correlation with the intensities."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.figures import anomaly
from common.figures.anomaly import EXTREMES, NORMAL
from common.figures.style import save
from common.hls import integer_network
from common.images.anomalies import KINDS, Anomalies
from common.images.samples import Samples


def save_all(
    folder: Path,
    tested: Mapping[str, np.ndarray],
    score: str,
    network: Mapping[str, Any],
    anomalies: Anomalies,
    test_samples: Samples,
) -> None:
    """Draw and save the figures.

    Args:
        folder: Output folder.
        tested: Scores of the test images and anomalies by method, see `anomaly_methods.MethodScores`.
        score: Score of the hardware.
        network: The design in integers, see `integer_network`.
        anomalies: The anomalies.
        test_samples: The test images.
    """
    sources = ("quantized", "float", "autoencoder alone")
    shown = dict(zip(("hardware", *(f"{name}, {score}" for name in sources)), anomaly.LOOKS, strict=False))
    shown["quantized, Mahalanobis"] = "Mahalanobis distance, quantized"
    methods = {shown.get(name, name): anomalies.by_kind(values) for name, values in tested.items()}
    methods = {name: methods[name] for name in anomaly.LOOKS}
    kinds = {kind: KINDS[kind] for kind in anomalies.kinds}
    save(anomaly.roc(methods, kinds, score), folder, "anomaly_roc")
    save(anomaly.efficiency(methods, kinds, score), folder, "anomaly_efficiency")
    scores = methods["hardware"]
    layers = {layer["name"]: layer for layer in network["layers"]}
    step = 2.0 ** -layers[network["outputs"][0]]["type"]["fraction"]
    threshold = layers[network["outputs"][1]]["threshold"] * step if network["outputs"][1:] else None
    save(anomaly.distributions(scores, kinds, score, threshold), folder, "anomaly_scores")
    images = anomalies.by_kind(anomalies.after(test_samples.intensities))
    first = next(iter(kinds))
    chosen = {
        f"normal,\nhighest {score}": (images[NORMAL], scores[NORMAL], slice(None, -EXTREMES - 1, -1)),
        f"{kinds[first]},\nlowest {score}": (images[first], scores[first], slice(EXTREMES)),
    }
    rows = {}
    for name, (of_kind, values, part) in chosen.items():
        places = np.argsort(values, kind="stable")[part]
        rows[name] = of_kind[places], _reconstructed(network, of_kind[places]), values[places]
    save(anomaly.extremes(rows, score), folder, "anomaly_extremes")
    intensities = {kind: each.sum(axis=1) for kind, each in images.items()}
    save(anomaly.against_intensity(intensities, scores, kinds, score), folder, "anomaly_against_intensity")


def _reconstructed(network: Mapping[str, Any], images: np.ndarray) -> np.ndarray | None:
    """Return the reconstructions of images, [k, pixels], or None if the design has no decoder."""
    distance = next((layer for layer in network["layers"] if layer["kind"] == "distance"), None)
    if distance is None:
        return None
    pixels = network["layers"][0]
    levels = np.rint(images * 2 ** pixels["type"]["fraction"]).astype(int)
    image = distance["input"]
    fraction = next(layer["type"]["fraction"] for layer in network["layers"] if layer["name"] == image)
    return integer_network.evaluate(network, {pixels["name"]: levels})[image] * 2.0**-fraction
