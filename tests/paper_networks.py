"""The paper's networks, untrained, for tests."""

from common.networks import architecture, precision, quantization
from common.networks.layout import HiddenLayers, Layout
from common.networks.legacy_keras import keras
from common.networks.precision import NetworkPrecision
from common.networks.quantization import QuantizedNetwork
from common.networks.recipe import for_each_layer

LAYOUT = Layout()


def build(network: str, initial_weights: str = "glorot_uniform") -> keras.Model:
    return architecture.build(network, LAYOUT, initial_weights)


def network_precision(input_bits: int = 5, **layers: precision.LayerPrecision) -> NetworkPrecision:
    """Return the paper's types, except those of some layers."""
    return NetworkPrecision(input_bits, for_each_layer({**precision.PAPER, **layers}, HiddenLayers()), image_bits=6)


def quantized(network: str, input_bits: int = 5, *, with_decoder: bool = True, **layers) -> QuantizedNetwork:
    return QuantizedNetwork(network, LAYOUT, network_precision(input_bits, **layers), with_decoder)


def build_quantized(network: str, input_bits: int = 5) -> keras.Model:
    return quantization.build(quantized(network, input_bits))
