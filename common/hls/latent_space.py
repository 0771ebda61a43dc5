"""Latent space of a converted model: the type of its coordinates, and the address of each latent point."""

from dataclasses import dataclass

import numpy as np
from hls4ml.model.graph import ModelGraph

from common.errors import PipelineError
from common.fixed_point import FixedPoint, fixed_point
from common.networks.layout import LATENT_LAYERS

LARGEST_ADDRESS = 12  # [bit] of all coordinates: up to this, all latent points are simulated and can be tabulated


@dataclass(frozen=True)
class LatentSpace:
    """Latent space of fixed-point coordinates.

    The address of a point has the bits of all coordinates, in two's complement, the first coordinate's the highest.

    Attributes:
        layer: Layer of the model that computes the latent points.
        type: Type of each coordinate.
        dimensions: Number of coordinates.
    """

    layer: str
    type: FixedPoint
    dimensions: int

    @property
    def address_bits(self) -> int:
        """Bits of an address [bit]."""
        return self.dimensions * self.type.width

    @property
    def places(self) -> np.ndarray:
        """Value of each coordinate's lowest bit in an address, int [dimensions]."""
        return 2 ** (self.type.width * np.arange(self.dimensions - 1, -1, -1))

    def codes(self, addresses: np.ndarray) -> np.ndarray:
        """Return the coordinates at addresses, int [N], in steps of their type, int [N, dimensions]."""
        size = 2**self.type.width
        found = addresses[:, None] // self.places % size
        return np.where(found >= size // 2, found - size, found) if self.type.signed else found

    def addresses(self, points: np.ndarray) -> np.ndarray:
        """Return the address, int [N], of each latent point, float [N, dimensions]."""
        return np.rint(points / self.type.step).astype(int) % 2**self.type.width @ self.places


def latent_space(model: ModelGraph) -> LatentSpace:
    """Return the latent space of a converted model.

    Raises:
        PipelineError: The model has no latent layer.
    """
    layers = {layer.name: layer for layer in model.get_layers()}
    name = next((name for name in LATENT_LAYERS if name in layers), None)
    if name is None:
        raise PipelineError(f"the model has no layer {' or '.join(LATENT_LAYERS)}; it has {', '.join(layers)}")
    variable = layers[name].get_output_variable()
    return LatentSpace(name, fixed_point(variable.type.precision), variable.size())


def downstream(model: ModelGraph) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the layers that the latent point alone determines, and those that other inputs determine with it."""
    latent = latent_space(model).layer
    alone: list[str] = []
    joint: list[str] = []
    for layer in model.get_layers():
        sources = {model.graph[name].name for name in layer.inputs} if layer.class_name != "Input" else set()
        if sources and sources <= {latent, *alone}:
            alone.append(layer.name)
        elif sources & {latent, *alone, *joint}:
            joint.append(layer.name)
    return tuple(alone), tuple(joint)


def check(bits: int, dimensions: int) -> None:
    """Refuse a latent space with too many points for a table.

    Args:
        bits: Bits of a coordinate [bit].
        dimensions: Number of coordinates.

    Raises:
        PipelineError: Its addresses have more than `LARGEST_ADDRESS` bits; the message gives the largest width.
    """
    if bits * dimensions > LARGEST_ADDRESS:
        remedy = f"quantize with --precision.latent.activation-bits {LARGEST_ADDRESS // dimensions} or fewer"
        if dimensions > LARGEST_ADDRESS:
            remedy = f"train with --network.latent {LARGEST_ADDRESS} or fewer"
        raise PipelineError(
            f"a latent space of {dimensions} x {bits} bits has too many points for a table (at most {LARGEST_ADDRESS} "
            f"bits in all): run with --no-tabulate-latent, or {remedy}"
        )
