"""Data flow of a design without feedback: the order of its cells, and the registers on its paths."""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from common.errors import PipelineError


class Step(NamedTuple):
    """What a cell does with what it reads.

    Attributes:
        outputs: What it drives.
        inputs: What it reads.
        is_register: Whether its output comes one clock cycle later.
        described: The cell, for a message.
    """

    outputs: Sequence[int]
    inputs: Iterable[int]
    is_register: bool
    described: str


def order(steps: Sequence[Step]) -> list[int]:
    """Return the positions of the steps, each after those that it reads from.

    Raises:
        PipelineError: There is a combinational loop, or feedback through a register; the cells are named.
    """
    driver = {output: position for position, step in enumerate(steps) for output in step.outputs}
    reads = {
        position: {driver[source] for source in step.inputs if source in driver} for position, step in enumerate(steps)
    }
    try:
        return list(TopologicalSorter(reads).static_order())
    except CycleError as error:
        loop = [steps[position] for position in error.args[1][1:]]
        kind = "feedback" if any(step.is_register for step in loop) else "combinational loop"
        raise PipelineError(f"{kind} through {', '.join(step.described for step in loop)}") from error


def register_depth(
    steps: Iterable[Step], inputs: Mapping[str, Iterable[int]], outputs: Mapping[str, Iterable[int]]
) -> tuple[int, int]:
    """Return the numbers of registers on the paths from inputs to outputs: the smallest and the largest [clock cycles].

    They are the same in a balanced pipeline, and then are its latency. Paths that begin at a constant do not count.

    Args:
        steps: In the order of the data flow.
        inputs: What each input port drives.
        outputs: What each output port reads.

    Raises:
        PipelineError: No output depends on any input.
    """
    shallow = dict.fromkeys((source for sources in inputs.values() for source in sources), 0)
    deep = dict(shallow)
    for step in steps:
        sources = [source for source in step.inputs if source in deep]
        if sources:
            cycle = int(step.is_register)
            shallow |= dict.fromkeys(step.outputs, min(shallow[source] for source in sources) + cycle)
            deep |= dict.fromkeys(step.outputs, max(deep[source] for source in sources) + cycle)
    ends = [source for sources in outputs.values() for source in sources if source in deep]
    if not ends:
        raise PipelineError("no output of the netlist depends on any of its inputs")
    return min(shallow[end] for end in ends), max(deep[end] for end in ends)
