"""One design on a board: its top level simulated bit by bit through the serial line, then routed and packed."""

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import serial
from hls4ml.model.graph import ModelGraph

from common import (
    board,
    board_host,
    board_simulation,
    ecp5,
    finished_steps,
    integer_network,
    parallel,
    pipeline,
    rtl,
    yosys,
)
from common.board import BOARDS, BoardOptions
from common.board_protocol import BoardDesign, Port
from common.designs import Design
from common.errors import PipelineError
from common.fixed_point import FixedPoint
from common.place_and_route import PlaceAndRouteOptions
from common.place_and_route import version as router_version
from common.tabulation import PLANE

PARTS = {"encoder": {"latent": 2}, "encoder_classifier": {"logits": 10}, "full": {"image": 64, "logits": 10}}
ANSWER_SECONDS = 120  # a simulated board may share its processor


@dataclass(frozen=True)
class LoadedDesign:
    """What putting a design on a board gave.

    Attributes:
        row: Of `metrics.json`; None where there is no bitstream.
        differing: Values that differ between C simulation and simulated board.
        fault: How many do, in words; empty where none does.
        unfinished: Why there is no bitstream; empty where there is one.
    """

    row: dict[str, Any] | None
    differing: int
    fault: str
    unfinished: str


def load(
    design: Design,
    model: ModelGraph,
    tracer: type[rtl.Hls4mlTracer],
    csim: np.ndarray,
    pixels: np.ndarray,
    folder: Path,
    options: BoardOptions,
    routing: PlaceAndRouteOptions,
    pipeline_options: pipeline.PipelineOptions,
    *,
    store: Path,
    timeout_seconds: float,
) -> LoadedDesign:
    """Simulate the top level of a design through its serial line, and make its bitstream.

    That there is none, because the routed design is too slow or a tool failed, is a finding, not an error.

    Args:
        design: Which one.
        model: Its converted model.
        tracer: How layers become logic.
        csim: Outputs of the C simulation for the images, float64 [N, outputs].
        pixels: Test images, float64 [N, 64].
        folder: Where the top level, the bitstream and the logs go.
        options: Which board.
        routing: Seed, and the clock that is aimed at; its FPGA gives way to the board's.
        pipeline_options: How the RTL is written.
        store: Of finished steps.
        timeout_seconds: Wall time after which a tool is killed [s].
    """
    parts = PARTS[design.cut]
    beside = () if "latent" in parts else (PLANE,)
    traced = rtl.trace_model(model, tracer, beside, aim="delay")
    registers = pipeline.registers(traced, pipeline_options)
    input_type = rtl.input_type(model)
    on_board = BoardDesign(
        design=str(design),
        board=options.name,
        inputs=_input_port(registers, input_type),
        outputs=_output_port(registers[pipeline.OUTPUT_PORT]),
        parts=parts | {"latent": 2},
        baud=options.baud,
        clock_mhz=options.clock_mhz,
        latency_cycles=pipeline.cost(traced, pipeline_options)[0],
    )
    chip = BOARDS[options.name]
    routing = replace(routing, device=chip.device, package=chip.package, speed_grade=chip.speed_grade)
    expected = _expected(model, csim, pixels, input_type, alone=not beside)[: options.images]
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        pipeline.write_rtl(traced, Path(scratch), pipeline_options)
        board.write_top_level(folder, Path(scratch) / "src", on_board, options)

    def simulate() -> dict[str, Any]:
        return {"differing": _simulate(folder, on_board, options, pixels, expected, timeout_seconds)}

    def make() -> dict[str, Any]:
        routed = board.write_bitstream(
            folder,
            options,
            routing,
            timeout_seconds=timeout_seconds,
            on_step=lambda step: parallel.say(f"{design} on the board: {step}"),
        )
        return {
            "tool": f"{yosys.version()}, {router_version()}",
            "part": f"{chip.title}: {chip.device}, {chip.package}, speed grade {chip.speed_grade}",
            "estimate": False,
            "routed": True,
            "lut": routed.used["TRELLIS_COMB"],
            "ff": routed.used["TRELLIS_FF"],
            "luts_available": routed.available["TRELLIS_COMB"],
            "latency_cycles": on_board.latency_cycles,
            "initiation_interval": 1,
            "clock_ns": round(1000 / options.clock_mhz, 3),
            "fmax_mhz": round(routed.fmax_mhz, 2),
            "latency_ns": round(1000 * on_board.latency_cycles / options.clock_mhz, 2),
            "target_mhz": routed.target_mhz,
            "slack_ns": round(1000 / options.clock_mhz - routed.clock_ns, 3),
            "log": f"{design}/{folder.name}/routed.log",
        }

    sources, simulation = folder / "src", folder / "simulation"
    tools = yosys.version(), ecp5.RECIPE, router_version()
    simulated = finished_steps.key_of(sources, asdict(options), yosys.version(), pixels[: options.images], expected)
    made = finished_steps.key_of(
        sources, asdict(options), asdict(replace(routing, designs=(), latency_cutoffs=())), *tools
    )
    try:
        differing = finished_steps.once(store, simulated, simulation, simulate)["differing"]
        row = finished_steps.once(store, made, folder, make)
    except PipelineError as error:
        return LoadedDesign(None, 0, "", f"{design} has no bitstream: {error}")
    row |= {"uart_images": options.images, "uart_differing": differing}
    return LoadedDesign(row, differing, f"simulated board: {differing} values differ" if differing else "", "")


def _input_port(registers: dict[str, pipeline.PipelineRegister], input_type: FixedPoint) -> Port:
    widths = next(iter(registers.values())).stage.inp_kifs.sum(axis=0).tolist()
    return Port(tuple(widths), (False,) * len(widths), (input_type.fraction,) * len(widths))


def _output_port(register: pipeline.PipelineRegister) -> Port:
    types = register.types
    return Port(register.widths, tuple(word.signed for word in types), tuple(word.fraction for word in types))


def _expected(
    model: ModelGraph, csim: np.ndarray, pixels: np.ndarray, input_type: FixedPoint, *, alone: bool
) -> np.ndarray:
    """Return what the board has to answer: the C simulation's outputs, and behind them the latent point."""
    if alone:
        return csim
    network = integer_network.export(model)
    integers = np.rint(pixels / input_type.step).astype(np.int64)
    latent = integer_network.evaluate(network, {network["layers"][0]["name"]: integers})[PLANE]
    fraction = next(layer["type"]["fraction"] for layer in network["layers"] if layer["name"] == PLANE)
    return np.concatenate([csim, latent * 2.0**-fraction], axis=1)


def _simulate(
    folder: Path,
    on_board: BoardDesign,
    options: BoardOptions,
    pixels: np.ndarray,
    expected: np.ndarray,
    timeout_seconds: float,
) -> int:
    """Send images through the simulated serial line; return how many values differ from the expected ones."""

    def say(step: str) -> None:
        parallel.say(f"{on_board.design} on the simulated board: {step}")

    output = folder / "simulation"
    with board_simulation.only_logs_stay(output):
        program = board_simulation.build(folder, output, timeout_seconds=timeout_seconds, on_step=say)
        with (
            board_simulation.running(program, options) as port,
            serial.Serial(port, options.baud, timeout=ANSWER_SECONDS) as line,
        ):
            found = board_host.classify(
                line,
                on_board,
                pixels[: len(expected)],
                lambda place, _: say(f"image {place + 1:,} of {len(expected):,}"),
            )
    return int(np.count_nonzero(found != expected))
