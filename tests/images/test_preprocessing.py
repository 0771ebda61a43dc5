"""Preprocessing from 28 x 28 pixels of 8 bits to 8 x 8 pixels of 5 bits."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import zoom
from skimage.transform import resize
from sklearn.datasets import load_digits

from common.errors import PipelineError
from common.images import downloads, idx_sets, originals, preprocessing
from common.images.preprocessing import prepare_images
from common.images.samples import PAPER_FORMAT


@pytest.fixture
def images():
    """Strokes, noise and flat areas, uint8 [30, 28, 28]."""
    rng = np.random.default_rng(1)
    strokes = np.zeros((10, 28, 28), np.uint8)
    for image in strokes:
        row, column = rng.integers(5, 20, 2)
        image[row : row + 3, 4:24] = rng.integers(100, 256)
        image[4:24, column : column + 3] = 255
    flat = np.ones((10, 28, 28), np.uint8) * np.linspace(0, 255, 10, dtype=np.uint8)[:, None, None]
    return np.concatenate([strokes, rng.integers(256, size=(10, 28, 28), dtype=np.uint8), flat])


@pytest.mark.parametrize("method", ["anti_aliased", "every_third_pixel"])
def test_batch_gives_the_same_pixels_as_single_images(images, method):
    one_by_one = [prepare_images(image[None], method)[0] for image in images]
    np.testing.assert_array_equal(prepare_images(images, method), one_by_one)


def test_pixels_match_scikit_image(images):
    many = np.concatenate([images, np.random.default_rng(2).integers(256, size=(3000, 28, 28), dtype=np.uint8)])
    cropped = many[:, 3:25, 3:25].astype(np.float32)
    resized = resize(cropped, (len(many), 8, 8), order=1, anti_aliasing=True, preserve_range=True)
    np.testing.assert_array_equal(prepare_images(many, "anti_aliased"), resized // 8)


@pytest.mark.parametrize("method", ["anti_aliased", "every_third_pixel"])
def test_flat_images_keep_their_level_in_five_bits(method):
    levels = np.arange(256, dtype=np.uint8)
    prepared = prepare_images(np.broadcast_to(levels[:, None, None], (256, 28, 28)), method)
    assert prepared.dtype == np.uint8
    assert prepared.shape == (256, 8, 8)
    np.testing.assert_array_equal(prepared, np.broadcast_to(levels[:, None, None] // 8, (256, 8, 8)))


def test_every_third_pixel_picks_pixels_3_6_to_24():
    pixel = np.arange(28, dtype=np.uint8) * 8
    rows = prepare_images(np.broadcast_to(pixel[:, None], (1, 28, 28)), "every_third_pixel")[0]
    columns = prepare_images(np.broadcast_to(pixel[None, :], (1, 28, 28)), "every_third_pixel")[0]
    assert rows[:, 0].tolist() == columns[0].tolist() == [3, 6, 9, 12, 15, 18, 21, 24]
    assert (rows == rows[:, :1]).all()
    assert (columns == columns[:1]).all()


def test_anti_aliasing_averages_and_preserves_the_mean(images):
    noise = images[10:20]
    averaged, picked = (prepare_images(noise, method) for method in ("anti_aliased", "every_third_pixel"))
    assert averaged.std() < picked.std() / 2
    assert abs(averaged.mean() - noise.mean() / 8) < 1


def test_only_the_centre_is_used():
    frame = np.full((1, 28, 28), 255, np.uint8)
    frame[:, 3:25, 3:25] = 0
    assert not prepare_images(frame, "anti_aliased").any()


def test_digits_of_scikit_learn_are_rescaled_to_all_five_bits():
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    expected = np.rint(digits.images * (31 / 16)).astype(np.uint8)[order]
    found = originals.of_digits(0)
    prepared = prepare_images(np.concatenate([found.x_train, found.x_test]), "anti_aliased", crop=8)
    assert (prepared.dtype, prepared.min(), prepared.max()) == (np.uint8, 0, 31)
    np.testing.assert_array_equal(prepared, expected)
    np.testing.assert_array_equal(np.concatenate([found.y_train, found.y_test]), digits.target[order])


@pytest.mark.parametrize(("crop", "side", "bits"), [(28, 14, 8), (20, 8, 5), (28, 7, 3), (28, 28, 4), (25, 24, 1)])
def test_any_crop_side_and_depth_matches_scikit_image(images, crop, side, bits):
    first = (28 - crop) // 2
    cropped = images[:, first : first + crop, first : first + crop].astype(np.float32)
    resized = resize(cropped, (len(images), side, side), order=1, anti_aliasing=True, preserve_range=True)
    np.testing.assert_array_equal(prepare_images(images, "anti_aliased", crop, side, bits), resized // 2 ** (8 - bits))


@pytest.mark.parametrize(("crop", "side"), [(20, 8), (28, 10), (22, 8)])
def test_spline_zoom_is_that_of_scipy(images, crop, side):
    first = (28 - crop) // 2
    expected = [zoom(image[first : first + crop, first : first + crop], side / crop) // 8 for image in images]
    np.testing.assert_array_equal(prepare_images(images, "spline_zoom", crop, side), expected)


def test_spline_zoom_from_22_to_8_picks_every_third_pixel(images):
    if "MNIST_DIR" in os.environ:
        files = downloads.locate(idx_sets.MNIST, None, Path("/proc/no-cache"))
        images = originals.of_idx_set(idx_sets.MNIST, files, allow_other=False).x_test
    picked = prepare_images(images, "every_third_pixel")
    np.testing.assert_array_equal(prepare_images(images, "spline_zoom"), picked)


@pytest.mark.parametrize("method", preprocessing.METHODS)
def test_images_that_are_not_square_are_cropped_to_their_centre(images, method):
    wide = np.pad(images, ((0, 0), (0, 0), (5, 5)))
    np.testing.assert_array_equal(prepare_images(wide, method), prepare_images(images, method))


def test_large_images_are_resized_without_a_large_matrix():
    large = np.random.default_rng(0).integers(256, size=(3, 130, 128), dtype=np.uint8)
    resized = resize(large[:, 1:129].astype(np.float32), (3, 32, 32), order=1, anti_aliasing=True, preserve_range=True)
    np.testing.assert_array_equal(prepare_images(large, "anti_aliased", 128, 32), resized // 8)


@pytest.mark.parametrize(
    ("method", "crop", "side", "words"),
    [
        ("anti_aliased", 29, 8, "--crop must be between 8 and 28, as the images have 28 x 28 pixels, not 29"),
        ("anti_aliased", 0, 8, "--crop must be between 8 and 28.*not 0"),
        ("spline_zoom", 10, 11, "--side must be at most 10.*--crop.*not 11"),
        ("every_third_pixel", 20, 8, "--downsampling every_third_pixel.*2.71; possible are --crop 8, 15, 22 with"),
    ],
)
def test_impossible_preparations_are_refused_with_what_is_possible(images, method, crop, side, words):
    with pytest.raises(PipelineError, match=words):
        prepare_images(images, method, crop, side)


def test_intensities_are_multiples_of_one_thirty_second():
    levels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8) // 2
    seen = PAPER_FORMAT.intensities(levels)
    assert seen.dtype == np.float32
    np.testing.assert_array_equal(seen, [np.arange(64) // 2 / 32])
