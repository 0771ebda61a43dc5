"""Logic synthesis for the Lattice ECP5 with Yosys, for the shortest delay: what `place_and_route` takes.

The ECP5 is the FPGA whose open tools know its timing and end in a bitstream.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from common import yosys

_READ_CELLS = "read_verilog -lib -specify +/lattice/cells_sim_ecp5.v +/lattice/cells_bb_ecp5.v"
SYNTHESIZE = """
proc; opt; alumacc; opt_clean
flatten -noscopeinfo
synth_ecp5 -noflatten -nobram -nolutram -nodsp -run coarse:edif
"""


def synthesize(
    folder: Path,
    top: str,
    output: Path,
    *,
    timeout_seconds: float = 3600,
    on_step: Callable[[str], None] | None = None,
) -> None:
    """Synthesize Verilog to a flat netlist of ECP5 cells, in Yosys's JSON.

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
    yosys.run_script(folder, top, SYNTHESIZE, products, timeout_seconds, on_step, read=_READ_CELLS)
