"""Anomalies: stage 01 with `--normal`, the kinds that are made, and designs that need them."""

import numpy as np
import pytest
from stage_runs import assert_refused, hashes

from common.errors import PipelineError
from common.hls.designs import parse_designs
from common.images import anomalies, dataset
from common.images.samples import ImageFormat

STAGE = "01_prepare_data"
WITHOUT_7 = ("--normal", *"012345689")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Return folders of stage 01 with all classes and without the sevens."""
    import stage_runs

    folders = {}
    for name, flags in {"all": (), "without_7": WITHOUT_7}.items():
        folders[name] = tmp_path_factory.mktemp(name) / "outputs"
        stage_runs.run_well(STAGE, "--preset", "demo", *flags, outputs=folders[name])
    return {name: folder / STAGE for name, folder in folders.items()}


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file}


def test_normal_classes_are_kept_and_the_rest_is_held_out_or_anomalous(prepared):
    every, kept = (arrays(prepared[name] / dataset.FILE) for name in ("all", "without_7"))
    found = arrays(prepared["without_7"] / anomalies.FILE)
    for part in ("train", "test"):
        normal = every[f"y_{part}"] != 7
        count = len(kept[f"y_{part}"])
        np.testing.assert_array_equal(kept[f"x_{part}"], every[f"x_{part}"][normal][:count])
        np.testing.assert_array_equal(kept[f"y_{part}"], every[f"y_{part}"][normal][:count])
    normal = every["y_train"] != 7
    held_out = round(0.1 * normal.sum())
    np.testing.assert_array_equal(found["held_out"], every["x_train"][normal][-held_out:])
    assert len(kept["y_train"]) + held_out == normal.sum()
    np.testing.assert_array_equal(found["left_out"], every["x_test"][every["y_test"] == 7])
    assert kept["class_names"].tolist() == list("0123456789")
    assert set(found) == {"held_out", *anomalies.KINDS}


def test_without_the_flag_there_are_no_anomalies(prepared):
    assert anomalies.FILE not in hashes(prepared["all"])
    for name in ("examples.npz", "figure_02_digits.svg"):
        assert hashes(prepared["all"])[name] == hashes(prepared["without_7"])[name]


def test_made_anomalies_keep_intensities():
    images = np.random.default_rng(0).integers(32, size=(50, 9, 9)).astype(np.uint8)
    made = anomalies.make(images, 0)
    np.testing.assert_array_equal(made["turned"], np.rot90(images, 2, axes=(1, 2)))
    for kind, axis in (("shuffled", 1), ("noise", 0)):
        flat = made[kind].reshape(50, -1)
        np.testing.assert_array_equal(np.sort(flat, axis), np.sort(images.reshape(50, -1), axis))
        assert np.mean(flat != images.reshape(50, -1)) > 0.9
    blank = (made["occluded"] == 0) & (images != 0)
    assert blank.sum(axis=(1, 2)).max() <= 16
    assert np.unique([np.argwhere(each).mean(axis=0) > 4 for each in blank], axis=0).shape == (4, 2)
    again = anomalies.make(images, 0)
    assert all(np.array_equal(again[kind], made[kind]) for kind in made)


def test_anomalies_are_split_by_kind_and_kinds_without_images_left_out(tmp_path):
    image_format = ImageFormat(8, 5)
    images = np.random.default_rng(0).integers(32, size=(30, 8, 8)).astype(np.uint8)
    kinds = {"left_out": images[:0], **anomalies.make(images, 0)}
    anomalies.save(tmp_path / anomalies.FILE, images[:4], kinds)
    found = anomalies.load(tmp_path / anomalies.FILE, image_format)
    assert list(found.kinds) == [kind for kind in anomalies.KINDS if kind != "left_out"]
    assert found.held_out.shape == (4, 64)
    vectors = found.after(image_format.intensities(images[:5]))
    parts = found.by_kind(vectors[:, 0])
    assert {kind: len(part) for kind, part in parts.items()} == {"normal": 5, **dict.fromkeys(found.kinds, 30)}
    np.testing.assert_array_equal(parts["shuffled"], found.kinds["shuffled"][:, 0])
    with pytest.raises(PipelineError, match="does not hold anomalies"):
        anomalies.load(tmp_path / anomalies.FILE, ImageFormat(9, 5))


def test_unknown_label_is_refused(tmp_path, run_here):
    done = run_here(STAGE, "--preset", "demo", "--normal", "1", "12", outputs=tmp_path / "outputs")
    assert_refused(done, STAGE, "--normal 12", "labels are 0 to 9")


def test_all_does_not_name_designs_that_need_anomalies():
    assert not any(design.scores_anomalies for design in parse_designs(("all",)))
    (design,) = parse_designs(("anomaly/quantized",))
    assert design.scores_anomalies and not design.has_logits
    with pytest.raises(PipelineError, match="unknown design anomaly/complete"):
        parse_designs(("anomaly/complete",))


def test_design_that_scores_is_refused_without_anomalies(tmp_path, run_here):
    outputs = tmp_path / "outputs"
    assert run_here(STAGE, "--preset", "demo", outputs=outputs)[0] == 0
    done = run_here("05_convert_hls", "--designs", "anomaly/quantized", outputs=outputs)
    assert_refused(done, "05_convert_hls", "--designs anomaly/quantized", "--normal")
