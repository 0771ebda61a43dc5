"""The anomaly score: Keras, C++, integers, traced logic and tables agree in every bit."""

import numpy as np
import pytest
from paper_networks import quantized

from common.fixed_point import FixedPoint
from common.hls import anomaly_score, conversion, golden_outputs, hls4ml_project, integer_network
from common.hls.anomaly_score import density_of, threshold_of
from common.hls.designs import AnomalyOptions, Design, Scoring
from common.hls.hls4ml_project import HlsOptions
from common.images import anomalies
from common.images.samples import PAPER_FORMAT, Samples
from common.networks import architecture, quantization
from common.networks.precision import LayerPrecision
from common.rtl import verified_trace

IMAGES = 400
FEW_BITS = {"latent": LayerPrecision(6, 1, 6, 1, 4, 2)}


def samples(seed):
    """Return smooth random images of few shapes, with labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(10, size=IMAGES).astype(np.uint8)
    shapes = np.random.default_rng(0).integers(32, size=(10, 64))
    levels = np.clip(shapes[labels] + rng.integers(-8, 9, size=(IMAGES, 64)), 0, 31)
    return Samples((levels / 32).astype(np.float32), labels, PAPER_FORMAT)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Return the file of a quantized network with random weights that uses many latent points."""
    model = quantization.build(quantized("classifier", 4, **FEW_BITS))
    rng = np.random.default_rng(1)
    for dense in architecture.dense_layers(model).values():
        kernel, bias = (weights.shape for weights in dense.get_weights())
        dense.set_weights([rng.uniform(-0.5, 0.6, kernel), rng.uniform(0, 0.2, bias)])
    last = model.get_layer("decoder_3")
    kernel, bias = last.get_weights()
    kernel[:, :3] = 0  # pixels that are the same at every latent point, as in corners
    last.set_weights([kernel, bias])
    path = tmp_path_factory.mktemp("network") / "classifier.h5"
    architecture.save(model, path)
    return path


@pytest.fixture(scope="module")
def scoring():
    levels = np.rint(samples(3).intensities.reshape(-1, 8, 8) * 32).astype(np.uint8)
    kinds = {kind: PAPER_FORMAT.intensities(images) for kind, images in anomalies.make(levels, 0).items()}
    return lambda options: Scoring(options, samples(1).intensities, anomalies.Anomalies(samples(2).intensities, kinds))


@pytest.mark.parametrize("score", ["l1", "mse", "latent"])
def test_every_representation_of_the_score_agrees(score, network, scoring, tmp_path):
    given = scoring(AnomalyOptions(score, 0.05))
    design, folder = Design("anomaly", "quantized_pruned"), tmp_path / "design"
    found = conversion.convert_and_simulate(design, network, folder, samples(4), HlsOptions(), tmp_path / "kept", given)
    vectors = given.anomalies.after(samples(4).intensities)
    assert found.exactness.differing == {"qkeras_csim": 0}, found.mismatch
    assert (found.exactness.images, found.exactness.values) == (5 * IMAGES, 10 * IMAGES)

    model, golden = hls4ml_project.load_model(folder / "model.fml"), golden_outputs.load(folder)
    scores, triggers = golden.outputs.T
    assert len(np.unique(scores)) > 4
    assert np.unique(triggers).tolist() == [0, 1]

    exported = integer_network.export(model)
    assert exported["outputs"] == ["score", "trigger"]
    values = integer_network.evaluate(exported, {"pixels": np.rint(vectors * 32).astype(int)})
    fraction = next(layer["type"]["fraction"] for layer in exported["layers"] if layer["name"] == "score")
    np.testing.assert_array_equal(values["score"][:, 0] * 2.0**-fraction, scores)
    np.testing.assert_array_equal(values["trigger"][:, 0], triggers)

    for tabulated in (False, True):
        trace = verified_trace.trace(
            folder, golden, vectors, tmp_path, store=tmp_path / "kept", tabulate_latent=tabulated
        )
        assert (trace.differing, trace.differing_entries) == (0, 0), trace.faults
        assert (trace.entries > 0) == tabulated

    # By hand, from image and latent point of the network.
    of_keras = dict(zip(("image", "class"), architecture.predict(architecture.load(network), vectors), strict=True))
    differences = np.abs(of_keras["image"].astype(np.float64) - vectors)
    points = architecture.latent_points(architecture.load(network), vectors)
    expected = {
        "l1": lambda: differences.sum(axis=1),
        "mse": lambda: (differences**2).sum(axis=1),
        "latent": lambda: density_of(
            architecture.latent_points(architecture.load(network), given.training_images), 0.25
        ).at(points),
    }
    np.testing.assert_array_equal(scores, expected[score]())
    own = anomaly_score.cut(architecture.load(network), 5, given)
    held_out, fired = architecture.predict(own, given.anomalies.held_out)
    assert fired.sum() <= 0.05 * IMAGES
    np.testing.assert_array_equal(fired, held_out > threshold_of(held_out[:, 0], 0.05))


def test_wrong_table_entry_that_no_image_reaches_is_found(network, scoring, tmp_path, monkeypatch):
    from common.rtl import tabulation

    given, folder = scoring(AnomalyOptions("l1")), tmp_path / "design"
    conversion.convert_and_simulate(
        Design("anomaly", "quantized"), network, folder, samples(4), HlsOptions(), tmp_path / "kept", given
    )
    golden = golden_outputs.load(folder)
    reached = set((np.rint(golden.latent / 0.25).astype(int) @ (16, 1)).tolist())
    unreached = next(address for address in range(256) if address not in reached)
    honest = tabulation._values_at

    def values_at(model, latent, points, layers):
        values = honest(model, latent, points, layers)
        values[0][np.flatnonzero(points @ (16, 1) == unreached), 3] += 1 / 64
        return values

    monkeypatch.setattr(tabulation, "_values_at", values_at)
    vectors = given.anomalies.after(samples(4).intensities)
    trace = verified_trace.trace(folder, golden, vectors, tmp_path, store=tmp_path / "kept", tabulate_latent=True)
    assert (trace.differing, trace.differing_entries) == (0, 1)
    assert f"latent point {unreached}" in trace.faults[0]


def test_threshold_is_exceeded_by_at_most_the_rate():
    scores = np.arange(1000) / 8
    assert np.count_nonzero(scores > threshold_of(scores, 0.01)) == 10
    assert np.count_nonzero(scores > threshold_of(scores, 0.0)) == 0
    ties = np.repeat([1.0, 2.0], [900, 100])
    assert np.count_nonzero(ties > threshold_of(ties, 0.05)) == 0


@pytest.mark.parametrize("offset", [0.0, -2.0])
def test_density_covers_the_points_and_counts_them(offset):
    points = np.random.default_rng(0).gamma(2, 0.6, (5000, 2)) + offset
    density = density_of(points)
    assert density.cell.signed == (offset < 0)
    assert len(density.values) == 256
    assert density.values.max() <= anomaly_score.SURPRISE.high
    far, common = np.array([[50.0, 50.0]]), np.median(points, axis=0)[None]
    assert density.at(far) > density.at(common) + 3
    coarse = density_of(np.random.default_rng(0).uniform(0, 0.9, (5000, 2)), finest=0.25)
    assert coarse.cell == FixedPoint(4, 2, signed=False, overflow="SAT")
