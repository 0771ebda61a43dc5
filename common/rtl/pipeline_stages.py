"""Where the registers of a pipeline go: no stage holds more logic in a row than a number of adders is long.

alkaid divides logic by its own delay model, in which rounding, saturation and the step from one stage to the next cost
nothing; a stage of 'two adders' then may hold eight. Here each operation is given a delay as an FPGA has it, and its
stage is the earliest in which it fits whole.
"""

import math
from collections.abc import Sequence

from alkaid.trace.passes.surrogate import cost_cadd, cost_lat_add
from alkaid.types import CombLogic, Op

# alkaid's operation codes; those that are missing (inputs, constants, wraps) are wires.
_NEGATE, _ADD, _SUBTRACT, _RELU, _ADD_CONSTANT, _SELECT, _MULTIPLY, _LOOK_UP, _REDUCE, _BITWISE, _ADD_THREE = (
    -2, 0, 1, 2, 4, 6, 7, 8, 9, 10, 11,
)  # fmt: skip
# In units of an adder, its carry chain and the wires to it; its width matters little beside those.
_DELAYS = {_NEGATE: 1.0, _RELU: 0.5, _SELECT: 0.5, _MULTIPLY: 4.0, _REDUCE: 0.5, _BITWISE: 0.5, _ADD_THREE: 1.5}
_LUT_INPUTS = 4


def assign(logic: CombLogic, latency_cutoff: float) -> CombLogic:
    """Return the logic with the number of its pipeline stage, from 1 on, as the latency of each operation.

    Args:
        logic: From inputs to outputs.
        latency_cutoff: Longest path within a stage [adders]; an operation that is longer has a stage of its own.
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
