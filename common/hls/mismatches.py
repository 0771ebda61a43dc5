"""First mismatch of two computations of one network: layer, position, both values and both types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Layers = Mapping[str, np.ndarray]
"""Values of each layer by name, in order, [N, units]."""

Types = Mapping[str, Sequence[str]]
"""Type of each unit, such as `ufixed<5,0>`, by layer name."""


@dataclass(frozen=True)
class Mismatch:
    """A value that differs between two computations.

    Attributes:
        layer: Name of its layer.
        image: Number of the test image.
        place: Position in the layer, in words: unit, or word of a register.
        expected: Value of the first computation.
        expected_type: Its type.
        found: Value of the second computation.
        found_type: Its type.
        case: What `image` counts, if the inputs are not test images.
    """

    layer: str
    image: int
    place: str
    expected: float
    expected_type: str
    found: float
    found_type: str
    case: str = "image"

    def __str__(self) -> str:
        return (
            f"first difference in layer {self.layer}, {self.case} {self.image}, {self.place}: {self.expected!r} "
            f"expected as {self.expected_type}, {self.found!r} found as {self.found_type}"
        )


def first_mismatch(expected: Layers, found: Layers, expected_types: Types, found_types: Types) -> Mismatch | None:
    """Return the first value that differs, in order of layers, images and units, or None if all agree.

    Args:
        expected: Values of the first computation.
        found: Values of the second one, for at least the same layers.
        expected_types: Types of the first one.
        found_types: Types of the second one.
    """
    for layer, values in expected.items():
        differing = np.argwhere(values != found[layer])
        if len(differing):
            image, unit = (int(index) for index in differing[0])
            return Mismatch(
                layer,
                image,
                f"unit {unit}",
                float(values[image, unit]),
                expected_types[layer][unit],
                float(found[layer][image, unit]),
                found_types[layer][unit],
            )
    return None
