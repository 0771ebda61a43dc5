"""Data of a run for 'Draw a digit' on the page: the network in integers, image preparation, the latent plane."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import PipelineError
from common.figures.style import DIGITS
from common.hls import integer_network
from common.images import dataset, preprocessing
from common.stages import artifacts

SCRIPT = Path(__file__).with_suffix(".js")
DESIGN = "full/quantized_pruned"
LAYERS = {"inputLayer": "pixels", "latentLayer": "latent_relu", "imageLayer": "image", "logitLayer": "classifier_3"}
MARGIN = 1.04  # of the map beyond the outermost test image


def page_data(outputs: Path) -> dict[str, Any] | None:
    """Return what `draw_digit.js` is started with, or None where the images or the network are not there.

    Raises:
        PipelineError: A file is there and is not what its stage writes.
    """
    images = artifacts.find(outputs, dataset.FILE)
    exported = artifacts.find(outputs, f"{DESIGN}/network.json")
    if images is None or exported is None:
        return None
    try:
        network = json.loads(exported.read_text(encoding="utf-8"))
        with np.load(images, allow_pickle=False) as file:
            levels, digits = file["x_test"].reshape(-1, preprocessing.SIZE**2).astype(int), file["y_test"]
        downsampling = artifacts.read_run(outputs, images.parent.name)["configuration"].get("downsampling")
        return _page_data(network, levels, digits, downsampling)
    except artifacts.UNREADABLE as error:
        raise PipelineError(f"{exported} or {images} is damaged ({error!r})") from None


def _page_data(network: dict[str, Any], levels: np.ndarray, digits: np.ndarray, downsampling: str) -> dict[str, Any]:
    points = latent_points(network, levels)
    some = integer_network.evaluate(network, {LAYERS["inputLayer"]: levels[:1000]})
    each = [digits == digit for digit in range(10)]
    return {
        **LAYERS,
        "network": network,
        "preparation": preparation(downsampling),
        "points": _packed(points, digits),
        "medians": [np.median(points[mask], axis=0).tolist() if mask.any() else None for mask in each],
        "range": (MARGIN * points.max(axis=0)).round().astype(int).clip(min=1).tolist(),
        "largestLogit": int(np.abs(some[LAYERS["logitLayer"]]).max()),
        "samples": [levels[mask][0].tolist() if mask.any() else None for mask in each],
        "colours": DIGITS,
    }


def latent_points(network: dict[str, Any], levels: np.ndarray) -> np.ndarray:
    """Return the latent points of images in an exported network.

    Args:
        network: As `integer_network.export` returns it.
        levels: Images, int [N, 64] of 0 to 31.

    Returns:
        Integers of the latent layer's type, int64 [N, 2].
    """
    names = [layer["name"] for layer in network["layers"]]
    encoder = {"layers": network["layers"][: names.index(LAYERS["latentLayer"]) + 1]}
    return integer_network.evaluate(encoder, {LAYERS["inputLayer"]: levels})[LAYERS["latentLayer"]]


def preparation(downsampling: str) -> dict[str, Any]:
    """Return what `prepareImage` of `draw_digit.js` needs to do as `preprocessing.prepare_images` does.

    The taps are those of scikit-image's anti-aliasing: a Gaussian whose standard deviation is half of what the
    shrinking factor exceeds 1 by, cut off at four of them, computed as SciPy does, to the last bit.
    """
    cropped, size = preprocessing.CROPPED_SIZE, preprocessing.SIZE
    sigma = (cropped / size - 1) / 2
    radius = int(4 * sigma + 0.5)
    taps = np.exp(-0.5 / sigma**2 * np.arange(-radius, radius + 1) ** 2)
    return {
        "method": downsampling,
        "cropped": cropped,
        "size": size,
        "levels": preprocessing.LEVELS,
        "taps": (taps / taps.sum()).tolist(),
    }


def _packed(points: np.ndarray, digits: np.ndarray) -> str:
    """Return points and digits as base64 of five bytes each: two coordinates, the low byte first, and the digit."""
    records = np.empty(len(points), dtype=[("x", "<u2"), ("y", "<u2"), ("digit", "u1")])
    records["x"], records["y"] = points.clip(0, 2**16 - 1).T
    records["digit"] = digits
    return base64.b64encode(records.tobytes()).decode()
