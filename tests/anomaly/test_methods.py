"""How well methods find anomalies: areas, thresholds, the table of stage 05 and of the results page."""

import numpy as np
import pytest
from paper_networks import build

from common.errors import PipelineError
from common.hls import anomaly_methods
from common.hls.anomaly_methods import BASELINES, HARDWARE, MethodScores
from common.hls.designs import AnomalyOptions, Scoring
from common.images.anomalies import Anomalies
from common.images.samples import Samples
from common.report import anomaly_tables


@pytest.fixture(scope="module")
def scores():
    """Return scores of 4,000 normal images, 2,000 anomalies a standard deviation away, and 1,000 far away."""
    rng = np.random.default_rng(0)
    tested = np.concatenate([rng.normal(0, 1, 4000), rng.normal(1, 1, 2000), rng.normal(9, 1, 1000)])
    return MethodScores({HARDWARE: rng.normal(0, 1, 3000)}, {HARDWARE: tested})


ANOMALIES = Anomalies(np.zeros((3000, 64)), {"left_out": np.zeros((2000, 64)), "shuffled": np.zeros((1000, 64))})


def test_area_error_and_efficiency_of_gaussians(scores):
    near, far = anomaly_methods.qualities(scores, ANOMALIES)
    assert near.auc == pytest.approx(0.760, abs=0.02)  # of two Gaussians one standard deviation apart
    assert near.auc_error == pytest.approx(0.0065, rel=0.3)
    assert far.auc == pytest.approx(1, abs=1e-4)
    assert near.false_alarms == pytest.approx((0.01, 0.001), rel=0.7)
    assert near.efficiencies[0] == pytest.approx(0.092, abs=0.03)  # share above 2.33 - 1
    assert far.efficiencies == (1.0, 1.0)


def test_table_and_scores_are_read_again_and_shown(scores, tmp_path):
    folder = tmp_path / "05_convert_hls"
    folder.mkdir()
    assert anomaly_tables.read(folder / anomaly_methods.TABLE) == []
    anomaly_methods.save_table(anomaly_methods.qualities(scores, ANOMALIES), folder)
    area, percent, permille = anomaly_tables.read(folder / anomaly_methods.TABLE)
    assert area.columns == ("method", "classes left out", "pixels shuffled")
    assert area.rows[0][0] == HARDWARE and area.rows[0][2] == "1.000 ± 0.000"
    assert percent.columns[-1] == "normal images" and percent.rows[0][2] == permille.rows[0][2] == "100.0%"
    scores.save(folder)
    again = anomaly_methods.load(folder)
    np.testing.assert_array_equal(again.tested[HARDWARE], scores.tested[HARDWARE])
    for name, read in ((anomaly_methods.FILE, anomaly_methods.load), (anomaly_methods.TABLE, anomaly_tables.read)):
        (folder / name).write_text("method\n1\n", encoding="utf-8")
        with pytest.raises(PipelineError, match="is damaged"):
            read(folder if name == anomaly_methods.FILE else folder / name)


def test_all_methods_score_all_images():
    rng = np.random.default_rng(0)
    images = {name: rng.random((count, 64), dtype=np.float32) for name, count in {"train": 300, "test": 40}.items()}
    labels = {name: (np.arange(len(each)) % 9).astype(np.uint8) for name, each in images.items()}
    anomalies = Anomalies(images["train"][:50], {"left_out": images["test"][:7] ** 2})
    scoring = Scoring(AnomalyOptions("mse"), images["train"], anomalies)
    network = build("classifier")
    hardware = np.arange(47.0)
    samples = [Samples(images[name], labels[name]) for name in images]
    found = anomaly_methods.score_all({"quantized": network}, hardware, *samples, scoring)
    assert list(found.tested) == [
        HARDWARE,
        *(f"quantized, {score}" for score in ("l1", "mse", "latent", "Mahalanobis")),
        *BASELINES,
    ]
    for method in found.tested:
        assert found.held_out[method].shape == (50,) and found.tested[method].shape == (47,)
        assert np.isfinite(found.tested[method]).all()
    np.testing.assert_array_equal(found.tested[HARDWARE], hardware)
    np.testing.assert_array_equal(found.held_out[HARDWARE], found.held_out["quantized, mse"])
    areas = anomaly_methods.areas(network, samples[0], images["test"], anomalies.kinds["left_out"])
    assert areas["sum of intensities"] < 0.2, "squares are darker"
