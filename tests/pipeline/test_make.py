"""make: which targets are out of date and why, and the checks of its set-up."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from source_imports import imported_files
from stage_runs import ROOT, STAGES, hashes, load_stage, mark_failed

from common.scan import results, spaces
from common.stages import presets

LAST = STAGES[-1][:2]
LONG_AGO = 1_000_000_000  # seconds since 1970


@pytest.fixture
def checkout(tmp_path):
    """Return a copy of the sources with old time stamps and this environment."""
    folder = tmp_path / "checkout"
    (folder / ".venv").mkdir(parents=True)
    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith("installed"):
            (folder / ".venv" / path.name).symlink_to(path)
    for path in [*ROOT.glob("*.py"), *ROOT.glob("*.txt"), ROOT / "Makefile"]:
        shutil.copy(path, folder)
    shutil.copytree(ROOT / "common", folder / "common", ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.rglob("*"):
        if path.is_file() and ".venv" not in path.parts:
            os.utime(path, (LONG_AGO, LONG_AGO))
    for name in ("installed", "installed-test"):
        (folder / ".venv" / name).touch()
    return folder


@pytest.fixture
def made(checkout, demo_outputs):
    """Return a checkout in which all stages have run."""
    shutil.copytree(demo_outputs, checkout / "outputs")
    return checkout


def touch(path: Path) -> None:
    """Make a file newer than all others, allowing for coarse time stamps."""
    later = time.time() + 10
    os.utime(path, (later, later))


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Run make as from a shell, without the variables that an outer make exports."""
    of_this_run = ("OUTPUTS_DIR", "MAKEFLAGS", "MAKELEVEL")
    inherited = {name: value for name, value in os.environ.items() if name not in of_this_run}
    return subprocess.run(
        [shutil.which("make"), *arguments],
        cwd=folder,
        env={**inherited, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def would_run(folder: Path, *arguments: str, **variables: str) -> tuple[str, ...]:
    """Return the stages that make would run, in order."""
    done = make(folder, "--dry-run", *arguments, **variables)
    assert done.returncode == 0, done.stderr
    return tuple(re.findall(r"bin/python (\d\d_\w+)\.py(?! --redraw)", done.stdout))


def would_redraw(folder: Path, *arguments: str) -> tuple[str, ...]:
    """Return the stages that make would only redraw, in order."""
    return tuple(re.findall(r"bin/python (\d\d_\w+)\.py --redraw", make(folder, "--dry-run", *arguments).stdout))


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
        modules = {name.removeprefix("common/").removesuffix(".py") for name in [*needs, *drawing]}
        packages = {name.rpartition("/")[0] for name in modules_of(stage)}
        assert {name for name in modules if not name.endswith("__init__") and "." not in name} == modules_of(stage)
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
        style.read_text(encoding="utf-8").replace("What does the network see of a digit?", "What is a digit?"),
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
    path = made / "outputs" / "01_prepare_data" / "mnist8x8.npz"
    path.write_bytes(b"damaged")
    done = make(made, LAST)
    assert done.returncode == 2
    assert "ERROR: 02_train_autoencoder: outputs/01_prepare_data/mnist8x8.npz" in done.stderr.replace(f"{made}/", "")
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
    space = spaces.load(ROOT / "spaces/demo.toml", [], 300)
    values = {**space.base_values, "quantize.precision.input_bits": 4}
    row = {"point": "0123", "validation_accuracy": 0.9, "validation_l1": 0.1, "lut_estimate": 1000}
    (made / name).parent.mkdir()
    (made / name).write_text(results.preset_text(space, values, row), encoding="utf-8")
    done = make(made, "01", f"PRESET={name}")
    assert done.returncode == 0, done.stderr
    assert json.loads((made / "outputs/01_prepare_data/run.json").read_text(encoding="utf-8"))["preset"] == name
    quantize = presets.in_force(made / "outputs").configuration("04_quantize", load_stage("04_quantize").PRESETS)
    assert (quantize.precision.input_bits, quantize.zeros) == (4, "raised")
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


@pytest.mark.parametrize("character", [*" $#:%~'\"`\\;=*?[(|&<!", "\t"])
@pytest.mark.parametrize("variable", ["OUTPUTS_DIR", "PRESET"])
def test_path_with_a_special_character_is_refused_before_anything_runs(checkout, variable, character):
    done = make(checkout, "clean", **{variable: f"a{character}b.toml"})
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"{variable} is 'a{character}b.toml', and make cannot use" in done.stderr


def test_clean_removes_outputs_only(made):
    kept = {path.name for path in made.iterdir()} - {"outputs"}
    assert make(made, "clean").returncode == 0
    assert {path.name for path in made.iterdir()} == kept


@pytest.mark.parametrize("files", [[], [".lock"]])
def test_clean_removes_a_folder_without_finished_stages(checkout, files):
    (checkout / "new").mkdir()
    for name in files:
        (checkout / "new" / name).touch()
    assert make(checkout, "clean", OUTPUTS_DIR="new").returncode == 0
    assert not (checkout / "new").exists()
    assert make(checkout, "clean", OUTPUTS_DIR="new").returncode == 0


@pytest.mark.parametrize("file", ["thesis.tex", ".hidden", "experiment_1/run.json"])
def test_clean_keeps_other_folders(checkout, file):
    path = checkout / "mine" / file
    path.parent.mkdir(parents=True)
    path.touch()
    done = make(checkout, "clean", OUTPUTS_DIR="mine/")
    assert done.returncode == 2
    assert "mine is kept, since it holds no run.json of a stage" in done.stderr
    assert path.exists()


@pytest.mark.parametrize("folder", [".", ".."])
def test_clean_keeps_the_checkout(checkout, folder):
    record = checkout / folder / "01_prepare_data" / "run.json"
    record.parent.mkdir()
    record.touch()
    assert make(checkout, "clean", OUTPUTS_DIR=folder).returncode == 2
    assert (checkout / "Makefile").exists()


def test_python_of_the_set_up_finds_the_checkout_without_the_scripts_folder(checkout):
    shutil.rmtree(checkout / ".venv")
    (checkout / "requirements.txt").write_text("", encoding="utf-8")  # uses the packages of these tests
    done = make(checkout, ".venv/installed", PYTHON_FOR_VENV=sys.executable)
    assert done.returncode == 0, done.stderr
    [packages] = checkout.glob(".venv/lib/python*/site-packages")
    (packages / "of_the_tests.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    moved = checkout.rename(checkout.with_name("moved"))
    done = make(moved, "01", "PRESET=demo", PYTHONSAFEPATH="1")
    assert done.returncode == 0, done.stderr
    done = make(moved, "report", PYTHONSAFEPATH="1")
    assert "This run: preset demo" in done.stdout, done.stderr
    found = "import common; print(common.__file__)"
    for flag in ("-I", "-P"):
        command = [".venv/bin/python", flag, "-c", found]
        done = subprocess.run(command, cwd=moved, capture_output=True, encoding="utf-8", check=False)
        assert done.stdout.strip() == str(moved / "common" / "__init__.py"), done.stderr


def test_commit_of_another_repository_is_not_recorded(checkout):
    def git(folder, *arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, encoding="utf-8").stdout.strip()

    def recorded():
        command = [sys.executable, "-c", "from common.stages import provenance; print(provenance.git_commit())"]
        return subprocess.run(command, cwd=checkout, check=True, capture_output=True, encoding="utf-8").stdout.strip()

    git(checkout.parent, "init")
    git(checkout.parent, "commit", "--allow-empty", "-m", "of something else")
    assert recorded() == "None"
    git(checkout, "init")
    git(checkout, "commit", "--allow-empty", "-m", "of this")
    assert recorded() == git(checkout, "rev-parse", "HEAD")


def test_help_names_the_targets(checkout):
    printed = make(checkout, "help").stdout
    for words in ("make PRESET=tuned", "make 03", "make test", "make clean"):
        assert words in printed


def tools(folder: Path, *names: str) -> str:
    """Return a PATH with only these programs."""
    folder.mkdir()
    for name in ("sh", "sed", "date", "grep", "realpath", *names):
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


def set_up_with(checkout: Path, path: str) -> str:
    """Return the error output of make in a new checkout, with `path` as PATH."""
    shutil.rmtree(checkout / ".venv")
    done = make(checkout, "01", PATH=path)
    assert done.returncode == 2
    assert not (checkout / ".venv").exists()
    return done.stderr


@pytest.mark.fault("tool")
def test_missing_compiler_stops_set_up_at_once(checkout, tmp_path):
    errors = set_up_with(checkout, tools(tmp_path / "tools", "python3"))
    assert "g++ is missing; install it (Debian, Ubuntu: apt install g++)" in errors


@pytest.mark.parametrize("version", [(3, 10, 12), (3, 14, 0), None])
def test_wrong_python_stops_set_up_at_once(checkout, tmp_path, version):
    path = tools(tmp_path / "tools", "g++")
    if version is not None:
        python = Path(path) / "python3"
        python.write_text(
            f"#!{sys.executable}\nimport sys\nsys.version_info = {version}\nexec(sys.argv[2])\n", encoding="utf-8"
        )
        python.chmod(0o755)
    errors = set_up_with(checkout, path)
    assert "Python 3.11, 3.12 or 3.13 is needed and none was found; install one" in errors
