"""Fixed-point numbers as Vivado HLS's `ap_fixed` defines them (UG902, 'Arbitrary Precision Fixed-Point Data Types')."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from common.errors import PipelineError

if TYPE_CHECKING:
    from hls4ml.model.types import PrecisionType


@dataclass(frozen=True)
class FixedPoint:
    """The type `ap_fixed<width, integer, rounding, overflow>`, or `ap_ufixed` if unsigned.

    Attributes:
        width: Total bits [bit].
        integer: Bits left of the binary point, including the sign [bit].
        signed: Whether the first bit is a sign.
        rounding: `TRN` (down), `RND` (to nearest, half up) or `RND_CONV` (to nearest, half to even).
        overflow: `WRAP` (drop leading bits) or `SAT` (nearest representable value).
    """

    width: int
    integer: int
    signed: bool = True
    rounding: str = "TRN"
    overflow: str = "WRAP"

    def __post_init__(self) -> None:
        if self.rounding not in ("TRN", "RND", "RND_CONV") or self.overflow not in ("WRAP", "SAT"):
            raise PipelineError(f"rounding {self.rounding} with overflow {self.overflow} is not supported")

    @property
    def fraction(self) -> int:
        """Bits right of the binary point; negative if the step exceeds 1 [bit]."""
        return self.width - self.integer

    @property
    def step(self) -> float:
        """Distance between neighbouring values."""
        return 2.0**-self.fraction

    @property
    def low(self) -> float:
        """Smallest value."""
        return -(2.0 ** (self.integer - 1)) if self.signed else 0.0

    @property
    def high(self) -> float:
        """Largest value."""
        return self.low + 2.0**self.integer - self.step

    @property
    def layout(self) -> str:
        """Sign, total bits and integer bits, without rounding and overflow: `ufixed<5,0>`."""
        return f"{'fixed' if self.signed else 'ufixed'}<{self.width},{self.integer}>"

    def cast(self, values: np.ndarray) -> np.ndarray:
        """Return values converted to this type, float64; exact for values of up to 53 bits."""
        scaled = np.asarray(values, dtype=np.float64) / self.step
        rounded = {"TRN": np.floor, "RND": lambda x: np.floor(x + 0.5), "RND_CONV": np.rint}[self.rounding](scaled)
        low, high = self.low / self.step, self.high / self.step
        if self.overflow == "SAT":
            rounded = np.clip(rounded, low, high)
        return ((rounded - low) % 2.0**self.width + low) * self.step

    def __str__(self) -> str:
        return f"{self.layout[:-1]},{self.rounding},{self.overflow}>"


def fixed_point(precision: "PrecisionType") -> FixedPoint:
    """Return the fixed-point type of an hls4ml precision.

    Raises:
        PipelineError: The precision is neither fixed-point nor integer, or its rounding is not supported.
    """
    from hls4ml.model.types import FixedPrecisionType, IntegerPrecisionType

    if not isinstance(precision, FixedPrecisionType | IntegerPrecisionType):
        raise PipelineError(f"precision {precision} is neither fixed-point nor integer")
    rounding = getattr(precision, "rounding_mode", None)
    overflow = getattr(precision, "saturation_mode", None)
    return FixedPoint(
        precision.width,
        precision.integer,
        bool(precision.signed),
        str(rounding or "TRN").removeprefix("AP_"),
        str(overflow or "WRAP").removeprefix("AP_"),
    )
