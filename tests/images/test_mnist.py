"""MNIST: its file format, its absence, and downloads that go wrong."""

import gzip
import hashlib
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from stage_runs import hashes, run_stage, run_well

from common.errors import PipelineError
from common.images import mnist
from common.report import summary
from common.stages import artifacts
from common.stages.run import Run

COUNT = {"train": 30, "t10k": 20}
HTML = b"<!doctype html><title>503 Service Unavailable</title>"
NAMES = tuple(mnist.SHA256)
NO_CACHE = Path("/proc/no-cache")  # nothing can be written there


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture
def arrays():
    """Return random images and labels by file name."""
    rng = np.random.default_rng(0)
    made = {}
    for part, count in COUNT.items():
        made[f"{part}-images-idx3-ubyte"] = rng.integers(256, size=(count, 28, 28), dtype=np.uint8)
        made[f"{part}-labels-idx1-ubyte"] = rng.integers(10, size=count, dtype=np.uint8)
    return made


@pytest.fixture
def files(arrays, tmp_path, monkeypatch):
    """Return paths of four small MNIST files by name, and accept their size."""
    monkeypatch.setattr(mnist, "COUNT", COUNT)
    paths = {}
    for name, array in arrays.items():
        paths[name] = tmp_path / f"{name}.gz"
        paths[name].write_bytes(gzip.compress(idx(array)))
    return paths


def assert_refused(files: dict[str, Path], part: str, named: Path, fault: str | None = None) -> None:
    with pytest.raises(PipelineError, match=fault) as error:
        mnist.read_labelled_images(files, part)
    assert str(named) in str(error.value)
    assert "--mnist-dir" in str(error.value)


@pytest.mark.parametrize("part", COUNT)
def test_compressed_and_uncompressed_files_are_loaded(files, arrays, part):
    for name in NAMES[::2]:  # images compressed, labels not, or all compressed
        for path in (files[name], files[name].with_suffix("")):
            path.write_bytes(idx(arrays[name]) if not path.suffix else gzip.compress(idx(arrays[name])))
            read = mnist.read_labelled_images({**files, name: path}, part)
            np.testing.assert_array_equal(read.images, arrays[f"{part}-images-idx3-ubyte"])
            np.testing.assert_array_equal(read.labels, arrays[f"{part}-labels-idx1-ubyte"])


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("compressed", [True, False])
def test_truncated_files_are_refused(files, name, compressed, subtests):
    path = files[name]
    content = path.read_bytes() if compressed else gzip.decompress(path.read_bytes())
    for length in {0, 1, 3, 4, 7, 8, 15, 16, *(len(content) * tenth // 10 for tenth in range(10)), len(content) - 1}:
        with subtests.test(length=length):
            path.write_bytes(content[:length])
            assert_refused(files, name.split("-")[0], path)


@pytest.mark.fault("mnist")
@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda content: bytes(len(content)), "is not an IDX file"),
        (lambda content: content + b"\0", "bytes where its header says"),
        (lambda content: b"\0\0\x0d" + content[3:], "is not an IDX file"),
        (lambda content: content[:4] + b"\xff\xff\xff\xff" + content[8:], "bytes where its header says"),
        (lambda content: HTML, "is not an IDX file"),
        (lambda content: gzip.compress(content)[:9] + b"damaged", "cannot be decompressed"),
    ],
    ids=["zeros", "a byte too many", "another data type", "too long by its header", "web page", "bad gzip"],
)
def test_damaged_files_are_refused(files, damage, fault, subtests):
    for name in NAMES:
        with subtests.test(file=name):
            content = files[name].read_bytes()
            files[name].write_bytes(damage(gzip.decompress(content)))
            assert_refused(files, name.split("-")[0], files[name], fault)
            files[name].write_bytes(content)


@pytest.mark.fault("mnist")
def test_swapped_files_are_refused(files):
    train_images, train_labels, test_images, test_labels = (files[name] for name in NAMES)
    for first, second in ((train_images, train_labels), (train_images, test_images), (train_labels, test_labels)):
        swap = {first: second, second: first}
        with pytest.raises(PipelineError, match=f"{second}.*(is not|has)"):
            mnist.read_labelled_images({name: swap.get(path, path) for name, path in files.items()}, "train")


