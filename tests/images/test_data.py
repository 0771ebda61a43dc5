"""Data other than MNIST: `.npz` files, folders of IDX files, public sets, and the flags of stage 01 for them."""

import gzip
import hashlib
import json
import zipfile

import numpy as np
import pytest
from mnist_samples import NO_CACHE, idx, replace_set
from stage_runs import assert_refused, hashes
from test_mnist_download import Mirror

from common.errors import PipelineError
from common.images import data_sets, dataset, downloads, idx_sets, npz_files, originals

STAGE = "01_prepare_data"


def images_of(count, classes=3, size=(10, 10), kind=np.uint8):
    """Return random images and labels of all classes."""
    rng = np.random.default_rng(count)
    x = rng.integers(256, size=(count, *size), dtype=np.uint8)
    return (x if kind == np.uint8 else (x / 255).astype(kind)), np.arange(count) % classes


def arrays_of(classes=3, **options):
    (x_train, y_train), (x_test, y_test) = (images_of(count, classes, **options) for count in (60, 30))
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def prepared(outputs):
    with np.load(outputs / STAGE / dataset.FILE) as file:
        return {name: file[name] for name in file}


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_npz_of_small_float_images_is_prepared_and_named_by_file_and_hash(tmp_path, run_here, kind):
    path, outputs = tmp_path / "jets.npz", tmp_path / "outputs"
    np.savez(path, **arrays_of(kind=kind), class_names=["quark", "gluon", "top"])
    status, _, errors = run_here(STAGE, "--data", str(path), "--bits", "8", "--side", "10", outputs=outputs)
    assert status == 0
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert f"NOT MNIST BUT JETS.NPZ (SHA-256 {digest[:12].upper()})" in " ".join(errors.split())
    record = json.loads((outputs / STAGE / "run.json").read_text(encoding="utf-8"))
    assert record["dataset"] == f"jets.npz (SHA-256 {digest[:12]})"
    assert record["external_reads"] == {"jets.npz": digest}
    found = prepared(outputs)
    assert (found["class_names"].tolist(), str(found["noun"])) == (["quark", "gluon", "top"], "class")
    expected = arrays_of() if kind != np.float16 else {**arrays_of(), **dict(float16_arrays())}
    for name in dataset.NAMES:
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].dtype == np.uint8


def float16_arrays():
    for name, array in arrays_of(kind=np.float16).items():
        if name.startswith("x"):
            yield name, np.rint(array * 255.0).astype(np.uint8)


def test_npz_of_26_classes_and_wide_images_keeps_the_central_square(tmp_path, run_here):
    path, outputs = tmp_path / "letters.npz", tmp_path / "outputs"
    np.savez(path, **arrays_of(classes=26, size=(12, 20)))
    assert run_here(STAGE, "--data", str(path), "--bits", "8", "--side", "12", outputs=outputs)[0] == 0
    found = prepared(outputs)
    assert found["class_names"].tolist() == [str(label) for label in range(26)]
    np.testing.assert_array_equal(found["x_test"], images_of(30, size=(12, 20))[0][:, :, 4:16])
    with np.load(outputs / STAGE / "examples.npz") as file:
        assert (int(file["crop"]), file["originals"].shape) == (12, (26, 12, 20))
        assert file["anti_aliased"].shape == (26, 12, 12)


