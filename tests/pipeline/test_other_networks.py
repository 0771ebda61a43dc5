"""Networks and images of other sizes than the paper's: Keras, C simulation, test bench, RTL and netlist agree.

The networks have random weights, and the images are random too: exactness does not depend on training.
"""

import numpy as np
import pytest

from common.hls import conversion
from common.hls.designs import Design
from common.hls.hls4ml_project import HlsOptions
from common.images.samples import ImageFormat, Samples
from common.networks import architecture, quantization, training
from common.networks.layout import CLASSIFIER, HiddenLayers, Layout
from common.networks.precision import LayerPrecision, NetworkPrecision
from common.networks.quantization import QuantizedNetwork
from common.networks.recipe import Recipe, for_each_layer
from common.synthesis import building
from common.synthesis.open_tools import OpenOptions

IMAGES = 200
TYPES = {
    "encoder": LayerPrecision(4, 0, 5, 1, 4, 1),
    "latent": LayerPrecision(5, 1, 5, 1, 3, 2),
    "decoder": LayerPrecision(4, 0, 5, 1, 4, 1),
    "image": LayerPrecision(6, 1, 6, 1, 6, 3),
    "classifier": LayerPrecision(4, 0, 5, 1, 4, 1),
    "class": LayerPrecision(6, 1, 6, 1, 7, 3),
}
SMALL = {"encoder": (6,), "decoder": (5,), "classifier": (5,)}
DIGITS, LARGE = ImageFormat(), ImageFormat(10, 5)
LETTERS = ImageFormat(6, 4, tuple("abcdefghijklmnopqrstuvwxyz"), "class")
CASES = {
    "no hidden layers": (HiddenLayers((), 2, (), ()), ImageFormat(4, 5), "full", True),
    "latent of one dimension, 26 classes of 4-bit images": (HiddenLayers(**SMALL, latent=1), LETTERS, "full", True),
    "latent of three dimensions": (HiddenLayers(**SMALL, latent=3), DIGITS, "full", True),
    "latent of four dimensions": (HiddenLayers(**SMALL, latent=4), DIGITS, "encoder_classifier", True),
    "linear latent, in tables, 10 x 10 images": (
        HiddenLayers(**SMALL, latent_activation="linear"), LARGE, "full", True,
    ),
    "three hidden encoder layers, linear latent, classifier without decoder": (
        HiddenLayers((7, 6, 5), 2, (5,), (5,), "linear"), DIGITS, "encoder_classifier", False,
    ),
}  # fmt: skip
WITHOUT_DECODER = "three hidden encoder layers, linear latent, classifier without decoder"
PROVEN = "no hidden layers"


def random_samples(image_format):
    generator = np.random.default_rng(4)
    levels = generator.integers(0, image_format.levels, (IMAGES, image_format.side, image_format.side))
    levels *= generator.integers(0, 2, levels.shape)
    labels = np.arange(IMAGES).astype(np.uint8) % image_format.classes
    return Samples(image_format.intensities(levels), labels, image_format)


def quantized_network(hidden, image_format, *, with_decoder):
    """Return a quantized classifier network with random weights, whose outputs depend on the image."""
    precision = NetworkPrecision(min(image_format.bits, 4), for_each_layer(TYPES, hidden), 5)
    wanted = QuantizedNetwork(CLASSIFIER, Layout.of(hidden, image_format), precision, with_decoder)
    model = quantization.build(wanted)
    generator = np.random.default_rng(11)
    for layer in architecture.dense_layers(model).values():
        kernel, bias = layer.get_weights()
        # Few signs alike, so that a ReLU is not always zero.
        layer.set_weights([generator.normal(0.15, 0.5, kernel.shape), generator.normal(0.1, 0.2, bias.shape)])
    training.compile_network(model, Recipe(), IMAGES)
    return model


@pytest.mark.long
@pytest.mark.usefixtures("quick_compiler")
@pytest.mark.parametrize("case", CASES)
def test_all_simulations_of_other_networks_agree(case, tmp_path):
    hidden, image_format, cut, tabulated = CASES[case]
    samples = random_samples(image_format)
    model = quantized_network(hidden, image_format, with_decoder=case != WITHOUT_DECODER)
    architecture.save(model, tmp_path / "network.h5")
    design = Design(cut, "quantized")
    converted = conversion.convert_and_simulate(
        design, tmp_path / "network.h5", tmp_path / "converted", samples, HlsOptions(), tmp_path / "finished"
    )
    assert converted.exactness.differing == {"qkeras_csim": 0}
    assert converted.mismatch is None
    outputs = image_format.classes + (image_format.pixels if cut == "full" else 0)
    assert converted.exactness.values == IMAGES * outputs

    options = OpenOptions(
        families=("xcup",) if case == PROVEN else (),
        latency_cutoff=4,
        tabulate_latent=tabulated,
        flavor="verilog",
        part="xcu250-figd2104-2L-e",
        clock_ns=5.0,
        prove=case == PROVEN,
        proof_seconds=60.0,
        timeout_seconds=600.0,
        finished=tmp_path / "finished",
    )
    build = building.Build(design, tmp_path / "converted", tmp_path / "built", options, None, 600.0)
    report = building.build_all([build], samples.intensities, 1)[0]
    assert report.faults == ()
    counts = {pair: count for record in report.exactness for pair, count in record.differing.items()}
    wanted = {"csim_test_bench", "csim_alir", "alir_rtl"} | ({"rtl_netlist"} if case == PROVEN else set())
    assert counts.keys() >= wanted | ({"csim_table"} if tabulated else set())
    assert not any(counts.values())
    if case == PROVEN:
        assert report.costs[0].stages_proven == report.costs[0].stages > 0
