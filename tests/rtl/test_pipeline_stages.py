"""Assignment to pipeline stages: no stage exceeds the latency cut-off, and values do not change."""

import numpy as np
import pytest
from alkaid.trace import FVArray, HWConfig, trace
from alkaid.types import CombLogic

from common.rtl import pipeline_stages


@pytest.fixture(scope="module")
def logic():
    """Return a small network: products, rounding with saturation, a table, sums."""
    generator = np.random.default_rng(0)
    inputs = FVArray.from_kif(np.zeros(8), np.zeros(8), np.full(8, 4), HWConfig(1, 1, -1), 0.0, {"hard_dc": -1})
    hidden = (inputs @ generator.integers(-3, 4, (8, 4)).astype(float)).relu()
    hidden = hidden.quantize(np.zeros(4, int), np.full(4, 1), np.full(4, 2), "SAT", "RND")
    looked_up = hidden.apply(np.sqrt).quantize(np.zeros(4, int), np.full(4, 1), np.full(4, 3))
    return trace(inputs, looked_up @ generator.integers(-3, 4, (4, 2)).astype(float), keep_dead_inputs=True)


def longest_path(logic: CombLogic, stage: float) -> float:
    """Return the delay of the critical path of one stage [adders]."""
    depths = []
    for operation in logic.ops:
        before = max((depths[index] for index in operation.input_ids), default=0.0)
        inside = operation.latency == stage
        depths.append(before + pipeline_stages._delay(operation, logic) if inside else 0.0)
    return max(depths)


@pytest.mark.parametrize("cutoff", [1.5, 2, 3, 5])
def test_no_stage_exceeds_the_cutoff_and_operands_come_first(logic, cutoff):
    staged = pipeline_stages.assign(logic, cutoff)
    stages = sorted({operation.latency for operation in staged.ops})
    assert all(longest_path(staged, stage) <= cutoff for stage in stages)
    for operation in staged.ops:
        assert all(staged.ops[index].latency <= operation.latency for index in operation.input_ids)
    pixels = np.random.default_rng(1).integers(0, 16, (100, 8)) / 16
    np.testing.assert_array_equal(staged.predict(pixels), logic.predict(pixels))


def test_more_adders_per_stage_make_fewer_stages(logic):
    depths = [max(op.latency for op in pipeline_stages.assign(logic, cutoff).ops) for cutoff in (1, 2, 4, 8, 100)]
    assert depths == sorted(depths, reverse=True)
    assert depths[0] > depths[-1] == 1


def test_operation_longer_than_the_cutoff_has_its_own_stage(logic):
    staged = pipeline_stages.assign(logic, 0.5)
    long = [operation for operation in staged.ops if pipeline_stages._delay(operation, staged) > 0.5]
    assert long
    for operation in long:
        assert all(staged.ops[index].latency < operation.latency for index in operation.input_ids)


def test_rounding_saturation_and_ternary_sums_have_a_delay(logic):
    codes = {operation.opcode: pipeline_stages._delay(operation, logic) for operation in logic.ops}
    assert codes[pipeline_stages._ADD_CONSTANT] == 1
    assert codes[pipeline_stages._SELECT] > 0
    assert codes[pipeline_stages._LOOK_UP] > 0
    three = logic.ops[0]._replace(opcode=pipeline_stages._ADD_THREE)
    assert pipeline_stages._delay(three, logic) > 1