LABELS = np.arange(60) % 3
FAULTS = {
    "missing array": ({"y_test": None}, "has no array y_test"),
    "colour": ({"x_train": np.zeros((60, 10, 10, 3), np.uint8)}, "x_train must hold grey images.*10, 3"),
    "integers": ({"x_test": np.zeros((30, 10, 10), np.int16)}, "x_test must be uint8, or floating point.*int16"),
    "above one": ({"x_train": np.full((60, 10, 10), 1.5)}, "x_train must be from 0 to 1.*1.5"),
    "below zero": ({"x_train": np.full((60, 10, 10), -0.1)}, "x_train must be from 0 to 1"),
    "infinite": ({"x_train": np.full((60, 10, 10), np.inf)}, "x_train must be from 0 to 1.*inf"),
    "not a number": ({"x_test": np.full((30, 10, 10), np.nan)}, "x_test has values that are not a number"),
    "lengths": ({"y_train": LABELS[:-1]}, "x_train has 60 images, and y_train has 59 labels"),
    "sizes": ({"x_test": np.zeros((30, 9, 10), np.uint8)}, "one size, not 10 x 10 pixels and 9 x 10 pixels"),
    "gap": ({"y_train": 2 * LABELS}, "y_train has labels up to 4, but 1, 3 is missing"),
    "unknown": ({"y_test": np.arange(30) % 4}, "y_test has label 3, and the training set has only 0 to 2"),
    "negative": ({"y_train": LABELS - 1}, "y_train has label -1"),
    "too many": ({"y_train": LABELS * 200}, "y_train has label 400.*2 to 256"),
    "one class": ({"y_train": 0 * LABELS, "y_test": np.zeros(30, int)}, "y_train has label 0 alone"),
    "float labels": ({"y_train": LABELS / 1}, "y_train must be integers, not float64"),
    "one-hot labels": ({"y_train": np.eye(3, dtype=int)[LABELS]}, "y_train must hold a label for each image"),
    "few names": ({"class_names": ["a", "b"]}, "class_names must be 3 strings"),
    "names twice": ({"class_names": ["a", "b", "a"]}, "class_names must be different.*'a' occurs 2 times"),
    "names in numbers": ({"class_names": [1, 2, 3]}, "class_names must be 3 strings.*int64"),
    "empty": ({"x_test": np.zeros((0, 10, 10), np.uint8), "y_test": LABELS[:0]}, "x_test is empty"),
    "no labels": ({"y_test": LABELS[:0]}, "y_test is empty"),
    "objects": ({"y_train": np.array([print] * 60, dtype=object)}, "y_train cannot be read"),
}


@pytest.mark.fault("configuration")
@pytest.mark.parametrize(("changes", "fault"), FAULTS.values(), ids=FAULTS.keys())
def test_faulty_npz_is_refused_with_file_array_and_fault(tmp_path, changes, fault):
    path = tmp_path / "mine.npz"
    arrays = {name: array for name, array in (arrays_of() | changes).items() if array is not None}
    np.savez(path, **arrays)
    with pytest.raises(PipelineError, match=fault) as error:
        npz_files.read(path)
    assert str(path) in str(error.value)


@pytest.mark.fault("configuration")
def test_damaged_or_absent_npz_is_refused(tmp_path, subtests):
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays_of())
    content = path.read_bytes()
    damaged = [content[: len(content) * tenth // 10] for tenth in range(10)]
    for number, bad in enumerate([*damaged, b"text", content[:300] + bytes(200) + content[500:], None]):
        with subtests.test(number=number):
            path.unlink() if bad is None else path.write_bytes(bad)
            with pytest.raises(PipelineError, match=r"mine.npz.*cannot be read"):
                npz_files.read(path)
    np.save(tmp_path / "one.npy", LABELS)
    (tmp_path / "one.npy").rename(path)
    with pytest.raises(PipelineError, match="is a single array"):
        npz_files.read(path)


@pytest.mark.fault("configuration")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "cifar"], ["--data must be one of mnist, fashion_mnist, kmnist, emnist_digits, digits", ".npz"]),
        (["--crop", "29"], ["--crop must be between 8 and 28", "28 x 28", "29"]),
        (["--crop", "7"], ["--side must be at most 7", "8"]),
        (["--side", "23"], ["--side must be at most 22", "23"]),
        (["--data", "digits", "--side", "9"], ["--side must be at most 8", "9"]),
        (["--bits", "9"], ["--bits must be between 1 and 8", "9"]),
        (["--crop", "20", "--downsampling", "every_third_pixel"], ["every_third_pixel", "--crop 8, 15, 22"]),
        (["--preset", "demo", "--mnist-dir", "."], ["--mnist-dir is for --data mnist", "digits"]),
        (["--data", "absent.npz"], ["absent.npz cannot be read"]),
    ],
)
def test_impossible_flags_are_refused_before_work(tmp_path, run_here, arguments, words):
    assert_refused(run_here(STAGE, *arguments, outputs=tmp_path / "outputs"), STAGE, *words)
    assert not (tmp_path / "outputs" / STAGE).exists()


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a small set of 14 x 14 pixels and 4 classes, in the files of Fashion-MNIST."""
    path = tmp_path / "small"
    path.mkdir()
    for part, count in (("train", 40), ("t10k", 20)):
        x, y = images_of(count, 4, (14, 14))
        (path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(x)))
        (path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(y.astype(np.uint8))))
    return path


def test_folder_is_another_set_only_with_a_flag_and_then_named_by_its_hash(tmp_path, folder, run_here, monkeypatch):
    outputs = tmp_path / "outputs"
    arguments = ("--data", "fashion_mnist", "--mnist-dir", str(folder))
    words = ("is not Fashion-MNIST's", "--allow-other-data", "train-images-idx3-ubyte.gz")
    assert_refused(run_here(STAGE, *arguments, outputs=outputs), STAGE, *words)
    assert run_here(STAGE, *arguments, "--allow-other-data", outputs=outputs)[0] == 0
    found = prepared(outputs)
    assert found["class_names"].tolist() == ["0", "1", "2", "3"]
    assert str(found["noun"]) == "class"
    record = json.loads((outputs / STAGE / "run.json").read_text(encoding="utf-8"))
    assert record["dataset"].startswith("other data (SHA-256 ")
    assert len(record["external_reads"]) == 4

    known = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    wanted = replace_set(monkeypatch, "fashion_mnist", sha256=known)
    files = downloads.locate(wanted, folder, NO_CACHE)
    assert originals.of_idx_set(wanted, files, allow_other=False).class_names[9] == "Ankle boot"


@pytest.fixture
def emnist(tmp_path, monkeypatch):
    """Return a small archive like EMNIST's on a local mirror, and its training images as they are stored."""
    path = tmp_path / "gzip.zip"
    stored = {}
    with zipfile.ZipFile(path, "w") as archive:
        for part, count in (("train", 40), ("test", 20)):
            stored[part], y = images_of(count, 10, (28, 28))
            for what, array in (("images-idx3", stored[part]), ("labels-idx1", y.astype(np.uint8))):
                archive.writestr(f"gzip/emnist-digits-{part}-{what}-ubyte.gz", gzip.compress(idx(array)))
    server = Mirror()
    server.answers["/emnist/gzip.zip"] = path.read_bytes()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known = {"gzip.zip": hashlib.sha256(path.read_bytes()).hexdigest()}
    replace_set(monkeypatch, "emnist_digits", sha256=known, mirrors=(server.address("emnist"),), megabytes=1)
    yield path, stored
    server.server.shutdown()
    server.server.server_close()


