"""MNIST files: their format, location and identity."""

import gzip
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from mnist_samples import HTML, NAMES, NO_CACHE, dataset_of, idx, load
from stage_runs import run_well

from common.errors import PipelineError
from common.images import downloads, idx_sets
from common.report import summary
from common.stages import artifacts
from common.stages.run import Run


def locate(directory: Path | None) -> dict[str, Path]:
    return downloads.locate(idx_sets.SETS["mnist"], directory, NO_CACHE)


def assert_refused(files: dict[str, Path], named: Path, fault: str | None = None) -> None:
    with pytest.raises(PipelineError, match=fault) as error:
        load(files, allow_other=True)
    assert str(named) in str(error.value)
    assert "--mnist-dir" in str(error.value)


def test_compressed_and_uncompressed_files_are_loaded(files, arrays):
    for name in NAMES[::2]:  # images compressed, labels not, or all compressed
        for path in (files[name], files[name].with_suffix("")):
            path.write_bytes(idx(arrays[name]) if not path.suffix else gzip.compress(idx(arrays[name])))
            read = load({**files, name: path}, allow_other=True)
            for array, expected in zip((read.x_train, read.y_train, read.x_test, read.y_test), NAMES, strict=True):
                np.testing.assert_array_equal(array, arrays[expected])


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("compressed", [True, False])
def test_truncated_files_are_refused(files, name, compressed, subtests):
    path = files[name]
    content = path.read_bytes() if compressed else gzip.decompress(path.read_bytes())
    for length in {0, 1, 3, 4, 7, 8, 15, 16, *(len(content) * tenth // 10 for tenth in range(10)), len(content) - 1}:
        with subtests.test(length=length):
            path.write_bytes(content[:length])
            assert_refused(files, path)


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
            assert_refused(files, files[name], fault)
            files[name].write_bytes(content)


@pytest.mark.fault("mnist")
def test_swapped_files_are_refused(files):
    train_images, train_labels, test_images, test_labels = (files[name] for name in NAMES)
    for first, second in ((train_images, train_labels), (train_images, test_images), (train_labels, test_labels)):
        swap = {first: second, second: first}
        with pytest.raises(PipelineError, match=f"({first}|{second}).*(is not|has)"):
            load({name: swap.get(path, path) for name, path in files.items()}, allow_other=True)


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("by_variable", [True, False])
def test_missing_file_of_a_given_folder_is_named(files, tmp_path, monkeypatch, by_variable):
    if by_variable:
        monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    directory = None if by_variable else tmp_path
    assert locate(directory) == files
    missing = files["t10k-labels-idx1-ubyte"]
    missing.unlink()
    with pytest.raises(PipelineError, match=f"{missing} is missing.*--mnist-dir"):
        locate(directory)
    missing.with_suffix("").touch()
    assert locate(directory)["t10k-labels-idx1-ubyte"] == missing.with_suffix("")


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
    assert dataset_of(locate(folder)) == "mnist"


def test_compressed_file_is_preferred_to_an_uncompressed_one(files, tmp_path):
    for name in NAMES:
        (tmp_path / name).write_bytes(HTML)
        (tmp_path / name.replace("-idx", ".idx")).write_bytes(HTML)
    assert locate(tmp_path) == files


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
    reader.read("01_prepare_data", "images.npz")
    assert reader.dataset == name


needs_mnist = pytest.mark.skipif("MNIST_DIR" not in os.environ, reason="MNIST_DIR does not name a folder with MNIST")


@needs_mnist
def test_real_files_are_loaded():
    read = load(locate(None))
    assert (read.name, read.x_train.shape, read.x_test.shape) == ("mnist", (60_000, 28, 28), (10_000, 28, 28))
    assert set(read.y_train) == set(read.y_test) == set(range(10))
    assert read.y_test[:5].tolist() == [7, 2, 1, 0, 4]  # as in every tutorial


@needs_mnist
def test_real_images_are_prepared(tmp_path):
    run_well("01_prepare_data", outputs=tmp_path, MNIST_DIR=os.environ["MNIST_DIR"])
    assert artifacts.read_run(tmp_path, "01_prepare_data")["dataset"] == "mnist"
    with np.load(tmp_path / "01_prepare_data" / "images.npz") as file:
        assert {name: (file[name].shape, file[name].dtype) for name in file if name[:2] in ("x_", "y_")} == {
            "x_train": ((60_000, 8, 8), np.uint8),
            "y_train": ((60_000,), np.uint8),
            "x_test": ((10_000, 8, 8), np.uint8),
            "y_test": ((10_000,), np.uint8),
        }
        assert file["x_train"].max() == 31
