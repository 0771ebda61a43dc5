"""The golden outputs of a design: what its C simulation gave, which every later computation is compared with."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.stages.artifacts import UNREADABLE

FILE = "csim.npz"
LARGEST_WIDTH = 6  # bits a coordinate up to which all latent points are simulated, and may be tabulated: 4,096 points


@dataclass(frozen=True)
class GoldenOutputs:
    """What the C simulation of a design gave.

    Attributes:
        outputs: For the test images, all outputs side by side [N, values].
        latent: The points of the test images in the latent plane [N, 2].
        outputs_of_points: The outputs for every point of the latent plane [2^n, values], the first coordinate's bits
            above the second's; no rows where nothing is downstream of the plane, or where a coordinate has more bits
            than `LARGEST_WIDTH`.
    """

    outputs: np.ndarray
    latent: np.ndarray
    outputs_of_points: np.ndarray

    def save(self, folder: Path) -> None:
        """Write them into a design's folder."""
        np.savez_compressed(folder / FILE, **{name: values.astype(np.float32) for name, values in asdict(self).items()})


def load(folder: Path) -> GoldenOutputs:
    """Return the golden outputs in a design's folder, as float64.

    Raises:
        PipelineError: The file is not what `save` writes.
    """
    try:
        with np.load(folder / FILE, allow_pickle=False) as file:
            names = GoldenOutputs.__dataclass_fields__
            return GoldenOutputs(**{name: file[name].astype(np.float64) for name in names})
    except UNREADABLE as error:
        raise PipelineError(
            f"{folder / FILE} does not hold a C simulation ({error}); run: python 05_convert_hls.py"
        ) from None
