"""The paper's tables next to those of networks with other layers, without images, or with nothing measured."""

from written_outputs import PRECISION

from common.report import network_tables
from common.report.results import DASH

HEADER = "layer,complete,pruned,paper: complete,paper: pruned\n"


def table_1(tmp_path, text):
    (tmp_path / "table_1.csv").write_text(HEADER + text, encoding="utf-8")
    return {row[0]: row[1:] for row in network_tables.table_1(tmp_path / "table_1.csv").rows}


def test_table_1_compares_layers_of_the_papers_size_alone(tmp_path):
    rows = table_1(
        tmp_path,
        "encoder_2,512+16,102+16,512+16,102+16\ndecoder_1,64+16,6+13,32+16,6+13\nclassifier_9,9+1,2+1,,\n"
        "total,9000,8000,6268,5805\n",
    )
    assert rows["encoder_2"] == ["512+16", "512+16", "102+16", "102+16", "0 weights, 0 biases"]
    assert rows["decoder_1"] == ["64+16", DASH, "6+13", DASH, DASH]
    assert rows["classifier_9"] == ["9+1", DASH, "2+1", DASH, DASH]
    assert rows["total"] == ["9,000", DASH, "8,000", DASH, DASH], "it is of other layers than the paper's"


def test_table_1_of_the_papers_layers_has_its_total(tmp_path):
    rows = table_1(tmp_path, "encoder_2,512+16,102+16,512+16,102+16\ntotal,6268,5794,6268,5805\n")
    assert rows["total"] == ["6,268", "6,268", "5,794", "5,805", "−11"]


def test_table_3_lists_layers_of_any_name():
    types = PRECISION["encoder_1"]
    precision = {f"classifier_{number}": types for number in (1, 2, 10)} | {"other": {"starts": 3}}
    pixels, *rows = network_tables.table_3(precision, 5, with_decoder=True).rows
    assert pixels[2] == "ap_ufixed<5,0>"
    assert [row[0] for row in rows] == ["classifier_1", "classifier_2", "classifier_10"]
    assert [row[2].startswith("ap_ufixed") for row in rows] == [True, True, False], "logits are signed"
    assert network_tables.table_3({"encoder": {}}, 5, with_decoder=True) is not None
    assert network_tables.table_3({"layers": {}}, None, with_decoder=True) is None


def test_table_3_without_a_quantized_decoder_leaves_it_out():
    precision = dict.fromkeys(("encoder_1", "decoder_1", "classifier_1"), PRECISION["encoder_1"])
    rows = network_tables.table_3(precision, None, with_decoder=False).rows
    assert [row[0] for row in rows] == ["encoder_1", "classifier_1"]


def test_networks_without_images_have_dashes():
    models = {"classifier/quantized_pruned": {"test_accuracy": 0.9}, "classifier/complete": {"test_accuracy": 0.9}}
    for table in (network_tables.table_2(models, comparable=True), network_tables.table_4(models, comparable=True)):
        rows = {row[0]: row[1:] for row in table.rows}
        assert rows["L1, testing"][0] == DASH
        assert rows["accuracy, testing"][0] == "0.9000"