@pytest.mark.parametrize("by_folder", [True, False])
def test_emnist_is_read_from_its_archive_and_transposed(tmp_path, emnist, by_folder):
    path, stored = emnist
    wanted = idx_sets.SETS["emnist_digits"]
    files = downloads.locate(wanted, path.parent if by_folder else None, NO_CACHE)
    read = originals.of_idx_set(wanted, files, allow_other=False)
    assert (read.name, read.noun, read.crop) == ("emnist_digits", "digit", 22)
    np.testing.assert_array_equal(read.x_train, stored["train"].transpose(0, 2, 1))
    np.testing.assert_array_equal(read.x_test, stored["test"].transpose(0, 2, 1))
    path.write_bytes(b"no archive")
    with pytest.raises(PipelineError, match=r"gzip.zip is not a zip archive.*--mnist-dir"):
        originals.of_idx_set(wanted, {"gzip.zip": path}, allow_other=True)


@pytest.mark.fault("mnist")
@pytest.mark.parametrize("key", ["fashion_mnist", "kmnist", "emnist_digits"])
def test_other_sets_that_are_unavailable_do_not_become_the_demo(tmp_path, run_here, monkeypatch, key):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(downloads, "_cache", lambda _wanted, spare: spare)
    replace_set(monkeypatch, key, mirrors=("http://127.0.0.1:9/",))
    outputs = tmp_path / "outputs"
    done = run_here(STAGE, "--data", key, "--demo-if-unavailable", outputs=outputs)
    assert_refused(done, STAGE, "could not be downloaded", "--mnist-dir", idx_sets.SETS[key].title)
    assert STAGE not in hashes(outputs)


@pytest.mark.parametrize("key", ["fashion_mnist", "kmnist", "emnist_digits", "digits", "jets.npz (SHA-256 12ab)"])
def test_caution_names_the_data_and_rules_out_comparison(key):
    said = data_sets.caution(key)
    assert data_sets.TITLES.get(key, key).upper() in said
    assert "NO NUMBER HERE COMPARES WITH THE PAPER'S" in said
    assert data_sets.caution("mnist") is data_sets.caution(None) is None
