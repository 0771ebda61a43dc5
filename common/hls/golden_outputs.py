"""Golden outputs of a design: the results of its C simulation, the reference for all later comparisons."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import PipelineError
from common.hls.interface import Interface
from common.stages.artifacts import UNREADABLE

FILE = "csim.npz"
_ARRAYS = ("outputs", "latent", "outputs_of_points")


@dataclass(frozen=True)
class GoldenOutputs:
    """Results of the C simulation of a design.

    Attributes:
        interface: Types of inputs and outputs.
        outputs: All outputs for the test images, concatenated [N, values].
        latent: Latent points of the test images [N, dimensions].
        outputs_of_points: Outputs for every latent point [2^n, values], by its address in the `LatentSpace`; no rows if
            the design ends at the latent space, or addresses are longer than `latent_space.LARGEST_ADDRESS`.
    """

    interface: Interface
    outputs: np.ndarray
    latent: np.ndarray
    outputs_of_points: np.ndarray

    def save(self, folder: Path) -> None:
        """Save them in a design's folder."""
        values = {name: getattr(self, name).astype(np.float32) for name in _ARRAYS}
        np.savez_compressed(folder / FILE, interface=json.dumps(self.interface.as_json()), **values)


def load(folder: Path) -> GoldenOutputs:
    """Load the golden outputs from a design's folder, as float64.

    Raises:
        PipelineError: The file is not what `save` writes.
    """
    try:
        with np.load(folder / FILE, allow_pickle=False) as file:
            interface = Interface.from_json(json.loads(file["interface"].item()))
            return GoldenOutputs(interface, **{name: file[name].astype(np.float64) for name in _ARRAYS})
    except UNREADABLE as error:
        raise PipelineError(
            f"{folder / FILE} does not hold a C simulation ({error}); run: python 05_convert_hls.py"
        ) from None
