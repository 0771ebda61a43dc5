"""Golden outputs of a design: the results of its C simulation, the reference for all later comparisons."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.stages.artifacts import UNREADABLE

FILE = "csim.npz"


@dataclass(frozen=True)
class GoldenOutputs:
    """Results of the C simulation of a design.

    Attributes:
        outputs: All outputs for the test images, concatenated [N, values].
        latent: Latent points of the test images [N, dimensions].
        outputs_of_points: Outputs for every latent point [2^n, values], by its address in the `LatentSpace`; no rows if
            the design ends at the latent space, or addresses are longer than `latent_space.LARGEST_ADDRESS`.
    """

    outputs: np.ndarray
    latent: np.ndarray
    outputs_of_points: np.ndarray

    def save(self, folder: Path) -> None:
        """Save them in a design's folder."""
        np.savez_compressed(folder / FILE, **{name: values.astype(np.float32) for name, values in asdict(self).items()})


def load(folder: Path) -> GoldenOutputs:
    """Load the golden outputs from a design's folder, as float64.

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
