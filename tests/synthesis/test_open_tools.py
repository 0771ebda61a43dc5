"""Synthesis of a design: one netlist for all families, kept until the Verilog changes."""

from pathlib import Path

import numpy as np
import pytest

from common.fixed_point import FixedPoint
from common.synthesis import open_tools, yosys
from common.synthesis.open_tools import OpenOptions, RtlDesign
from common.synthesis.yosys import Utilization
from common.verification import by_simulation
from common.verification.by_simulation import Verification

USED = Utilization(lut=5, inverter=0, route_through=0, ff=3, carry=1, wide_mux=0, dsp=0, bram=0)


@pytest.fixture
def synthesized(tmp_path, monkeypatch):
    """Return a function that synthesizes some Verilog in a new folder, and the list of Yosys's runs."""
    runs = []

    def run_yosys(folder, top, output, **_):
        runs.append(folder)
        output.parent.mkdir()
        output.write_text("{}", encoding="utf-8")
        output.with_suffix(".v").write_text("module netlist; endmodule", encoding="utf-8")
        return USED

    monkeypatch.setattr(yosys, "synthesize", run_yosys)
    monkeypatch.setattr(by_simulation, "verify", lambda *_: Verification(np.zeros((1, 1)), 0, 4, None))

    def synthesize(name, verilog, **options):
        folder = tmp_path / name
        (folder / "src").mkdir(parents=True)
        (folder / "src" / "design.v").write_text(verilog, encoding="utf-8")
        design = RtlDesign(folder, FixedPoint(5, 0, signed=False), {}, np.zeros((1, 1)), None, {}, {})
        chosen = {"prove": False, "proof_seconds": 1.0} | options
        settings = OpenOptions(
            ("xcup", "xc7"), 5, tabulate_latent=False, flavor="verilog", part="", clock_ns=5.0, timeout_seconds=9.0,
            finished=Path(tmp_path / "store"), **chosen,
        )  # fmt: skip
        return open_tools.synthesize("a/design", design, np.zeros((1, 1)), settings), folder

    return synthesize, runs


def test_one_netlist_serves_all_families(synthesized):
    synthesize, runs = synthesized
    found, folder = synthesize("a", "module design; endmodule")
    assert len(runs) == 1
    assert [(record.part, record.lut, record.ff) for record, _ in found.values()] == [("xcup", 5, 3), ("xc7", 5, 3)]
    assert sorted(path.name for path in folder.iterdir()) == ["netlist_xcup.v", "src"]


def test_netlist_is_made_again_only_if_the_verilog_changes(synthesized):
    synthesize, runs = synthesized
    first, _ = synthesize("a", "module design; endmodule")
    again, folder = synthesize("b", "module design; endmodule", prove=True, proof_seconds=2.0)
    assert len(runs) == 1
    assert {family: record for family, (record, _) in again.items()} == {f: record for f, (record, _) in first.items()}
    assert (folder / "netlist_xcup.json").exists(), "which the proof needs"
    synthesize("c", "module design (input a); endmodule")
    assert len(runs) == 2
