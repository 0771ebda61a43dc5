"""Data flow of a design without feedback: the order of its cells, and the number of registers on its paths."""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from common.errors import PipelineError


class Step(NamedTuple):
    """A cell with the nets or words that it connects.

    Attributes:
        outputs: What it drives.
        inputs: What it reads.
        is_register: Whether its output is delayed by one clock cycle.
        described: Name and type of the cell, for messages.
    """

    outputs: Sequence[int]
    inputs: Iterable[int]
    is_register: bool
    described: str


def order(steps: Sequence[Step]) -> list[int]:
    """Return the indices of the steps in topological order.

    Raises:
        PipelineError: There is a combinational loop, or feedback through a register. The message names the cells.
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
    """Return the smallest and largest number of registers on paths from inputs to outputs [clock cycles].

    In a balanced pipeline both are its latency. Paths that start at a constant do not count.

    Args:
        steps: Cells in topological order.
        inputs: Nets or words of each input port.
        outputs: Nets or words of each output port.

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
