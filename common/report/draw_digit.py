"""Data of a run for drawing on the page: the network in integers, image preparation, the latent plane."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import PipelineError
from common.figures.style import class_colours
from common.hls import integer_network
from common.images import dataset
from common.images.samples import ImageFormat
from common.stages import artifacts

SCRIPT = Path(__file__).with_suffix(".js")
DESIGNS = ("full/quantized_pruned", "encoder_classifier/quantized_pruned")
"""Designs that the page can run, the best first: the second has no decoder."""
SCORING = "anomaly/quantized_pruned"  # beside them, where stage 05 has converted it
LATENT_LAYERS = ("latent_relu", "latent_rounded", "latent")
EXAMPLES = "examples.npz"
MARGIN = 1.04  # of the map beyond the outermost test image
MEASURED = 1000  # images of which the largest logit scales the bars


@dataclass(frozen=True)
class Original:
    """What stage 01 does to an image.

    Attributes:
        method: Downsampling.
        field: Height and width of the original, or of its largest central square [pixel].
        crop: Height and width of the part that is kept [pixel].
    """

    method: str
    field: int
    crop: int


def page_data(outputs: Path) -> dict[str, Any] | None:
    """Return what `draw_digit.js` is started with, or None where the images or the network are not there.

    Raises:
        PipelineError: A file is there and is not what its stage writes.
    """
    images = artifacts.find(outputs, dataset.FILE)
    found = (artifacts.find(outputs, f"{design}/network.json") for design in DESIGNS)
    exported = next((path for path in found if path is not None), None)
    if images is None or exported is None:
        return None
    _, samples = dataset.load(images)
    levels = np.rint(samples.intensities * samples.format.levels).astype(int)
    try:
        network = json.loads(exported.read_text(encoding="utf-8"))
        configuration = artifacts.read_run(outputs, images.parent.name)["configuration"]
        original = _original(images.with_name(EXAMPLES), configuration, samples.format)
        scoring = artifacts.find(outputs, f"{SCORING}/network.json")
        anomaly = None if scoring is None else _anomaly(outputs, scoring)
        return {"anomaly": anomaly, **_page_data(network, levels, samples.labels, samples.format, original)}
    except (*artifacts.UNREADABLE, KeyError) as error:
        raise PipelineError(f"{exported} or {images} is damaged ({error!r})") from None


def _original(examples: Path, configuration: dict[str, Any], image_format: ImageFormat) -> Original:
    """Return what stage 01 does, from its examples, or else from its configuration and the prepared images."""
    field = crop = None
    if examples.is_file():
        with np.load(examples, allow_pickle=False) as file:
            field = min(file["originals"].shape[1:])
            crop = int(file["crop"]) if "crop" in file else None
    crop = crop or configuration.get("crop") or field or image_format.side
    return Original(configuration.get("downsampling", ""), max(field or crop, crop), crop)


def _anomaly(outputs: Path, scoring: Path) -> dict[str, Any]:
    """Return the design that scores anomalies, in integers, and the name of its score."""
    configuration = artifacts.read_run(outputs, scoring.relative_to(outputs).parts[0])["configuration"]
    network = json.loads(scoring.read_text(encoding="utf-8"))
    return {"network": network, "score": configuration["anomaly"]["score"]}


def layer_names(network: dict[str, Any]) -> dict[str, str | None]:
    """Return the names of an exported network's input, latent layer, image (None without decoder) and logits."""
    layers = {layer["name"]: layer for layer in network["layers"]}
    image = next((name for name in network["outputs"] if name == "image" or layers[name]["kind"] == "lookup"), None)
    return {
        "inputLayer": network["layers"][0]["name"],
        "latentLayer": next(name for name in LATENT_LAYERS if name in layers),
        "imageLayer": image,
        "logitLayer": next(name for name in network["outputs"] if name != image),
    }


