"""All designs from their hls4ml projects to hardware: with open tools, each step proved to the bit, and an HLS tool.

The steps of all designs are tasks of one pool of processes, the longest first, so that no core waits at the end.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from common import hls, lattice, mismatches, open_synthesis, parallel, rtl, tabulation, test_bench, vendor_tools
from common.designs import Design
from common.equivalence import Proof
from common.errors import PipelineError
from common.open_synthesis import OpenOptions, Row, RtlDesign
from common.vendor_reports import SynthesisReport

HLS_ROWS = ("C synthesis", "logic synthesis")  # what follows the design's name in rows of an HLS tool


@dataclass(frozen=True)
class Build:
    """A design that is built.

    Attributes:
        design: Which one.
        source: Its folder of the stage before, with `project/`, `model.fml` and `csim.npz`.
        folder: Where results go.
        open: How it is done with open tools.
        hls_steps: What the HLS tool that the project was written for runs, or None where it is left out.
        timeout_seconds: Wall time after which a tool is killed [s].
    """

    design: Design
    source: Path
    folder: Path
    open: OpenOptions
    hls_steps: vendor_tools.BuildSteps | None
    timeout_seconds: float


@dataclass(frozen=True)
class DesignReport:
    """What was found out about one design.

    Attributes:
        design: Which one.
        exactness: Number of values that differ, by the pair of simulations that was compared.
        resources: Rows of `metrics.json` with open tools, by FPGA family or device.
        luts_by_layer: alkaid's estimate; empty where the design was not traced.
        depths: For each latency cut-off, cycles and register bits of the pipeline; empty where it was not traced.
        proofs: What was shown for every possible input, by FPGA family; empty where that was not asked for.
        routed: For each latency cut-off that was routed, its row; empty where none was.
        faults: Where exactness ended, in words; empty for an exact design.
        unfinished: What was not routed or did not get onto the board, and why.
        hls: Rows of `metrics.json` by the kind of the HLS tool's report; empty where it was left out.
    """

    design: Design
    exactness: dict[str, int]
    resources: dict[str, Row]
    luts_by_layer: dict[str, float]
    depths: dict[int, tuple[int, int]]
    proofs: dict[str, Proof]
    routed: dict[float, Row]
    faults: tuple[str, ...]
    unfinished: tuple[str, ...] = ()
    hls: dict[str, Row] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A design whose model has been read, and traced where it is quantized.

    Attributes:
        outputs: The model's outputs.
        csim: What its C simulation gave, float64 [N, values].
        rtl: Its RTL; None for a design that is not quantized.
        fault: Where alkaid's interpreter and the C simulation part, in words; None where they do not.
    """

    outputs: list[test_bench.Output]
    csim: np.ndarray
    rtl: RtlDesign | None = None
    fault: str | None = None


@dataclass(frozen=True)
class Step:
    """Something to do for a design, independent of the other steps.

    Attributes:
        design: Which one.
        name: Unique for the design.
        function: Does it.
        arguments: Of the function.
        work: How long it takes, compared with the others.
    """

    design: Design
    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    work: float

    def take(self) -> Any:  # noqa: ANN401  (each function has a result of its own)
        """Do it."""
        return self.function(*self.arguments)


def build_all(builds: Sequence[Build], intensities: np.ndarray, processes: int) -> list[DesignReport]:
    """Trace the designs; then run test benches, simulations and tools of all of them, a few at a time.

    Args:
        builds: The designs.
        intensities: Test images, float32 [N, 64].
        processes: How many run at a time.

    Raises:
        PipelineError: A tool failed, or a model cannot be traced.
    """
    tasks = [(build, intensities) for build in builds]
    prepared = parallel.run_all(prepare, tasks, processes, "tracing")
    pixels = intensities.astype(np.float64)
    steps = [step for build, ready in zip(builds, prepared, strict=True) for step in _steps(build, ready, pixels)]
    steps.sort(key=lambda step: step.work, reverse=True)
    results = parallel.run_all(Step.take, [(step,) for step in steps], processes, "simulating, synthesizing")
    found = {(step.design, step.name): result for step, result in zip(steps, results, strict=True)}
    proofs = [
        Step(build.design, "proofs", open_synthesis.prove, (str(build.design), ready.rtl, build.open), 0)
        for build, ready in zip(builds, prepared, strict=True)
        if ready.rtl and build.open.prove
    ]
    if proofs:
        results = parallel.run_all(Step.take, [(step,) for step in proofs], processes, "proving")
        found |= {(step.design, step.name): result for step, result in zip(proofs, results, strict=True)}
    return [
        assemble(build, ready, {name: result for (design, name), result in found.items() if design == build.design})
        for build, ready in zip(builds, prepared, strict=True)
    ]


def build_alone(build: Build, intensities: np.ndarray) -> DesignReport:
    """Build one design in this process, one step after the other; arguments and errors as those of `build_all`."""
    ready = prepare(build, intensities)
    steps = _steps(build, ready, intensities.astype(np.float64))
    return assemble(build, ready, {step.name: step.take() for step in steps})


