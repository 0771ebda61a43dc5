"""The results page: whole whatever has run, safe whatever it shows, as exact as the hardware, seen in a browser."""

import csv
import html
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import chromium
import numpy as np
import pytest

from common import paper, published_designs
from common.errors import PipelineError
from common.figures.style import VARIANTS
from common.hls import design_metrics, integer_network
from common.images import mnist, preprocessing
from common.report import draw_digit, network_tables, overview
from common.report import page as page_module
from common.report.metrics import write_metrics
from common.report.results import DASH
from common.report.workflow import LAYOUTS
from common.stages import artifacts

ROOT = Path(__file__).parents[2]
STAGES = [path.stem for path in sorted(ROOT.glob("0[1-6]_*.py"))]  # those of the pipeline
SCRIPT = draw_digit.SCRIPT
HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&<|"
LARGEST_PAGE = 8_000_000  # bytes
EMBEDDED = ("full/quantized_pruned", "encoder_classifier/quantized_pruned")
VOID = {"meta", "link", "img", "br", "hr", "input"}
LAYERS = {
    "encoder_1": (64, 32),
    "encoder_2": (32, 16),
    "latent": (16, 2),
    "decoder_1": (2, 16),
    "classifier_1": (2, 16),
    "decoder_2": (16, 32),
    "classifier_2": (16, 32),
    "decoder_3": (32, 64),
    "classifier_3": (32, 10),
}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="504pt" height="100pt"><text x="9" y="9">50 % # &amp;</text></svg>'
PNG = bytes.fromhex("89504e470d0a1a0a")

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node, which runs the JavaScript, is not installed"
)
needs_chromium = pytest.mark.skipif(chromium.find_chromium() is None, reason="no Chromium is installed")


# ------------------------------------------------------------------------------------------------- what stages leave


def fixed(width, fraction, *, signed=False, rounding="TRN", overflow="WRAP"):
    return {"width": width, "fraction": fraction, "signed": signed, "rounding": rounding, "overflow": overflow}


def random_network(seed=0, latent_bits=9):
    """Return a network of this project's layers with random weights, as `integer_network.export` would."""
    generator = np.random.default_rng(seed)
    layers = [{"name": "pixels", "kind": "input", "type": fixed(5, 5)}]
    sources = {"decoder_1": "latent_relu", "classifier_1": "latent_relu"}
    previous = {"encoder": "pixels", "latent": "pixels", "decoder": "latent_relu", "classifier": "latent_relu"}
    for name, (inputs, nodes) in LAYERS.items():
        branch = {"latent": "encoder"}.get(name, name.partition("_")[0])
        source = sources.get(name, previous[branch])
        fraction = next(layer["type"]["fraction"] for layer in layers if layer["name"] == source)
        last = name in ("decoder_3", "classifier_3")
        result = fixed(8, 4, signed=True, rounding="RND_CONV", overflow="SAT")
        layers.append({
            "name": name,
            "kind": "dense",
            "input": source,
            "weights": generator.integers(-7, 8, (inputs, nodes)).tolist(),
            "shift": 1,
            "bias": generator.integers(-99, 99, nodes).tolist(),
            "accumulator": fixed(20, fraction + 5, signed=True),
            "type": result if last else fixed(20, fraction + 5, signed=True),
        })  # fmt: skip
        previous[branch] = name
        if name == "decoder_3":
            table = generator.integers(0, 64, 256).tolist()
            layers.append({
                "name": "image", "kind": "lookup", "input": name, "low": -128, "table": table, "type": fixed(6, 6),
            })  # fmt: skip
        elif not last:
            rounding = generator.choice(["TRN", "RND", "RND_CONV"])
            width, whole = (latent_bits, 3) if name == "latent" else (9, 2)
            overflow = str(generator.choice(["SAT", "WRAP"]))
            kind = fixed(width, width - whole, rounding=str(rounding), overflow=overflow)
            layers.append({"name": f"{name}_relu", "kind": "cast", "relu": True, "input": name, "type": kind})
            previous[branch] = f"{name}_relu"
    return {"layers": layers, "outputs": ["image", "classifier_3"]}


def write_stage(
    outputs, name, *, files=(), reads=(), metrics=None, configuration=None, failures=(), preset="paper", **other
):
    """Write a stage's folder: its files, figures among them, and its `run.json`."""
    folder = outputs / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in dict(files).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    run = {
        "format": artifacts.RUN_FORMAT,
        "stage": name,
        "preset": preset,
        "dataset": "digits" if preset == "demo" else "mnist",
        "command": ["python", f"{name}.py"],
        "configuration": configuration or {},
        "seed": 0,
        "started": "2026-02-03T10:16:29+00:00",
        "seconds": 1.57,
        "machine": {"python": "3.11.7", "system": "Linux", "cores": 2},
        "packages": {"hls4ml": "1.3.0"},
        "git_commit": "8a0753fa2aeb28f2675b7238f8dfe24144671fb0-dirty",
        "external_reads": {},
        "reads": {read: artifacts.sha256(outputs / read) for read in reads},
        "writes": {file: artifacts.sha256(folder / file) for file in dict(files)},
        "metrics": metrics or {},
        "failures": list(failures),
        **other,
    }
    run["sha256"] = artifacts.record_digest(run)
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")


