"""Unusual environments: locales, terminals, notebooks, unwritable homes, closed output."""

import ast
import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from stage_runs import ROOT, run_stage, run_well, start_stage

from common.errors import PipelineError
from common.running import disk_space, yowasp
from common.stages import artifacts

pytestmark = pytest.mark.xdist_group("environment")  # one worker makes its fixtures
STAGE = "01_prepare_data"
NOWHERE = "/proc/nowhere"  # a folder that cannot be made
ASCII = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ENVIRONMENTS = {
    "ASCII terminal and locale": ASCII,
    "notebook": {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    "unwritable home": {"HOME": NOWHERE, "XDG_CACHE_HOME": NOWHERE, "XDG_CONFIG_HOME": NOWHERE},
}


# ------------------------------------------------------------------------------------------------- whole stages


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return outputs of the first stage in this environment; not to be changed."""
    outputs = tmp_path_factory.mktemp("plain")
    run_well(STAGE, "--preset", "demo", outputs=outputs)
    return outputs


def assert_same(outputs: Path, plain: Path) -> None:
    """Assert that the first stage has written the same files."""
    assert artifacts.read_run(outputs, STAGE)["writes"] == artifacts.read_run(plain, STAGE)["writes"]


def assert_well_formed(folder: Path) -> None:
    read = {
        ".svg": ElementTree.fromstring,
        ".json": json.loads,
        ".csv": lambda text: list(csv.reader(text.splitlines(), strict=True)),
    }
    for path in folder.rglob("*"):
        if path.suffix in read:
            assert read[path.suffix](path.read_text(encoding="utf-8")) is not None


@pytest.mark.parametrize("variables", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_stage_writes_the_same_files_in_any_environment(plain, tmp_path, variables):
    done = run_stage(STAGE, "--preset", "demo", outputs=tmp_path, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert_same(tmp_path, plain)
    assert_well_formed(tmp_path)


def test_training_survives_a_character_that_the_terminal_lacks(plain, tmp_path):
    outputs, stage = shutil.copytree(plain, tmp_path / "outputs"), "02_train_autoencoder"
    arguments = ("--epochs", "1", "--allow", "chance", "dead_unit")
    done = run_stage(stage, *arguments, outputs=outputs, **ASCII)
    assert done.returncode == 0, done.stderr
    assert "learning_curves.csv" in artifacts.read_run(outputs, stage)["writes"]
    assert_well_formed(outputs)


def test_figures_do_not_depend_on_the_users_matplotlibrc(plain, tmp_path):
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "matplotlibrc").write_bytes(b"backend: qtagg\n# d\xe9j\xe0 vu\nfont.size: 30\n")
    done = run_stage(STAGE, "--preset", "demo", outputs=tmp_path / "outputs", XDG_CONFIG_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert_same(tmp_path / "outputs", plain)


def test_types_do_not_depend_on_the_users_keras_json(tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"floatx": "float64", "epsilon": 0.1}', encoding="utf-8")
    program = "from common.networks.legacy_keras import keras; print(keras.backend.floatx(), keras.backend.epsilon())"
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("KERAS_HOME", None)
    printed = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, env=environment)
    assert printed == b"float32 1e-07\n"


def test_stage_survives_a_closed_pipe(plain, tmp_path):
    process = start_stage(STAGE, "--preset", "demo", outputs=tmp_path)
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 0)
    assert_same(tmp_path, plain)


def test_stage_survives_a_log_on_a_full_disk(plain, tmp_path):
    wrapper = ("sh", "-c", 'exec "$@" >/dev/full 2>&1', "sh")
    assert run_stage(STAGE, "--preset", "demo", outputs=tmp_path, wrapper=wrapper).returncode == 0
    assert_same(tmp_path, plain)


def test_no_file_gets_the_number_of_a_closed_standard_stream():
    """Tools and C++ print to file descriptors 1 and 2, whatever those are."""
    program = "import os, sys; from common.running import console; sys.exit(os.open(os.devnull, os.O_RDONLY) < 3)"
    command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", program]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


# ------------------------------------------------------------------------------------------------- text


SAY = """
from common.running import console
console.heading("stage", "a – b")
console.table("t – u", ["a", "b"], [["–", None]])
with console.progress_line("x → y", 1) as line:
    line.advance("–")
console.warning("file \\udce9")
console.error("–")
print("–")
"""


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-8"])
def test_characters_that_a_terminal_lacks_are_replaced(encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", SAY], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"stage  a {'–' if encoding == 'utf-8' else '?'} b" in done.stdout.decode(encoding)
    assert "WARNING: file ?" in done.stderr.decode(encoding)


def test_file_name_with_invalid_utf_8_does_not_stop_the_results_page(tmp_path):
    artifacts.write_text_atomically(tmp_path / "page", os.fsdecode(b"folder \xe9") + " –")
    assert (tmp_path / "page").read_text(encoding="utf-8") == "folder ? –"


def names_no_encoding(call: ast.Call) -> bool:
    """Return whether a call reads or writes text in the user's locale encoding; Ruff finds only plain `Path`s."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in given:
        return False
    if {"text", "universal_newlines"} & given.keys():
        return True
    match call.func:
        case ast.Attribute(_, "read_text" | "write_text"):
            return True
        case ast.Attribute(owner, "open") if ast.unparse(owner) not in ("os", "tarfile", "Image", "browser"):
            mode = [*call.args[:1], *(given[name] for name in ("mode",) if name in given)]
        case ast.Name("open"):
            mode = [*call.args[1:2], *(given[name] for name in ("mode",) if name in given)]
        case _:
            return False
    return not mode or "b" not in ast.unparse(mode[0])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("path.read_text()", True),
        ("(folder / name).write_text(text)", True),
        ("path.open('w')", True),
        ("open(path)", True),
        ("run(command, text=True)", True),
        ("path.open('rb')", False),
        ("open(path, mode='wb')", False),
        ("path.open(encoding='utf-8')", False),
        ("os.open(path, flags)", False),
    ],
)
def test_calls_without_an_encoding_are_found(code, expected):
    assert names_no_encoding(ast.parse(code, mode="eval").body) == expected


