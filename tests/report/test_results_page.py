"""What the results page and the results table say: every number with its source, the paper's beside ours."""

import csv
import html
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from parsed_page import render, table_rows
from stage_runs import ROOT
from written_outputs import DESIGN, STAGES, make_outputs, write_stage

from common import paper, published_designs
from common.figures.style import VARIANTS
from common.records import ROUTED, SIMULATION, SYNTHESIS, DesignRecord
from common.report import hardware_tables, network_tables, overview
from common.report import page as page_module
from common.report.metrics import write_metrics
from common.report.results import DASH
from common.report.workflow import LAYOUTS
from common.stages import artifacts

ON_ECP5 = DesignRecord(
    design="full/quantized", kind=ROUTED, tool="Yosys 0.70, nextpnr-ecp5 0.11.1", part="LFE5U-85F",
    package="CABGA381, speed grade 6", lut=11_234, luts_available=83_640, ff=4_003, dsp=0, bram=0, latency_cycles=19,
    initiation_interval=1, clock_ns=6.25, fmax_mhz=160.0, latency_ns=118.75, target_mhz=180.0, slack_ns=-0.694,
    critical_path=("encoder_1", "encoder_1_relu"),
)  # fmt: skip


def test_page_names_the_source_of_every_figure_from_elsewhere(tmp_path):
    page = render(make_outputs(tmp_path))
    sources = [project.source for project in published_designs.SYNTHESIZED_PROJECTS]
    for source in (*sources, paper.REPORT, paper.REVISION):
        assert html.escape(str(source), quote=False) in page.text.replace("&#39;", "'"), source


@pytest.mark.parametrize("parent", ["complete", "pruned"])
def test_workflow_and_tables_follow_the_recorded_parent(tmp_path, parent):
    outputs = make_outputs(tmp_path)
    run = json.loads((outputs / "04_quantize/run.json").read_text(encoding="utf-8"))
    run["metrics"]["models"]["classifier/quantized_pruned"]["parent"] = f"classifier/{parent}"
    run["sha256"] = artifacts.record_digest(run)
    (outputs / "04_quantize/run.json").write_text(json.dumps(run), encoding="utf-8")
    write_metrics(outputs)
    page = render(outputs)
    colour = VARIANTS["quantized_pruned"].colour
    first = re.search(rf'<path d="M([\d.]+) ([\d.]+)C[^"]*" stroke="{colour}"', page.text)
    assert float(first[2]) == LAYOUTS[0].lanes[parent]
    models = json.loads((outputs / "metrics.json").read_text(encoding="utf-8"))["models"]
    *_, trained = network_tables.after_training(models).rows[0]
    assert trained == ("0.9112" if parent == "pruned" else DASH)


@pytest.mark.parametrize("count", range(7))
def test_page_is_whole_after_any_number_of_stages_and_names_what_is_missing(tmp_path, count):
    page = render(make_outputs(tmp_path, count))
    for number, stage in enumerate(STAGES):
        assert f"python {stage}.py" in page.said
        assert (f"Not run yet: {stage[:2]} {stage[3:].replace('_', ' ').replace('hls', 'HLS')}" in page.said) == (
            number >= count
        )
    assert ("draw-data" in page.all("id")) == (count >= 5)
    assert 'class="alerts"' not in page.text


def test_outputs_folder_is_made_where_it_is_missing(tmp_path):
    render(tmp_path / "new" / "outputs")


def test_answer_has_our_designs_and_the_papers_and_says_which_is_an_estimate(tmp_path):
    page = render(make_outputs(tmp_path))
    ours = table_rows(page, "encoder + classifier")
    assert [("logic synthesis, Yosys 0.70, xcup" in row, "C-synthesis estimate" in row) for row in ours] == [
        (True, False),
        (False, True),
    ]
    assert ">14,909<" in ours[0]
    assert ">49.5<" in ours[1], "11 cycles of 4.5 ns"
    assert all("C-synthesis estimate, Vivado HLS" in row for row in table_rows(page, "paper, QAE pruned"))
    assert "0 of 88,800" in table_rows(page, "full network")[0]
    assert "Not one of 88,800 values" in page.said
    assert "its test accuracy is 91.1 %" in page.said


def test_a_design_keeps_what_it_computes_whatever_it_is_synthesized_for(tmp_path):
    outputs = make_outputs(tmp_path)
    known = {"nonzero_weights": 5322, "test_l1": 0.1259, "test_accuracy": 0.9112}
    synthesized = replace(DESIGN, design="full/quantized_pruned")
    designs = [
        DesignRecord(design=synthesized.design, kind=SIMULATION, **known),
        synthesized,
        replace(synthesized, part="xc7", lut=15_001),
        replace(synthesized, kind=ROUTED, part="ecp5", clock_ns=20.0, fmax_mhz=50.0),
    ]
    write_stage(outputs, "06_synthesize", designs=designs)
    write_metrics(outputs)
    rows = table_rows(render(outputs), "full network")
    assert len(rows) == 3
    for row in rows:
        assert all(f">{cell}<" in row for cell in ("5,322", "0.1259", "0.9112"))
    assert ["logic synthesis" in row for row in rows] == [True, True, False]
    assert ">placed and routed, Yosys 0.70, ecp5<" in rows[2]
    assert ">220.0<" in rows[2], "11 cycles of 20 ns"


def test_proof_for_every_input_is_told_where_it_was_asked_for(tmp_path):
    outputs = make_outputs(tmp_path)
    assert "proven equal" not in render(outputs).said
    design = replace(DESIGN, design="full/quantized_pruned", stages=13, stages_proven=12)
    write_stage(outputs, "06_synthesize", designs=[design])
    write_metrics(outputs)
    page = render(outputs).said
    assert "full/quantized_pruned, xcup: netlist and RTL are proven equal for every possible input" in page
    assert "in 12 of 13 pipeline stages" in page
    assert "Softmax is left out of the hardware" in page


