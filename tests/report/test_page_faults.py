"""The results page where something is wrong: stale, damaged, not exact, hostile or too large. It says so."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from urllib.parse import unquote

import pytest
from parsed_page import render, table_rows
from stage_runs import ROOT
from written_outputs import (
    DESIGN,
    EMBEDDED,
    PNG,
    STAGES,
    SVG,
    exact,
    figure_files,
    make_outputs,
    random_network,
    score,
    write_stage,
)

from common.report.metrics import write_metrics

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&<|"
LARGEST_PAGE = 8_000_000  # bytes


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
        ("metrics.json", '{"designs": [{"design": "full/pruned"}]}', "metrics.json is damaged"),
        ("metrics.json", '{"designs": [{"design": "a", "kind": "b", "lut": "c"}]}', "metrics.json is damaged"),
        ("metrics.json", '{"designs": [{"design": "a", "kind": "b", "luts": 5}]}', "metrics.json is damaged"),
        ("metrics.json", '{"exactness": {"full/pruned": 3}}', "metrics.json is damaged"),
        ("03_prune/classifier_pruned.h5", None, "03_prune/classifier_pruned.h5 is missing; run: python 03_prune.py"),
        ("01_prepare_data/figures.json", "{}]", "01_prepare_data/figures.json is damaged"),
        ("01_prepare_data/digits.svg", None, "01_prepare_data/digits.svg or .png is missing"),
        ("05_convert_hls/full/quantized_pruned/network.json", '{"layers": 3}', "network.json or"),
        ("01_prepare_data/images.npz", "spoilt", "images.npz is damaged"),
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
    metrics["exactness"][0]["differing"]["alir_rtl"] = 7
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
        exactness=[exact("full/quantized_pruned", alir_rtl=7)],
    )
    write_metrics(outputs)
    alerts = render(outputs).text.partition('<ul class="alerts">')[2].partition("</ul>")[0]
    assert alerts.count("<li>") == 1
    assert finding in alerts


def test_states_of_stages_are_shown(tmp_path):
    outputs = make_outputs(tmp_path, 4)
    write_stage(outputs, "01_prepare_data", files={"images.npz": "other"}, failures=["too dark"])
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
        models={HOSTILE: score(), f"classifier/{HOSTILE}": score()},
        designs=[
            replace(DESIGN, design=HOSTILE),
            replace(DESIGN, design="full/pruned", tool=HOSTILE, part=HOSTILE, package=HOSTILE),
        ],
        exactness=[replace(exact(HOSTILE, alir_rtl=1), flow=HOSTILE)],
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
