"""All figures of a stage, for networks of any latent space and images, with and without decoder."""

import itertools
import json

import numpy as np
import pytest

from common.figures import of_variants
from common.hls.designs import VARIANTS
from common.images.samples import ImageFormat, Samples
from common.networks.legacy_keras import keras

NAMES = ("T-shirt/top", "Ankle boot", "bag")
CURVES = {f"{part}_{name}": [0.3, 0.2] for part, name in itertools.product(("train", "test"), ("l1", "accuracy"))}
PLANES = {"decoded_plane", "decision_regions"}


def network(dimensions, *, decoder):
    pixels = keras.Input((100,), name="pixels")
    latent = keras.layers.Dense(dimensions, name="latent")(pixels)
    outputs = []
    if decoder:
        outputs.append(
            keras.layers.Activation("sigmoid", name="image")(keras.layers.Dense(100, name="decoder_1")(latent))
        )
    logits = keras.layers.Dense(3, name="classifier_1")(latent)
    return keras.Model(pixels, [*outputs, keras.layers.Activation("softmax", name="class")(logits)])


@pytest.mark.parametrize(("dimensions", "decoder"), [(1, True), (2, True), (2, False), (4, False)])
def test_figures_of_all_variants_are_drawn(tmp_path, monkeypatch, dimensions, decoder):
    def weights_of(model):
        return {layer.name: tuple(layer.get_weights()) for layer in model.layers if layer.get_weights()}

    monkeypatch.setattr(of_variants.architecture, "weights_of", weights_of)
    generator = np.random.default_rng(0)
    labels = (2 * (np.arange(90) % 2)).astype(np.uint8)  # none of the second class
    samples = Samples(generator.random((90, 100), dtype=np.float32), labels, ImageFormat(10, 4, NAMES, "class"))
    models = {variant: network(dimensions, decoder=decoder or variant == "complete") for variant in VARIANTS}
    steps = {"latent": 2**-4, "classifier_1": 2**-4}
    of_variants.save_all(tmp_path, models, dict.fromkeys(VARIANTS, CURVES), steps, samples, "pruned")
    listed = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    names = {figure["name"] for figure in listed}
    assert "figure_10_reconstructions" in names, "at least the complete network has images"
    assert names & PLANES == (set() if dimensions != 2 else PLANES if decoder else {"decision_regions"})
    assert not any("digit" in figure["caption"] for figure in listed)
    of_variants.save_pruning(
        tmp_path / "pruning", models["complete"], models["pruned"], dict.fromkeys(VARIANTS[:2], CURVES), 1.0, samples
    )
    alone = {"classifier": models["complete"], "autoencoder": models["complete"]}
    of_variants.save_complete(tmp_path / "complete", alone, CURVES, samples)
    assert (tmp_path / "complete" / "figure_05_classifier.png").is_file()
