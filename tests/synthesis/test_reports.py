"""Reports assembled from the steps of a design: each pair of simulations that differs is counted and named."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from common.fixed_point import FixedPoint
from common.hls.designs import Design
from common.hls.golden_outputs import GoldenOutputs
from common.hls.interface import Interface, Output
from common.hls.latent_space import LatentSpace
from common.hls.mismatches import Mismatch
from common.records import ROUTED, SYNTHESIS, DesignRecord, ExactnessRecord
from common.synthesis import reports, tables
from common.synthesis.open_tools import RtlDesign
from common.synthesis.reports import Findings
from common.verification.by_simulation import Verification
from common.verification.equivalence import Proof

TYPE = FixedPoint(16, 6)
VALUES = np.arange(20.0).reshape(5, 4)
INTERFACE = Interface(TYPE, (Output("classifier_3", 4, TYPE),), LatentSpace("latent", TYPE, 2))
GOLDEN = GoldenOutputs(INTERFACE, VALUES, np.zeros((5, 2)), np.zeros((0, 4)))
DESIGN = Design("encoder_classifier", "quantized")
SYNTHESIZED = DesignRecord(design=str(DESIGN), kind=SYNTHESIS, part="xcup", lut=5)
ON_ECP5 = DesignRecord(design=str(DESIGN), kind=ROUTED, part="LFE5U-85F", latency_cutoff=2.0, fmax_mhz=150.0)
ON_BOARD = DesignRecord(design=str(DESIGN), kind=ROUTED, part="ulx3s_85f", fmax_mhz=140.0)


def exact(flow="", part="", **differing):
    return ExactnessRecord(design=str(DESIGN), part=part, flow=flow, images=5, values=20, differing=differing)


def changed(row, column):
    values = VALUES.copy()
    values[row, column] += 0.5
    return values


def simulation(values, layer):
    differing = int(np.count_nonzero(values != VALUES))
    mismatch = Mismatch(layer, 1, "word 2 of register stage1_inp", 0.0, "ufixed<4,1>", 0.5, "ufixed<4,1>")
    return Verification(values, differing, 7, mismatch if differing else None)


def report(bench=VALUES, alkaid=VALUES, rtl=VALUES, netlist=VALUES, vhdl=VALUES, refuted=None, further=None):
    differing = int(np.count_nonzero(alkaid != VALUES))
    faults = ("first difference in layer traced",) if differing else ()
    prepared = reports.Prepared(
        GOLDEN,
        RtlDesign(Path(), TYPE, {}, alkaid, Path("vhdl"), {"encoder_1": 10.0}, {}),
        (exact(csim_alir=differing),),
        faults,
    )
    results = {
        "test_bench": bench,
        "rtl": simulation(rtl, "in_rtl"),
        "vhdl": vhdl,
        "xcup": (SYNTHESIZED, simulation(VALUES, "")),
        "xc7": (replace(SYNTHESIZED, part="xc7", lut=6), simulation(netlist, "in_netlist")),
        "proofs": {"xcup": Proof(("a",), refuted or {}, {})},
    }
    parts = {name: "ulx3s_85f" if name == "ulx3s_85f" else "LFE5U-85F" for name in further or {}}
    return reports.assemble(DESIGN, ("xcup", "xc7"), parts, prepared, results | (further or {}))


def test_exact_design_has_no_faults(capsys):
    found = report()
    assert found.faults == ()
    of_all = dict.fromkeys(["csim_test_bench", "csim_alir", "alir_rtl", "rtl_netlist"], 0)
    assert found.exactness == [exact(**of_all), exact("VHDL", alir_vhdl=0)]
    assert found.costs == [
        replace(SYNTHESIZED, stages=1, stages_proven=1),
        replace(SYNTHESIZED, part="xc7", lut=6),
    ]
    tables.print_exactness(found.exactness)
    assert capsys.readouterr().out == (
        "  no value differs; designs compared: C simulation and test bench (1), C simulation and traced logic (1), "
        "traced logic and RTL (1), traced logic and VHDL (1), RTL and netlist (1)\n"
    )


IN_WORDS = "image 1, word 2 of register stage1_inp: 0.0 expected as ufixed<4,1>, 0.5 found as ufixed<4,1>"


@pytest.mark.parametrize(
    ("part", "counts", "fault"),
    [
        ("bench", (1, 0, 0, 0, 0), "test bench: first difference in layer classifier_3, image 2, unit 3: 11.0 expected "
         "as fixed<16,6,TRN,WRAP>, 11.5 found as fixed<16,6,TRN,WRAP>"),
        ("alkaid", (0, 1, 0, 0, 1), "traced logic: first difference in layer traced"),
        ("rtl", (0, 0, 1, 2, 0), f"RTL: first difference in layer in_rtl, {IN_WORDS}"),
        ("netlist", (0, 0, 0, 1, 0), f"netlist for xc7: first difference in layer in_netlist, {IN_WORDS}"),
        ("vhdl", (0, 0, 0, 0, 1), "VHDL: first difference in layer classifier_3, image 2, unit 3: 11.0 expected as "
         "fixed<16,6,TRN,WRAP>, 11.5 found as fixed<16,6,TRN,WRAP>"),
    ],
)  # fmt: skip
def test_pair_that_differs_is_counted_and_named(part, counts, fault, capsys):
    found = report(**{part: changed(2, 3)})
    of_all, of_vhdl = (record.differing for record in found.exactness)
    pairs = ("csim_test_bench", "csim_alir", "alir_rtl", "rtl_netlist")
    assert (*(of_all[pair] for pair in pairs), of_vhdl["alir_vhdl"]) == counts
    assert found.faults[0] == fault
    tables.print_exactness(found.exactness)
    shown = capsys.readouterr().out
    assert "Values that differ" in shown
    cells = [line.split()[-6:] for line in shown.splitlines() if "quantized" in line]
    assert cells == [["20", *map(str, counts[:3]), "–", str(counts[3])], ["20", "–", "–", "–", str(counts[4]), "–"]]


def test_refuted_stage_is_a_fault():
    found = report(refuted={"stage1_inp": "differs in layer encoder_1"})
    assert found.faults == ("netlist for xcup: differs in layer encoder_1",)


def test_further_steps_are_reported_by_name_and_the_first_of_a_part_is_the_designs():
    deeper = replace(ON_ECP5, latency_cutoff=1.0, fmax_mhz=170.0)
    exactness = [exact("a", alir_netlist=0), exact("c", csim_alir=0), exact("d", csim_uart=3)]
    further = {
        "LFE5U-85F, cut-off 2": Findings(ON_ECP5, (exactness[0],), proof=Proof(("b",), {}, {})),
        "LFE5U-85F, cut-off 1": Findings(deeper, (exactness[1],)),
        "LFE5U-85F, cut-off 0.5": Findings(None, (), unfinished="it did not fit"),
        "ulx3s_85f": Findings(ON_BOARD, (exactness[2],), ("simulated board: d",)),
    }
    found = report(further=further)
    assert found.costs[2:] == [ON_ECP5, ON_BOARD]
    assert found.exactness[2:] == exactness
    assert list(found.proofs) == ["xcup", "LFE5U-85F, cut-off 2"]
    assert [record.latency_cutoff for record in found.routed] == [2.0, 1.0]
    assert (found.faults, found.unfinished) == (("simulated board: d",), ("it did not fit",))


def test_routed_timing_fits_a_terminal_with_the_critical_path_below(capsys):
    timing = {"latency_cutoff": 1.5, "fmax_mhz": 175.41, "latency_cycles": 27, "latency_ns": 153.93}
    cells = {"lut": 13_874, "ff": 9_564, "critical_path": ("input", "classifier_3")}
    record = DesignRecord(design="encoder_classifier/quantized_pruned", kind=ROUTED, **timing, **cells)
    found = SimpleNamespace(routed=[record], costs=[])
    tables.print_timing([found])
    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if "13874" in line)
    assert line.split() == [record.design, "1.5", "175.41", "27", "153.93", "13874", "9564"]
    assert "critical path of encoder_classifier/quantized_pruned, cut-off 1.5: input to classifier_3" in shown
