"""make: which stages are out of date, and why."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from make_runs import LONG_AGO, make, touch, would_redraw, would_run
from source_imports import imported_files
from stage_runs import ROOT, STAGES, hashes, mark_failed

from common.report.pipeline import DECLARED
from common.scan import results, spaces
from common.stages import presets

LAST = STAGES[-1][:2]


def modules_of(stage: str) -> set[str]:
    """Return the modules of `common/`, such as `images/dataset`, that a stage imports directly or indirectly.

    The results page is left out, since no artifact depends on it.
    """
    found, waiting = set(), [ROOT / f"{stage}.py"]
    while waiting:
        names = {str(path.relative_to(ROOT / "common").with_suffix("")) for path in imported_files(waiting.pop())}
        new = {name for name in names if not name.startswith("report/")} - found
        found |= new
        waiting += [ROOT / "common" / f"{name}.py" for name in new]
    return found


def recorded(outputs: Path, stage: str) -> dict[str, list[str]]:
    """Return the prerequisites of a stage's `run.json` and `drawn`, from its `dependencies.mk`."""
    lines = (outputs / stage / "dependencies.mk").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()[:2]
    rules = dict(line.split(":") for line in lines)
    return {Path(target).name: names.split() for target, names in rules.items()}


def test_recorded_dependencies_are_script_modules_and_input_files(demo_outputs):
    for stage in STAGES:
        rules = recorded(demo_outputs, stage)
        needs, drawing = rules["run.json"], rules["drawn"]
        assert f"{stage}.py" in needs
        sources = [name for name in [*needs, *drawing] if name.startswith("common/") and name.endswith(".py")]
        modules = {name.removeprefix("common/").removesuffix(".py") for name in sources}
        packages = {name.rpartition("/")[0] for name in modules_of(stage)}
        assert {name for name in modules if not name.endswith("__init__")} == modules_of(stage)
        assert {f"{name}/__init__".removeprefix("/") for name in packages} <= modules
        read = json.loads((demo_outputs / stage / "run.json").read_text(encoding="utf-8"))["reads"]
        assert {name for name in needs if name.startswith("$")} == {f"$(OUTPUTS)/{name}" for name in read}


def test_modules_that_only_draw_or_print_are_dependencies_of_drawing(demo_outputs):
    rules = recorded(demo_outputs, "02_train_autoencoder")
    for module in ("figures/style", "figures/latent", "figures/of_variants", "networks/evaluation", "running/console"):
        assert f"common/{module}.py" in rules["drawn"]
    for module in ("networks/training", "networks/architecture", "stages/stage"):
        assert f"common/{module}.py" in rules["run.json"]


def test_nothing_runs_if_nothing_has_changed(made):
    assert would_run(made, LAST) == ()
    done = make(made, LAST)
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" in done.stdout or done.stdout == ""


def test_changed_script_runs_again_with_downstream_stages(made):
    (made / "03_prune.py").touch()
    assert would_run(made, LAST) == STAGES[2:]
    assert "03_prune: out of date against 03_prune.py" in make(made, "--dry-run", LAST).stdout


@pytest.mark.parametrize(
    "module", ["networks/pruning", "networks/quantization", "hls/c_simulation", "images/preprocessing", "stages/stage"]
)
def test_changed_module_reruns_the_stages_that_import_it(made, module):
    (made / "common" / f"{module}.py").touch()
    assert would_run(made, LAST) == STAGES[[module in modules_of(stage) for stage in STAGES].index(True) :]


def test_changed_results_page_reruns_no_stage(made):
    (made / "common" / "report" / "page.py").touch()
    assert would_run(made, LAST) == ()


def test_changed_data_file_reruns_the_stages_that_read_it(checkout, tiny_outputs):
    outputs = shutil.copytree(tiny_outputs, checkout / "outputs")
    for path in outputs.glob("*/dependencies.mk"):
        path.write_text(path.read_text(encoding="utf-8").replace(str(tiny_outputs), "outputs"), encoding="utf-8")
    assert would_run(checkout, "06") == ()
    for name in ("synthesis/xilinx_adders.v", "lattice/lattice_adders.v", "board/hardware/ulx3s_85f.v.jinja"):
        path = checkout / "common" / name
        touch(path)
        assert would_run(checkout, "06") == ("06_synthesize",), name
        os.utime(path, (LONG_AGO, LONG_AGO))


def test_changed_requirements_rerun_all_stages(made):
    touch(made / "requirements.txt")
    (made / ".venv" / "installed").unlink()
    (made / ".venv" / "installed").touch()
    touch(made / ".venv" / "installed")
    assert would_run(made, LAST) == STAGES


@pytest.mark.parametrize("module", ["figures/latent", "running/console", "paper"])
def test_changed_module_that_draws_or_prints_only_redraws(made, module):
    touch(made / "common" / f"{module}.py")
    assert would_run(made, LAST) == ()
    drawing = [stage for stage in STAGES if module in modules_of(stage)]
    assert drawing
    for stage in STAGES:
        assert would_redraw(made, stage[:2]) == ((stage,) if stage in drawing else ())


