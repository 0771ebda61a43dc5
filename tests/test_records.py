"""Records of `metrics.json`: JSON holds what is known and nothing else, and views see what belongs together."""

import json

import pytest

from common.records import ESTIMATE, SIMULATION, DesignRecord, ExactnessRecord, completed, merged

COMPUTED = DesignRecord(design="full/quantized", kind=SIMULATION, nonzero_weights=9, test_accuracy=0.9)
ESTIMATED = DesignRecord(design="full/quantized", kind=ESTIMATE, part="xcu250", lut=7, dsp=0, critical_path=("a", "b"))
COMPARED = ExactnessRecord(design="full/quantized", values=80, images=8, differing={"qkeras_csim": 0})


@pytest.mark.parametrize("record", [COMPUTED, ESTIMATED, COMPARED])
def test_json_gives_the_record_back_and_has_no_field_that_is_not_known(record):
    row = json.loads(json.dumps(record.as_json()))
    assert type(record).from_json(row) == record
    assert not any(value is None or value == "" for value in row.values())


def test_a_zero_is_known():
    assert ESTIMATED.as_json()["dsp"] == 0
    assert "bram" not in ESTIMATED.as_json()


def test_hardware_has_what_the_design_computes_and_designs_without_hardware_stand_alone():
    alone = DesignRecord(design="encoder/pruned", kind=SIMULATION)
    found = completed([COMPUTED, alone, ESTIMATED])
    assert [(record.design, record.kind) for record in found] == [
        ("full/quantized", ESTIMATE),
        ("encoder/pruned", SIMULATION),
    ]
    assert (found[0].lut, found[0].nonzero_weights, found[0].test_accuracy) == (7, 9, 0.9)


def test_later_records_add_pairs_to_earlier_ones_of_the_same_flow_alone():
    later = ExactnessRecord(design="full/quantized", values=80, differing={"alir_rtl": 3}, stale=True)
    other = ExactnessRecord(design="full/quantized", flow="tables", values=5, differing={"csim_table": 0})
    both, tables = merged([COMPARED, other, later])
    assert (both.images, both.differing, both.stale) == (8, {"qkeras_csim": 0, "alir_rtl": 3}, True)
    assert tables == other
