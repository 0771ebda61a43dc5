"""The design `anomaly` through all stages with the real tools: exact on all kinds of images, and proven."""

import json

import pytest
import stage_runs

from common import records
from common.images import anomalies, dataset

DESIGN = "anomaly/quantized_pruned"
FLAGS = stage_runs.TINY | {
    "01_prepare_data": ("--preset", "demo", "--normal", *"012345689"),
    "05_convert_hls": ("--default-designs", DESIGN, "--anomaly.false-alarm-rate", "0.05"),
    "06_synthesize": ("--default-synthesize", DESIGN, "--tabulate-latent", "--prove"),
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Return the outputs of the shortest run of all stages with a design that scores, of random weights."""
    folder = tmp_path_factory.mktemp("anomaly") / "outputs"
    folder.mkdir()
    for stage in stage_runs.ALL_STAGES:
        stage_runs.fork_well(stage, *FLAGS[stage], outputs=folder)
        if stage == "04_quantize":
            stage_runs.give_weights(folder)
    return folder


def test_no_value_differs_on_any_kind_of_image_and_all_stages_are_proven(outputs):
    images = outputs / "01_prepare_data"
    _, test_samples = dataset.load(images / dataset.FILE)
    found = anomalies.load(images / anomalies.FILE, test_samples.format)
    count = len(found.after(test_samples.intensities))
    assert count == 5 * len(test_samples.labels) + len(found.kinds["left_out"])
    designs, exactness = records.from_metrics(json.loads((outputs / "metrics.json").read_text(encoding="utf-8")))
    of_images, tables = exactness
    pairs = ("qkeras_csim", "csim_test_bench", "csim_alir", "alir_rtl", "rtl_netlist")
    assert (of_images.images, of_images.values, of_images.differing) == (count, 2 * count, dict.fromkeys(pairs, 0))
    assert (tables.values, tables.differing) == (512, {"csim_table": 0})
    (synthesized,) = (record for record in designs if record.kind == records.SYNTHESIS)
    assert synthesized.lut > 100
    assert synthesized.stages == synthesized.stages_proven == synthesized.latency_cycles


def test_figures_and_table_are_on_the_page(outputs):
    listed = json.loads((outputs / "05_convert_hls" / "figures.json").read_text(encoding="utf-8"))
    names = {entry["name"] for entry in listed}
    assert {"anomaly_roc", "anomaly_efficiency", "anomaly_scores", "anomaly_extremes"} <= names
    page = (outputs / "index.html").read_text(encoding="utf-8")
    assert "Anomaly score: area under the ROC curve" in page


def test_figures_are_drawn_again(outputs):
    before = stage_runs.hashes(outputs / "05_convert_hls")
    stage_runs.fork_well("05_convert_hls", "--redraw", outputs=outputs)
    after = stage_runs.hashes(outputs / "05_convert_hls")
    assert {name for name in before if before[name] != after.get(name)} <= {"run.json", "drawn"}
