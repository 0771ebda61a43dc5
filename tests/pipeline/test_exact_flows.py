"""Stage 06 run by its command line: in every flow, hardware that differs from C simulation fails the stage.

Uses the smallest real network. Faults are injected into the stage's process, so its tasks run there too.
"""

import json
import re
import shutil

import numpy as np
import pytest
import stage_runs

from common import records
from common.board import on_board
from common.errors import ToolError
from common.fixed_point import fixed_point
from common.hls import golden_outputs
from common.hls.designs import Design
from common.lattice import routed_designs
from common.rtl import pipeline, tabulation, tracing
from common.running import parallel
from common.synthesis import building, open_tools
from common.verification import vhdl_simulation
from common.verification.by_simulation import Verification
from common.verification.equivalence import Proof

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("exact_flows")]  # one worker makes the fixtures
DESIGN = Design("encoder_classifier", "quantized_pruned")
UNSYNTHESIZED = ("--default-synthesize", "full/complete")  # not converted
ROUTED = ("--place-and-route", "--routing.designs", str(DESIGN))
ON_BOARD = ("--bitstream", "--board.design", str(DESIGN))
needs_ghdl = pytest.mark.skipif(not vhdl_simulation.is_available(), reason="GHDL is not installed (apt install ghdl)")


@pytest.fixture(scope="module")
def classifier_outputs(tiny_outputs, tmp_path_factory):
    """Return outputs with a small converted classifier that has different outputs for different images."""
    outputs = shutil.copytree(tiny_outputs, tmp_path_factory.mktemp("classifier") / "outputs")
    stage_runs.give_weights(outputs)
    stage_runs.fork_well("05_convert_hls", "--default-designs", str(DESIGN), outputs=outputs)
    golden = golden_outputs.load(outputs / "05_convert_hls" / str(DESIGN))
    assert 100 < len(np.unique(golden.latent, axis=0)) < len(golden.outputs_of_points) == 256
    return outputs


def exactness_of(outputs):
    return records.from_metrics(json.loads((outputs / "metrics.json").read_text(encoding="utf-8")))[1]


@pytest.fixture
def synthesize(classifier_outputs, run_here, monkeypatch):
    """Return a function that runs stage 06 with all its tasks in this process.

    Stand-ins for the test bench, RTL simulation and Yosys find no mismatch: these are tested elsewhere, and the last
    test below uses the real tools.
    """
    golden = golden_outputs.load(classifier_outputs / "05_convert_hls" / str(DESIGN))
    record = records.DesignRecord(
        design=str(DESIGN), kind=records.SYNTHESIS, tool="stand-in", part="xcup", lut=1, ff=1, dsp=0, latency_cycles=1
    )

    def simulated(_, design, *__):
        return Verification(design.outputs, 0, 1, None)

    monkeypatch.setattr(parallel, "run_all", lambda function, tasks, *_: [function(*arguments) for arguments in tasks])
    monkeypatch.setattr(building, "run_test_bench", lambda *_: golden.outputs)
    monkeypatch.setattr(open_tools, "simulate_rtl", simulated)
    monkeypatch.setattr(open_tools, "synthesize", lambda *arguments: {"xcup": (record, simulated(*arguments))})

    def run(*arguments):
        shutil.rmtree(classifier_outputs / ".finished_steps", ignore_errors=True)  # else no fault is traced again
        status, said, errors = run_here("06_synthesize", *arguments, outputs=classifier_outputs)
        return status, " ".join(errors.split()), said

    return run


def fail(*_, **__):
    raise ToolError("this tool is not part of the test")


def flip_a_weight_bit(monkeypatch, aim):
    """Flip the lowest bit of one weight in traces for `aim`; the C++ is not affected."""
    honest = tracing.trace_model

    def trace_model(model, tracer=tracing.Hls4mlTracer, beside=(), of_aim="area"):
        layer = model.graph["encoder_1"]
        weights, step = layer.weights["weight"], fixed_point(layer.types["weight_t"].precision).step
        right = weights.data
        codes = np.rint(right / step).astype(int)
        codes[37, 14] ^= of_aim == aim  # from a central pixel to a unit that affects the logits
        weights.data = codes * step
        try:
            return honest(model, tracer, beside, of_aim)
        finally:
            weights.data = right

    monkeypatch.setattr(tracing, "trace_model", trace_model)


