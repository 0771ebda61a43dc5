"""Benchmarks: tasks timed in turn, recorded separately, and shown on the results page."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import measure, pipeline, preparation, scaling, training
from benchmarks.memory import PeakMemory
from benchmarks.plot_scaling import growth
from common.errors import PipelineError
from common.figures import style
from common.images import preprocessing
from common.images.samples import Samples
from common.report import overview

ALLOCATE = "import time; held = bytearray(300_000_000); time.sleep(0.7)"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "OUTPUTS", tmp_path)
    return tmp_path


def finish(name: str, value: str) -> None:
    benchmark = measure.Benchmark(name, f"Title of {name}", ["", "seconds"])
    benchmark.row("a row", value)
    benchmark.values = {"seconds": [1.0, 2.0]}
    benchmark.finish()


def test_tasks_alternate_and_the_first_round_is_discarded():
    calls = []
    seconds = measure.in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repetitions=3)
    assert calls == ["a", "b"] * 4
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}


def test_spread_is_median_minimum_and_maximum():
    spread = measure.Spread.of([4.0, 1.0, 2.0, 8.0, 3.0])
    assert f"{spread:.1f}" == "3.0 (1.0 to 8.0)"
    assert f"{24 / spread:.0f}" == "8 (3 to 24)"


def test_ratio_compares_measurements_of_the_same_round():
    assert measure.ratio([10.0, 40.0, 30.0], [1.0, 2.0, 10.0]) == measure.Spread(10.0, 3.0, 20.0)


def test_each_benchmark_replaces_only_its_own_part(folder):
    finish("one", "first")
    finish("two", "second")
    untouched = json.loads((folder / "benchmarks.json").read_text(encoding="utf-8"))["two"]
    finish("one", "third")
    parts = json.loads((folder / "benchmarks.json").read_text(encoding="utf-8"))
    assert parts["one"]["rows"] == [["a row", "third"]]
    assert parts["one"]["values"] == {"seconds": [1.0, 2.0]}
    assert {"date", "git_commit", "machine", "packages"} < set(parts["one"])
    assert parts["two"] == untouched
    assert not list(folder.glob(".*"))


def test_damaged_record_is_named_and_kept(folder):
    (folder / "benchmarks.json").write_text("{", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"benchmarks\.json is damaged; remove it"):
        finish("one", "first")
    assert (folder / "benchmarks.json").read_text(encoding="utf-8") == "{"


def test_results_page_shows_measurements(folder):
    overview.write(folder)
    assert "Speed" not in (folder / "index.html").read_text(encoding="utf-8")
    finish("one", "12.3 (12.1 to 14.0)")
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "Title of one" in page
    assert "12.3 (12.1 to 14.0)" in page
    (folder / "benchmarks.json").write_text('{"one": {}}', encoding="utf-8")
    overview.write(folder)
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "benchmarks.json is damaged" in page
    assert "make benchmarks" in page


def test_peak_memory_includes_child_processes():
    with PeakMemory() as alone:
        pass
    with PeakMemory() as together:
        subprocess.run([sys.executable, "-c", ALLOCATE], check=True)
    assert together.peak - alone.peak > 250_000_000


def test_pipeline_is_timed_by_stage_and_with_nothing_to_do(folder, tmp_path_factory, monkeypatch):
    root = tmp_path_factory.mktemp("root")
    (root / "Makefile").write_text(
        "all: 01 02\n01 02:\n\t@echo $@ $(PRESET) >> $(OUTPUTS_DIR).made\n", encoding="utf-8"
    )
    scripts = ["01_first.py", "02_second.py"]
    for script in scripts:
        (root / script).write_text("print('help')", encoding="utf-8")
    monkeypatch.setattr(pipeline, "ROOT", root)
    monkeypatch.setattr(pipeline, "SCRIPTS", scripts)
    pipeline.main("demo")
    part = json.loads((folder / "benchmarks.json").read_text(encoding="utf-8"))["pipeline"]
    assert [row[0] for row in part["rows"][:3]] == [*scripts, "all stages"]
    assert list(part["values"]["stages"]) == ["01_first", "02_second"]
    assert len(part["values"]["nothing_to_do_seconds"]) == measure.REPETITIONS
    assert set(part["values"]["help_seconds"]) == set(scripts)


def test_failing_stage_ends_the_benchmark_with_its_output(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "ROOT", tmp_path)
    monkeypatch.setattr(pipeline, "SCRIPTS", ["01_first.py"])
    (tmp_path / "Makefile").write_text("01:\n\t@echo no images; exit 3\n", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"make 01 PRESET=demo failed: .*no images"):
        pipeline.main("demo")
    assert not (folder / "benchmarks.json").exists()


def test_exponent_of_a_power_law_is_found():
    power, factor = scaling.exponent((1, 2, 4, 8), [3.0 * size**1.5 for size in (1, 2, 4, 8)])
    assert power == pytest.approx(1.5)
    assert factor == pytest.approx(3.0)


def test_image_by_image_gives_the_same_pixels():
    images = np.random.default_rng(0).integers(256, size=(50, 28, 28), dtype=np.uint8)
    expected = preprocessing.prepare_images(images, "anti_aliased")
    np.testing.assert_array_equal(preparation.image_by_image(images), expected)


def test_figure_of_growth_is_drawn_with_its_data(tmp_path):
    training = [measure.Spread(0.1 * count, 0.09 * count, 0.2 * count) for count in (1, 3, 6)]
    costs = [{"seconds": 2.0 * width, "bytes": 1e9 * width} for width in (1, 2)]
    curves = {"conversion": costs, "synthesis": costs}
    exponents = {"training": 1.0, "conversion": 1.0, "synthesis": 1.0}
    figure = growth((10, 30, 60), training, (1, 2), curves, exponents, 8e9)
    style.save(figure, tmp_path, "scaling")
    assert (tmp_path / "scaling.csv").read_text(encoding="utf-8").count("\n") == 1 + 3 + 2 + 2


@pytest.mark.parametrize("images", [512, 600])
@pytest.mark.parametrize("kind", training.STAGES)
def test_stages_and_fit_train_to_the_same_weights(kind, images):
    """A speed comparison needs equal work; 600 images leave a smaller last batch, 512 do not."""
    rng = np.random.default_rng(4)
    samples = Samples(rng.random((images, 64), np.float32), rng.integers(10, size=images))
    weights = {}
    for name, function in training.TRAININGS.items():
        model = training.build(kind, images)
        training.rounds(function(model, kind, samples, samples))()
        assert int(model.optimizer.iterations) == training.EPOCHS * -(-images // training.RECIPE.batch_size)
        weights[name] = model.get_weights()
    for ours, keras in zip(weights["stages"], weights["fit"], strict=True):
        np.testing.assert_array_equal(ours, keras)
