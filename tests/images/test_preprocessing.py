"""Preprocessing from 28 x 28 pixels of 8 bits to 8 x 8 pixels of 5 bits."""

import numpy as np
import pytest
from skimage.transform import resize
from sklearn.datasets import load_digits

from common.images import preprocessing
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


def test_digits_of_scikit_learn_use_all_five_bits():
    digits = load_digits().images
    levels = preprocessing.rescale_digits(digits)
    assert levels.dtype == np.uint8
    assert (levels.min(), levels.max()) == (0, 31)
    assert len(np.unique(levels)) == len(np.unique(digits)) == 17


def test_intensities_are_multiples_of_one_thirty_second():
    levels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8) // 2
    seen = PAPER_FORMAT.intensities(levels)
    assert seen.dtype == np.float32
    np.testing.assert_array_equal(seen, [np.arange(64) // 2 / 32])