@pytest.mark.parametrize(
    ("aim", "flags", "what"),
    [
        ("area", (), "traced logic"),
        ("area", ("--tabulate-latent",), "traced logic"),
        ("area", ("--flavor", "vhdl"), "traced logic"),
        ("delay", ROUTED, "traced for LFE5U-85F, cut-off 2"),
        ("delay", ON_BOARD, "traced for ulx3s_85f"),
        ("delay", (*ON_BOARD, "--tabulate-latent"), "traced for ulx3s_85f"),
    ],
    ids=["xilinx", "tabulated", "vhdl", "ecp5", "board", "board-tabulated"],
)
@pytest.mark.fault("numbers")
def test_wrong_weight_bit_in_traced_logic_fails_and_its_layer_is_named(aim, flags, what, synthesize, monkeypatch):
    flip_a_weight_bit(monkeypatch, aim)
    monkeypatch.setattr(routed_designs.ecp5, "synthesize", fail)
    monkeypatch.setattr(on_board, "_simulate", fail)
    status, errors, _ = synthesize(*UNSYNTHESIZED, *flags)
    assert status == 1
    assert f"{DESIGN} is not exact: {what}: first difference in layer encoder_1, image" in errors


@pytest.mark.parametrize(
    ("flags", "what"),
    [((), "traced logic"), (ROUTED, "traced for LFE5U-85F, cut-off 2"), (ON_BOARD, "traced for ulx3s_85f")],
)
@pytest.mark.fault("numbers")
def test_wrong_table_entry_that_no_image_uses_fails_and_its_point_is_named(
    flags, what, synthesize, classifier_outputs, monkeypatch
):
    golden = golden_outputs.load(classifier_outputs / "05_convert_hls" / str(DESIGN))
    points = len(golden.outputs_of_points)
    width = points.bit_length() // 2
    levels = np.rint(golden.latent * 2.0 ** (width - 1)).astype(int)
    unreached = sorted(set(range(points)) - set((levels @ (2**width, 1)).tolist()))
    honest = tabulation._values_at

    def values_at(model, latent, asked, layers):
        values = honest(model, latent, asked, layers)
        addresses = asked @ (2**width, 1)
        values[0][np.flatnonzero(addresses == unreached[0]), 3] += 0.25
        return values

    monkeypatch.setattr(tabulation, "_values_at", values_at)
    monkeypatch.setattr(routed_designs.ecp5, "synthesize", fail)
    monkeypatch.setattr(on_board, "_simulate", fail)
    status, errors, _ = synthesize(*UNSYNTHESIZED, "--tabulate-latent", *flags)
    assert status == 1
    point = rf"{DESIGN} is not exact: {what}: tables: first difference in layer classifier_3, latent point "
    assert re.search(rf"{point}{unreached[0]}, unit 3", errors)


def test_tables_are_compared_with_the_c_simulation_of_every_latent_point(synthesize, classifier_outputs):
    golden = golden_outputs.load(classifier_outputs / "05_convert_hls" / str(DESIGN))
    assert golden.outputs_of_points.shape == (256, 10)
    assert golden.latent.shape == (297, 2)
    status, errors, _ = synthesize(*UNSYNTHESIZED, "--tabulate-latent")
    assert status == 0, errors
    of_all, tables = exactness_of(classifier_outputs)
    assert (tables.flow, tables.values, tables.differing) == ("tables", 2_560, {"csim_table": 0})
    assert (of_all.flow, of_all.images, of_all.values, of_all.differing["csim_alir"]) == ("", 297, 2_970, 0)


@needs_ghdl
@pytest.mark.fault("numbers")
def test_inverted_register_in_the_vhdl_fails_and_its_layer_is_named(synthesize, monkeypatch):
    honest = pipeline.write_rtl

    def write_rtl(traced, folder, options):
        written = honest(traced, folder, options)
        for top in folder.glob("src/design.vhd"):
            top.write_text(
                re.sub(r"(model_out\(.*\) <= )(INTERNAL)", r"\1not \2", top.read_text(encoding="utf-8")),
                encoding="utf-8",
            )
        return written

    monkeypatch.setattr(pipeline, "write_rtl", write_rtl)
    status, errors, _ = synthesize(*UNSYNTHESIZED, "--flavor", "vhdl")
    assert status == 1
    assert f"{DESIGN} is not exact: VHDL: first difference in layer classifier_3, image 0, unit 0" in errors


