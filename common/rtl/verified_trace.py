"""Traced logic of a converted model, compared with the C simulation before anything uses it.

The traced logic is evaluated on all test images. Tables over the latent space are also compared as a whole, since
images reach only some of the latent points.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from alkaid.types import CombLogic
from hls4ml.model.graph import ModelGraph

from common.hls import golden_outputs, hls4ml_project, mismatches, test_bench
from common.hls.golden_outputs import GoldenOutputs
from common.hls.interface import Interface
from common.records import ExactnessRecord
from common.rtl import tabulation, tracing
from common.rtl.tracing import Aim, TracedModel
from common.stages import artifacts, finished_steps, provenance

_LOGIC = ("logic", "all_layers")  # of a `TracedModel`, in files of alkaid's format


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
    source: Path,
    golden: GoldenOutputs,
    intensities: np.ndarray,
    folder: Path,
    *,
    store: Path,
    tabulate_latent: bool,
    aim: Aim = "area",
    with_latent: bool = False,
) -> VerifiedTrace:
    """Return the traced logic of a converted model, compared with the C simulation, unless that was done before.

    Args:
        source: Folder of the design in stage 05, with `model.fml`.
        golden: Golden outputs of its C simulation.
        intensities: Test images, float [N, inputs].
        folder: Scratch folder; left unchanged, except for a log of g++ that fails on a model with a difference.
        store: Cache of finished steps.
        tabulate_latent: Whether everything downstream of the latent space is looked up.
        aim: As for `tracing.trace_model`.
        with_latent: Whether the latent point is a further output, after the model's.

    Raises:
        PipelineError: A layer cannot be traced, or there are too many latent points for a table.
    """
    model, pixels = source / "model.fml", intensities.astype(np.float64)
    options = {"tabulate_latent": tabulate_latent, "aim": aim, "with_latent": with_latent}
    arrays = (golden.outputs, golden.latent, golden.outputs_of_points, pixels)
    key = finished_steps.key_of(artifacts.sha256(model), options, *arrays, provenance.program(__name__))
    with tempfile.TemporaryDirectory(prefix="trace_", dir=folder) as scratch:

        def make() -> dict[str, Any]:
            found = _trace(model, golden, pixels, folder, **options)
            return _save(found, Path(scratch))

        return _load(Path(scratch), finished_steps.once(store, key, Path(scratch), make))


def _save(found: VerifiedTrace, folder: Path) -> dict[str, Any]:
    """Write logic and outputs into `folder`; return the rest as a JSON value, for `_load`."""
    for name in _LOGIC:
        getattr(found.traced, name).save(folder / f"{name}.json")
    np.save(folder / "outputs.npy", found.outputs)
    values = {field.name: getattr(found, field.name) for field in fields(found) if field.name != "outputs"}
    of_traced = {field.name: getattr(found.traced, field.name) for field in fields(TracedModel)}
    return values | {"traced": {name: value for name, value in of_traced.items() if name not in _LOGIC}}


def _load(folder: Path, result: dict[str, Any]) -> VerifiedTrace:
    of_traced = {name: tuple(values) for name, values in result["traced"].items()}
    logic = {name: CombLogic.load(folder / f"{name}.json") for name in _LOGIC}
    values = result | {"traced": TracedModel(**of_traced, **logic), "faults": tuple(result["faults"])}
    return VerifiedTrace(**values, outputs=np.load(folder / "outputs.npy", allow_pickle=False))


def _trace(
    path: Path,
    golden: GoldenOutputs,
    pixels: np.ndarray,
    folder: Path,
    *,
    tabulate_latent: bool,
    aim: Aim,
    with_latent: bool,
) -> VerifiedTrace:
    model = hls4ml_project.load_model(path)
    tracer = tabulation.TabulatingTracer if tabulate_latent else tracing.Hls4mlTracer
    traced = tracing.trace_model(model, tracer, (golden.interface.latent.layer,) if with_latent else (), aim)
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
            faults.append(_first_entry(golden.interface, addresses, of_points, in_tables))
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


def _first_entry(interface: Interface, addresses: np.ndarray, expected: np.ndarray, found: np.ndarray) -> str:
    """Describe the first table entry that differs."""
    mismatch = test_bench.first_mismatch(interface.outputs, expected, found)
    return f"tables: {replace(mismatch, image=int(addresses[mismatch.image]), case='latent point')}"
