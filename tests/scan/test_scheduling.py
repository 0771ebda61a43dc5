"""Scheduling of scans: workers that die, points that fail, interrupted scans, clusters of several processes."""

import contextlib
import functools
import importlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
from stage_runs import start_stage, wait_until

from common.errors import PipelineError
from common.figures import scan as scan_figures
from common.hls.designs import Design
from common.images import dataset
from common.networks import architecture, pruned_training
from common.report.pipeline import DECLARED
from common.running import processes
from common.scan import compute_cluster, point_evaluation, point_training, spaces
from common.scan import results as scan_results
from common.scan.point_store import PointStore
from common.scan.points import Outcome, Point
from common.scan.scheduling import Scan, Task
from common.scan.searching import DesignSearch
from common.stages import provenance

SCRIPTS = {"convert_hls": "05_convert_hls", "synthesize": "06_synthesize"}
SPACE = "base = 'demo'\nquantize.seed = [0, 1, 2, 3, 4, 5, 6, 7]\n"


def no_source(*_):
    return Outcome({})


def stand_in(point, *_, folder, deadly=(), failing=()):
    """Return numbers that depend only on the seed, without TensorFlow; die once at some seeds, fail at others."""
    seed = point.fields["quantize"]["seed"]
    begun = Path(folder) / f"{seed}.{len(list(Path(folder).glob(f'{seed}.*')))}"
    begun.write_text(str(os.getpid()), encoding="utf-8")
    if seed in deadly and begun.name.endswith(".0"):
        os.kill(os.getpid(), signal.SIGKILL)
    if seed in failing:
        return Outcome({}, f"seed {seed} fails", {"log.txt": b"its output\n"})
    return Outcome({"validation_accuracy": 0.9 + seed / 100, "validation_l1": 0.1, "lut_estimate": 100 + seed})