def prepare(build: Build, intensities: np.ndarray) -> Prepared:
    """Read a design's model; trace it, run alkaid's interpreter and write RTL where it is quantized."""
    from common import c_simulation  # brings TensorFlow, which no other step needs

    parallel.say(f"{build.design}: tracing")
    build.folder.mkdir(parents=True)
    model = hls.load_model(build.source / "model.fml")
    outputs = c_simulation.outputs_of(model)
    with np.load(build.source / "csim.npz") as file:
        csim = file["outputs"].astype(np.float64)
    if not build.design.quantized:
        return Prepared(outputs, csim)
    traced = rtl.trace_model(model, tabulation.TabulatingTracer if build.open.tabulate_latent else rtl.Hls4mlTracer)
    design = open_synthesis.write_rtl(model, traced, intensities.astype(np.float64), build.folder / "rtl", build.open)
    fault = None
    if np.any(design.outputs != csim):
        expected = c_simulation.c_simulate_elsewhere(model, intensities, build.folder / "c_simulation")
        shutil.rmtree(build.folder / "c_simulation")
        layers = traced.layer_values(intensities.astype(np.float64))
        expected = {name: values for name, values in expected.items() if name in layers}
        types = c_simulation.types_of(model), traced.layer_types()
        fault = str(mismatches.first_mismatch(expected, layers, *types))
    return Prepared(outputs, csim, design, fault)


def _steps(build: Build, prepared: Prepared, pixels: np.ndarray) -> list[Step]:
    design, name = build.design, str(build.design)
    steps = [Step(design, "test_bench", run_test_bench, (build, prepared.outputs), 0)]
    if build.hls_steps is not None:
        steps.append(Step(design, "hls", run_hls_tool, (build,), np.inf))
    if prepared.rtl:
        luts = sum(prepared.rtl.luts_by_layer.values())
        arguments = (pixels, build.open)
        steps.append(Step(design, "rtl", open_synthesis.simulate_rtl, (name, prepared.rtl, *arguments), luts / 2))
        for family in build.open.families:
            steps.append(
                Step(design, family, open_synthesis.synthesize, (name, prepared.rtl, family, *arguments), luts)
            )
        steps += [
            Step(design, words, function, (design, build.source, build.folder, pixels, build.open, *more), 10 * luts)
            for words, function, *more in lattice.steps(build.open)
        ]
    return steps


def run_test_bench(build: Build, outputs: Sequence[test_bench.Output]) -> np.ndarray:
    """Run a copy of a design's C++ test bench, and return its outputs, float64 [N, values]."""
    parallel.say(f"{build.design}: C++ test bench")
    project = shutil.copytree(build.source / "project", build.folder / "test_bench")
    found = test_bench.run(project, outputs)
    test_bench.keep_results(project)
    return found


def assemble(build: Build, prepared: Prepared, results: dict[str, Any]) -> DesignReport:
    """Put together what the steps of one design gave."""
    bench, csim, hls_rows = results["test_bench"], prepared.csim, results.get("hls", {})
    exactness = {"csim_test_bench": int(np.count_nonzero(bench != csim))}
    faults = []
    if exactness["csim_test_bench"]:
        faults.append(f"test bench: {test_bench.first_mismatch(prepared.outputs, csim, bench)}")
    if prepared.rtl is None:
        return DesignReport(build.design, exactness, {}, {}, {}, {}, {}, tuple(faults), hls=hls_rows)

    exactness["csim_alir"] = int(np.count_nonzero(prepared.rtl.outputs != csim))
    simulated = results["rtl"]
    exactness["alir_rtl"] = simulated.differing
    faults += [f"alkaid: {prepared.fault}"] if prepared.fault else []
    faults += [f"RTL: {simulated.first_mismatch}"] if simulated.differing else []
    resources = {}
    for family in build.open.families:
        resources[family], verification = results[family]
        differing = int(np.count_nonzero(verification.outputs != simulated.outputs))
        exactness["rtl_netlist"] = exactness.get("rtl_netlist", 0) + differing
        if differing:
            faults.append(f"netlist for {family}: {verification.first_mismatch or 'equal to alkaid, unlike the RTL'}")
    on_lattice = lattice.collect(build.open, results)
    resources |= on_lattice.resources
    for pair, differing in on_lattice.exactness.items():
        exactness[pair] = exactness.get(pair, 0) + differing
    faults += on_lattice.faults
    proofs: dict[str, Proof] = results.get("proofs", {})
    for family, proof in proofs.items():
        faults += [f"netlist for {family}: {example}" for example in proof.refuted.values()]
        resources[family] |= {"stages": proof.stages, "stages_proven": len(proof.proven)}
    luts, depths = prepared.rtl.luts_by_layer, prepared.rtl.depths
    return DesignReport(
        build.design,
        exactness,
        resources,
        luts,
        depths,
        proofs,
        on_lattice.routed,
        tuple(faults),
        on_lattice.unfinished,
        hls_rows,
    )


def run_hls_tool(build: Build) -> dict[str, Row]:
    """Run a copy of a design's project through the HLS tool, leave it with its reports, and return what they say."""
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
    rows = dict(zip(HLS_ROWS, (reports.c_synthesis, reports.logic_synthesis), strict=True))
    return {name: _row(report) for name, report in rows.items() if report is not None}


def _row(report: SynthesisReport) -> Row:
    row = {
        "tool": f"{report.tool} {report.tool_version}",
        "part": report.part,
        "estimate": report.estimate,
        "lut": report.lut,
        "ff": report.ff,
        "dsp": report.dsp,
        "bram": report.bram_18k,
        "latency_cycles": report.latency_cycles_max,
        "initiation_interval": report.initiation_interval_max,
        "clock_ns": report.clock_estimated_ns,
    }
    return {name: value for name, value in row.items() if value is not None}
