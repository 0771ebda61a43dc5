"""Verification by simulation: the bits of RTL and netlist, cycle by cycle, against alkaid's interpreter."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.fixed_point import FixedPoint
from common.hls.mismatches import Mismatch
from common.rtl.pipeline import INPUT_PORT, OUTPUT_PORT, TOP, PipelineRegister, input_bits
from common.verification import netlist_simulation, netlists


@dataclass(frozen=True)
class Verification:
    """What the simulation of one netlist gave.

    Attributes:
        outputs: Output values found, float64 [N, outputs].
        differing: How many of them differ from the expected ones.
        latency_cycles: Clock cycles from an image at the inputs to its result at the outputs.
        first_mismatch: The first wrong word, in the order of the pipeline's registers; None where all are as alkaid's
            interpreter has them.
    """

    outputs: np.ndarray
    differing: int
    latency_cycles: int
    first_mismatch: Mismatch | None


def verify(
    netlist_json: Path,
    pixels: np.ndarray,
    input_type: FixedPoint,
    registers: dict[str, PipelineRegister],
    outputs: np.ndarray,
) -> Verification:
    """Simulate a netlist, one image a clock cycle, and compare every bit of its results.

    Args:
        netlist_json: Yosys's JSON of the flattened design: RTL as gates, or a synthesized netlist.
        pixels: Inputs, float [N, inputs].
        input_type: Type of an input.
        registers: Of the pipeline, from `pipeline.registers`.
        outputs: Expected results, float64 [N, outputs].

    Raises:
        PipelineError: The netlist cannot be simulated.
    """
    netlist = netlists.load_netlist(netlist_json, TOP, probes=tuple(registers))
    latency = netlists.register_depth(netlist)[1]
    bits = input_bits(pixels, input_type, registers)
    idle = np.zeros((latency, bits.shape[1]), bits.dtype)
    simulated = netlist_simulation.simulate(netlist, {INPUT_PORT: np.concatenate([bits, idle])})
    found = registers[OUTPUT_PORT].to_values(simulated[OUTPUT_PORT][latency : latency + len(pixels)])
    differing = int(np.count_nonzero(found != outputs))
    mismatch = _first_mismatch(netlist, simulated, pixels, registers, latency) if differing else None
    return Verification(found, differing, latency, mismatch)


def _first_mismatch(
    netlist: netlists.Netlist,
    simulated: dict[str, np.ndarray],
    pixels: np.ndarray,
    registers: dict[str, PipelineRegister],
    latency: int,
) -> Mismatch | None:
    """Follow the pipeline register by register to the first that holds a wrong bit; None where all are right."""
    values = pixels
    behind = latency - len(registers)  # cycles that pass before the first of these registers
    for number, (name, register) in enumerate(registers.items(), start=1):
        values = register.stage.predict(values)
        positions = list(netlist.probes.get(name, ()))  # the other bits have been optimized away
        cycles = slice(behind + number, behind + number + len(pixels))
        bits = register.to_bits(values)
        wrong = simulated[name][cycles] != bits[:, positions] if positions else np.zeros((0, 0))
        if wrong.any():
            image, column = (int(index) for index in np.argwhere(wrong)[0])
            word = register.word_of_bit(positions[column])
            found = bits[image : image + 1].copy()
            found[:, positions] = simulated[name][cycles][image]
            return Mismatch(
                layer=register.layers[word],
                image=image,
                place=f"word {word} of register {name}",
                expected=float(values[image, word]),
                expected_type=register.types[word].layout,
                found=float(register.to_values(found)[0, word]),
                found_type=register.types[word].layout,
            )
    return None