def figure_files(*names, title="A figure", caption="What is it? Look.", svg=SVG, png=PNG):
    listing = [{"name": name, "title": title, "caption": caption} for name in names]
    files = {
        f"{name}{suffix}": content for name in names for suffix, content in ((".svg", svg), (".png", png), (".csv", ""))
    }
    return {**files, "figures.json": json.dumps(listing)}


def images_file(tmp_path, count=400):
    tmp_path.mkdir(exist_ok=True)
    generator = np.random.default_rng(1)
    arrays = {f"x_{part}": generator.integers(0, 32, (count, 8, 8), dtype=np.uint8) for part in ("train", "test")}
    arrays |= {f"y_{part}": (np.arange(count) % 10).astype(np.uint8) for part in ("train", "test")}
    np.savez(tmp_path / "images.npz", **arrays)
    return (tmp_path / "images.npz").read_bytes()


def score(accuracy=0.9, weights=6048):
    losses = {"l1": 0.12, "mse": 0.04, "cross_entropy": 0.3, "accuracy": accuracy}
    scores = {f"{part}_{name}": value for part in ("train", "test") for name, value in losses.items()}
    return {"parameters": 6268, "nonzero_weights": weights, **scores}


TABLE_1 = """layer,complete,pruned,paper: complete,paper: pruned
encoder_1,2048+32,2048+32,,
encoder_2,512+16,102+16,512+16,102+16
decoder_1,32+12,6+12,32+16,6+13
total,6253,5794,6268,5805
"""
PRECISION = {
    "input_bits": 5,
    "encoder_1": {name: 5 if name.endswith("t_bits") else 0 for name in ("weight_bits", "weight_integer_bits")}
    | {"bias_bits": 5, "bias_integer_bits": 0, "activation_bits": 5, "activation_integer_bits": 0},
    "classifier_3": {"weight_bits": 16, "weight_integer_bits": 5, "activation_bits": 16, "activation_integer_bits": 5},
}
DESIGN = {
    "tool": "Yosys 0.70.0.0.post1259", "part": "xcup", "estimate": False, "lut": 14_909, "ff": 6_591, "dsp": 0,
    "bram": 0, "latency_cycles": 11, "initiation_interval": 1,
}  # fmt: skip
EXACT = {"images": 400, "values": 29_600}


def make_outputs(tmp_path, count=6, preset="paper"):
    """Write what the first `count` stages would leave."""
    outputs = tmp_path / "outputs"
    design, classifier = "encoder_classifier/quantized_pruned", "classifier.h5"
    network = json.dumps(random_network())
    written = (
        {
            "files": {"mnist8x8.npz": images_file(tmp_path), **figure_files("digits")},
            "configuration": {"preset": preset, "downsampling": "anti_aliased"},
        },
        {
            "files": {classifier: "2", **figure_files("latent")},
            "reads": ["01_prepare_data/mnist8x8.npz"],
            "metrics": {"models": {"classifier/complete": score(0.9066)}},
        },
        {
            "files": {"classifier_pruned.h5": "3", "table_1.csv": TABLE_1},
            "reads": ["01_prepare_data/mnist8x8.npz", f"02_train_autoencoder/{classifier}"],
            "metrics": {"models": {"classifier/pruned": score(0.8942, 5586)}},
        },
        {
            "files": {"classifier_quantized_pruned.h5": "4"},
            "reads": ["03_prune/classifier_pruned.h5"],
            "metrics": {
                "models": {
                    "classifier/quantized_pruned": {"parent": "classifier/pruned", **score(0.9112, 5586)},
                    "classifier/pruned, fixed<16,6,TRN,WRAP> after training": score(0.8),
                }
            },
            "configuration": {"precision": PRECISION},
        },
        {
            "files": {f"{each}/{name}": network for each in EMBEDDED for name in ("model.fml", "network.json")},
            "reads": ["04_quantize/classifier_quantized_pruned.h5"],
            "metrics": {
                "designs": {design: {"test_accuracy": 0.9112}},
                "exactness": {"full/quantized_pruned": {**EXACT, "qkeras_csim": 0}},
            },
        },
        {
            "files": {f"{design}/rtl/netlist_xcup.log": "said"},
            "reads": [f"05_convert_hls/{design}/model.fml"],
            "metrics": {
                "designs": {design: DESIGN, f"{design}, C synthesis": {**DESIGN, "estimate": True, "clock_ns": 4.5}},
                "exactness": {"full/quantized_pruned": {**EXACT, "csim_alir": 0, "alir_rtl": 0}},
            },
        },
    )
    for name, arguments in list(zip(STAGES, written, strict=True))[:count]:
        write_stage(outputs, name, preset=preset, **arguments)
    outputs.mkdir(exist_ok=True)
    write_metrics(outputs)
    return outputs


