"""Build of all designs from their hls4ml projects, with open tools (each step verified bit by bit) and an HLS tool.

The steps of all designs are tasks of one process pool, the longest first, so that no core is idle at the end.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import PipelineError
from common.hls import golden_outputs, test_bench, vendor_tools
from common.hls.designs import Design
from common.hls.golden_outputs import GoldenOutputs
from common.hls.vendor_reports import SynthesisReport
from common.records import ESTIMATE, SYNTHESIS, DesignRecord
from common.rtl import verified_trace
from common.rtl.tracing import Aim
from common.rtl.verified_trace import VerifiedTrace
from common.running import parallel
from common.stages import finished_steps, provenance
from common.synthesis import open_tools
from common.synthesis.open_tools import OpenOptions
from common.synthesis.reports import DesignReport, Findings, Prepared, assemble
from common.verification import vhdl_simulation


@dataclass(frozen=True)
class FurtherStep:
    """Further step of a design, such as routing, from a package above this one.

    Attributes:
        name: Name of its results, unique for the design.
        part: Target FPGA device or board.
        take: Function of the build and the test images, float64 [N, 64]; runs in another process.
    """

    name: str
    part: str
    take: "Callable[[Build, np.ndarray], Findings]"


@dataclass(frozen=True)
class Build:
    """A design to build, and how.

    Attributes:
        design: Which one.
        source: Its folder in stage 05, with `project/`, `model.fml` and `csim.npz`.
        folder: Output folder.
        open: Options of the open tools.
        hls_steps: Steps of the HLS tool that the project is for, or None to skip it.
        timeout_seconds: Wall time after which a tool is killed [s].
        further: Further steps of a design that becomes RTL.
        vectors: Test vectors, float32 [N, 64], where they are not the test images.
    """

    design: Design
    source: Path
    folder: Path
    open: OpenOptions
    hls_steps: vendor_tools.BuildSteps | None
    timeout_seconds: float
    further: tuple[FurtherStep, ...] = ()
    vectors: np.ndarray | None = None

    def trace(
        self, golden: GoldenOutputs, intensities: np.ndarray, aim: Aim = "area", *, with_latent: bool = False
    ) -> VerifiedTrace:
        """Return the design's traced logic, see `verified_trace.trace`."""
        return verified_trace.trace(
            self.source,
            golden,
            intensities,
            self.folder,
            store=self.open.finished,
            tabulate_latent=self.open.tabulate_latent,
            aim=aim,
            with_latent=with_latent,
        )


@dataclass(frozen=True)
class Step:
    """Task of a design, independent of its other steps.

    Attributes:
        design: Which one.
        name: Unique for the design.
        function: Function to call.
        arguments: Its arguments.
        work: Expected run time relative to the others.
    """

    design: Design
    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    work: float

    def take(self) -> Any:  # noqa: ANN401  (each function has a result of its own)
        """Call the function and return its result."""
        return self.function(*self.arguments)


def build_all(builds: Sequence[Build], intensities: np.ndarray, processes: int) -> list[DesignReport]:
    """Trace all designs, then run their test benches, simulations and tools; return a report of each.

    Args:
        builds: The designs.
        intensities: Test images, float32 [N, 64].
        processes: Number of processes.

    Raises:
        PipelineError: A tool failed, or a model cannot be traced.
    """
    tasks = [(build, intensities if build.vectors is None else build.vectors) for build in builds]
    prepared = parallel.run_all(prepare, tasks, processes, "tracing")
    steps = [
        step
        for (build, vectors), ready in zip(tasks, prepared, strict=True)
        for step in _steps(build, ready, vectors.astype(np.float64))
    ]
    steps.sort(key=lambda step: step.work, reverse=True)
    results = parallel.run_all(Step.take, [(step,) for step in steps], processes, "simulating, synthesizing")
    found = {(step.design, step.name): result for step, result in zip(steps, results, strict=True)}
    proofs = [
        Step(build.design, "proofs", open_tools.prove, (str(build.design), ready.rtl, build.open), 0)
        for build, ready in zip(builds, prepared, strict=True)
        if ready.rtl and build.open.prove and build.open.families
    ]
    if proofs:
        results = parallel.run_all(Step.take, [(step,) for step in proofs], processes, "proving")
        found |= {(step.design, step.name): result for step, result in zip(proofs, results, strict=True)}
    return [
        _assembled(build, ready, {name: result for (design, name), result in found.items() if design == build.design})
        for build, ready in zip(builds, prepared, strict=True)
    ]


