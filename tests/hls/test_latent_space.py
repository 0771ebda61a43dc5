"""Addresses of latent points."""

import numpy as np
import pytest

from common.errors import PipelineError
from common.fixed_point import FixedPoint
from common.hls import latent_space
from common.hls.latent_space import LatentSpace


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
@pytest.mark.parametrize(("width", "integer"), [(3, 1), (3, 3), (2, 0)])
@pytest.mark.parametrize("signed", [False, True])
def test_every_address_has_its_own_point(dimensions, width, integer, signed):
    space = LatentSpace("latent", FixedPoint(width, integer, signed), dimensions)
    addresses = np.arange(2**space.address_bits)
    codes = space.codes(addresses)
    assert codes.shape == (len(addresses), dimensions)
    low = -(2 ** (width - 1)) if signed else 0
    assert (codes.min(), codes.max()) == (low, low + 2**width - 1)
    assert len(np.unique(codes, axis=0)) == len(addresses)
    np.testing.assert_array_equal(space.addresses(codes * space.type.step), addresses)


def test_first_coordinate_has_the_highest_bits():
    space = LatentSpace("latent", FixedPoint(4, 2, signed=True), 2)
    np.testing.assert_array_equal(space.addresses(np.array([[0.25, 0.0], [0.0, 0.25], [-0.25, -2.0]])), [16, 1, 0xF8])


@pytest.mark.parametrize(
    ("bits", "dimensions", "remedy"),
    [
        (7, 2, "--precision.latent.activation-bits 6 or fewer"),
        (5, 3, "--precision.latent.activation-bits 4 or fewer"),
        (1, 13, "--network.latent 12 or fewer"),
    ],
)
def test_space_of_too_many_points_is_refused_with_what_to_do(bits, dimensions, remedy):
    with pytest.raises(PipelineError, match=f"{dimensions} x {bits} bits .*--no-tabulate-latent, or .*{remedy}"):
        latent_space.check(bits, dimensions)
    latent_space.check(12 // min(dimensions, 12), min(dimensions, 12))
