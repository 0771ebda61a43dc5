"""RTL in VHDL: the same pipeline as in Verilog and, if GHDL is installed, the same outputs."""

import re

import numpy as np
import pytest
from alkaid.trace import FVArrayInput, HWConfig, trace

from common.fixed_point import FixedPoint
from common.rtl import pipeline, tracing
from common.verification import vhdl_simulation


@pytest.fixture(scope="module")
def traced():
    """Return two matrix products with saturation, rounding and a lookup table between."""
    generator = np.random.default_rng(3)
    inputs = FVArrayInput((4,), hwconf=HWConfig(1, -1, -1)).quantize(np.ones(4, int), np.full(4, 1), np.full(4, 3))
    hidden = inputs @ (generator.integers(-7, 8, (4, 3)) / 8) + generator.integers(-7, 8, 3) / 16
    hidden = hidden.relu().quantize(np.zeros(3, int), np.full(3, 1), np.full(3, 3), "SAT", "RND")
    hidden = np.tanh(hidden - 0.5).quantize(np.ones(3, int), np.full(3, 0), np.full(3, 5))
    logic = trace(inputs, hidden @ (generator.integers(-7, 8, (3, 2)) / 8))
    assert logic.lookup_tables
    return tracing.TracedModel(logic, ("network",), (0,) * len(logic.ops), logic, (2,))


def options(flavor):
    return pipeline.PipelineOptions(latency_cutoff=3, flavor=flavor, part="xcvu9p-flga2104-2L-e", clock_ns=5)


@pytest.fixture(scope="module")
def folder(traced, tmp_path_factory):
    folder = tmp_path_factory.mktemp("vhdl")
    pipeline.write_rtl(traced, folder, options("vhdl"))
    return folder


def test_vhdl_has_the_same_stages_and_registers_as_verilog(traced, folder, tmp_path):
    pipeline.write_rtl(traced, tmp_path, options("verilog"))
    verilog, vhdl = (
        (tmp_path / "src" / "design.v").read_text(encoding="utf-8"),
        (folder / "src" / "design.vhd").read_text(encoding="utf-8"),
    )
    registers = re.findall(r"reg \[(\d+):0\] (\w+);", verilog)
    signals = re.findall(r"signal (?!INTERNAL)(\w+): std_logic_vector\((\d+) downto 0\);", vhdl)
    assert [(width, name) for name, width in signals] == registers
    assert len(registers) == len(pipeline.registers(traced, options("vhdl")))
    modules = {path.stem for path in (tmp_path / "src").rglob("*.v")}
    assert {path.stem for path in (folder / "src").rglob("*.vhd")} == modules
    assert not list((folder / "src").rglob("*.v"))
    for language, written in (("vhdl", folder), ("verilog", tmp_path)):
        for tool in ("vivado", "quartus"):
            assert f'set source_type "{language}"' in (written / f"build_{tool}_prj.tcl").read_text(encoding="utf-8")


@pytest.mark.skipif(
    not vhdl_simulation.is_available(), reason="GHDL is not installed (Debian, Ubuntu: apt install ghdl)"
)
def test_vhdl_is_bit_exact_with_the_traced_logic(traced, folder):
    pixels = np.random.default_rng(5).integers(-16, 16, (500, 4)) / 8
    registers = pipeline.registers(traced, options("vhdl"))
    steps = []
    found = vhdl_simulation.simulate(
        folder, pixels, FixedPoint(5, 2), registers, timeout_seconds=120, on_step=steps.append
    )
    expected = traced.logic.predict(pixels)
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(expected, axis=0)) > 100
    assert steps == ["importing", "compiling", "simulating"]