# -------------------------------------------------------------------------------------------------- reading the page


class Page(HTMLParser):
    """A page taken apart, and held against the rules that browsers do not complain about."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        assert len({name for name, _ in attributes}) == len(attributes), f"attribute given twice: {attributes}"
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    def all(self, name):
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    @property
    def said(self):
        return " ".join(" ".join(self.words).split())

    @property
    def commands(self):
        return [attributes for tag, attributes in self.elements if attributes.get("class") == "command"]


def render(outputs):
    """Write the page and return it, after looking for what no page may have."""
    overview.write(outputs)
    page = Page((outputs / "index.html").read_text(encoding="utf-8"))
    assert page.text.startswith("<!DOCTYPE html>\n")
    assert len(set(page.all("id"))) == len(page.all("id")), "an id is used twice"
    for link in page.all("href"):
        if link.startswith("#"):
            assert link[1:] in page.all("id"), f"{link} leads nowhere"
        elif not link.startswith("data:"):
            assert (outputs / unquote(link)).exists(), f"{link} leads to no file"
    assert all(source.startswith("data:") for source in page.all("src"))
    outside = re.sub(r'(?:href|src)="data:[^"]*"', "", page.text)
    assert not re.search(r"(?:src|href|action)=\"?(?:https?:)?//|url\(|@import|fetch\(|XMLHttpRequest", outside)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not re.search(r"\b(?:None|nan|undefined)\b", page.said)
    assert not list(outputs.glob(".*partial"))
    return page


def table_rows(page, first_cell):
    return [row for row in page.text.split("<tr")[1:] if f">{first_cell}</th>" in row]


# --------------------------------------------------------------------------------------------------- what page says


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
    assert "reads 91.1 % of the test digits right" in page.said


def test_a_design_keeps_what_it_computes_whatever_it_is_synthesized_for(tmp_path):
    outputs = make_outputs(tmp_path)
    name, known = "full/quantized_pruned", {"nonzero_weights": 5322, "test_l1": 0.1259, "test_accuracy": 0.9112}
    routed = {**DESIGN, "part": "ecp5", "clock_ns": 20.0, "fmax_mhz": 50.0}
    designs = {name: {**DESIGN, **known}, f"{name}, xc7": {**DESIGN, "lut": 15_001}, f"{name}, ecp5": routed}
    write_stage(outputs, "06_synthesize", metrics={"designs": designs})
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
    design = {**DESIGN, "stages": 13, "stages_proven": 12}
    write_stage(outputs, "06_synthesize", metrics={"designs": {"full/quantized_pruned": design}})
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
    metrics["designs"]["encoder/complete"] = {}
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
    assert ">0.29 to 0.33<" in table_rows(page, "encoder_classifier/quantized_pruned")[0]
    assert ">0.15<" in table_rows(page, "encoder_classifier/quantized_pruned, C synthesis")[0]
    assert page.text.count('<ol class="contradictions">') == 1
    assert page.text.partition('<ol class="contradictions">')[2].partition("</ol>")[0].count("<li>") == 5


def test_demo_preset_is_said_in_capitals_and_never_compared_with_the_paper(tmp_path):
    outputs = make_outputs(tmp_path, preset="demo")
    page = render(outputs)
    assert "DEMO PRESET: THESE ARE SCIKIT-LEARN'S 8 × 8 DIGITS, NOT MNIST" in page.said
    assert "DEMO PRESET" in (outputs / "results.md").read_text(encoding="utf-8")
    assert "+0.0046" not in page.said


def test_stale_stage_is_red_and_says_which_command_mends_it(tmp_path):
    outputs = make_outputs(tmp_path)
    write_stage(
        outputs, STAGES[2], files={"classifier_pruned.h5": "other"}, reads=["02_train_autoencoder/classifier.h5"]
    )
    page = render(outputs)
    alerts = page.text.partition('<ul class="alerts">')[2].partition("</ul>")[0]
    assert "04_quantize was made from 03_prune/classifier_pruned.h5, which has changed since" in alerts
    assert "python 04_quantize.py" in alerts
    assert str(outputs) not in page.text
    assert "WRONG: 04_quantize was made" in (outputs / "results.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("02_train_autoencoder/run.json", "{", "run.json is damaged; run: python 02_train_autoencoder.py"),
        ("02_train_autoencoder/run.json", None, "run.json is missing, so stage 02_train_autoencoder has not finished"),
        ("metrics.json", "[1]", "metrics.json is damaged; run: python 06_synthesize.py"),
        ("metrics.json", '{"models": {"a": 1}}', "metrics.json is damaged"),
        ("03_prune/classifier_pruned.h5", None, "03_prune/classifier_pruned.h5 is missing; run: python 03_prune.py"),
        ("01_prepare_data/figures.json", "{}]", "01_prepare_data/figures.json is damaged"),
        ("01_prepare_data/digits.svg", None, "01_prepare_data/digits.svg or .png is missing"),
        ("05_convert_hls/full/quantized_pruned/network.json", '{"layers": 3}', "network.json or"),
        ("01_prepare_data/mnist8x8.npz", "spoilt", "mnist8x8.npz is damaged"),
    ],
)
def test_what_is_damaged_or_lost_is_named_and_the_rest_is_shown(tmp_path, file, content, words):
    outputs = make_outputs(tmp_path)
    (outputs / file).unlink()
    if content is not None:
        (outputs / file).write_text(content, encoding="utf-8")
    assert words in render(outputs).said


def test_values_that_differ_are_red_and_counted(tmp_path):
    outputs = make_outputs(tmp_path)
    metrics = json.loads((outputs / "metrics.json").read_text(encoding="utf-8"))
    metrics["exactness"]["full/quantized_pruned"]["alir_rtl"] = 7
    (outputs / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    page = render(outputs)
    assert (
        "full/quantized_pruned: 7 of 29600 values differ between traced logic and RTL; run: python 06_synthesize.py"
        in page.said
    )
    assert 'class="design wrong"><th scope="row">full network' in page.text
    assert "7 of 88,800 values compared between simulations of the quantized designs differ" in page.said


def test_findings_of_a_stage_are_shown_once(tmp_path):
    outputs = make_outputs(tmp_path)
    finding = "full/quantized_pruned is not exact: first difference in layer latent"
    write_stage(
        outputs,
        "06_synthesize",
        failures=[finding],
        metrics={"exactness": {"full/quantized_pruned": {**EXACT, "alir_rtl": 7}}},
    )
    write_metrics(outputs)
    alerts = render(outputs).text.partition('<ul class="alerts">')[2].partition("</ul>")[0]
    assert alerts.count("<li>") == 1
    assert finding in alerts


def test_states_of_stages_are_shown(tmp_path):
    outputs = make_outputs(tmp_path, 4)
    write_stage(outputs, "01_prepare_data", files={"mnist8x8.npz": "other"}, failures=["too dark"])
    write_stage(outputs, "03_prune", files={"classifier_pruned.h5": "3"})
    (outputs / "03_prune" / "classifier_pruned.h5").unlink()
    write_metrics(outputs)
    page = render(outputs)
    assert "01_prepare_data failed: too dark; run: python 01_prepare_data.py" in page.said
    states = re.findall(r'class="state">([^<]*)<', page.text)[:6]
    assert states == ["failed", "stale", "damaged", "2 s", "not run", "not run"]
    assert ">stale, Keras<" in table_rows(page, "with classifier")[0]
    assert "damaged" not in "".join(table_rows(page, "with classifier"))


def test_headline_is_not_of_stale_stages(tmp_path):
    outputs = make_outputs(tmp_path)
    assert "As hardware" in render(outputs).said
    write_stage(outputs, "05_convert_hls", files={f"{EMBEDDED[1]}/model.fml": "other"})
    write_metrics(outputs)
    page = render(outputs)
    assert "As hardware" not in page.said
    assert "Not one of" not in page.said
    assert "Tables 5 and 6 of the revision: on the FPGA (stale)" in page.said


@pytest.mark.fault("disk")
def test_report_on_read_only_outputs_says_so_in_a_line(tmp_path, without_powers_of_root):
    outputs = make_outputs(tmp_path)
    outputs.chmod(0o555)
    command = [*without_powers_of_root, sys.executable, "-m", "common.report"]
    environment = {**os.environ, "OUTPUTS_DIR": str(outputs)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
    outputs.chmod(0o755)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: report: Permission denied (")
    assert done.stderr.count("\n") == 1


@pytest.mark.fault("foreign")
def test_hostile_words_stay_words(tmp_path):
    outputs = make_outputs(tmp_path)
    name = 'a"><script>b&.log'
    write_stage(
        outputs,
        "03_prune",
        files={**figure_files("f", title=HOSTILE, caption=HOSTILE), name: HOSTILE},
        failures=[HOSTILE],
        configuration={HOSTILE: HOSTILE},
        git_commit=HOSTILE,
        command=["python", HOSTILE],
        packages={HOSTILE: HOSTILE},
        metrics={
            "models": {HOSTILE: score(), f"classifier/{HOSTILE}": score()},
            "designs": {HOSTILE: DESIGN, f"full/pruned, {HOSTILE}": {**DESIGN, "tool": HOSTILE, "part": HOSTILE}},
            "exactness": {HOSTILE: {**EXACT, "alir_rtl": 1}},
        },
        external_reads={HOSTILE: HOSTILE},
    )  # fmt: skip
    network = random_network()
    network["layers"].append({**network["layers"][1], "name": HOSTILE})
    (outputs / "05_convert_hls/full/quantized_pruned/network.json").write_text(json.dumps(network), encoding="utf-8")
    write_metrics(outputs)
    harmless = render(make_outputs(tmp_path / "harmless"))
    page = render(outputs)
    tags = [[tag for tag, _ in each.elements].count("script") for each in (page, harmless)]
    assert tags[0] == tags[1]
    assert HOSTILE in " ".join(page.words)
    assert page.text.count("onerror=alert") == page.text.count("&lt;img src=x onerror=alert") + page.text.count(
        "\\u003cimg src=x onerror=alert"
    )


@pytest.mark.fault("foreign")
def test_hostile_svg_cannot_leave_its_attribute(tmp_path):
    outputs = make_outputs(tmp_path)
    svg = SVG.replace("50 %", "\"' onload='x'\n%3C!--")
    write_stage(outputs, "03_prune", files=figure_files("f", svg=svg))
    [source] = [source for source in render(outputs).all("src") if "onload" in source]
    assert unquote(source.partition(",")[2]) == svg.replace("\n", " ")


def test_page_stays_small_whatever_the_figures(tmp_path):
    outputs = make_outputs(tmp_path)
    large = SVG.replace("</svg>", "<!--" + "x" * 3_000_000 + "--></svg>")
    names = ("a", "b", "c", "d")
    write_stage(outputs, "03_prune", files=figure_files(*names, svg=large, png=PNG * 10))
    assert len(render(outputs).text.encode()) < LARGEST_PAGE
    write_stage(outputs, "03_prune", files=figure_files(*names, svg=large, png=b"x" * 5_000_000))
    page = render(outputs)
    assert len(page.text.encode()) < LARGEST_PAGE
    assert "too large to be part of the page" in page.said


@pytest.mark.fault("foreign")
def test_figures_outside_of_their_folder_are_not_read(tmp_path):
    outputs = make_outputs(tmp_path)
    for suffix in (".svg", ".png"):
        (tmp_path / f"secret{suffix}").write_text("secret", encoding="utf-8")
    write_stage(
        outputs, "03_prune", files={"figures.json": json.dumps([{"name": "../../secret", "title": "", "caption": ""}])}
    )
    page = render(outputs)
    assert "data:image/svg+xml;charset=utf-8,secret" not in page.text


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


# ---------------------------------------------------------------------------------------------- the same bits in Node


def run_node(tmp_path, body, arguments, images, kind):
    """Run JavaScript that turns `input`, bytes, into `output`, an array of `kind` that it pushes into."""
    (tmp_path / "arguments.json").write_text(json.dumps(arguments), encoding="utf-8")
    (tmp_path / "input").write_bytes(np.ascontiguousarray(images).tobytes())
    script = (
        'const fs = require("fs");'
        f"const draw = require({json.dumps(str(SCRIPT))});"
        'const given = JSON.parse(fs.readFileSync("arguments.json"));'
        'const input = fs.readFileSync("input"); const output = [];'
        f"{body};"
        f'fs.writeFileSync("output", Buffer.from({kind}.from(output).buffer));'
    )
    subprocess.run(["node", "-e", script], cwd=tmp_path, check=True)
    return np.fromfile(tmp_path / "output", dtype={"Float64Array": np.float64, "Uint8Array": np.uint8}[kind])


EVALUATE = """
for (let start = 0; start < input.length; start += 64) {
  const levels = Array.from(input.subarray(start, start + 64));
  const values = draw.evaluateNetwork(given, { pixels: levels });
  for (const name of given.outputs) output.push(...values[name]);
}"""
PREPARE = """
for (let start = 0; start < input.length; start += 784)
  output.push(...draw.prepareImage(input.subarray(start, start + 784), given));"""


def in_javascript(tmp_path, network, levels):
    """Return all outputs of a network side by side as `draw_digit.js` computes them, in the units of their types."""
    found = run_node(tmp_path, EVALUATE, network, levels.astype(np.uint8), "Float64Array").reshape(len(levels), -1)
    return found * output_steps(network)


def in_numpy(network, levels):
    values = integer_network.evaluate(network, {"pixels": levels})
    return np.concatenate([values[name] for name in network["outputs"]], axis=1) * output_steps(network)


def output_steps(network):
    layers = {layer["name"]: layer for layer in network["layers"]}
    sizes = [len(layers[name].get("bias", ())) or 64 for name in network["outputs"]]
    steps = [2.0 ** -layers[name]["type"]["fraction"] for name in network["outputs"]]
    return np.repeat(steps, sizes)


@needs_node
@pytest.mark.parametrize("seed", range(4))
def test_javascript_and_numpy_agree_on_random_networks(tmp_path, seed):
    network = random_network(seed)
    levels = np.random.default_rng(seed).integers(0, 32, (50, 64))
    expected = in_numpy(network, levels)
    assert len(np.unique(expected)) > 5
    assert np.count_nonzero(in_javascript(tmp_path, network, levels) != expected) == 0


@needs_node
@pytest.mark.parametrize("rounding", ["TRN", "RND", "RND_CONV"])
@pytest.mark.parametrize("overflow", ["WRAP", "SAT"])
@pytest.mark.parametrize("signed", [True, False])
def test_javascript_casts_as_python_does(tmp_path, rounding, overflow, signed):
    values = np.arange(-200, 200)
    target = fixed(5, 2, signed=signed, rounding=rounding, overflow=overflow)
    network = {
        "layers": [
            {"name": "a", "type": fixed(12, 4)},
            {"name": "b", "kind": "cast", "relu": False, "input": "a", "type": target},
        ]
    }
    body = "for (const value of given.values) output.push(draw.castInteger(value, 4, given.target))"
    found = run_node(tmp_path, body, {"values": values.tolist(), "target": target}, values, "Float64Array")
    assert np.array_equal(found, integer_network.evaluate(network, {"a": values[:, None]})["b"][:, 0])


def csim_levels(outputs):
    with np.load(outputs / "01_prepare_data" / "mnist8x8.npz") as file:
        return file["x_test"].reshape(-1, 64).astype(int)


@needs_node
@pytest.mark.parametrize("design", EMBEDDED)
def test_javascript_computes_the_bits_of_the_c_simulation(demo_outputs, tmp_path, design):
    from common.hls import hls4ml_project

    folder = demo_outputs / "05_convert_hls" / design
    network = json.loads(json.dumps(integer_network.export(hls4ml_project.load_model(folder / "model.fml"))))
    levels, csim = csim_levels(demo_outputs), np.load(folder / "csim.npz")["outputs"]
    assert np.count_nonzero(in_numpy(network, levels) != csim) == 0
    assert np.count_nonzero(in_javascript(tmp_path, network, levels) != csim) == 0


@needs_node
@pytest.mark.parametrize("design", EMBEDDED)
def test_javascript_computes_the_bits_of_the_last_run(tmp_path, design):
    outputs = Path(os.environ.get("OUTPUTS_DIR") or ROOT / "outputs")
    folder = outputs / "05_convert_hls" / design
    try:
        current = (folder / "network.json").exists() and artifacts.stale_reason(outputs, "05_convert_hls") is None
    except PipelineError:
        current = False
    if not current:
        pytest.skip("make has not been run here, not as far as stage 05, or not since something changed")
    network, levels = json.loads((folder / "network.json").read_text(encoding="utf-8")), csim_levels(outputs)
    csim = np.load(folder / "csim.npz")["outputs"]
    assert np.count_nonzero(in_javascript(tmp_path, network, levels) != csim) == 0


@needs_node
def test_leading_bits_of_the_input_are_exported(tmp_path):
    from common.hls import c_simulation, hls4ml_project
    from common.networks import architecture, quantization
    from common.networks.precision import NetworkPrecision

    model = quantization.build("classifier", NetworkPrecision(input_bits=3))
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(0, 0.5, weights.shape) for weights in model.get_weights()])
    converted = hls4ml_project.convert(
        architecture.cut(model, "full"), tmp_path / "project", hls4ml_project.HlsOptions(), quantized=True
    )
    levels = generator.integers(0, 32, (100, 64))
    csim, _ = c_simulation.c_simulate(converted, preprocessing.intensities(levels))
    network = integer_network.export(converted)
    assert len(np.unique(csim)) > 100
    assert np.count_nonzero(in_numpy(network, levels) != csim) == 0
    assert np.count_nonzero(in_javascript(tmp_path, network, levels) != csim) == 0


def test_network_that_rounds_its_sums_is_refused():
    from common.errors import PipelineError
    from common.hls import hls4ml_project
    from common.networks import architecture

    cut = architecture.cut(architecture.build("classifier"), "encoder")
    converted = hls4ml_project.convert(cut, Path("never-written"), hls4ml_project.HlsOptions(), quantized=False)
    with pytest.raises(PipelineError, match="layer encoder_1 rounds or saturates its sums"):
        integer_network.export(converted)


def mnist_images(spare_cache):
    """Return the 10,000 test images of MNIST where `$MNIST_DIR` has them, else 300 that are made up."""
    try:
        return mnist.read_labelled_images(mnist.locate(None, spare_cache), "t10k").images
    except mnist.MnistUnavailableError:
        generator = np.random.default_rng(0)
        noise = generator.integers(0, 256, (300, 28, 28), dtype=np.uint8)
        return np.where(generator.random((300, 1, 1)) < 0.5, noise, noise // 250 * 51).astype(np.uint8)


@needs_node
@pytest.mark.parametrize("method", ["anti_aliased", "every_third_pixel"])
def test_javascript_prepares_images_as_stage_01_does(tmp_path, method, monkeypatch):
    monkeypatch.setattr(
        mnist, "_in_cache", lambda name, _cache: (_ for _ in ()).throw(mnist.MnistUnavailableError(name))
    )
    images = mnist_images(tmp_path)
    expected = preprocessing.prepare_images(images, method)
    found = run_node(tmp_path, PREPARE, draw_digit.preparation(method), images, "Uint8Array")
    assert np.count_nonzero(found.reshape(expected.shape) != expected) == 0


SEVEN = [[[0.2, 0.15], [0.78, 0.13], [0.6, 0.5], [0.45, 0.92]]]


def centred(tmp_path, strokes):
    body = "output.push(...draw.imageOfStrokes(given))"
    return run_node(tmp_path, body, strokes, np.zeros(1, np.uint8), "Uint8Array").reshape(28, 28)


@needs_node
def test_drawings_are_centred_as_mnist_is_wherever_and_however_large_they_are_drawn(tmp_path):
    image = centred(tmp_path, SEVEN)
    rows, columns = np.nonzero(image)
    assert 20 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21, "20 pixels, and a soft edge"
    middle = [np.average(np.arange(28) + 0.5, weights=image.sum(axis=axis)) for axis in (0, 1)]
    assert middle == pytest.approx([14.5, 14.5], abs=0.1)
    small = [[[0.1 + x / 2, 0.4 + y / 2] for x, y in stroke] for stroke in SEVEN]
    assert np.abs(centred(tmp_path, small).astype(int) - image).max() <= 1
    assert not centred(tmp_path, []).any()
    assert 1 < np.count_nonzero(centred(tmp_path, [[[0.9, 0.1]]])) < 30, "a dot stays a dot"


# ------------------------------------------------------------------------------------------------ seen in a browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


TOO_WIDE = """[...document.querySelectorAll("body, body *")].filter((each) => {
  const box = each.getBoundingClientRect();
  return box.left < -0.5 || box.right > document.documentElement.clientWidth + 0.5;
}).map((each) => `${each.tagName} ${each.className} ${each.textContent.slice(0, 60)}`)"""
BOX = "((box) => [box.x, box.y, box.width, box.height])(document.getElementById('draw-{}').getBoundingClientRect())"
PIXELS = """((canvas) => {{
  const copy = Object.assign(document.createElement("canvas"), {{ width: canvas.width, height: canvas.height }});
  const context = copy.getContext("2d", {{ willReadFrequently: true }});
  context.drawImage(canvas, 0, 0);
  return [...context.getImageData(0, 0, copy.width, copy.height).data].filter((value, index) => index % 4 === 0);
}})(document.getElementById("draw-{}"))"""


def place_of(browser, name):
    browser.evaluate(f"document.getElementById('draw-{name}').scrollIntoView({{behavior: 'instant', block: 'center'}})")
    return browser.evaluate(BOX.format(name))


@needs_chromium
@pytest.mark.parametrize(("width", "colours"), list(itertools.product((390, 1130, 1440), ("light", "dark"))))
@pytest.mark.parametrize("count", [0, 3, 6])
def test_nothing_overflows_nothing_is_asked_for_and_nothing_complains(browser, tmp_path, width, colours, count):
    outputs = make_outputs(tmp_path, count)
    if count:
        long = "x" * 300
        write_stage(
            outputs,
            "03_prune",
            files=figure_files("f", title=long, caption=long),
            failures=[long],
            git_commit=long,
            command=["python", long],
            configuration={long: long},
            metrics={"models": {long: score()}, "designs": {"full/pruned": {**DESIGN, "part": long, "lut": 10**9}}},
        )
        write_metrics(outputs)
    overview.write(outputs)
    browser.open(outputs / "index.html", width, colours)
    assert browser.evaluate(TOO_WIDE) == []
    assert browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert browser.complaints() == []
    assert browser.requests() == []


@needs_chromium
@pytest.mark.parametrize(("width", "latent_bits"), [(390, 9), (1440, 9), (1440, 4)])
def test_canvas_answers_to_strokes_and_the_point_can_be_dragged(browser, tmp_path, width, latent_bits):
    outputs = make_outputs(tmp_path)
    network = random_network(latent_bits=latent_bits)
    (outputs / "05_convert_hls/full/quantized_pruned/network.json").write_text(json.dumps(network), encoding="utf-8")
    overview.write(outputs)
    browser.open(outputs / "index.html", width)
    point = browser.touch if width < 500 else browser.drag

    assert not any(value < 255 for value in browser.evaluate(PIXELS.format("mnist")))
    left, top, side, _ = place_of(browser, "pad")
    for stroke in SEVEN:
        point([(left + x * side, top + y * side) for x, y in stroke])
    ink = 255 - np.array(browser.evaluate(PIXELS.format("mnist")))
    assert np.count_nonzero(ink) > 40
    prepared = preprocessing.prepare_images(ink.reshape(1, 28, 28).astype(np.uint8), "anti_aliased")
    levels = prepared.reshape(1, 64).astype(int)
    shown = 255 - np.array(browser.evaluate(PIXELS.format("input")))
    assert np.array_equal(shown, np.floor(levels[0] * 255 / 31 + 0.5))
    values = integer_network.evaluate(network, {"pixels": levels})
    verdict = browser.evaluate("document.getElementById('draw-verdict').textContent")
    digit = int(values["classifier_3"].argmax())
    assert f"It reads {'an' if digit == 8 else 'a'} {digit}. Its point" in verdict
    logits = browser.evaluate("[...document.querySelectorAll('#draw-logits output')].map((each) => each.textContent)")
    assert [float(text.replace("−", "-")) for text in logits] == pytest.approx(
        values["classifier_3"][0] / 16, abs=0.006
    )
    output = 255 - np.array(browser.evaluate(PIXELS.format("output")))
    assert np.array_equal(output, np.floor(values["image"][0] * 255 / 64 + 0.5))

    left, top, side, _ = place_of(browser, "map")
    point([(left + side * 0.5, top + side * 0.5), (left + side * 0.9, top + side * 0.2)])
    assert browser.evaluate("document.getElementById('draw-inputs').className").split() == ["pair", "aside"]
    latent = re.search(r"\((.*), (.*)\)", browser.evaluate("document.getElementById('draw-verdict').textContent"))
    decoded = integer_network.evaluate(
        network,
        {"latent_relu": np.array([[round(float(value) * 2 ** (latent_bits - 3)) for value in latent.groups()]])},
    )
    output = 255 - np.array(browser.evaluate(PIXELS.format("output")))
    assert np.array_equal(output, np.floor(decoded["image"][0] * 255 / 64 + 0.5))

    browser.evaluate("document.getElementById('draw-clear').click()")
    assert not any(value < 255 for value in browser.evaluate(PIXELS.format("mnist")))
    assert browser.complaints() == []


ROUTED = {
    "tool": "Yosys 0.70, nextpnr-ecp5 0.11.1", "part": "LFE5U-85F, CABGA381, speed grade 6", "estimate": False,
    "routed": True, "lut": 11_234, "luts_available": 83_640, "ff": 4_003, "dsp": 0, "bram": 0, "latency_cycles": 19,
    "initiation_interval": 1, "clock_ns": 6.25, "fmax_mhz": 160.0, "latency_ns": 118.75, "target_mhz": 180.0,
    "slack_ns": -0.694, "critical_path": ["encoder_1", "encoder_1_relu"],
}  # fmt: skip


def test_routed_designs_are_told_from_synthesized_ones_and_nothing_is_said_of_power():
    from common.report import hardware_tables

    board = {**ROUTED, "part": "ULX3S-85F: LFE5U-85F", "uart_images": 1000, "uart_differing": 0}
    board.pop("critical_path")
    synthesized = {"tool": "Yosys 0.70", "part": "xcup", "estimate": False, "lut": 4_508, "ff": 1_781}
    designs = {"full/quantized": synthesized, "full/quantized, LFE5U-85F": ROUTED, "full/quantized, ulx3s_85f": board}
    table = hardware_tables.routed(designs)
    assert [row[0] for row in table.rows] == ["full/quantized, LFE5U-85F", "full/quantized, ulx3s_85f"]
    assert {"160.0", "−0.69", "19", "118.8", "11,234 of 83,640", "encoder_1 to encoder_1_relu"} <= set(table.rows[0])
    notes = " ".join(table.notes)
    assert "no Xilinx part" in notes
    assert "Power is neither measured nor estimated" in notes
    assert "1,000 images went bit by bit" in notes
    beside_the_paper = [row[0] for row in hardware_tables.tables_5_and_6(designs).rows if row[0].startswith("full/")]
    assert beside_the_paper == ["full/quantized"], "their LUTs have four inputs"
    assert design_metrics.source(ROUTED) == "placed and routed, nextpnr-ecp5 0.11, LFE5U-85F, CABGA381, speed grade 6"
    assert hardware_tables.routed({"full/quantized": synthesized}) is None


def test_luts_that_a_placer_may_add_to_those_counted_are_said():
    from common.report import hardware_tables

    designs = {"full/quantized": {**DESIGN, "inverter": 34, "route_through": 1_200}}
    notes = " ".join(hardware_tables.tables_5_and_6(designs).notes)
    assert "at most 1,234 for full/quantized." in notes