def test_vhdl_that_is_not_simulated_gives_one_note(synthesize, classifier_outputs, monkeypatch):
    monkeypatch.setattr(vhdl_simulation, "is_available", lambda: False)
    status, errors, said = synthesize(*UNSYNTHESIZED, "--flavor", "vhdl")
    assert status == 0, errors
    assert "VHDL was written but not simulated: GHDL is not installed\n" in said
    assert not any("alir_vhdl" in record.differing for record in exactness_of(classifier_outputs))
    assert list((classifier_outputs / "06_synthesize" / str(DESIGN) / "rtl_vhdl").rglob("design.vhd"))


def test_unfinished_proof_fails_unless_allowed(synthesize, monkeypatch):
    proofs = {"xcup": Proof(("stage1_inp",), {}, {"model_out": "ABC did not finish"})}
    monkeypatch.setattr(open_tools, "prove", lambda *_: proofs)
    flags = ("--default-synthesize", str(DESIGN), "--prove")
    status, errors, _ = synthesize(*flags)
    assert status == 1
    reason = f"{DESIGN}, xcup: 1 of 2 pipeline stages are not proven: before register model_out, ABC did not finish"
    assert f"ERROR: 06_synthesize: {reason}; raise --proof-seconds, or --allow unproven" in errors
    status, errors, _ = synthesize(*flags, "--allow", "unproven")
    assert status == 0
    assert f"WARNING: {reason}" in errors

    proofs["xcup"] = Proof((), {"stage1_inp": "differs in layer x"}, {})
    status, errors, _ = synthesize(*flags, "--allow", "unproven")
    assert status == 1, "a refuted stage is never allowed"
    assert f"{DESIGN} is not exact: netlist for xcup: differs in layer x" in errors


def test_prove_without_a_netlist_is_refused(synthesize):
    status, errors, _ = synthesize(*UNSYNTHESIZED, "--prove")
    assert status == 1
    assert "--prove has no netlist to prove; name a quantized design: --synthesize CUT/quantized" in errors


@needs_ghdl
def test_all_flows_of_the_open_tools_are_exact_and_proven(classifier_outputs, tmp_path):
    """Synthesis, tables, VHDL, place and route, board and proof, with the real tools in a separate process."""
    outputs = shutil.copytree(classifier_outputs, tmp_path / "outputs")
    name = str(DESIGN)
    flags = ["--default-synthesize", name, "--tabulate-latent", "--flavor", "vhdl", "--prove"]
    flags += [
        *ROUTED,
        "--routing.device",
        "LFE5U-25F",
        "--routing.target-mhz",
        "50",
        *ON_BOARD,
        "--board.images",
        "100",
    ]
    said = stage_runs.run_well("06_synthesize", *flags, outputs=outputs)
    assert "no value differs" in said
    metrics = json.loads((outputs / "metrics.json").read_text(encoding="utf-8"))
    designs, exactness = records.from_metrics(metrics)
    pairs = ("qkeras_csim", "csim_test_bench", "csim_alir", "alir_rtl", "rtl_netlist")
    assert {record.name: (record.images, record.values, record.differing) for record in exactness} == {
        name: (297, 2_970, dict.fromkeys(pairs, 0)),
        f"{name}, tables": (None, 2_560, {"csim_table": 0}),
        f"{name}, VHDL": (297, 2_970, {"alir_vhdl": 0}),
        f"{name}, LFE5U-25F, cut-off 2": (297, 2_970, {"csim_alir": 0, "alir_netlist": 0}),
        f"{name}, LFE5U-25F, cut-off 2, tables": (None, 2_560, {"csim_table": 0}),
        f"{name}, ulx3s_85f": (297, 3_564, {"csim_alir": 0}),
        f"{name}, ulx3s_85f, tables": (None, 2_560, {"csim_table": 0}),
        f"{name}, ulx3s_85f, serial line": (100, 1_200, {"csim_uart": 0}),
    }
    _, xilinx, routed, board = designs
    for record in (xilinx, routed):
        assert record.stages == record.stages_proven == record.latency_cycles
    assert routed.fmax_mhz > 25
    assert routed.critical_path[1] != "input"
    assert (board.part, board.uart_images) == ("ulx3s_85f", 100)
    assert (outputs / "06_synthesize" / name / "board" / "design.bit").stat().st_size > 10_000
