"""Boards: the top level with a serial port, routed to the board's pins, as a bitstream."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from common.board.protocol import BoardDesign
from common.errors import PipelineError
from common.lattice import ecp5
from common.lattice.place_and_route import PlaceAndRouteOptions, RoutedDesign, check_quantized, place_and_route
from common.running import yowasp
from common.running.processes import run_logged
from common.stages.configuration import Interval

SOURCES = Path(__file__).parent / "hardware"
TOP = "top"
BAUD_TOLERANCE = 0.02  # of the serial line; a byte breaks at half a bit in ten
CLOCK_TOLERANCE = 0.005


@dataclass(frozen=True)
class Board:
    """A commercial board.

    Attributes:
        title: Name of the board.
        device: FPGA.
        package: Package of the FPGA.
        speed_grade: Speed grade of the FPGA.
        oscillator_mhz: Clock on the board [MHz].
        clock: Port of the top level for the oscillator.
        rx: Port for bytes from the host.
        tx: Port for bytes to the host.
    """

    title: str
    device: str
    package: str
    speed_grade: int
    oscillator_mhz: float
    clock: str
    rx: str
    tx: str


BOARDS = {"ulx3s_85f": Board("ULX3S-85F", "LFE5U-85F", "CABGA381", 6, 25.0, "clk_25mhz", "ftdi_txd", "ftdi_rxd")}


@dataclass(frozen=True)
class BoardOptions:
    """Which design on which board, and the speed of network and serial line."""

    name: Literal["ulx3s_85f"] = "ulx3s_85f"
    """Board; common/board/hardware/ has its top level and pins."""
    design: str = "encoder_classifier/quantized_pruned"
    """Design CUT/VARIANT to put on the board."""
    clock_mhz: Annotated[float, Interval(10, 400)] = 50.0
    """Clock of the network, a multiple of 12.5 MHz; no bitstream is made if the routed design is slower [MHz]."""
    baud: Annotated[int, Interval(9600, 3_000_000)] = 2_000_000
    """Speed of the serial line; the ULX3S's USB chip allows up to 3 Mbit/s [bit/s]."""
    images: Annotated[int, Interval(1, 10_000)] = 1000
    """Test images to send through the simulated serial line and compare with the C simulation."""

    @property
    def clocks_per_bit(self) -> int:
        """Clock cycles per bit of the serial line on the board."""
        return max(round(self.clock_mhz * 1e6 / self.baud), 1)

    def check(self) -> None:
        """Refuse a design that does not become RTL, and a baud rate that the clock cannot make.

        Raises:
            PipelineError: The design does not exist or is not quantized; or the baud rate would be too far off.
        """
        check_quantized((self.design,))
        exact = self.clock_mhz * 1e6 / self.baud
        if self.clocks_per_bit < 8 or abs(self.clocks_per_bit / exact - 1) > BAUD_TOLERANCE:
            raise PipelineError(
                f"a clock of {self.clock_mhz:g} MHz cannot make {self.baud:,} bit/s: set --board.clock-mhz to a "
                f"multiple of {self.baud / 1e6:g} MHz, at least eight-fold, or lower --board.baud"
            )


def write_top_level(folder: Path, sources: Path, design: BoardDesign, options: BoardOptions) -> None:
    """Write all Verilog of a board into `folder/src`: network, serial port, the board's top level, clock generator.

    Args:
        folder: Output folder.
        sources: Folder with the Verilog of the network.
        design: Design to put on the board.
        options: Board and clock.

    Raises:
        PipelineError: The clock generator cannot make this clock.
    """
    verilog = shutil.copytree(sources, folder / "src", ignore=shutil.ignore_patterns("*.xdc", "*.sdc", "*_wrapper.v"))
    for name in ("uart.v", "frames.v", "network_over_uart.v"):
        shutil.copy(SOURCES / name, verilog)
    environment = Environment(loader=FileSystemLoader(SOURCES), undefined=StrictUndefined, keep_trailing_newline=True)
    (verilog / "top.v").write_text(
        environment.get_template(f"{options.name}.v.jinja").render(
            clock_mhz=f"{options.clock_mhz:g}",
            clocks_per_bit=options.clocks_per_bit,
            input_bits=design.inputs.bits,
            output_bits=design.outputs.bits,
            latency=design.latency_cycles,
        ),
        encoding="utf-8",
    )
    _write_pll(folder, BOARDS[options.name].oscillator_mhz, options.clock_mhz)
    shutil.copy(SOURCES / f"{options.name}.lpf", folder / "pins.lpf")
    (folder / "board.json").write_text(json.dumps(design.to_dict(), indent=1), encoding="utf-8")


def _write_pll(folder: Path, oscillator_mhz: float, clock_mhz: float) -> None:
    """Write the clock generator, `src/pll.v`, and check the frequency that it makes."""
    log = folder / "pll.log"
    frequencies = ["-i", f"{oscillator_mhz:g}", "-o", f"{clock_mhz:g}"]
    run_logged(
        [yowasp.path_of("ecppll"), *frequencies, "-n", "pll", "--clkout0_name", "clk", "-f", "src/pll.v"],
        folder=folder,
        log=log,
        timeout_seconds=300,
    )
    made = re.search(r"clkout0 frequency: ([\d.]+) MHz", log.read_text(encoding="utf-8", errors="replace"))
    if made is None or abs(float(made[1]) / clock_mhz - 1) > CLOCK_TOLERANCE:
        nearest = f"makes {made[1]} MHz at the nearest" if made else "makes no such clock"
        raise PipelineError(
            f"from {oscillator_mhz:g} MHz the FPGA {nearest}; choose another --board.clock-mhz than {clock_mhz:g}"
        )


def write_bitstream(
    folder: Path,
    options: BoardOptions,
    routing: PlaceAndRouteOptions,
    *,
    timeout_seconds: float,
    on_step: Callable[[str], None],
) -> RoutedDesign:
    """Synthesize, place and route the top level in `folder`, write `design.bit` there, return the routed design.

    Args:
        folder: Folder as `write_top_level` leaves it.
        options: Board and its clock.
        routing: Seed, target clock of the tools, and the board's FPGA.
        timeout_seconds: Wall time after which a tool is killed [s].
        on_step: Called with each step.

    Raises:
        PipelineError: The routed design is slower than the board's clock; no bitstream is written.
        ToolError: A tool failed.
    """
    netlist = folder / "netlist.json"
    ecp5.synthesize(folder, TOP, netlist, timeout_seconds=timeout_seconds, on_step=on_step)
    routed = place_and_route(
        netlist,
        folder / "routed.json",
        routing,
        pins=folder / "pins.lpf",
        timeout_seconds=timeout_seconds,
        on_step=on_step,
    )
    if routed.fmax_mhz < options.clock_mhz:
        raise PipelineError(
            f"routed to the pins of the {BOARDS[options.name].title}, the design reaches {routed.fmax_mhz:.1f} MHz, "
            f"not the {options.clock_mhz:g} MHz of --board.clock-mhz; choose a slower clock or fewer adders per stage"
        )
    bitstream = folder / "design.bit"
    run_logged(
        [yowasp.path_of("ecppack"), "--compress", "routed.config", bitstream.name],
        folder=folder,
        log=folder / "bitstream.log",
        timeout_seconds=timeout_seconds,
    )
    for large in ("routed.config", netlist.name):  # can be made again
        (folder / large).unlink()
    return routed
