"""Place and route on the ECP5: real tools on a small design, complete and truncated reports, errors."""

import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from alkaid.trace import FVArray, HWConfig, trace

from common.errors import PipelineError, ToolError
from common.fixed_point import FixedPoint
from common.hls.designs import Design
from common.lattice import ecp5, flow, place_and_route, routed_designs
from common.lattice.place_and_route import PlaceAndRouteOptions, critical_layers, read_report
from common.records import ROUTED
from common.rtl import pipeline, tracing
from common.rtl.verified_trace import VerifiedTrace
from common.stages import finished_steps, provenance
from common.synthesis import yosys
from common.verification import by_simulation, equivalence

pytestmark = pytest.mark.xdist_group("place_and_route")  # one worker makes its fixtures
OPTIONS = PlaceAndRouteOptions(device="LFE5U-25F", target_mhz=100)
PIPELINE = pipeline.PipelineOptions(latency_cutoff=1, flavor="verilog", part="xcvu9p-flga2104-2L-e", clock_ns=5)
PIXEL = FixedPoint(5, 0, False, "TRN", "WRAP")


@pytest.fixture(scope="module")
def traced():
    """Return traced logic of two layers: sums and differences of eight pixels, and multiples of them."""
    inputs = FVArray.from_kif(np.zeros(8), np.zeros(8), np.full(8, 5), HWConfig(1, 1, -1), 0.0, {"hard_dc": -1})
    pairs = inputs[::2] - inputs[1::2]
    outputs = np.concatenate([pairs[:2] + pairs[2:], pairs[:2] * 3.0])
    logic = trace(inputs, outputs, keep_dead_inputs=True)
    layers = [int(operation.opcode != -1) for operation in logic.ops]
    return tracing.TracedModel(logic, ("pixels", "sums"), tuple(layers), logic, (8, 4))


@pytest.fixture(scope="module")
def routed(traced, tmp_path_factory):
    """Return the folder of a routed design, its report, and the steps of nextpnr."""
    folder, steps = tmp_path_factory.mktemp("design"), []
    pipeline.write_rtl(traced, folder, PIPELINE)
    ecp5.synthesize(folder, pipeline.TOP, folder / "netlist.json")
    result = place_and_route.place_and_route(
        folder / "netlist.json", folder / "routed.json", OPTIONS, timeout_seconds=300, on_step=steps.append
    )
    return folder, result, steps


def test_netlist_for_the_ecp5_is_bit_exact_with_the_traced_logic(traced, routed):
    pixels = np.random.default_rng(0).integers(0, 32, (500, 8)) / 32
    registers = pipeline.registers(traced, PIPELINE)
    expected = traced.logic.predict(pixels)
    found = by_simulation.verify(routed[0] / "netlist.json", pixels, PIXEL, registers, expected)
    assert found.differing == 0
    assert found.latency_cycles == pipeline.cost(traced, PIPELINE)[0]


def test_report_of_a_routed_design_has_its_timing(traced, routed):
    folder, result, steps = routed
    log = (folder / "routed.log").read_text(encoding="utf-8")
    assert f"{result.fmax_mhz:.2f} MHz" in log
    assert result.target_mhz == 100
    assert result.slack_ns == pytest.approx(10 - 1000 / result.fmax_mhz)
    assert sum(delay for _, delay in result.critical_path) == pytest.approx(result.clock_ns, abs=0.01)
    assert 0 < result.used["TRELLIS_COMB"] < result.available["TRELLIS_COMB"]
    assert result.used["TRELLIS_FF"] >= 8 * 5
    assert {"packing", "placing", "routing"} <= set(steps)
    assert not (folder / "routed.config").exists()
    layers = critical_layers(result, folder / "netlist.json", pipeline.TOP, pipeline.registers(traced, PIPELINE))
    assert layers[1] == "sums", "registers keep their names in the RTL"


