"""The results page in a browser: it fits every window, loads nothing, and its canvas computes as the hardware."""

import itertools
import json
import re
from dataclasses import replace

import chromium
import numpy as np
import pytest
from written_outputs import (
    DESIGN,
    EMBEDDED,
    SEVEN,
    figure_files,
    linear_network,
    make_outputs,
    random_network,
    score,
    write_other_outputs,
    write_stage,
)

from common.hls import integer_network
from common.images import preprocessing
from common.report import overview
from common.report.metrics import write_metrics

pytestmark = pytest.mark.xdist_group("browser")  # one worker makes its fixtures
needs_chromium = pytest.mark.skipif(chromium.find_chromium() is None, reason="no Chromium is installed")
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


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


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
            models={long: score()},
            designs=[replace(DESIGN, design="full/pruned", part=long, lut=10**9)],
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
    assert f"Classified as {digit}. Its point" in verdict
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


@needs_chromium
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize(("dimensions", "decoder"), [(1, True), (2, True), (2, False)])
def test_other_networks_and_images_answer_to_strokes(browser, tmp_path, width, dimensions, decoder):
    network = linear_network(dimensions, decoder)
    outputs = write_other_outputs(tmp_path, network, EMBEDDED[0 if decoder else 1])
    overview.write(outputs)
    browser.open(outputs / "index.html", width)
    assert browser.evaluate(TOO_WIDE) == []
    point = browser.touch if width < 500 else browser.drag
    left, top, side, _ = place_of(browser, "pad")
    for stroke in SEVEN:
        point([(left + x * side, top + y * side) for x, y in stroke])
    ink = 255 - np.array(browser.evaluate(PIXELS.format("mnist")))
    levels = ink.reshape(1, 100) // 16
    assert np.count_nonzero(levels) > 10
    values = integer_network.evaluate(network, {"pixels": levels})
    verdict = browser.evaluate("document.getElementById('draw-verdict').textContent")
    names = ("cat", "dog", "a very long name indeed")
    assert f"Classified as {names[values['classifier_1'][0].argmax()]}." in verdict
    assert ("L1 of the reconstruction" in verdict) == decoder
    if decoder:
        output = 255 - np.array(browser.evaluate(PIXELS.format("output")))
        assert np.array_equal(output, np.floor(values["image"][0] * 255 / 16 + 0.5))
    if dimensions == 2:
        left, top, side, _ = place_of(browser, "map")
        point([(left + side * 0.5, top + side * 0.5), (left + side * 0.2, top + side * 0.8)])
        verdict = browser.evaluate("document.getElementById('draw-verdict').textContent")
        latent = re.search(r"\((.*), (.*)\)", verdict).groups()
        assert min(float(value.replace("\u2212", "-")) for value in latent) < 0
    assert browser.complaints() == []