def test_stage_beside_the_pipeline_is_shown_and_not_missed(tmp_path, monkeypatch):
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for script in ROOT.glob("0[1-6]_*.py"):
        shutil.copy(script, scripts)
    (scripts / "07_more.py").write_text('"""Do more -> see more."""', encoding="utf-8")
    monkeypatch.setattr(page_module, "ROOT", scripts)
    page = render(make_outputs(tmp_path))
    assert "Do more → see more." in page.said
    assert "Not run yet; run: python 07_more.py" in page.said
    assert 'class="missing"' not in page.text.partition("</header>")[0]


def test_what_was_not_measured_is_a_dash(tmp_path):
    outputs = make_outputs(tmp_path)
    metrics = json.loads((outputs / "metrics.json").read_text(encoding="utf-8"))
    metrics["models"]["classifier/complete"] = {"test_l1": "spoilt"}
    metrics["designs"].append({"design": "encoder/complete", "kind": "simulation"})
    (outputs / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    page = render(outputs)
    for name in ("with classifier", "encoder"):
        cells = re.findall(r"<td [^>]*>([^<]*)</td>", table_rows(page, name)[0])
        assert set(cells) <= {"–", "float", "16", "Keras", "simulation"}


def test_papers_tables_lie_beside_ours_with_differences(tmp_path):
    page = render(make_outputs(tmp_path))
    assert "0 weights, −1 biases" in table_rows(page, "decoder_1")[0]
    assert all(cell in table_rows(page, "accuracy, testing")[0] for cell in (">0.9066<", ">0.9020<", ">+0.0046<"))
    assert ">+0.0072<" in table_rows(page, "squared error + 0.1 × cross-entropy, testing")[0]
    assert ">ap_fixed<" not in page.text, "types are escaped"
    assert "ap_fixed&lt;5,1&gt;" in table_rows(page, "encoder_1")[1]
    ours = table_rows(page, "encoder_classifier/quantized_pruned")
    assert ">0.29 to 0.33<" in ours[0]
    assert ">0.15<" in ours[1]
    assert page.text.count('<ol class="contradictions">') == 1
    assert page.text.partition('<ol class="contradictions">')[2].partition("</ol>")[0].count("<li>") == 5


def test_demo_preset_is_said_in_capitals_and_never_compared_with_the_paper(tmp_path):
    outputs = make_outputs(tmp_path, preset="demo")
    page = render(outputs)
    assert "DEMO PRESET: THESE ARE SCIKIT-LEARN'S 8 × 8 DIGITS, NOT MNIST" in page.said
    assert "DEMO PRESET" in (outputs / "results.md").read_text(encoding="utf-8")
    assert "+0.0046" not in page.said


def test_results_table_as_csv_and_markdown(tmp_path):
    outputs = make_outputs(tmp_path)
    overview.write(outputs)
    with (outputs / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    [ours] = [row for row in rows if row["kind"] == "design" and row["source"].startswith("logic")]
    assert (ours["lut"], ours["test_accuracy"], ours["clock_ns"]) == ("14909", "0.9112", "")
    for table in re.findall(r"(?:^\|.*\n)+", (outputs / "results.md").read_text(encoding="utf-8"), flags=re.MULTILINE):
        assert len({len(line) for line in table.splitlines()}) == 1
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_report_prints_the_table_without_tensorflow(tmp_path):
    outputs = make_outputs(tmp_path)
    script = (
        "import runpy, sys; runpy.run_module('common.report', run_name='__main__');"
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'hls4ml', 'alkaid')))"
    )
    environment = {"PATH": "/usr/bin:/bin", "OUTPUTS_DIR": str(outputs), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (outputs / "results.md").read_text(encoding="utf-8")


def test_routed_designs_are_told_from_synthesized_ones_and_nothing_is_said_of_power():
    board = replace(ON_ECP5, part="ulx3s_85f", critical_path=(), uart_images=1000, uart_differing=0)
    synthesized = DesignRecord(design="full/quantized", kind=SYNTHESIS, tool="Yosys 0.70", part="xcup", lut=4_508)
    designs = [synthesized, ON_ECP5, board]
    table = hardware_tables.routed(designs)
    fpgas = ["LFE5U-85F, CABGA381, speed grade 6", "ulx3s_85f, CABGA381, speed grade 6"]
    assert [row[:2] for row in table.rows] == [["full/quantized", fpga] for fpga in fpgas]
    assert {"160.0", "−0.69", "19", "118.8", "11,234 of 83,640", "encoder_1 to encoder_1_relu"} <= set(table.rows[0])
    notes = " ".join(table.notes)
    assert "no Xilinx part" in notes
    assert "Power is neither measured nor estimated" in notes
    assert "1,000 images went bit by bit" in notes
    beside_the_paper = [row[0] for row in hardware_tables.tables_5_and_6(designs).rows if row[0].startswith("full/")]
    assert beside_the_paper == ["full/quantized"], "their LUTs have four inputs"
    assert ON_ECP5.source == "placed and routed, nextpnr-ecp5 0.11, LFE5U-85F, CABGA381, speed grade 6"
    assert hardware_tables.routed([synthesized]) is None


def test_luts_that_a_placer_may_add_to_those_counted_are_said():
    design = replace(DESIGN, design="full/quantized", inverter=34, route_through=1_200)
    notes = " ".join(hardware_tables.tables_5_and_6([design]).notes)
    assert "at most 1,234 for full/quantized on xcup." in notes