@pytest.mark.parametrize("damage", ["", "{", "cut", '{"fmax": {}, "critical_paths": [], "utilization": {}}'])
def test_incomplete_report_is_refused_with_its_log(routed, tmp_path, damage):
    whole = (routed[0] / "routed.json").read_text(encoding="utf-8")
    report = tmp_path / "routed.json"
    report.write_text(whole[: len(whole) // 2] if damage == "cut" else damage, encoding="utf-8")
    with pytest.raises(
        ToolError, match=r"routed\.json is not a complete report of nextpnr .*; its log is .*routed\.log"
    ):
        read_report(report, tmp_path / "routed.log")


def test_design_that_does_not_fit_has_the_error_of_nextpnr(routed, tmp_path):
    netlist = json.loads((routed[0] / "netlist.json").read_text(encoding="utf-8"))
    cells = netlist["modules"][pipeline.TOP]["cells"]
    register = next(cell for cell in cells.values() if cell["type"] == "TRELLIS_FF")
    wires = max(
        bit for cell in cells.values() for bits in cell["connections"].values() for bit in bits if bit != str(bit)
    )
    for number in range(25_000):
        pins = {**register["connections"], "Q": [wires + 1 + number]}
        cells[f"spare_{number}"] = {**register, "connections": pins}
    (tmp_path / "netlist.json").write_text(json.dumps(netlist), encoding="utf-8")
    with pytest.raises(ToolError, match=r"its log is .*: .*TRELLIS_FF"):
        place_and_route.place_and_route(tmp_path / "netlist.json", tmp_path / "routed.json", OPTIONS)
    assert not (tmp_path / "routed.json").exists()


@pytest.mark.parametrize("cutoffs", [(), (1.0, 0.0), (float("nan"),)])
def test_invalid_latency_cutoffs_are_refused(cutoffs):
    with pytest.raises(PipelineError, match=r"--routing\.latency-cutoffs must be positive numbers"):
        PlaceAndRouteOptions(latency_cutoffs=cutoffs).check()


def test_finished_step_is_not_repeated_until_its_inputs_change(tmp_path):
    made = []

    def make(folder: Path):
        folder.mkdir()
        (folder / "tool.log").write_text("all of it", encoding="utf-8")
        made.append(folder.name)
        return {"mhz": 123.4}

    source = tmp_path / "source"
    source.mkdir()
    (source / "design.v").write_text("first", encoding="utf-8")
    for name, text in (("a", "first"), ("b", "first"), ("c", "second")):
        (source / "design.v").write_text(text, encoding="utf-8")
        key = finished_steps.key_of(source, {"seed": 1}, np.arange(3))
        folder = tmp_path / name
        assert finished_steps.once(tmp_path / "store", key, folder, lambda folder=folder: make(folder)) == {
            "mhz": 123.4
        }
        assert (folder / "tool.log").read_text(encoding="utf-8") == "all of it"
    assert made == ["a", "c"]


def test_failed_step_is_not_cached(tmp_path):
    def fail():
        raise ToolError("interrupted")

    with pytest.raises(ToolError):
        finished_steps.once(tmp_path / "store", "key", tmp_path / "folder", fail)
    assert not (tmp_path / "store" / "key").exists()


def test_least_recently_used_steps_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(finished_steps, "KEPT", 2)
    store = tmp_path / "store"

    def run(key, seconds):
        folder = tmp_path / f"{key} {seconds}"
        finished_steps.once(store, key, folder, lambda: folder.mkdir() or {})
        os.utime(store / key, (seconds, seconds))

    for seconds, key in enumerate(("first", "second", "first", "third")):
        run(key, seconds)
    assert {path.name for path in store.glob("[!.]*")} == {"first", "third"}


def test_two_processes_can_finish_the_same_step_at_once(tmp_path):
    both_making = threading.Barrier(2)

    def run(folder: Path):
        def make():
            folder.mkdir()
            (folder / "tool.log").write_text("all of it", encoding="utf-8")
            both_making.wait(30)
            return {"mhz": 123.4}

        return finished_steps.once(tmp_path / "store", "key", folder, make)

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(run, (tmp_path / "a", tmp_path / "b"))) == [{"mhz": 123.4}] * 2
    again = finished_steps.once(tmp_path / "store", "key", tmp_path / "c", lambda: pytest.fail("made again"))
    assert (again, (tmp_path / "c" / "tool.log").read_text(encoding="utf-8")) == ({"mhz": 123.4}, "all of it")


def test_step_is_not_removed_while_another_process_reads_it(tmp_path, monkeypatch):
    monkeypatch.setattr(finished_steps, "KEPT", 1)
    store, copytree = tmp_path / "store", shutil.copytree

    def step(name: str):
        folder = tmp_path / name
        (tmp_path / name).mkdir()
        (folder / "tool.log").write_text(name, encoding="utf-8")
        return {}

    finished_steps.once(store, "first", tmp_path / "a", lambda: step("a"))
    other = threading.Thread(
        target=finished_steps.once, args=(store, "second", tmp_path / "b", lambda: step("b")), daemon=True
    )

    def slow(source, *arguments, **keywords):
        if "first" in Path(source).parts and not other.ident:
            other.start()  # finishes a step, after which the first would be removed
            other.join(1)
        return copytree(source, *arguments, **keywords)

    monkeypatch.setattr(shutil, "copytree", slow)
    finished_steps.once(store, "first", tmp_path / "c", lambda: pytest.fail("made again"))
    other.join()
    assert (tmp_path / "c" / "tool.log").read_text(encoding="utf-8") == "a"
    assert {path.name for path in store.glob("[!.]*")} == {"second"}


PIXELS = np.random.default_rng(0).integers(0, 32, (100, 8)) / 32


def verified(traced, differing=0, faults=()):
    return VerifiedTrace(traced, traced.logic.predict(PIXELS), differing, 0, 0, faults)


def test_each_depth_is_verified_and_routed_once(traced, tmp_path, monkeypatch):
    def route(name, cutoff, trace=None, proof_seconds=None):
        return routed_designs.route(
            Design("encoder", "quantized"), trace or verified(traced), PIXELS, PIXEL, tmp_path / name, OPTIONS,
            replace(PIPELINE, latency_cutoff=cutoff), store=tmp_path / "store", timeout_seconds=300,
            proof_seconds=proof_seconds,
        )  # fmt: skip

    shallow, deep = route("first", 2.0), route("first", 1.0)
    for found, cutoff in ((shallow, 2), (deep, 1)):
        (record,) = found.exactness
        assert record.name == f"encoder/quantized, LFE5U-25F, cut-off {cutoff}"
        assert (record.images, record.values) == (100, 400)
        assert record.differing == {"csim_alir": 0, "alir_netlist": 0}
        assert (found.faults, found.unfinished, found.proof) == ((), "", None)
    assert shallow.record.latency_cycles < deep.record.latency_cycles
    for record in (shallow.record, deep.record):
        assert record.latency_ns == pytest.approx(record.latency_cycles * record.clock_ns, 1e-3)
        assert record.kind == ROUTED
    assert shallow.record.log == "encoder/quantized/place_and_route/cutoff_2/routed.log"
    assert (tmp_path / "first/place_and_route/cutoff_2/routed.log").exists()

    def called(*_, **__):
        raise ToolError("called")

    monkeypatch.setattr(routed_designs, "place_and_route", called)
    assert route("second", 2.0) == shallow
    files = [sorted(path.name for path in (tmp_path / name).rglob("cutoff_2/*")) for name in ("first", "second")]
    assert files[0] == files[1]

    # Not cached: the comparison of the traced logic with the C simulation, and proofs.
    wrong = route("third", 2.0, verified(traced, 7, ("first difference in layer sums",)))
    assert wrong.exactness[0].differing["csim_alir"] == 7
    assert wrong.faults == ("traced for LFE5U-25F, cut-off 2: first difference in layer sums",)
    proven = route("fourth", 2.0, proof_seconds=60)
    assert proven.proof.stages == len(proven.proof.proven) == proven.record.latency_cycles
    assert (proven.record.stages, proven.record.stages_proven) == (proven.proof.stages, proven.proof.stages)
    assert not list((tmp_path / "fourth").rglob("netlist.json"))
    other = verified(traced)
    again = route("fifth", 2.0, replace(other, outputs=other.outputs + 1))
    assert again.unfinished.endswith("called")  # other golden outputs are compared again
    monkeypatch.setattr(provenance, "program", lambda module: {"code": "another simulator", "packages": {}})
    assert route("sixth", 2.0).unfinished.endswith("called")


def test_wrong_netlist_for_the_ecp5_is_refuted(traced, routed, tmp_path):
    folder = shutil.copytree(routed[0], tmp_path / "design")
    netlist = json.loads((folder / "netlist.json").read_text(encoding="utf-8"))
    carry = next(cell for cell in netlist["modules"][pipeline.TOP]["cells"].values() if cell["type"] == "CCU2C")
    carry["parameters"]["INIT0"] = "".join("10"[int(bit)] for bit in carry["parameters"]["INIT0"])
    (folder / "netlist.json").write_text(json.dumps(netlist), encoding="utf-8")
    yosys.elaborate(folder, pipeline.TOP, folder / "gates.json")
    registers = pipeline.registers(traced, PIPELINE)
    proof = equivalence.prove(folder / "gates.json", folder / "netlist.json", registers, 60, lambda _: None)
    (refuted,) = proof.refuted.values()
    assert "differs in layer sums" in refuted
    assert len(proof.proven) == proof.stages - 1


def test_design_that_does_not_route_is_reported_and_the_others_continue(traced, tmp_path, monkeypatch):
    def fail(netlist, *_, **__):
        raise ToolError("nextpnr did not finish within 5 s and was killed")

    monkeypatch.setattr(routed_designs, "place_and_route", fail)
    found = routed_designs.route(
        Design("encoder", "quantized"), verified(traced), PIXELS, PIXEL, tmp_path, OPTIONS, PIPELINE,
        store=tmp_path / "store", timeout_seconds=300,
    )  # fmt: skip
    assert found.record is None
    assert found.exactness[0].differing["alir_netlist"] == 0, "simulated before"
    assert found.unfinished.startswith("encoder/quantized did not route at cut-off 1 and seed 1: nextpnr did not")


def test_each_latency_cutoff_is_a_step():
    steps = flow.steps(PlaceAndRouteOptions(latency_cutoffs=(2.0, 1.5)))
    assert [step.name for step in steps] == ["LFE5U-85F, cut-off 2", "LFE5U-85F, cut-off 1.5"]
    assert {step.part for step in steps} == {"LFE5U-85F"}