@pytest.fixture
def scan(tmp_path):
    """Return a function that scans the seeds on two workers, and returns tasks by seed and a list of attempts."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    (tmp_path / "space.toml").write_text(SPACE, encoding="utf-8")
    space = spaces.load(tmp_path / "space.toml", [], 300, DECLARED)

    def run(name, points=8, **behaviour):
        begun = tmp_path / name
        begun.mkdir(exist_ok=True)
        store = PointStore(tmp_path / f"{name} points", "images")
        evaluate = functools.partial(stand_in, folder=str(begun), **behaviour)
        with compute_cluster.connect(None, 2) as client:
            scan = Scan(store, client, client.submit(tuple), evaluate, no_source)
            found = scan.search(DesignSearch(space, "grid", points, seed=0), ahead=4)
        tasks = {values["quantize.seed"]: task for values, task in found}
        return tasks, sorted(path.name for path in begun.iterdir())

    run.store = lambda name: tmp_path / f"{name} points"
    return run


def test_point_of_a_killed_worker_runs_again(scan):
    undisturbed, begun = scan("undisturbed")
    assert begun == [f"{seed}.0" for seed in range(8)]
    disturbed, begun = scan("disturbed", deadly=(3,))
    assert {name for name in begun if name.startswith("3.")} == {"3.0", "3.1"}
    assert {seed: task.row for seed, task in disturbed.items()} == {
        seed: task.row for seed, task in undisturbed.items()
    }
    assert sorted(disturbed) == list(range(8))


def test_failed_point_is_reported_with_its_log_and_tried_again_by_the_next_scan(scan):
    tasks, _ = scan("failing", failing=(2, 5))
    assert [seed for seed, task in sorted(tasks.items()) if task.fault] == [2, 5]
    text, _, log = tasks[5].fault.partition("; its output is in ")
    assert text == "seed 5 fails"
    assert Path(log).read_text(encoding="utf-8") == "its output\nseed 5 fails\n"
    again, begun = scan("failing")
    assert all(task.row for task in again.values())
    assert begun == ["0.0", "1.0", "2.0", "2.1", "3.0", "4.0", "5.0", "5.1", "6.0", "7.0"]
    assert not Path(log).exists()


@pytest.fixture
def another_program(monkeypatch):
    """Return a function that changes the apparent packages or code of this process, but not of its workers."""
    versions = provenance.package_versions()

    def change(code=None, **packages):
        monkeypatch.setattr(provenance, "package_versions", lambda: versions | packages)
        if code:
            monkeypatch.setattr(provenance, "code_digest", lambda module: code)
        provenance.program.cache_clear()

    yield change
    provenance.program.cache_clear()


def test_points_of_another_program_are_not_reused_and_workers_without_it_refuse(scan, another_program):
    tasks, _ = scan("programs", points=2)
    names = {task.name for task in tasks.values()}
    kept = {Path(path).name for path in scan.store("programs").iterdir()}
    for change, words in (
        ({"alkaid": "99"}, f"has alkaid {provenance.package_versions()['alkaid']} instead of 99; bring it up to date"),
        ({"code": "another simulator"}, "has other code than the scan has for common.scan.point_evaluation; bring it"),
    ):
        another_program(**change)
        tasks, begun = scan("programs", points=2)
        assert begun == ["0.0", "1.0"]
        assert names.isdisjoint(task.name for task in tasks.values())
        assert all(words in task.fault for task in tasks.values()), tasks
    assert {path.name for path in scan.store("programs").iterdir() if path.is_dir()} == kept


def test_two_scans_can_store_the_same_point_at_once(tmp_path, monkeypatch):
    both_ready, rename = threading.Barrier(2), Path.rename

    def rename_together(path, target):
        both_ready.wait(30)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_together)
    with ThreadPoolExecutor() as pool:
        outcomes = [Outcome({"lut_estimate": luts}, files={"rtl/design.v": b"all"}) for luts in (1, 2)]
        save = functools.partial(PointStore(tmp_path, "images").save, "point", {})
        assert list(pool.map(save, outcomes)) == [tmp_path / "point"] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["point"]
    assert PointStore(tmp_path, "images").load("point") in [outcome.values for outcome in outcomes]


def test_point_that_another_scan_stored_first_is_used(scan, monkeypatch):
    save = PointStore.save

    def save_after_another_scan(store, name, depends_on, outcome):
        save(store, name, depends_on, Outcome({**outcome.values, "lut_estimate": 7}))
        return save(store, name, depends_on, outcome)

    monkeypatch.setattr(PointStore, "save", save_after_another_scan)
    tasks, _ = scan("shared", points=2)
    assert [task.row["lut_estimate"] for task in tasks.values()] == [7, 7]


def row(accuracy, luts):
    return {"validation_accuracy": accuracy, "validation_l1": 0.1, "lut_estimate": luts}


def test_design_without_luts_does_not_win():
    worth = scan_results.Worth(2.0, 0.01)
    found = [({}, Task(name, {}, row(*values))) for name, values in {"a": (0.9, 500), "none": (0.1, 0)}.items()]
    rows = scan_results.rows_of(found, "full", worth)
    assert all(math.isfinite(each["score"]) for each in rows)
    assert [each["point"] for each in scan_results.best_of(rows, 2)] == ["a", "none"]
    shares = scan_figures.front_growth(rows).data["share_of_area"]
    assert np.isfinite(shares).all()


def dead(path):
    """Return a trained network whose latent units are constant over all images."""
    model = architecture.load(path)
    layer = model.get_layer("latent")
    layer.set_weights([np.zeros_like(weights) for weights in layer.get_weights()])
    return model


@pytest.mark.parametrize("allow", [[], ["dead_unit", "chance"]])
def test_point_with_a_dead_unit_fails_unless_its_recipe_allows_it(demo_outputs, monkeypatch, allow):
    samples = dataset.load(demo_outputs / "01_prepare_data/images.npz")
    float_network = demo_outputs / "03_prune/classifier_pruned.h5"
    quantized = demo_outputs / "04_quantize/classifier_quantized_pruned.h5"
    monkeypatch.setattr(pruned_training, "train", lambda *_: (dead(float_network), {}))
    monkeypatch.setattr(point_evaluation, "_quantize", lambda *_: dead(quantized))
    monkeypatch.setattr(point_evaluation, "_build", lambda *_, **__: {"lut_estimate": 0})
    point = Point(DECLARED, "demo", {"prune": {"allow": allow}, "quantize": {"allow": allow}}, 300)
    whole = Outcome({}, files={point_training.NETWORK: float_network.read_bytes()})
    source, found = point_training.train_source(point, samples), point_evaluation.evaluate(point, samples, whole)
    for outcome in (source, found):
        if allow:
            assert (outcome.error, point_training.NETWORK in outcome.files) == (None, True)
        else:
            assert "constant over all images: latent unit 1" in outcome.error
            assert "accuracy" in outcome.error and "is at chance level" in outcome.error
            assert outcome.values == {}


def test_log_of_a_point_contains_the_logs_of_its_tools(monkeypatch):
    def compute(*arguments):
        folder = arguments[-1]
        command = ["sh", "-c", "echo no memory; exit 1"]
        processes.run_logged(command, folder=folder, log=folder / "g++.log", timeout_seconds=60)

    monkeypatch.setattr(point_evaluation, "_compute", compute)
    outcome = point_evaluation.evaluate(None, (None, None), Outcome({}, files={point_training.NETWORK: b""}))
    assert outcome.error == "sh failed with exit status 1; its log is g++.log"
    assert "\ng++.log:\nno memory\n" in outcome.files["log.txt"].decode()


def test_missing_scheduler_is_a_one_line_error(monkeypatch):
    monkeypatch.setattr(compute_cluster, "CONNECT_SECONDS", 1)
    with (
        pytest.raises(PipelineError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        compute_cluster.connect("tcp://127.0.0.1:9", 1),
    ):
        pass


def test_damaged_point_is_reported(tmp_path):
    store = PointStore(tmp_path, "images")
    (tmp_path / "abc").mkdir()
    (tmp_path / "abc" / "point.json").write_text("{", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"abc/point\.json is damaged; remove the folder"):
        store.load("abc")
    assert store.load("abd") is None


QUICK = [
    "train_autoencoder.network = { encoder = [8, 6], decoder = [6], classifier = [6] }",
    "shortened.train_autoencoder.epochs = 2",
    "quantize.batch_size = 300",
    "quantize.input_bits = 4",
    "quantize.precision.encoder_2.weight_bits = 3",
    "quantize.precision.encoder_1.weight_bits = [2, 3, 4]",
    "quantize.raised.sparsity.encoder_1 = [0.5, 0.8]",
    "shortened.quantize.epochs = 1",
    "train_autoencoder.allow = ['chance', 'dead_unit']",  # after two epochs
    "quantize.allow = ['chance', 'dead_unit']",  # after one
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Start a scheduler and two workers as separate processes, as on a cluster; yield the scheduler's address."""
    folder = tmp_path_factory.mktemp("cluster")
    place = folder / "scheduler.json"
    programs = (
        ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(place)],
        *[["worker", "--scheduler-file", str(place), "--nthreads", "1", "--no-dashboard"]] * 2,
    )
    with contextlib.ExitStack() as stack:
        for program in programs:
            command = [str(Path(sys.executable).parent / "dask"), *program]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = stack.enter_context(subprocess.Popen(command, cwd=folder, start_new_session=True, **quiet))
            stack.callback(os.killpg, process.pid, signal.SIGTERM)
        wait_until(lambda: place.exists() and place.read_text(encoding="utf-8").endswith("}"))  # complete
        yield json.loads(place.read_text(encoding="utf-8"))["address"]