def build_alone(build: Build, intensities: np.ndarray) -> DesignReport:
    """Build one design step by step in this process; arguments and errors as for `build_all`."""
    ready = prepare(build, intensities)
    steps = _steps(build, ready, intensities.astype(np.float64))
    return _assembled(build, ready, {step.name: step.take() for step in steps})


def _assembled(build: Build, ready: Prepared, results: dict[str, Any]) -> DesignReport:
    parts = {step.name: step.part for step in build.further}
    return assemble(build.design, build.open.families, parts, ready, results | results.get("netlists", {}))


def prepare(build: Build, intensities: np.ndarray) -> Prepared:
    """Read a design's model; if it is quantized, trace it, compare it with the C simulation and write RTL."""
    parallel.say(f"{build.design}: tracing")
    build.folder.mkdir(parents=True)
    golden = golden_outputs.load(build.source)
    if not build.design.quantized:
        return Prepared(golden)
    trace = build.trace(golden, intensities)
    design = open_tools.write_rtl(golden.interface.input_type, trace, build.folder / "rtl", build.open)
    return Prepared(golden, design, trace.exactness(design=str(build.design)), trace.faults)


def _steps(build: Build, prepared: Prepared, pixels: np.ndarray) -> list[Step]:
    design, name = build.design, str(build.design)
    steps = [Step(design, "test_bench", run_test_bench, (build, prepared.golden), 0)]
    if build.hls_steps is not None:
        steps.append(Step(design, "hls", run_hls_tool, (build,), np.inf))
    if prepared.rtl:
        luts = sum(prepared.rtl.luts_by_layer.values())
        arguments = (pixels, build.open)
        steps.append(Step(design, "rtl", open_tools.simulate_rtl, (name, prepared.rtl, *arguments), luts / 8))
        if prepared.rtl.vhdl and vhdl_simulation.is_available():
            steps.append(Step(design, "vhdl", open_tools.simulate_vhdl, (name, prepared.rtl, *arguments), luts))
        if build.open.families:
            steps.append(Step(design, "netlists", open_tools.synthesize, (name, prepared.rtl, *arguments), luts / 2))
        steps += [Step(design, step.name, step.take, (build, pixels), 10 * luts) for step in build.further]
    return steps


def run_test_bench(build: Build, golden: GoldenOutputs) -> np.ndarray:
    """Run a copy of a design's C++ test bench, unless it was run before; return its outputs, float64 [N, values]."""
    parallel.say(f"{build.design}: C++ test bench")
    project, folder = build.source / "project", build.folder / "test_bench"

    def make() -> dict[str, Any]:
        test_bench.run(shutil.copytree(project, folder))
        test_bench.keep_results(folder)
        return {}

    key = finished_steps.key_of(project, provenance.program(test_bench.__name__))
    finished_steps.once(build.open.finished, key, folder, make)
    return test_bench.results(folder, golden.interface.outputs, len(golden.outputs))


def run_hls_tool(build: Build) -> list[DesignRecord]:
    """Run the HLS tool on a copy of a design's project, and return the records of its reports."""
    project = vendor_tools.open_project(shutil.copytree(build.source / "project", build.folder / "vendor"))
    try:
        reports = vendor_tools.build_project(
            project,
            build.hls_steps,
            timeout_seconds=build.timeout_seconds,
            on_line=lambda line: parallel.say(f"{build.design}: {line[:60]}"),
        )
    except PipelineError as error:
        raise PipelineError(f"{error}; to leave the HLS tool out: --tool open") from error
    found = (reports.c_synthesis, reports.logic_synthesis)
    return [_record(str(build.design), report) for report in found if report is not None]


def _record(design: str, report: SynthesisReport) -> DesignRecord:
    return DesignRecord(
        design=design,
        kind=ESTIMATE if report.estimate else SYNTHESIS,
        tool=f"{report.tool} {report.tool_version}",
        part=report.part,
        lut=report.lut,
        ff=report.ff,
        dsp=report.dsp,
        bram=report.bram_18k,
        latency_cycles=report.latency_cycles_max,
        initiation_interval=report.initiation_interval_max,
        clock_ns=report.clock_estimated_ns,
    )
