"""README and docs/: their tables are those of the recorded runs, and what they name exists."""

import importlib.util
import json
import re
import subprocess

import numpy as np
import pytest
from PIL import Image
from stage_runs import ROOT

from common import records
from common.errors import PipelineError
from common.figures import overview
from common.records import ESTIMATE, ROUTED, SYNTHESIS, DesignRecord, ExactnessRecord
from common.report import docs, docs_tables
from common.report.pipeline import DECLARED
from common.stages.toml_files import TomlFile

PAGES = docs.pages(ROOT)
README_LINES = 170
PICTURE_BYTES = 300_000
BY_HAND = re.compile(r"<!-- table \w+: measured at commits? [0-9a-f]{7}.* with .+ -->")
NUMBER = re.compile(r"[−-]?[\d,]*\.?\d+(?:, [\d.]+)* ?(%|MHz|ns|s|minutes.*|times as fast)?")
PATH = re.compile(r"(?<![\w/.=])((?:common|docs|tests|benchmarks|spaces)/[\w./]*|\d\d_\w+\.py)")
RECORD = {
    "preset": "paper",
    "dataset": "mnist",
    "seed": 0,
    "git_commit": "0123456789abcdef-dirty",
    "date": "2022-01-27",
    "machine": {"python": "3.11.7", "cores": 2},
    "packages": {"qkeras": "0.9.0"},
    "table_1": {"encoder_2": ["512+16", "102+16"], "decoder_1": ["32+12", "6+12"], "classifier_1": ["32+16", "6+9"]},
    "models": {"classifier/quantized_pruned": {"nonzero_weights": 5322, "test_l1": 0.1, "test_accuracy": 0.9089}},
    **records.as_metrics(
        [
            DesignRecord(
                design="encoder_classifier/quantized_pruned",
                kind=SYNTHESIS,
                tool="Yosys 0.70.0",
                part="xcup",
                lut=12142,
                inverter=400,
                route_through=998,
                ff=8654,
                dsp=0,
                latency_cycles=16,
                stages=16,
                stages_proven=15,
            ),
            DesignRecord(
                design="encoder_classifier/quantized_pruned",
                kind=ROUTED,
                tool="nextpnr 0.11",
                part="LFE5U-85F",
                lut=23456,
                ff=9177,
                latency_cycles=24,
                fmax_mhz=167.6,
                latency_ns=143.2,
                latency_cutoff=2.0,
            ),
        ],
        [
            ExactnessRecord(
                design="full/quantized_pruned",
                images=10000,
                values=740_000,
                differing={"qkeras_csim": 0, "rtl_netlist": 3},
            )
        ],
    ),
}


def name(page):
    return str(page.relative_to(ROOT))


def text_of(page):
    return page.read_text(encoding="utf-8")


def said_of_commands(page):
    """Return the code of a page, inline and in blocks: where it names commands and files."""
    text = text_of(page)
    return "\n".join(re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))


@pytest.fixture
def checkout(tmp_path):
    """A folder with one page and one recorded run."""
    (tmp_path / "docs" / "results").mkdir(parents=True)
    (tmp_path / "docs" / "results" / "paper.json").write_text(json.dumps(RECORD), encoding="utf-8")
    return tmp_path


# ---------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_marked_tables_are_those_of_the_recorded_runs(page):
    assert docs.filled(text_of(page), ROOT) == text_of(page), "run: python -m common.report.docs --fill"


def test_each_table_is_in_a_page():
    marked = {found[2] for page in PAGES for found in docs.MARKED.finditer(text_of(page))}
    assert marked == {*docs_tables.TABLES, *docs.PICTURES}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_table_of_numbers_is_marked_or_says_where_it_was_measured(page):
    text = docs.MARKED.sub("", text_of(page))
    for table in re.finditer(r"(?:^\|.*\n)+", text, re.MULTILINE):
        cells = [cell.strip() for line in table[0].splitlines() for cell in line.strip("|").split("|")]
        if sum(bool(NUMBER.fullmatch(cell)) for cell in cells) >= 3:
            before = text[: table.start()].strip().splitlines()[-1]
            assert BY_HAND.fullmatch(before), f"{name(page)} has a table without a source: {table[0]}"


def test_table_shows_a_recorded_run_and_says_what_is_missing(checkout):
    page = "".join(f"<!-- table {table}: written by make docs -->\nold\n<!-- end -->\n" for table in docs_tables.TABLES)
    filled = docs.filled(page, checkout)
    assert "old" not in filled
    assert docs.filled(filled, checkout) == filled
    for number in (
        "0.9089",
        "12,142",
        "13,540",
        "99,424 (estimate)",
        "167.6",
        "23,456",
        "3 of 1,480,000",
        "102+16",
        "15 of 16",
    ):
        assert number in filled
    assert "`paper`: seed 0, commit 0123456 with changes that are not committed, 2022-01-27" in filled
    assert "`tuned`: not recorded yet: `make PRESET=tuned docs`" in filled
    assert "`paper`: not recorded yet" not in filled


def test_marker_of_no_table_is_refused(checkout):
    with pytest.raises(PipelineError, match="there is no table luts; tables are headline, "):
        docs.filled("<!-- table luts: written by make docs -->\n<!-- end -->", checkout)


# ---------------------------------------------------------------------------------------------- recording


def as_mnist(outputs, preset="paper"):
    """Have the records of all stages say that they are of a preset on MNIST, with that preset's recipe."""
    configurations = docs.presets.configurations(DECLARED, preset, {}, TomlFile("", {}, {}))
    for path in outputs.glob("[0-9]*/run.json"):
        record = json.loads(path.read_text(encoding="utf-8")) | {"preset": preset, "dataset": "mnist"}
        configuration = docs.asdict(configurations[docs.presets.subject(path.parent.name)])
        record["configuration"] = json.loads(json.dumps(configuration))
        path.write_text(json.dumps(record | {"sha256": docs.artifacts.record_digest(record)}), encoding="utf-8")