def arguments(address, points):
    return ["--scheduler", address, "--search", "grid", "--points", "6", "--finalists", "0", "--vary", *QUICK,
            "--points-dir", str(points)]  # fmt: skip


def results(outputs):
    table = json.loads((outputs / "07_scan_designs" / "points.json").read_text(encoding="utf-8"))
    return [{name: row[name] for name in row if name not in ("seconds", "machine")} for row in table]


def complete(points):
    """Return the number of complete points."""
    return len(list(points.glob("*/point.json")))


def kill_one_worker(address):
    """Kill the process of a worker; its nanny starts another one."""
    from distributed import Client

    with Client(address) as client:
        pids = client.run(os.getpid)
    os.kill(next(iter(pids.values())), signal.SIGKILL)


@pytest.mark.long
def test_demo_scan_on_a_cluster_with_a_worker_killed_and_a_scan_interrupted(cluster, outputs, run_here, tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    status, printed, errors = run_here("07_scan_designs", *arguments(cluster, whole), outputs=outputs)
    assert status == 0, printed + errors
    expected = results(outputs)
    assert len(expected) == 6
    assert {row["recipe"] for row in expected} == {"shortened"}

    interrupted = start_stage("07_scan_designs", *arguments(cluster, broken), outputs=outputs)
    wait_until(lambda: complete(broken) >= 2, 300)
    interrupted.send_signal(signal.SIGINT)
    interrupted.communicate()
    assert interrupted.returncode == 130
    kept = {path: path.stat().st_mtime_ns for path in broken.glob("*/point.json")}
    assert 2 <= len(kept) < 6
    assert results(outputs) == expected  # still the artifacts of the first scan

    killer = threading.Thread(
        target=lambda: (wait_until(lambda: complete(broken) > len(kept), 300), kill_one_worker(cluster))
    )
    killer.start()
    status, printed, errors = run_here("07_scan_designs", *arguments(cluster, broken), outputs=outputs)
    killer.join()
    assert status == 0, printed + errors
    assert results(outputs) == expected
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # finished points are not computed again


def test_finalist_goes_through_yosys_and_all_simulations(demo_outputs, tmp_path, monkeypatch):
    # A quarter of the size of the full network.
    monkeypatch.setattr(point_evaluation, "_designs", lambda _: [Design("encoder_classifier", "quantized_pruned")])
    stages = {name: importlib.import_module(script).PRESETS["demo"] for name, script in SCRIPTS.items()}
    (tmp_path / "kept").mkdir()
    shutil.copy(
        demo_outputs / "04_quantize/classifier_quantized_pruned.h5", tmp_path / "kept" / point_evaluation.NETWORK
    )
    _, samples = dataset.load(demo_outputs / "01_prepare_data/images.npz")
    found = point_evaluation._synthesize(stages, samples, tmp_path)
    assert found["lut"] > 0 and found["ff"] > 0
    assert list((tmp_path / "kept" / "rtl" / "src").glob("*.v"))