def _page_data(
    network: dict[str, Any], levels: np.ndarray, labels: np.ndarray, image_format: ImageFormat, original: Original
) -> dict[str, Any]:
    names = layer_names(network)
    points = latent_points(network, levels)
    some = integer_network.evaluate(network, {names["inputLayer"]: levels[:MEASURED]})
    each = [labels == label for label in range(image_format.classes)]
    plane = _plane(points, labels, each) if points.shape[1] == 2 else None
    return {
        **names,
        "network": network,
        "preparation": preparation(original, image_format),
        "dimensions": points.shape[1],
        "plane": plane,
        "largestLogit": max(int(np.abs(some[names["logitLayer"]]).max()), 1),
        "samples": [levels[mask][0].tolist() if mask.any() else None for mask in each],
        "colours": class_colours(image_format.classes),
        "classNames": image_format.class_names,
        "noun": image_format.noun,
        "bits": image_format.bits,
    }


def _plane(points: np.ndarray, labels: np.ndarray, each: list[np.ndarray]) -> dict[str, Any]:
    """Return what the map of a latent plane shows, in units of the latent layer's type."""
    low, high = MARGIN * points.min(axis=0).clip(max=0), MARGIN * points.max(axis=0).clip(min=0)
    return {
        "points": _packed(points, labels),
        "medians": [np.median(points[mask], axis=0).tolist() if mask.any() else None for mask in each],
        "low": low.round().astype(int).tolist(),
        "high": np.maximum(high.round(), low.round() + 1).astype(int).tolist(),
    }


def latent_points(network: dict[str, Any], levels: np.ndarray) -> np.ndarray:
    """Return the latent points of images in an exported network.

    Args:
        network: As `integer_network.export` returns it.
        levels: Images, int [N, pixels] of 0 to 2^bits - 1.

    Returns:
        Integers of the latent layer's type, int64 [N, dimensions].
    """
    found = layer_names(network)
    names = [layer["name"] for layer in network["layers"]]
    encoder = {"layers": network["layers"][: names.index(found["latentLayer"]) + 1]}
    return integer_network.evaluate(encoder, {found["inputLayer"]: levels})[found["latentLayer"]]


def preparation(original: Original, image_format: ImageFormat) -> dict[str, Any]:
    """Return what `prepareImage` of `draw_digit.js` needs to do as `preprocessing.prepare_images` does.

    Images of the right size are only rounded down. The taps are those of scikit-image's anti-aliasing: a Gaussian whose
    standard deviation is half of what the shrinking factor exceeds 1 by, cut off at four of them, computed as SciPy
    does, to the last bit. The matrix is that of SciPy's spline zoom, see `zoom_matrix`.
    """
    crop, side = original.crop, image_format.side
    found: dict[str, Any] = {
        "method": "none" if crop == side else original.method,
        "field": original.field,
        "cropped": crop,
        "size": side,
        "levels": image_format.levels,
    }
    if found["method"] == "anti_aliased":
        sigma = max((crop / side - 1) / 2, 0)
        radius = int(4 * sigma + 0.5)
        taps = np.exp(-0.5 / max(sigma, 1e-9) ** 2 * np.arange(-radius, radius + 1) ** 2)
        found["taps"] = (taps / taps.sum()).tolist()
    elif found["method"] == "spline_zoom":
        found["matrix"] = zoom_matrix(crop, side).tolist()
    elif found["method"] == "every_third_pixel":
        found["stride"] = (crop - 1) // (side - 1)
    return found


def zoom_matrix(crop: int, side: int) -> np.ndarray:
    """Return the cubic spline zoom of SciPy along one direction as a matrix, float64 [side, crop].

    A zoom of images is this matrix along both directions, up to rounding errors of 1e-12 of a level. A pixel whose
    exact value is that close to halfway between two integers could be rounded to the other one.
    """
    from scipy import ndimage

    return np.stack([ndimage.zoom(unit, side / crop, order=3) for unit in np.eye(crop)], axis=1)


def _packed(points: np.ndarray, labels: np.ndarray) -> str:
    """Return points and labels as base64 of nine bytes each: two 32-bit coordinates, low byte first, and the label."""
    records = np.empty(len(points), dtype=[("x", "<i4"), ("y", "<i4"), ("label", "u1")])
    records["x"], records["y"] = points.T
    records["label"] = labels
    return base64.b64encode(records.tobytes()).decode()
