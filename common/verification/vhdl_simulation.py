"""Simulation of the VHDL with GHDL, if it is installed: one image per clock cycle, as for netlists."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from common.errors import ToolError
from common.fixed_point import FixedPoint
from common.rtl.pipeline import OUTPUT_PORT, PipelineRegister, input_bits
from common.running.processes import run_logged

IMAGES = 500  # GHDL takes seconds for some hundred images
_BENCH = """
library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;

entity bench is end entity;

architecture simulation of bench is
    signal clk: std_logic := '0';
    signal model_inp: std_logic_vector({inputs} - 1 downto 0);
    signal model_out: std_logic_vector({outputs} - 1 downto 0);
begin
    instance: entity work.design port map(clk => clk, model_inp => model_inp, model_out => model_out);
    process
        file stimuli: text open read_mode is "stimuli.txt";
        file response: text open write_mode is "response.txt";
        variable row: line;
        variable word: std_logic_vector({inputs} - 1 downto 0);
    begin
        while not endfile(stimuli) loop
            readline(stimuli, row);
            read(row, word);
            model_inp <= word;
            wait for 1 ns;
            write(row, model_out);
            writeline(response, row);
            clk <= '1';
            wait for 1 ns;
            clk <= '0';
        end loop;
        wait;
    end process;
end architecture;
"""


def is_available() -> bool:
    """Return whether GHDL is installed."""
    return shutil.which("ghdl") is not None


def simulate(
    folder: Path,
    pixels: np.ndarray,
    input_type: FixedPoint,
    registers: dict[str, PipelineRegister],
    *,
    timeout_seconds: float,
    on_step: Callable[[str], None],
) -> np.ndarray:
    """Compile and simulate a pipeline's VHDL.

    Args:
        folder: Folder with the VHDL in `src`; GHDL's log goes here.
        pixels: Inputs, float [N, inputs].
        input_type: Type of an input.
        registers: Pipeline registers, from `pipeline.registers`.
        timeout_seconds: Wall time after which GHDL is killed [s].
        on_step: Called with each step of GHDL.

    Returns:
        The outputs, float64 [N, outputs].

    Raises:
        ToolError: GHDL is missing or failed, or an output is neither 0 nor 1.
    """
    latency = len(registers) + 1  # plus the input register
    bits = input_bits(pixels, input_type, registers)
    stimuli = np.concatenate([bits, np.zeros((latency, bits.shape[1]), bits.dtype)])
    outputs = registers[OUTPUT_PORT]
    files = [str(path.resolve()) for path in sorted((folder / "src").rglob("*.vhd"))]
    steps = {"importing": ["-i", *files, "bench.vhd"], "compiling": ["-m", "bench"], "simulating": ["-r", "bench"]}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "stimuli.txt").write_text(
            "".join("".join(map(str, row[::-1])) + "\n" for row in stimuli), encoding="utf-8"
        )
        (scratch / "bench.vhd").write_text(
            _BENCH.format(inputs=bits.shape[1], outputs=sum(outputs.widths)), encoding="utf-8"
        )
        for step, (command, *arguments) in steps.items():
            on_step(step)
            run_logged(
                ["ghdl", command, "--std=08", *arguments],
                folder=scratch,
                log=folder / "ghdl.log",
                timeout_seconds=timeout_seconds,
            )
        rows = (scratch / "response.txt").read_text(encoding="utf-8").split()[latency:]
    if len(rows) != len(pixels) or any(row.strip("01") for row in rows):
        raise ToolError(f"GHDL gave undefined or missing outputs; its log is {folder / 'ghdl.log'}")
    return outputs.to_values(np.array([list(row[::-1]) for row in rows]).astype(np.uint8))
