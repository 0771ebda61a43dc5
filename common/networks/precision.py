"""Fixed-point types of all tensors of the quantized networks, as configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from common.errors import PipelineError
from common.stages.configuration import Bits, Interval

IntegerBits = Annotated[int, Interval(0, 12)]
SIGMOID_FRACTION_BITS = 10  # 16,384 entries, from -8 to 8; each further bit doubles them


@dataclass(frozen=True)
class LayerPrecision:
    """Fixed-point types of a dense layer: its weights and biases (signed), and its activation's output.

    Integer bits are counted without the sign, as in QKeras: `ap_fixed<5,1>` of Vivado HLS has 5 bits, 0 integer bits.
    """

    weight_bits: Bits
    """Bits of a weight, including the sign [bit]."""
    weight_integer_bits: IntegerBits
    """Of those, left of the binary point [bit]."""
    bias_bits: Bits
    """Bits of a bias, including the sign [bit]."""
    bias_integer_bits: IntegerBits
    """Of those, left of the binary point [bit]."""
    activation_bits: Bits
    """Bits of the output: unsigned after a ReLU, signed before a sigmoid or softmax [bit]."""
    activation_integer_bits: IntegerBits
    """Of those, left of the binary point [bit]."""

    def check(self) -> None:
        """Refuse more integer bits than bits."""
        for name, sign in (("weight", 1), ("bias", 1), ("activation", 0)):
            bits, integer_bits = getattr(self, f"{name}_bits"), getattr(self, f"{name}_integer_bits")
            if integer_bits > bits - sign:
                raise PipelineError(
                    f"{name}-integer-bits {integer_bits} do not fit: {name}-bits {bits} hold at most {bits - sign}"
                )


def layer_precision(weight: tuple[int, int], activation: tuple[int, int]) -> LayerPrecision:
    """Return a precision whose biases have the weights' type; `weight` and `activation` are (bits, integer bits)."""
    return LayerPrecision(*weight, *weight, *activation)


@dataclass(frozen=True)
class NetworkPrecision:
    """Fixed-point types of a whole network.

    Attributes:
        input_bits: Leading bits of a pixel that the network uses [bit].
        layers: Types of each dense layer, by its name.
        image_bits: Bits of a reconstructed pixel, all fractional [bit].
    """

    input_bits: int
    layers: Mapping[str, LayerPrecision]
    image_bits: int

    def weight_steps(self) -> dict[str, float]:
        """Return the step of each layer's weights."""
        return {name: 2.0 ** (types.weight_integer_bits + 1 - types.weight_bits) for name, types in self.layers.items()}


def check_sigmoid(layer: str, types: LayerPrecision) -> None:
    """Refuse the types of a layer before the sigmoid if they are finer than the sigmoid's table.

    Raises:
        PipelineError: They are; the message names the layer.
    """
    fraction = types.activation_bits - 1 - types.activation_integer_bits
    if not 0 <= fraction <= SIGMOID_FRACTION_BITS:
        raise PipelineError(
            f"--precision.{layer.replace('_', '-')} has {fraction} fractional bits before the sigmoid (activation-bits "
            f"- 1 for the sign - activation-integer-bits), and the sigmoid's table holds 0 to {SIGMOID_FRACTION_BITS}"
        )


PAPER: Mapping[str, LayerPrecision] = {
    "encoder": layer_precision((5, 0), (5, 0)),
    "latent": layer_precision((16, 5), (16, 6)),
    "decoder": layer_precision((5, 0), (5, 0)),
    "image": layer_precision((16, 5), (8, 3)),
    "classifier": layer_precision((6, 0), (6, 0)),
    "class": layer_precision((16, 6), (16, 5)),
}
"""Types of each kind of layer in the paper's revision (Table 3); the decoder's, which it has not, as the encoder's."""

AFTER_LATENT = LayerPrecision(10, 2, 10, 2, 10, 3)  # free, if hardware tabulates these layers
TUNED: Mapping[str, LayerPrecision] = {
    "encoder": LayerPrecision(3, 0, 12, 1, 5, 0),
    "encoder_1": LayerPrecision(3, 0, 12, 1, 3, 0),
    "latent": LayerPrecision(6, 1, 12, 1, 4, 2),
    "decoder": AFTER_LATENT,
    "image": LayerPrecision(10, 2, 10, 2, 8, 3),
    "classifier": AFTER_LATENT,
    "class": LayerPrecision(10, 2, 10, 2, 6, 4),
}
"""This project's best: an encoder of 3-bit weights, a latent plane of 4 + 4 bits. Biases of 12 bits cost nothing: with
them a sum is hardly ever halfway between two values of an activation, so that hardware rounds it without logic."""