def test_stale_figures_are_redrawn_and_no_downstream_stage_runs(made):
    before = hashes(made / "outputs")
    style = made / "common" / "figures" / "images.py"
    style.write_text(
        style.read_text(encoding="utf-8").replace("What does the network see of a {noun}?", "What is a {noun}?"),
        encoding="utf-8",
    )
    done = make(made, "01", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "01_prepare_data: figures out of date against common/figures/images.py" in done.stdout
    assert "took" not in done.stdout
    changed = {name for name, digest in hashes(made / "outputs").items() if before.get(name) != digest}
    stage = "01_prepare_data"
    assert {name for name in changed if name.startswith(stage)} == {
        f"{stage}/{name}" for name in ("figures.json", "run.json")
    }
    assert "What is a digit?" in (made / "outputs" / stage / "figures.json").read_text(encoding="utf-8")
    assert would_run(made, LAST) == ()
    assert would_redraw(made, "01") == ()


def test_stage_that_has_been_computed_is_not_drawn_twice(made):
    for name in ("01_prepare_data.py", "common/figures/images.py"):
        (made / name).touch()
    done = make(made, "01", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "01_prepare_data took" in done.stdout
    assert "figures out of date" not in done.stdout
    shutil.rmtree(made / "outputs" / "01_prepare_data")
    done = make(made, "01", "PRESET=demo", COLUMNS="80")
    assert "01_prepare_data took" in done.stdout
    assert "figures out of date" not in done.stdout
    assert would_redraw(made, "01") == ()


def test_changed_artifact_reruns_the_stages_that_read_it(made):
    (made / "outputs" / "02_train_autoencoder" / "classifier.h5").touch()
    assert would_run(made, LAST) == STAGES[2:]


def test_missing_stage_runs_with_downstream_stages(made):
    shutil.rmtree(made / "outputs" / "04_quantize")
    assert would_run(made, LAST) == STAGES[3:]
    assert "04_quantize: not yet made" in make(made, "--dry-run", LAST).stdout


def test_one_stage_can_be_made_with_its_upstream_stages(checkout, made):
    (made / "02_train_autoencoder.py").touch()
    assert would_run(made, "03") == STAGES[1:3]
    shutil.rmtree(made / "outputs")
    assert would_run(checkout, "03") == STAGES[:3]


def test_another_preset_reruns_all_stages_and_stays_in_force(made):
    assert would_run(made, "PRESET=demo", LAST) == ()
    assert would_run(made, "PRESET=tuned", LAST) == STAGES
    first = "01_prepare_data.py --preset {} --demo-if-unavailable"
    assert first.format("tuned") in make(made, "--dry-run", "PRESET=tuned", "01").stdout
    (made / "01_prepare_data.py").touch()
    assert first.format("demo") in make(made, "--dry-run", "01").stdout
    shutil.rmtree(made / "outputs")
    assert first.format("paper") in make(made, "--dry-run", "01").stdout


def test_preset_file_reruns_all_stages_when_chosen_and_when_changed(made):
    (made / "mine.toml").write_text("base = 'demo'\n", encoding="utf-8")
    assert would_run(made, "PRESET=mine.toml", LAST) == STAGES
    record = made / "outputs" / "01_prepare_data" / "run.json"
    record.write_text(
        record.read_text(encoding="utf-8").replace('"preset": "demo"', '"preset": "mine.toml"'), encoding="utf-8"
    )
    later = record.stat().st_mtime + 10  # time stamps are coarse
    os.utime(made / "mine.toml", (later, later))
    assert would_run(made, LAST) == STAGES
    assert "01_prepare_data.py --preset mine.toml" in make(made, "--dry-run", LAST).stdout


def test_images_of_ones_own_rerun_all_stages_when_changed(made):
    record = made / "outputs" / "01_prepare_data" / "run.json"
    record.write_text(
        record.read_text(encoding="utf-8").replace('"data": "digits"', '"data": "mine.npz"'), encoding="utf-8"
    )
    later = record.stat().st_mtime + 10
    (made / "mine.npz").touch()
    os.utime(made / "mine.npz", (later - 20, later - 20))
    assert "01_prepare_data" not in would_run(made, LAST)
    os.utime(made / "mine.npz", (later, later))
    assert would_run(made, LAST) == STAGES


def test_scan_is_made_only_by_its_name(made):
    assert would_run(made, "scan") == ("07_scan_designs",)
    (made / "01_prepare_data.py").touch()
    assert would_run(made, "scan") == ("01_prepare_data", "07_scan_designs")


def test_nothing_is_left_to_do_after_a_rerun(made):
    (made / "01_prepare_data.py").touch()
    done = make(made, "01", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "01_prepare_data took" in done.stdout
    assert would_run(made, "01") == ()


def test_failing_stage_fails_make_and_downstream_stages_do_not_run(made):
    path = made / "outputs" / "01_prepare_data" / "images.npz"
    path.write_bytes(b"damaged")
    done = make(made, LAST)
    assert done.returncode == 2
    assert "ERROR: 02_train_autoencoder: outputs/01_prepare_data/images.npz" in done.stderr.replace(f"{made}/", "")
    assert "03_prune:" not in done.stdout


@pytest.mark.parametrize("stage", STAGES)
def test_failed_stage_runs_again_with_downstream_stages(made, stage):
    mark_failed(made / "outputs", stage, "latent unit 0 is dead")
    assert would_run(made, LAST) == STAGES[STAGES.index(stage) :]
    assert f"{stage}: its last run failed" in make(made, "--dry-run", LAST).stdout


def test_stage_with_failures_fails_make_until_they_are_fixed(made):
    script, finding = (
        made / "01_prepare_data.py",
        'def main(run, _):\n    run.failures.append("too dark")\n\n\ndef draw(run, _):\n    pass\n',
    )
    original = script.read_text(encoding="utf-8")
    script.write_text(
        original.replace('if __name__ == "__main__":', f'{finding}\n\nif __name__ == "__main__":'), encoding="utf-8"
    )
    assert script.read_text(encoding="utf-8") != original
    for reason in ("out of date against 01_prepare_data.py", "its last run failed"):
        done = make(made)
        assert done.returncode == 2
        assert f"01_prepare_data: {reason}" in done.stdout
        assert "ERROR: 01_prepare_data: too dark" in done.stderr
        assert "02_train_autoencoder" not in done.stdout
    script.write_text(original, encoding="utf-8")
    os.utime(script, (LONG_AGO, LONG_AGO))  # only the record says that it failed
    assert would_run(made, LAST) == STAGES
    done = make(made, "01")
    assert done.returncode == 0, done.stderr
    assert would_run(made, "01") == ()


def test_best_design_of_a_scan_is_a_preset(made):
    """The file is in the outputs folder itself, which the stages replace."""
    name = "outputs/07_scan_designs/best.toml"
    space = spaces.load(ROOT / "spaces/demo.toml", [], 300, DECLARED)
    values = {**space.base_values, "quantize.input_bits": 4}
    row = {"point": "0123", "validation_accuracy": 0.9, "validation_l1": 0.1, "lut_estimate": 1000}
    (made / name).parent.mkdir()
    (made / name).write_text(results.preset_text(space, values, row), encoding="utf-8")
    done = make(made, "01", f"PRESET={name}")
    assert done.returncode == 0, done.stderr
    assert json.loads((made / "outputs/01_prepare_data/run.json").read_text(encoding="utf-8"))["preset"] == name
    preset = presets.in_force(made / "outputs", DECLARED)
    quantize = presets.default_configuration("quantize", made / "outputs", preset, DECLARED["quantize"], DECLARED)
    assert (quantize.input_bits, quantize.zeros) == (4, "raised")
    assert would_run(made, LAST) == STAGES[1:]
    later = time.time() + 10
    os.utime(made / name, (later, later))
    assert would_run(made, LAST) == STAGES, "another scan has found another design"


def a_link(folder: Path) -> str:
    (folder / "link").symlink_to(folder / "outputs")
    return "link"


def another_place(folder: Path) -> str:
    return str((folder / "outputs").rename(folder.parent / "moved"))


SPELLINGS = {
    "default": lambda folder: "",
    "final slash": lambda folder: "outputs/",
    "dots": lambda folder: "./common/../outputs",
    "absolute": lambda folder: f"{folder}/outputs",
    "absolute with final slash": lambda folder: f"{folder}/outputs/",
    "link": a_link,
    "moved": another_place,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_changed_code_is_detected_with_any_spelling_of_the_outputs_folder(made, spelling):
    folder = SPELLINGS[spelling](made)
    assert would_run(made, LAST, OUTPUTS_DIR=folder) == ()
    (made / "common" / "networks" / "pruning.py").touch()
    assert would_run(made, LAST, OUTPUTS_DIR=folder) == STAGES[2:]


@pytest.mark.parametrize("spelling", ["absolute with final slash", "link"])
def test_make_detects_a_stage_run_by_hand_with_another_spelling(made, spelling):
    (made / "01_prepare_data.py").touch()
    folder = SPELLINGS[spelling](made)
    environment = {**os.environ, "OUTPUTS_DIR": folder}
    command = [sys.executable, "01_prepare_data.py", "--preset", "demo"]
    subprocess.run(command, cwd=made, env=environment, check=True, capture_output=True)
    assert would_run(made, "01") == ()
    (made / "common" / "images" / "preprocessing.py").touch()
    assert would_run(made, "01") == ("01_prepare_data",)