@pytest.mark.fault("mnist")
def test_labels_above_nine_are_refused(files, arrays):
    labels = arrays["train-labels-idx1-ubyte"]
    labels[7] = 10
    files["train-labels-idx1-ubyte"].write_bytes(idx(labels))
    assert_refused(files, "train", files["train-labels-idx1-ubyte"], "has label 10; digits are 0 to 9")


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("by_variable", [True, False])
def test_missing_file_of_a_given_folder_is_named(files, tmp_path, monkeypatch, by_variable):
    if by_variable:
        monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    directory = None if by_variable else tmp_path
    assert mnist.locate(directory, NO_CACHE) == files
    missing = files["t10k-labels-idx1-ubyte"]
    missing.unlink()
    with pytest.raises(PipelineError, match=f"{missing} is missing.*--mnist-dir"):
        mnist.locate(directory, NO_CACHE)
    missing.with_suffix("").touch()
    assert mnist.locate(directory, NO_CACHE)["t10k-labels-idx1-ubyte"] == missing.with_suffix("")


@pytest.fixture
def as_mnist(files, arrays, monkeypatch):
    """Accept the hashes of the small files as MNIST's."""
    digests = {name: hashlib.sha256(idx(array)).hexdigest() for name, array in arrays.items()}
    monkeypatch.setattr(mnist, "SHA256", digests)


def dataset_of(files: dict[str, Path], *, allow_other: bool = False) -> str:
    parts = [mnist.read_labelled_images(files, part) for part in COUNT]
    return mnist.dataset_of(files, parts, allow_other=allow_other)


@pytest.mark.parametrize("level", [None, 0, 1, 9])
def test_mnist_is_identified_by_its_uncompressed_bytes(files, arrays, as_mnist, level):
    for name, array in arrays.items():
        files[name].write_bytes(idx(array) if level is None else gzip.compress(idx(array), level))
    assert dataset_of(files) == "mnist"


