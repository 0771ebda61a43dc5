"""make: its set-up, `clean` and `help`, and refused paths."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from make_runs import make


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
