"""Logic synthesis for the Lattice ECP5 with Yosys, for shortest delay, as input of `place_and_route`.

Open tools know the timing of the ECP5 and write its bitstream.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from common.stages import artifacts
from common.synthesis import yosys

_READ_CELLS = "read_verilog -lib -specify +/lattice/cells_sim_ecp5.v +/lattice/cells_bb_ecp5.v"
# lattice_adders.v builds adders whose carry chains need no cell to enter them. Names from within the hierarchy are
# dropped, or registers would have these instead of the RTL's.
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
    """Synthesize Verilog to a flat netlist of ECP5 cells, in Yosys's JSON; registers keep their names in the RTL.

    Args:
        folder: Folder with the Verilog in `src`.
        top: Name of the top module; no I/O buffers are added.
        output: JSON netlist to write, in `folder` or below; the log goes next to it.
        timeout_seconds: Wall time after which Yosys is killed [s].
        on_step: Called with each step of Yosys, for a progress display.

    Raises:
        PipelineError: There is no Verilog.
        ToolError: Yosys failed, or wrote an incomplete file.
    """
    products: Mapping[Path, str] = {output: "write_json -selected"}
    adders = folder / _ADDERS.name  # Yosys sees no files outside of `folder`
    adders.write_text(_ADDERS.read_text(encoding="utf-8"), encoding="utf-8")
    try:
        yosys.run_script(folder, top, _SYNTHESIZE, products, timeout_seconds, on_step, read=_READ_CELLS)
    finally:
        adders.unlink()
    _open_ends_of_chains(output, top)


def _open_ends_of_chains(netlist: Path, top: str) -> None:
    """Disconnect unused pins of carry chains: a carry input that is ignored, a carry output that nothing reads.

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
