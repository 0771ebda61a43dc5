"""Traced logic of a converted model, compared with the C simulation before anything uses it.

The traced logic is evaluated on all test images. Tables over the latent space are also compared as a whole, since
images reach only some of the latent points.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from hls4ml.model.graph import ModelGraph

from common.hls import golden_outputs, latent_space, mismatches, test_bench
from common.hls.golden_outputs import GoldenOutputs
from common.records import ExactnessRecord
from common.rtl import tabulation, tracing
from common.rtl.tracing import Aim, TracedModel


@dataclass(frozen=True)
class VerifiedTrace:
    """Traced logic of a model, and its differences from the C simulation.

    Attributes:
        traced: Traced logic.
        outputs: Its outputs for the test images, float64 [N, values].
        differing: How many of these differ from the C simulation.
        entries: Number of values in the tables over the latent space; 0 without tables.
        differing_entries: How many of these differ from the C simulation.
        faults: Description of the first value that differs: over the images, in the tables.
    """

    traced: TracedModel
    outputs: np.ndarray
    differing: int
    entries: int
    differing_entries: int
    faults: tuple[str, ...]

    def exactness(self, further: Mapping[str, int] | None = None, **which: str) -> tuple[ExactnessRecord, ...]:
        """Return the comparison of the traced logic with the C simulation, over the images and in any tables.

        Args:
            further: Counts of other pairs of simulations over the images.
            which: Design, and part and flow that it was traced for.
        """
        counts = {"csim_alir": self.differing, **(further or {})}
        found = ExactnessRecord(**which, images=len(self.outputs), values=self.outputs.size, differing=counts)
        if not self.entries:
            return (found,)
        flow, counts = ", ".join(filter(None, (found.flow, "tables"))), {"csim_table": self.differing_entries}
        return found, replace(found, flow=flow, images=None, values=self.entries, differing=counts)


def trace(
    model: ModelGraph,
    golden: GoldenOutputs,
    intensities: np.ndarray,
    folder: Path,
    *,
    tabulate_latent: bool,
    aim: Aim = "area",
    with_latent: bool = False,
) -> VerifiedTrace:
    """Return the traced logic of a converted model, compared with the C simulation.

    Args:
        model: The converted model.
        golden: Golden outputs of its C simulation.
        intensities: Test images, float [N, inputs].
        folder: Scratch folder to compile the C++ again if a layer differs; left unchanged.
        tabulate_latent: Whether everything downstream of the latent space is looked up.
        aim: As for `tracing.trace_model`.
        with_latent: Whether the latent point is a further output, after the model's.

    Raises:
        PipelineError: A layer cannot be traced, or there are too many latent points for a table.
    """
    tracer = tabulation.TabulatingTracer if tabulate_latent else tracing.Hls4mlTracer
    traced = tracing.trace_model(model, tracer, (latent_space.latent_space(model).layer,) if with_latent else (), aim)
    pixels = intensities.astype(np.float64)
    found = traced.logic.predict(pixels)
    expected = np.concatenate([golden.outputs, golden.latent], axis=1) if with_latent else golden.outputs
    differing = int(np.count_nonzero(found != expected))
    faults = [_first_layer(model, traced, pixels, folder)] if differing else []
    entries = differing_entries = 0
    if tabulate_latent and golden.outputs_of_points.size:
        addresses, in_tables = tabulation.entries(model, traced)
        in_tables, of_points = in_tables[:, : golden.outputs.shape[1]], golden.outputs_of_points[addresses]
        entries, differing_entries = in_tables.size, int(np.count_nonzero(in_tables != of_points))
        if differing_entries:
            faults.append(_first_entry(model, addresses, of_points, in_tables))
    return VerifiedTrace(traced, found, differing, entries, differing_entries, tuple(faults))


def _first_layer(model: ModelGraph, traced: TracedModel, pixels: np.ndarray, folder: Path) -> str:
    """Describe the first layer that differs from the model's C++, compiled again to get the values of all layers."""
    from common.hls import c_simulation  # imports TensorFlow, which nothing else here needs

    scratch = Path(tempfile.mkdtemp(prefix="c_simulation_", dir=folder))  # stays, with its log, if g++ fails
    expected = c_simulation.c_simulate_elsewhere(model, pixels.astype(np.float32), scratch)
    shutil.rmtree(scratch)
    found = traced.layer_values(pixels)
    expected = {name: values for name, values in expected.items() if name in found}
    mismatch = mismatches.first_mismatch(expected, found, c_simulation.types_of(model), traced.layer_types())
    return str(
        mismatch
        or f"no layer differs by itself: {golden_outputs.FILE} is not of this model's C++, or a pass changed the logic"
    )


def _first_entry(model: ModelGraph, addresses: np.ndarray, expected: np.ndarray, found: np.ndarray) -> str:
    """Describe the first table entry that differs."""
    from common.hls import c_simulation

    mismatch = test_bench.first_mismatch(c_simulation.outputs_of(model), expected, found)
    return f"tables: {replace(mismatch, image=int(addresses[mismatch.image]), case='latent point')}"