def test_run_is_recorded_and_others_are_refused(tiny_outputs, tmp_path):
    outputs = tmp_path / "outputs"
    subprocess.run(["cp", "-r", tiny_outputs, outputs], check=True)
    with pytest.raises(PipelineError, match="a run of demo on digits is not recorded, only runs of paper, "):
        docs.record(outputs)

    as_mnist(outputs)
    found = docs.record(outputs)
    assert (found["preset"], found["dataset"]) == ("paper", "mnist")
    assert found["models"].keys() >= {"classifier/complete", "classifier/quantized_pruned"}
    assert {row["design"] for row in found["designs"] if row["lut"] > 0} == {"encoder/quantized_pruned"}
    assert {row["differing"]["rtl_netlist"] for row in found["exactness"]} == {0}
    assert str(tmp_path) not in json.dumps(found)

    path = outputs / "03_prune" / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["configuration"]["sparsity"] = 0.9
    path.write_text(json.dumps(record | {"sha256": docs.artifacts.record_digest(record)}), encoding="utf-8")
    with pytest.raises(PipelineError, match=r"03_prune was run with another sparsity than preset paper has"):
        docs.record(outputs)
    subprocess.run(["rm", "-r", outputs / "06_synthesize"], check=True)
    with pytest.raises(PipelineError, match="is not complete: synthesize has not run; run: make"):
        docs.record(outputs)


def test_picture_is_drawn_from_a_run(tiny_outputs, tmp_path):
    docs.docs_picture.draw(tiny_outputs, tmp_path)
    assert docs.docs_picture.preset(tmp_path) == "demo"
    assert "Preset `demo`, " in docs.docs_picture.markdown(tmp_path)
    check_picture(tmp_path / docs.PICTURE)


def test_latent_points_that_many_images_share_are_drawn_as_discs():
    generator = np.random.default_rng(5)
    points, digits = generator.uniform(0, 4, size=(600, 2)), np.arange(600) % 10
    images = generator.uniform(size=(2, 10, 64))
    for shared, shown in ((False, points), (True, points.round())):
        figure = overview.overview(shown, digits, *images, [("paper: AE", 165_311, True), ("ours", 4_068, False)])
        plane = next(axes for axes in figure.axes if axes.get_xlabel().startswith("latent"))
        assert (len(plane.collections[0].get_offsets()) == 25) is shared
        assert ("a disc for all images of a point" in figure.caption) is shared


def test_bars_are_of_designs_with_luts_the_papers_first():
    ours = {"ours": DesignRecord(design="full/quantized", kind=SYNTHESIS, lut=5), "not synthesized": None}
    theirs = {"AE": DesignRecord(design="full/complete", kind=ESTIMATE, lut=9)}
    assert overview.bars(ours, theirs) == [("paper: AE", 9, True), ("ours", 5, False)]


def check_picture(path):
    assert path.stat().st_size < PICTURE_BYTES
    with Image.open(path) as picture:
        assert picture.width == 1400
        assert 600 <= picture.height <= 800
        assert len(picture.convert("RGB").getcolors(256)) > 20


def test_picture_of_the_readme_exists_and_is_small():
    check_picture(ROOT / docs.PICTURE)


# ---------------------------------------------------------------------------------------------- what pages name


def test_readme_is_short():
    assert len(text_of(ROOT / "README.md").splitlines()) <= README_LINES


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(page))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_page_is_linked_from_the_readme():
    text = text_of(ROOT / "README.md")
    assert [name(page) for page in PAGES[1:] if f"]({name(page)})" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page):
    named = {found.rstrip(".") for found in PATH.findall(said_of_commands(page)) if "PRESET" not in found}
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_modules_that_are_named_exist(page):
    named = set(re.findall(r"\b(?:python -m|from) ((?:common|benchmarks)[\w.]*)", said_of_commands(page)))
    assert [module for module in named if importlib.util.find_spec(module) is None] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_targets_of_make_that_are_named_exist(page):
    makefile = text_of(ROOT / "Makefile")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1]
    stages = {script.name[:2] for script in ROOT.glob("[0-9][0-9]_*.py")}
    targets = {*re.findall(r"\w+", phony.partition("FORCE")[0]), *stages}
    used = re.findall(r"^(?:\w+=\S+ )*make((?: [\w=./]+)*)", said_of_commands(page), re.MULTILINE)
    words = {word for words in used for word in words.split() if "=" not in word}
    assert words - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_flags_that_are_named_are_known(page):
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("common", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
    )
    sources += "\n".join(script.read_text(encoding="utf-8") for script in ROOT.glob("[0-9]*.py"))
    lines = [line for line in said_of_commands(page).splitlines() if not line.startswith(("dask", "open", "fuj"))]
    flags = {flag for line in lines for flag in re.findall(r"(?<!\S)--([a-z][\w.-]*)", line)}
    words = {word.replace("-", "_") for flag in flags for word in flag.split(".")} - {"help"}
    assert [word for word in words if not re.search(rf"\b{word}\b|{word.replace('_', '-')}", sources)] == []


def test_targets_of_make_are_in_its_help():
    makefile = text_of(ROOT / "Makefile")
    phony = re.search(r"^\.PHONY: (.*?) FORCE", makefile, re.MULTILINE)[1].split()
    described = re.findall(r"^# make (\w+) ", makefile, re.MULTILINE)
    assert set(phony) - {"all"} <= set(described)
