"""Yosys runs: results of good runs, and no results under the final name after failed ones."""

import json
import re
from collections import Counter

import pytest

from common.errors import PipelineError, ToolError
from common.synthesis import yosys
from common.synthesis.yosys import Utilization, elaborate, synthesize

DESIGN = """
module top (input clk, input [7:0] a, b, input [5:0] address, output reg [8:0] sum, output reg [8:0] negative,
            output [2:0] looked_up, output reg [15:0] product);
  table_of_squares squares (.address(address), .value(looked_up));
  always @(posedge clk) begin
    sum <= a + b;
    negative <= -a;
    product <= a * b;
  end
endmodule
module table_of_squares (input [5:0] address, output reg [2:0] value);
  always @(*) case (address)
%s
  endcase
endmodule
module unused (input a, output b);
  not_defined_anywhere inner (a, b);
endmodule
"""
TABLE = "\n".join(f"    6'd{address}: value = 3'd{address * address // 3 % 7};" for address in range(64))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "src/static").mkdir(parents=True)
    (tmp_path / "src/static/top.v").write_text(DESIGN % TABLE, encoding="utf-8")
    return tmp_path


def cells_of(path):
    return Counter(
        cell["type"] for cell in json.loads(path.read_text(encoding="utf-8"))["modules"]["top"]["cells"].values()
    )


def test_elaboration_gives_only_simple_gates(folder):
    steps = []
    elaborate(folder, "top", folder / "results/gates.json", on_step=steps.append)
    kinds = set(cells_of(folder / "results/gates.json"))
    assert "$_DFF_P_" in kinds
    assert all(re.fullmatch(r"\$_\w+_", kind) for kind in kinds)
    assert {"proc", "techmap", "flatten"} <= set(steps)
    assert sorted(path.name for path in (folder / "results").iterdir()) == ["gates.json", "gates.log"]


def test_elaboration_to_words_keeps_the_operators_of_the_verilog(folder):
    elaborate(folder, "top", folder / "words.json", "words")
    assert cells_of(folder / "words.json") == {"$add": 1, "$neg": 1, "$mul": 1, "$dff": 3, "$mem_v2": 1}


def test_utilization_equals_the_statistics_of_yosys(folder):
    utilization = synthesize(folder, "top", folder / "netlist.json")
    log = (folder / "netlist.log").read_text(encoding="utf-8")
    statistics = log[log.rindex("=== top ===") :]
    counted = Counter(
        {kind: int(count) for count, kind in re.findall(r"^ +(\d+) +([A-Z]+\d?[A-Z]?)$", statistics, re.M)}
    )
    luts = sum(counted[f"LUT{size}"] for size in range(1, 7))
    assert utilization == Utilization(
        lut=luts,
        inverter=counted["INV"],
        route_through=utilization.route_through,
        ff=counted["FDRE"] + counted["FDSE"],
        carry=counted["CARRY4"],
        wide_mux=counted["MUXF7"] + counted["MUXF8"],
        dsp=0,
        bram=0,
    )
    assert utilization.inverter > 0
    assert utilization.ff >= 9 + 9 + 16
    assert utilization.carry > 0
    instances = Counter(
        re.findall(r"^  ([A-Z]\w+) (?:#\(| *\\?\w)", (folder / "netlist.v").read_text(encoding="utf-8"), re.M)
    )
    assert sum(instances[f"LUT{size}"] for size in range(1, 7)) == luts


def test_folder_without_verilog_is_refused(tmp_path):
    with pytest.raises(PipelineError, match="holds no Verilog"):
        elaborate(tmp_path, "top", tmp_path / "gates.json")


@pytest.mark.parametrize(
    ("top", "verilog"), [("top", "module top (input a; endmodule"), ("other", "module top; endmodule")]
)
def test_faulty_verilog_leaves_no_result(folder, top, verilog):
    (folder / "gates.json").write_text("{}", encoding="utf-8")
    (folder / "src/static/top.v").write_text(verilog, encoding="utf-8")
    with pytest.raises(ToolError, match="exit status 1"):
        elaborate(folder, top, folder / "gates.json")
    assert "ERROR" in (folder / "gates.log").read_text(encoding="utf-8")
    assert sorted(path.name for path in folder.iterdir()) == ["gates.log", "src"]


@pytest.mark.parametrize("written", [None, "", '{"modules": {"top": {"cel'])
def test_incomplete_result_is_refused(folder, monkeypatch, written):
    def run_logged(command, *, folder, log, **_):
        partial = re.search(r"write_json -selected (\S+)", command[-1])[1]
        if written is not None:
            (folder / partial).write_text(written, encoding="utf-8")

    monkeypatch.setattr(yosys, "run_logged", run_logged)
    with pytest.raises(ToolError, match=r"no complete gates\.json"):
        elaborate(folder, "top", folder / "gates.json")
    assert [path.name for path in folder.iterdir()] == ["src"]


def test_unknown_cells_are_refused(folder):
    (folder / "src/latch.v").write_text(
        "module top (input e, d, output reg q); always @(*) if (e) q = d; endmodule", encoding="utf-8"
    )
    (folder / "src/static/top.v").unlink()
    with pytest.raises(ToolError, match=r"unknown cells: \$_DLATCH_P_"):
        synthesize(folder, "top", folder / "netlist.json")


def test_timeout_is_enforced(folder):
    with pytest.raises(ToolError, match="did not finish within"):
        elaborate(folder, "top", folder / "gates.json", timeout_seconds=0.05)
    assert not (folder / "gates.json").exists()