def one_value(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed.flat[-1] ^= 1
    return changed


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("change", [lambda array: 255 - array, one_value], ids=["inverted", "one bit flipped"])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte"])
def test_images_other_than_mnist_are_refused(files, arrays, as_mnist, name, change):
    content = idx(change(arrays[name]))
    files[name].write_bytes(gzip.compress(content))
    with pytest.raises(PipelineError, match="is not MNIST's") as error:
        dataset_of(files)
    for word in (str(files[name]), hashlib.sha256(content).hexdigest(), "--mnist-dir", "--allow-other-data"):
        assert word in str(error.value)


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("name", ["train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"])
def test_labels_other_than_mnist_are_refused(files, arrays, as_mnist, name):
    files[name].write_bytes(idx(np.roll(arrays[name], 1)))
    with pytest.raises(PipelineError, match=f"{files[name]} is not MNIST's"):
        dataset_of(files)


def test_other_data_has_its_own_name(files, arrays, as_mnist):
    names = {dataset_of(files, allow_other=True)}
    for array in (arrays["train-images-idx3-ubyte"], 255 - arrays["train-images-idx3-ubyte"]):
        files["train-images-idx3-ubyte"].write_bytes(idx(one_value(array)))
        names.add(dataset_of(files, allow_other=True))
    assert len(names) == 3
    assert "mnist" in names


@pytest.mark.parametrize("between", ["-", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_file_names_of_other_programs_are_found(files, arrays, as_mnist, tmp_path, between, suffix):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name, array in arrays.items():
        content = gzip.compress(idx(array)) if suffix else idx(array)
        (folder / f"{name.replace('-idx', f'{between}idx')}{suffix}").write_bytes(content)
    assert dataset_of(mnist.locate(folder, NO_CACHE)) == "mnist"


def test_compressed_file_is_preferred_to_an_uncompressed_one(files, tmp_path):
    for name in NAMES:
        (tmp_path / name).write_bytes(HTML)
        (tmp_path / name.replace("-idx", ".idx")).write_bytes(HTML)
    assert mnist.locate(tmp_path, NO_CACHE) == files


def test_other_data_is_refused_or_with_a_flag_labelled_in_all_results(files, as_mnist, tmp_path, run_here, capsys):
    folder, outputs = tmp_path / "other", tmp_path / "outputs"
    folder.mkdir()
    for name, path in files.items():
        (folder / name).write_bytes(gzip.decompress(path.read_bytes()))
    inverted = bytearray((folder / NAMES[0]).read_bytes())
    inverted[16:] = bytes(255 - value for value in inverted[16:])
    (folder / NAMES[0]).write_bytes(inverted)

    status, _, errors = run_here("01_prepare_data", "--mnist-dir", str(folder), outputs=outputs)
    assert (status, errors.count("\n")) == (1, 1)
    assert "--allow-other-data" in errors
    assert not (outputs / "01_prepare_data").exists()

    arguments = ("--mnist-dir", str(folder), "--allow-other-data")
    status, _, errors = run_here("01_prepare_data", *arguments, outputs=outputs)
    assert status == 0
    name = json.loads((outputs / "metrics.json").read_text(encoding="utf-8"))["dataset"]
    assert name.startswith("other data (SHA-256 ")
    said = f"NOT MNIST BUT {name.upper()}"
    assert said in errors
    summary.main(0)
    assert said in " ".join(capsys.readouterr().err.split())
    for page in ("index.html", "results.md"):
        text = (outputs / page).read_text(encoding="utf-8")
        assert said in text
        assert f"preset paper, {name}" in text
        assert "preset paper, MNIST" not in text

    reader = Run("02_train_autoencoder", "paper", "paper", outputs, tmp_path)
    reader.read("01_prepare_data", "mnist8x8.npz")
    assert reader.dataset == name


class Mirror:
    """A local web server with an answer per path; records the requests."""

    def __init__(self):
        self.answers: dict[str, bytes] = {}
        self.promised_bytes = 0  # in addition to those sent
        self.bytes_at_a_time, self.pause_seconds = 1 << 20, 0.0
        self.requests: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.requests.append(self.path)
                answer = mirror.answers.get(self.path)
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Length", str(len(answer or b"") + mirror.promised_bytes))
                self.end_headers()
                for start in range(0, len(answer or b""), mirror.bytes_at_a_time):
                    time.sleep(mirror.pause_seconds)
                    self.wfile.write(answer[start : start + mirror.bytes_at_a_time])
                    self.wfile.flush()

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def address(self, folder: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{folder}/"


@pytest.fixture
def mirror(files, tmp_path, monkeypatch):
    """Return a server whose folders `first` and `second` replace the mirrors, with good files; the cache is empty."""
    contents = {path.name: path.read_bytes() for path in files.values()}
    server = Mirror()
    for folder in ("first", "second"):
        server.answers |= {f"/{folder}/{name}": content for name, content in contents.items()}
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(mnist, "MIRRORS", (server.address("first"), server.address("second")))
    compressed = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    monkeypatch.setattr(mnist, "SHA256_COMPRESSED", compressed)
    yield server
    server.server.shutdown()
    server.server.server_close()


def cached(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file()}


def test_download_fills_the_cache_and_is_not_repeated(mirror, files, tmp_path):
    found = mnist.locate(None, NO_CACHE)
    assert {path.name: path.read_bytes() for path in found.values()} == cached(tmp_path)
    assert mirror.requests == [f"/first/{name}.gz" for name in NAMES]
    mirror.answers.clear()
    assert mnist.locate(None, NO_CACHE) == found
    assert len(mirror.requests) == len(NAMES)
    assert mnist.read_labelled_images(found, "train").images.shape == (30, 28, 28)


@pytest.mark.fault("mnist")
def test_downloads_go_to_the_outputs_if_the_users_cache_is_not_writable(mirror, files, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/no-cache")
    spare = tmp_path / "spare"
    assert all(path.parent == spare for path in mnist.locate(None, spare).values())
    assert f"MNIST is kept in {spare}" in " ".join(capsys.readouterr().out.split())
    mirror.answers.clear()
    assert dataset_of(mnist.locate(None, spare), allow_other=True)


def test_damaged_file_in_the_cache_is_downloaded_again(mirror, tmp_path):
    good = mnist.locate(None, NO_CACHE)[NAMES[0]]
    content = good.read_bytes()
    good.write_bytes(content[:-1])
    assert mnist.locate(None, NO_CACHE)[NAMES[0]].read_bytes() == content


BAD_ANSWERS = {
    "absent": None,
    "web page": HTML,
    "empty": b"",
    "another file": gzip.compress(idx(np.zeros((30, 28, 28), np.uint8))),
}


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_second_mirror_is_used_after_a_bad_answer_of_the_first(mirror, files, tmp_path, answer):
    for name in NAMES:
        mirror.answers[f"/first/{name}.gz"] = answer
    mnist.locate(None, NO_CACHE)
    assert cached(tmp_path) == {path.name: path.read_bytes() for path in files.values()}
    assert f"/second/{NAMES[0]}.gz" in mirror.requests


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_bad_answers_of_both_mirrors_leave_nothing_in_the_cache(mirror, tmp_path, answer):
    mirror.answers = dict.fromkeys(mirror.answers, answer)
    with pytest.raises(mnist.MnistUnavailableError, match=f"{NAMES[0]}.gz could not be downloaded.*--mnist-dir"):
        mnist.locate(None, NO_CACHE)
    assert cached(tmp_path) == {}


@pytest.mark.fault("mnist")
def test_connection_that_ends_early_leaves_nothing_in_the_cache(mirror, tmp_path):
    mirror.promised_bytes = 1000
    with pytest.raises(mnist.MnistUnavailableError):
        mnist.locate(None, NO_CACHE)
    assert cached(tmp_path) == {}


@pytest.mark.fault("mnist")
@pytest.mark.parametrize(("bytes_at_a_time", "pause_seconds"), [(1, 0.05), (1 << 20, 1.0)], ids=["trickle", "silence"])
def test_download_from_a_slow_server_is_aborted_and_leaves_nothing_in_the_cache(
    mirror, tmp_path, monkeypatch, bytes_at_a_time, pause_seconds
):
    mirror.bytes_at_a_time, mirror.pause_seconds = bytes_at_a_time, pause_seconds
    monkeypatch.setattr(mnist, "PATIENCE_SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(
        mnist.MnistUnavailableError, match=r"127.0.0.1:\d+/second/: (TimeoutError|ReadTimeout|ReadTimeoutError)"
    ):
        mnist.locate(None, NO_CACHE)
    assert time.monotonic() - started < 10
    assert cached(tmp_path) == {}


@pytest.mark.fault("mnist")
def test_stage_without_network_and_mnist_names_the_remedy(tmp_path):
    offline = {"XDG_CACHE_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    done = run_stage("01_prepare_data", outputs=tmp_path / "outputs", **offline)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "--mnist-dir" in done.stderr
    assert hashes(tmp_path / "outputs") == {}


@pytest.mark.fault("mnist")
def test_make_without_network_and_mnist_falls_back_to_the_demo(tmp_path):
    offline = {"XDG_CACHE_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    done = run_stage("01_prepare_data", "--demo-if-unavailable", outputs=tmp_path / "outputs", **offline)
    assert done.returncode == 0
    assert "DEMO PRESET: SCIKIT-LEARN'S DIGITS, NOT MNIST" in done.stderr
    assert '"preset": "demo"' in (tmp_path / "outputs" / "01_prepare_data" / "run.json").read_text(encoding="utf-8")


needs_mnist = pytest.mark.skipif("MNIST_DIR" not in os.environ, reason="MNIST_DIR does not name a folder with MNIST")


@needs_mnist
def test_real_files_are_loaded():
    files = mnist.locate(None, NO_CACHE)
    for part, images in (("train", 60_000), ("t10k", 10_000)):
        read = mnist.read_labelled_images(files, part)
        assert read.images.shape == (images, 28, 28)
        assert set(read.labels) == set(range(10))
    assert read.labels[:5].tolist() == [7, 2, 1, 0, 4]  # as in every tutorial


@needs_mnist
def test_real_images_are_prepared(tmp_path):
    run_well("01_prepare_data", outputs=tmp_path, MNIST_DIR=os.environ["MNIST_DIR"])
    assert artifacts.read_run(tmp_path, "01_prepare_data")["dataset"] == "mnist"
    with np.load(tmp_path / "01_prepare_data" / "mnist8x8.npz") as file:
        assert {name: (file[name].shape, file[name].dtype) for name in file} == {
            "x_train": ((60_000, 8, 8), np.uint8),
            "y_train": ((60_000,), np.uint8),
            "x_test": ((10_000, 8, 8), np.uint8),
            "y_test": ((10_000,), np.uint8),
        }
        assert file["x_train"].max() == 31
