"""What 'Draw a digit' computes, in Node: the bits of the C simulation, and images as stage 01 prepares them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import parsed_page
import pytest
from scipy import ndimage
from skimage import transform
from stage_runs import ROOT
from written_outputs import EMBEDDED, SEVEN, fixed, linear_network, random_network, write_other_outputs

from common.errors import PipelineError
from common.hls import integer_network
from common.images import downloads, idx_sets, originals, preprocessing
from common.images.samples import PAPER_FORMAT, ImageFormat
from common.report import draw_digit
from common.stages import artifacts

SCRIPT = draw_digit.SCRIPT

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node, which runs the JavaScript, is not installed"
)
EVALUATE = """
for (let start = 0; start < input.length; start += 64) {
  const levels = Array.from(input.subarray(start, start + 64));
  const values = draw.evaluateNetwork(given, { pixels: levels });
  for (const name of given.outputs) output.push(...values[name]);
}"""
PREPARE = """
const pixels = given.field ** 2;
for (let start = 0; start < input.length; start += pixels)
  output.push(...draw.prepareImage(input.subarray(start, start + pixels), given));"""


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


def in_javascript(tmp_path, network, levels):
    """Return all outputs of a network side by side as `draw_digit.js` computes them, in the units of their types."""
    found = run_node(tmp_path, EVALUATE, network, levels.astype(np.uint8), "Float64Array").reshape(len(levels), -1)
    return found * output_steps(network)


def in_numpy(network, levels):
    values = integer_network.evaluate(network, {"pixels": levels})
    return np.concatenate([values[name] for name in network["outputs"]], axis=1) * output_steps(network)


def output_steps(network):
    layers = {layer["name"]: layer for layer in network["layers"]}
    sizes = [
        {"dense": len(layers[name].get("bias", ())), "lookup": 64}.get(layers[name]["kind"], 1)
        for name in network["outputs"]
    ]
    steps = [2.0 ** -layers[name]["type"]["fraction"] for name in network["outputs"]]
    return np.repeat(steps, sizes)


def with_scores(network, *, signed):
    """Return a network that also scores anomalies in each way, with triggers."""
    table = np.random.default_rng(5).integers(256, size=256).tolist()
    cell = fixed(4, 1, signed=signed, overflow="SAT")
    further = [
        {"name": f"power_{power}", "kind": "distance", "input": "image", "to": "pixels", "scales": [1, 2],
         "power": power, "type": fixed(18, 6 * power)}
        for power in (1, 2)
    ]  # fmt: skip
    further.append({"name": "cells", "kind": "cells", "input": "latent_relu", "cell": cell, "table": table,
                    "type": fixed(8, 4)})  # fmt: skip
    limits = {"power_1": 1800, "power_2": 70_000, "cells": 120}
    further += [
        {"name": f"{name}_trigger", "kind": "threshold", "input": name, "threshold": limit, "type": fixed(1, 0)}
        for name, limit in limits.items()
    ]
    return {"layers": [*network["layers"], *further], "outputs": [layer["name"] for layer in further]}


@needs_node
@pytest.mark.parametrize("signed", [False, True])
def test_javascript_and_numpy_agree_on_anomaly_scores(tmp_path, signed):
    network = with_scores(random_network(1), signed=signed)
    levels = np.random.default_rng(0).integers(0, 32, (50, 64))
    expected = in_numpy(network, levels)
    assert min(len(np.unique(column)) for column in expected[:, :3].T) > 5
    np.testing.assert_array_equal(in_javascript(tmp_path, network, levels), expected)


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
    with np.load(outputs / "01_prepare_data" / "images.npz") as file:
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
    from paper_networks import build_quantized

    from common.hls import c_simulation, hls4ml_project
    from common.networks import architecture

    model = build_quantized("classifier", input_bits=3)
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(0, 0.5, weights.shape) for weights in model.get_weights()])
    converted = hls4ml_project.convert(
        architecture.cut(model, "full"), tmp_path / "project", hls4ml_project.HlsOptions(), quantized=True
    )
    levels = generator.integers(0, 32, (100, 64))
    csim, _ = c_simulation.c_simulate(converted, PAPER_FORMAT.intensities(levels))
    network = integer_network.export(converted)
    assert len(np.unique(csim)) > 100
    assert np.count_nonzero(in_numpy(network, levels) != csim) == 0
    assert np.count_nonzero(in_javascript(tmp_path, network, levels) != csim) == 0


def test_network_that_rounds_its_sums_is_refused():
    from paper_networks import build

    from common.errors import PipelineError
    from common.hls import hls4ml_project
    from common.networks import architecture

    cut = architecture.cut(build("classifier"), "encoder")
    converted = hls4ml_project.convert(cut, Path("never-written"), hls4ml_project.HlsOptions(), quantized=False)
    with pytest.raises(PipelineError, match="layer encoder_1 rounds or saturates its sums"):
        integer_network.export(converted)


def mnist_images(spare_cache):
    """Return the 10,000 test images of MNIST where `$MNIST_DIR` has them, else 300 that are made up."""
    try:
        files = downloads.locate(idx_sets.MNIST, None, spare_cache)
        return originals.of_idx_set(idx_sets.MNIST, files, allow_other=False).x_test
    except downloads.DataUnavailableError:
        generator = np.random.default_rng(0)
        noise = generator.integers(0, 256, (300, 28, 28), dtype=np.uint8)
        return np.where(generator.random((300, 1, 1)) < 0.5, noise, noise // 250 * 51).astype(np.uint8)


@needs_node
@pytest.mark.parametrize("method", ["anti_aliased", "every_third_pixel"])
def test_javascript_prepares_images_as_stage_01_does(tmp_path, method, monkeypatch):
    monkeypatch.setattr(
        downloads, "_in_cache", lambda *names: (_ for _ in ()).throw(downloads.DataUnavailableError(str(names)))
    )
    images = mnist_images(tmp_path)
    expected = preprocessing.prepare_images(images, method)
    found = run_node(
        tmp_path,
        PREPARE,
        draw_digit.preparation(draw_digit.Original(method, 28, 22), PAPER_FORMAT),
        images,
        "Uint8Array",
    )
    assert np.count_nonzero(found.reshape(expected.shape) != expected) == 0


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


def noise(count, side):
    """Return images of noise, of few levels and of strokes, uint8 [count, side, side]."""
    generator = np.random.default_rng(3)
    images = generator.integers(0, 256, (count, side, side), dtype=np.uint8)
    images[::3] = images[::3] // 250 * 51
    images[1::3] = (images[1::3] > 200) * 255
    return images


@needs_node
@pytest.mark.parametrize(
    ("field", "crop", "side", "bits"), [(28, 20, 8, 5), (28, 22, 8, 5), (28, 28, 14, 8), (28, 24, 10, 4), (9, 9, 12, 6)]
)
def test_javascript_zooms_as_scipy_does(tmp_path, field, crop, side, bits):
    images = noise(300, field)
    first = (field - crop) // 2
    kept = images[:, first : first + crop, first : first + crop]
    expected = np.stack([ndimage.zoom(each, side / crop, order=3) for each in kept]) // 2 ** (8 - bits)
    given = draw_digit.preparation(draw_digit.Original("spline_zoom", field, crop), ImageFormat(side, bits))
    found = run_node(tmp_path, PREPARE, given, images, "Uint8Array").reshape(expected.shape)
    assert np.count_nonzero(found != expected) == 0


@needs_node
@pytest.mark.parametrize(("crop", "side", "bits"), [(20, 8, 5), (28, 14, 4), (24, 10, 8), (28, 16, 8), (9, 12, 6)])
def test_javascript_resizes_as_scikit_image_does(tmp_path, crop, side, bits):
    images = noise(200, crop)
    shape = (len(images), side, side)
    resized = transform.resize(images.astype(np.float32), shape, order=1, anti_aliasing=True, preserve_range=True)
    expected = (resized / 2 ** (8 - bits)).astype(np.uint8)
    given = draw_digit.preparation(draw_digit.Original("anti_aliased", crop, crop), ImageFormat(side, bits))
    found = run_node(tmp_path, PREPARE, given, images, "Uint8Array").reshape(expected.shape)
    assert np.count_nonzero(found != expected) == 0


@needs_node
def test_images_of_the_right_size_are_only_rounded_down(tmp_path):
    images = noise(20, 10)
    given = draw_digit.preparation(draw_digit.Original("anti_aliased", 10, 10), ImageFormat(10, 3))
    found = run_node(tmp_path, PREPARE, given, images, "Uint8Array").reshape(images.shape)
    assert np.array_equal(found, images // 32)


@needs_node
def test_drawings_on_small_images_without_margin_fill_them(tmp_path):
    body = "output.push(...draw.imageOfStrokes(given, draw.geometryOf(10, false)))"
    image = run_node(tmp_path, body, SEVEN, np.zeros(1, np.uint8), "Uint8Array").reshape(10, 10)
    rows, columns = np.nonzero(image)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 >= 9


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("decoder", [True, False])
def test_page_draws_a_map_of_two_dimensions_and_images_of_a_decoder_alone(tmp_path, dimensions, decoder):
    design = EMBEDDED[0 if decoder else 1]
    outputs = write_other_outputs(tmp_path, linear_network(dimensions, decoder), design)
    page = parsed_page.render(outputs)
    ids = {*page.all("id")}
    assert ("draw-map" in ids) == (dimensions == 2)
    assert ("draw-output" in ids) == decoder
    assert ("the map needs two" in page.said) == (dimensions != 2)
    assert "Draw an image" in page.said and "10 × 10 of 4 bits" in page.said
    data = draw_digit.page_data(outputs)
    assert data["samples"][2] is None and len(data["samples"]) == 3
    if dimensions == 2:
        assert min(data["plane"]["low"]) < 0, "a linear latent layer has negative coordinates"
