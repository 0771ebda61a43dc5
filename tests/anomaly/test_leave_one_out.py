"""Classes left out as a space of stage 07: its points, their dependencies, and their areas under the ROC curve."""

from collections import Counter

import numpy as np
import pytest
from stage_runs import ROOT

from common.images import originals
from common.images.samples import PAPER_FORMAT, Samples
from common.report.pipeline import DECLARED
from common.scan import point_evaluation, point_training, spaces
from common.scan.point_store import dependencies
from common.scan.points import Point

NORMAL = tuple(range(9))
METHODS = {
    "l1", "mse", "latent", "Mahalanobis", "PCA, two components", "isolation forest", "sum of intensities",
}  # fmt: skip


def test_space_leaves_each_digit_out_with_three_seeds():
    space = spaces.load(ROOT / "spaces" / "leave_one_out.toml", (), 300, DECLARED)
    grid = space.grid()
    left_out = Counter(digit for normal in grid["prepare_data.normal"] for digit in set(range(10)) - set(normal))
    assert left_out == Counter(range(10))
    assert grid["quantize.seed"] == [0, 1, 2]


@pytest.fixture(scope="module")
def digits():
    """Return scikit-learn's digits as training and test samples."""
    found = originals.of_digits(0)
    return tuple(
        Samples(PAPER_FORMAT.intensities(images >> 3), labels)
        for images, labels in ((found.x_train, found.y_train), (found.x_test, found.y_test))
    )


def test_point_learns_only_the_normal_classes_and_has_areas(digits, monkeypatch):
    allow = ("chance", "dead_unit")
    fields = {
        "prepare_data": {"normal": NORMAL},
        "train_autoencoder": {"epochs": 3, "allow": allow},
        "quantize": {"zeros": "raised", "epochs": 2, "allow": allow},
    }
    point = Point(DECLARED, "demo", fields, 200)
    assert dependencies(point)["source"]["normal"] == NORMAL
    learned = []
    honest = point_evaluation._quantize

    def quantize(stages, source, train_samples, validation):
        learned.append((train_samples, validation))
        return honest(stages, source, train_samples, validation)

    monkeypatch.setattr(point_evaluation, "_quantize", quantize)
    outcome = point_evaluation.evaluate(point, digits, point_training.train_source(point, digits))
    assert outcome.error is None, outcome.files["log.txt"].decode()
    ((rest, validation),) = learned
    assert set(rest.labels) == set(validation.labels) == set(NORMAL)
    assert len(rest.labels) + len(validation.labels) == np.count_nonzero(digits[0].labels != 9)
    for part in ("validation", "test"):
        areas = {name: value for name, value in outcome.values.items() if name.startswith(f"{part}_auc, ")}
        assert {name.partition(", ")[2] for name in areas} == METHODS
        assert all(0 <= area <= 1 for area in areas.values())