def test_every_text_file_is_read_and_written_with_an_encoding():
    sources = [*ROOT.glob("*.py")]
    sources += [path for folder in ("common", "benchmarks", "tests") for path in (ROOT / folder).rglob("*.py")]
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and names_no_encoding(node)
    ]
    assert found == []


# ------------------------------------------------------------------------------------------------- compiled tools


@pytest.fixture
def compile_smallest(tmp_path, monkeypatch, capsys):
    """Return a function that compiles the smallest program and returns its progress messages and output."""

    def run(usual, outputs):
        monkeypatch.setenv(yowasp.CACHE, str(usual))
        said = []
        yowasp.compile_for_this_machine(["ecppll"], tmp_path, outputs, said.append)
        return said, " ".join(capsys.readouterr().out.split())

    return run


def compiled(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def test_tool_is_compiled_once_into_the_usual_cache(compile_smallest, tmp_path):
    assert compile_smallest(tmp_path / "usual", tmp_path) == (["compiling ecppll for this machine, once"], "")
    assert compile_smallest(tmp_path / "usual", tmp_path) == ([], "")
    [program] = compiled(tmp_path / "usual")
    assert program.stat().st_size <= yowasp.PROGRAMS["ecppll"][1] * disk_space.MEGABYTE


def test_unwritable_cache_is_replaced_before_compiling(compile_smallest, tmp_path):
    for expected in (["compiling ecppll for this machine, once"], []):
        said, printed = compile_smallest(NOWHERE, tmp_path)
        assert said == expected
        assert f"{NOWHERE} is full or not usable; compiled tools are in {tmp_path}/.yowasp_cache" in printed
        assert os.environ[yowasp.CACHE] == f"{tmp_path}/.yowasp_cache"


def test_full_disk_of_the_cache_is_detected_before_compiling(compile_smallest, small_disk, tmp_path):
    free = disk_space.megabytes_free(small_disk)
    with (small_disk / "large").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, int((free - 1) * disk_space.MEGABYTE))
    said, printed = compile_smallest(small_disk / "usual", tmp_path)
    assert said == ["compiling ecppll for this machine, once"]
    assert f"{small_disk}/usual is full or not usable" in printed
    assert compiled(small_disk / "usual") == []


def test_without_room_for_compiled_tools_the_error_names_the_variable(compile_smallest):
    with pytest.raises(PipelineError, match=f"{NOWHERE} is full or not usable.*3 MB.*YOWASP_CACHE_DIR"):
        compile_smallest(NOWHERE, Path(NOWHERE))
