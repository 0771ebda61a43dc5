"""Assignment of operations to pipeline stages, with a limit on the critical path of each stage.

In alkaid's own delay model rounding, saturation and stage boundaries cost nothing, so a stage of 'two adders' may hold
eight. Here each operation has a delay like that on an FPGA, and goes into the earliest stage in which it fits whole.
"""

import math
from collections.abc import Sequence

from alkaid.trace.passes.surrogate import cost_cadd, cost_lat_add
from alkaid.types import CombLogic, Op

# alkaid's opcodes; the others (inputs, constants, wraps) are wires.
_NEGATE, _ADD, _SUBTRACT, _RELU, _ADD_CONSTANT, _SELECT, _MULTIPLY, _LOOK_UP, _REDUCE, _BITWISE, _ADD_THREE = (
    -2, 0, 1, 2, 4, 6, 7, 8, 9, 10, 11,
)  # fmt: skip
# In units of an adder (carry chain and routing); its width matters little.
_DELAYS = {_NEGATE: 1.0, _RELU: 0.5, _SELECT: 0.5, _MULTIPLY: 4.0, _REDUCE: 0.5, _BITWISE: 0.5, _ADD_THREE: 1.5}
_LUT_INPUTS = 4


def assign(logic: CombLogic, latency_cutoff: float) -> CombLogic:
    """Return the logic with the pipeline stage of each operation, counted from 1, as its latency.

    Args:
        logic: From inputs to outputs.
        latency_cutoff: Longest path within a stage [adders]; a longer operation gets a stage of its own.
    """
    finished: list[float] = []
    for operation in logic.ops:
        start = max((finished[index] for index in operation.input_ids), default=0.0)
        delay = min(_delay(operation, logic), latency_cutoff)
        end_of_stage = (math.floor(start / latency_cutoff) + 1) * latency_cutoff
        finished.append(start + delay if start + delay <= end_of_stage else end_of_stage + delay)
    stages = [math.ceil(finish / latency_cutoff) for finish in finished]
    return logic._replace(
        ops=[operation._replace(latency=float(stage)) for operation, stage in zip(logic.ops, stages, strict=True)]
    )


def _delay(operation: Op, logic: CombLogic) -> float:
    """Return the delay of an operation [adders]."""
    operands: Sequence[Op] = [logic.ops[index] for index in operation.input_ids]
    if operation.opcode in (_ADD, _SUBTRACT):
        first, second = operands
        placed_side_by_side = cost_lat_add(first.qint, second.qint, operation.data[0], 1, 1)[0] == 0
        return 0.0 if placed_side_by_side else 1.0
    if operation.opcode == _ADD_CONSTANT:
        return 1.0 if cost_cadd(operation.qint, *operation.data) else 0.0
    if operation.opcode == _LOOK_UP:
        return 0.5 + 0.25 * max(int(sum(operands[0].qint.kif)) - _LUT_INPUTS, 0)
    return _DELAYS.get(operation.opcode, 0.0)
