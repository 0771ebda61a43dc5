"""Layers of any network: their names, kinds and sizes, and what is configured for each."""

import pytest

from common.errors import PipelineError
from common.networks import layout
from common.networks.layout import HiddenLayers, Layout
from common.networks.recipe import Raised, for_each_layer

OTHER = HiddenLayers(encoder=(9,), latent=3, decoder=(), classifier=(7, 5), latent_activation="linear")


def test_layers_are_named_by_position_and_the_last_is_an_output():
    assert OTHER.kinds() == {
        "encoder_1": "encoder",
        "latent": "latent",
        "decoder_1": "image",
        "classifier_1": "classifier",
        "classifier_2": "classifier",
        "classifier_3": "class",
    }
    found = Layout(OTHER, pixels=100, classes=4, bits=3)
    assert found.layers("autoencoder") == {"encoder_1": 9, "latent": 3, "decoder_1": 100}
    assert found.layers("classifier").items() >= {"classifier_1": 7, "classifier_2": 5, "classifier_3": 4}.items()
    assert found.multiplications == {
        "encoder_1": 900, "latent": 27, "decoder_1": 300, "classifier_1": 21, "classifier_2": 35, "classifier_3": 20
    }  # fmt: skip


def test_values_are_those_of_the_layer_or_else_of_its_kind():
    found = for_each_layer({"classifier": 1, "classifier_2": 2, "latent": 3, "decoder": 4}, OTHER, otherwise=0)
    assert found == {
        "encoder_1": 0, "latent": 3, "decoder_1": 0, "classifier_1": 1, "classifier_2": 2, "classifier_3": 0
    }  # fmt: skip
    assert for_each_layer(found, OTHER) == found
    assert for_each_layer({}, OTHER)["latent"] is None


def test_sparsity_and_penalty_are_zero_where_none_is_given():
    found = Raised({"classifier": 0.5}, penalty={"encoder_1": 1.0}).for_each_layer(OTHER)
    assert {name for name, value in found.sparsity.items() if value} == {"classifier_1", "classifier_2"}
    assert {name for name, value in found.penalty.items() if value} == {"encoder_1"}
    assert found.sparsity.keys() == found.penalty.keys() == OTHER.kinds().keys()


@pytest.mark.parametrize(
    ("hidden", "pruned"),
    [
        (HiddenLayers(), ("encoder_2", "decoder_1", "classifier_1")),
        (HiddenLayers(encoder=(15, 15, 15)), ("encoder_2", "encoder_3", "decoder_1", "classifier_1")),
        (OTHER, ("classifier_1",)),
        (HiddenLayers(encoder=(), decoder=(), classifier=()), ("latent",)),
    ],
)
def test_hidden_layers_but_the_first_are_usually_pruned(hidden, pruned):
    assert hidden.usually_pruned() == pruned


@pytest.mark.parametrize(("nodes", "large"), [(64, False), (65, True)])
def test_layer_that_is_too_large_for_hls4ml_is_named(nodes, large):
    said = Layout(HiddenLayers(encoder=(nodes, 16))).too_large()
    if large:
        assert said == "hls4ml unrolls at most 4,096 multiplications of a layer; too many has encoder_1 4,160"
    else:
        assert said is None


def test_saved_layout_is_loaded_and_a_damaged_one_refused(tmp_path):
    Layout(OTHER, 100, 4, 3).save(tmp_path)
    assert layout.load(tmp_path / layout.FILE) == Layout(OTHER, 100, 4, 3)
    for text in ("", "[]", "{}", '{"hidden": {"depth": 3}, "pixels": 64, "classes": 10, "bits": 5}'):
        (tmp_path / layout.FILE).write_text(text, encoding="utf-8")
        with pytest.raises(PipelineError, match=r"network\.json does not describe the layers of a network"):
            layout.load(tmp_path / layout.FILE)
