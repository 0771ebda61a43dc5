"""Step that puts a design on a board: simulate its top level through the serial line, route it, make the bitstream."""

import tempfile
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import serial

from common.board import boards, host
from common.board import simulation as board_simulation
from common.board.boards import BOARDS, BoardOptions
from common.board.protocol import BoardDesign, Port
from common.errors import PipelineError
from common.fixed_point import FixedPoint
from common.hls import golden_outputs, test_bench
from common.hls.interface import Output
from common.lattice.place_and_route import PlaceAndRouteOptions
from common.networks.layout import IMAGE
from common.records import DesignRecord, ExactnessRecord
from common.rtl import pipeline
from common.rtl.verified_trace import VerifiedTrace
from common.running import parallel
from common.stages import finished_steps, provenance
from common.synthesis import yosys
from common.synthesis.building import Build, FurtherStep
from common.synthesis.reports import Findings

ANSWER_SECONDS = 120  # a simulated board may share its processor


def steps(options: BoardOptions, routing: PlaceAndRouteOptions) -> tuple[FurtherStep, ...]:
    """Return the step that puts a design on a board, at the first latency cut-off of `routing`."""
    return (FurtherStep(options.name, options.name, partial(put_on_board, options=options, routing=routing)),)


def put_on_board(build: Build, pixels: np.ndarray, options: BoardOptions, routing: PlaceAndRouteOptions) -> Findings:
    """Simulate the top level of a design through its serial line, and make its bitstream; return the findings.

    A missing bitstream (the routed design is too slow, or a tool failed) is a finding, not an error.

    Args:
        build: The design.
        pixels: Test images, float64 [N, pixels].
        options: Which board.
        routing: Latency cut-off, seed and target clock; its FPGA is replaced by the board's.
    """
    design, folder = build.design, build.folder / "board"
    trace, on_board, outputs, expected = _write_verilog(build, pixels, options, routing.latency_cutoffs[0])
    chip = BOARDS[options.name]
    routing = replace(routing, device=chip.device, package=chip.package, speed_grade=chip.speed_grade)

    def simulate() -> dict[str, Any]:
        found = _simulate(folder, on_board, options, pixels[: len(expected)], build.open.timeout_seconds)
        mismatch = test_bench.first_mismatch(outputs, expected, found)
        fault = f"simulated board: {mismatch}" if mismatch else ""
        return {"differing": int(np.count_nonzero(found != expected)), "fault": fault}

    def make() -> dict[str, Any]:
        routed = boards.write_bitstream(
            folder,
            options,
            routing,
            timeout_seconds=build.open.timeout_seconds,
            on_step=lambda step: parallel.say(f"{design} on the board: {step}"),
        )
        record = routed.record(
            yosys.version(), on_board.latency_cycles, **which, package=f"{routing.device}, {routing.chip}"
        )
        return replace(
            record,
            clock_ns=round(1000 / options.clock_mhz, 3),
            latency_ns=round(1000 * on_board.latency_cycles / options.clock_mhz, 2),
            slack_ns=round(1000 / options.clock_mhz - routed.clock_ns, 3),
            log=f"{design}/{folder.name}/routed.log",
        ).as_json()

    which = {"design": str(design), "part": options.name}
    exactness = trace.exactness(**which)
    faults = [f"traced for {options.name}: {fault}" for fault in trace.faults]
    sources, simulation = folder / "src", folder / "simulation"
    program = provenance.program(__name__)
    simulated = finished_steps.key_of(sources, asdict(options), program, pixels[: options.images], expected)
    made = finished_steps.key_of(
        sources, asdict(options), asdict(replace(routing, designs=(), latency_cutoffs=())), program
    )
    try:
        found = finished_steps.once(build.open.finished, simulated, simulation, simulate)
        images, differing = len(expected), {"csim_uart": found["differing"]}
        exactness += (
            ExactnessRecord(**which, flow="serial line", images=images, values=expected.size, differing=differing),
        )
        faults += filter(None, [found["fault"]])
        record = DesignRecord.from_json(finished_steps.once(build.open.finished, made, folder, make))
    except PipelineError as error:
        return Findings(None, exactness, tuple(faults), f"{design} has no bitstream: {error}")
    record = replace(record, uart_images=images, uart_differing=found["differing"])
    return Findings(record, exactness, tuple(faults))


def _write_verilog(
    build: Build, pixels: np.ndarray, options: BoardOptions, cutoff: float
) -> tuple[VerifiedTrace, BoardDesign, list[Output], np.ndarray]:
    """Trace a design, with the latent point as a further output, and write the Verilog of the board.

    Returns:
        The traced logic, the design on the board, its outputs, and the golden outputs, float64 [images, outputs].
    """
    folder = build.folder / "board"
    golden = golden_outputs.load(build.source)
    outputs, space = list(golden.interface.outputs), golden.interface.latent
    pipeline_options = pipeline.PipelineOptions(cutoff, "verilog", build.open.part, build.open.clock_ns)
    last = "logits" if build.design.has_logits else "latent"
    parts = {IMAGE if output.layer == IMAGE else last: output.size for output in outputs}
    with_latent = "latent" not in parts
    trace = build.trace(golden, pixels, "delay", with_latent=with_latent)
    registers = pipeline.registers(trace.traced, pipeline_options)
    on_board = BoardDesign(
        design=str(build.design),
        board=options.name,
        inputs=_input_port(registers, golden.interface.input_type),
        outputs=_output_port(registers[pipeline.OUTPUT_PORT]),
        parts=parts | {"latent": space.dimensions},
        baud=options.baud,
        clock_mhz=options.clock_mhz,
        latency_cycles=pipeline.cost(trace.traced, pipeline_options)[0],
    )
    expected = golden.outputs[: options.images]
    if with_latent:
        outputs.append(Output(space.layer, space.dimensions, space.type))
        expected = np.concatenate([expected, golden.latent[: options.images]], axis=1)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        pipeline.write_rtl(trace.traced, Path(scratch), pipeline_options)
        boards.write_top_level(folder, Path(scratch) / "src", on_board, options)
    return trace, on_board, outputs, expected


def _input_port(registers: dict[str, pipeline.PipelineRegister], input_type: FixedPoint) -> Port:
    widths = next(iter(registers.values())).stage.inp_kifs.sum(axis=0).tolist()
    return Port(tuple(widths), (False,) * len(widths), (input_type.fraction,) * len(widths))


def _output_port(register: pipeline.PipelineRegister) -> Port:
    types = register.types
    return Port(register.widths, tuple(word.signed for word in types), tuple(word.fraction for word in types))


def _simulate(
    folder: Path, on_board: BoardDesign, options: BoardOptions, pixels: np.ndarray, timeout_seconds: float
) -> np.ndarray:
    """Send images through the simulated serial line; return the results, float64 [N, outputs]."""

    def say(step: str) -> None:
        parallel.say(f"{on_board.design} on the simulated board: {step}")

    output = folder / "simulation"
    with board_simulation.only_logs_stay(output):
        program = board_simulation.build(folder, output, timeout_seconds=timeout_seconds, on_step=say)
        with (
            board_simulation.running(program, options) as port,
            serial.Serial(port, options.baud, timeout=ANSWER_SECONDS) as line,
        ):
            return host.classify(
                line, on_board, pixels, lambda place, _: say(f"image {place + 1:,} of {len(pixels):,}")
            )
