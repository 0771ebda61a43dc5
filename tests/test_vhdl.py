"""The RTL in VHDL: the same pipeline as in Verilog, and, where GHDL is installed, the same bits."""

import re
import shutil
import subprocess

import numpy as np
import pytest
from alkaid.trace import FVArrayInput, HWConfig, trace

from common import netlist_simulation, pipeline, rtl

BENCH = """
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


@pytest.fixture(scope="module")
def traced():
    """Two matrix products, saturation with rounding, and a lookup table between them."""
    generator = np.random.default_rng(3)
    inputs = FVArrayInput((4,), hwconf=HWConfig(1, -1, -1)).quantize(np.ones(4, int), np.full(4, 1), np.full(4, 3))
    hidden = inputs @ (generator.integers(-7, 8, (4, 3)) / 8) + generator.integers(-7, 8, 3) / 16
    hidden = hidden.relu().quantize(np.zeros(3, int), np.full(3, 1), np.full(3, 3), "SAT", "RND")
    hidden = np.tanh(hidden - 0.5).quantize(np.ones(3, int), np.full(3, 0), np.full(3, 5))
    logic = trace(inputs, hidden @ (generator.integers(-7, 8, (3, 2)) / 8))
    assert logic.lookup_tables
    return rtl.TracedModel(logic, ("network",), (0,) * len(logic.ops), logic, (2,))


def options(flavor):
    return pipeline.PipelineOptions(latency_cutoff=3, flavor=flavor, part="xcvu9p-flga2104-2L-e", clock_ns=5)


@pytest.fixture(scope="module")
def folder(traced, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vhdl")
    pipeline.write_rtl(traced, folder, options("vhdl"))
    return folder


def test_pipeline_in_vhdl_has_the_stages_and_registers_of_that_in_verilog(traced, folder, tmp_path):
    pipeline.write_rtl(traced, tmp_path, options("verilog"))
    verilog, vhdl = (tmp_path / "src" / "design.v").read_text(), (folder / "src" / "design.vhd").read_text()
    registers = re.findall(r"reg \[(\d+):0\] (\w+);", verilog)
    signals = re.findall(r"signal (?!INTERNAL)(\w+): std_logic_vector\((\d+) downto 0\);", vhdl)
    assert [(width, name) for name, width in signals] == registers
    assert len(registers) == len(pipeline.registers(traced, options("vhdl")))
    modules = {path.stem for path in (tmp_path / "src").rglob("*.v")}
    assert {path.stem for path in (folder / "src").rglob("*.vhd")} == modules
    assert not list((folder / "src").rglob("*.v"))
    for language, written in (("vhdl", folder), ("verilog", tmp_path)):
        for tool in ("vivado", "quartus"):
            assert f'set source_type "{language}"' in (written / f"build_{tool}_prj.tcl").read_text()


@pytest.mark.skipif(shutil.which("ghdl") is None, reason="GHDL is not installed (Debian, Ubuntu: apt install ghdl)")
def test_vhdl_gives_the_bits_of_the_interpreter(traced, folder):
    registers = pipeline.registers(traced, options("vhdl"))
    latency = len(registers) + 1
    widths, (signed, _, fraction) = traced.logic.inp_kifs.sum(axis=0), traced.logic.inp_kifs
    stimuli = np.random.default_rng(5).integers(0, 2, (500 + latency, widths.sum()), np.uint8)
    rows = ["".join(map(str, row[::-1])) for row in stimuli]
    (folder / "stimuli.txt").write_text("\n".join(rows) + "\n")
    (folder / "bench.vhd").write_text(BENCH.format(inputs=widths.sum(), outputs=sum(registers["model_out"].widths)))
    sources = [str(path) for path in (folder / "src").rglob("*.vhd")]
    for command in (
        ["-i", "--std=08", *sources, "bench.vhd"],
        ["-m", "--std=08", "bench"],
        ["-r", "--std=08", "bench"],
    ):
        subprocess.run(["ghdl", *command], cwd=folder, check=True, capture_output=True, timeout=120)

    values = netlist_simulation.bits_to_integers(stimuli, widths, signed) * 2.0**-fraction
    expected = registers["model_out"].to_bits(traced.logic.predict(values))[:500]
    response = (folder / "response.txt").read_text().split()[latency:]
    np.testing.assert_array_equal([[int(bit) for bit in row[::-1]] for row in response], expected)
    assert len(np.unique(expected, axis=0)) > 100
