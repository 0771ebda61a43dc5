"""Logic synthesis for the Lattice ECP5 with Yosys, for the shortest delay: what `place_and_route` takes.

The ECP5 is the FPGA whose open tools know its timing and end in a bitstream.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from common.stages import artifacts
from common.synthesis import yosys

_READ_CELLS = "read_verilog -lib -specify +/lattice/cells_sim_ecp5.v +/lattice/cells_bb_ecp5.v"
# Adders are built by a rule of our own, whose chains need no cell that leads into them (lattice_adders.v). Names from
# within the hierarchy are given up, or registers would have those in place of the RTL's.
_SYNTHESIZE = """
proc; opt; alumacc; opt_clean
flatten -noscopeinfo; rename -hide w:*.*
synth_ecp5 -noflatten -nobram -nolutram -nodsp -run coarse:map_gates
techmap -map lattice_adders.v
synth_ecp5 -noflatten -nobram -nolutram -nodsp -run map_gates:edif
"""
_OPEN = "x"
_ADDERS = Path(__file__).with_name("lattice_adders.v")


def synthesize(
    folder: Path,
    top: str,
    output: Path,
    *,
    timeout_seconds: float = 3600,
    on_step: Callable[[str], None] | None = None,
) -> None:
    """Synthesize Verilog to a flat netlist of ECP5 cells, in Yosys's JSON; registers keep the names of the RTL.

    Args:
        folder: Holds the Verilog in its subfolder `src`.
        top: Name of the top module; with I/O buffers or not, as the Verilog has them.
        output: JSON netlist to write, in `folder` or below; the log goes beside it.
        timeout_seconds: Wall time after which Yosys is killed [s].
        on_step: Told what Yosys is doing, in a few words, for a progress display.

    Raises:
        PipelineError: There is no Verilog.
        ToolError: Yosys failed, or did not write the file whole.
    """
    products: Mapping[Path, str] = {output: "write_json -selected"}
    adders = folder / _ADDERS.name  # beyond `folder` Yosys sees nothing
    adders.write_text(_ADDERS.read_text(encoding="utf-8"), encoding="utf-8")
    try:
        yosys.run_script(folder, top, _SYNTHESIZE, products, timeout_seconds, on_step, read=_READ_CELLS)
    finally:
        adders.unlink()
    _open_ends_of_chains(output, top)


def _open_ends_of_chains(netlist: Path, top: str) -> None:
    """Disconnect what no chain needs: a carry into a position that makes its own, a carry out that nothing reads.

    ABC9 connects all pins, and nextpnr would spend two LUTs on each.
    """
    content = json.loads(netlist.read_text(encoding="utf-8"))
    cells = content["modules"][top]["cells"].values()
    read = {
        net
        for cell in cells
        for pin, nets in cell["connections"].items()
        if cell["port_directions"][pin] == "input"
        for net in nets
    }
    for cell in cells:
        if cell["type"] == "CCU2C":
            pins = cell["connections"]
            if "1" not in cell["parameters"]["INIT0"][:12]:
                pins["CIN"] = [_OPEN]
            if read.isdisjoint(pins["COUT"]):
                pins["COUT"] = [_OPEN]
    artifacts.write_text_atomically(netlist, json.dumps(content))
