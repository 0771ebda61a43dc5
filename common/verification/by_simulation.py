"""Verification by simulation: the bits of RTL and netlist, cycle by cycle, against alkaid's interpreter."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.fixed_point import FixedPoint
from common.hls.mismatches import Mismatch
from common.rtl.pipeline import INPUT_PORT, OUTPUT_PORT, TOP, PipelineRegister, input_bits
from common.rtl.ports import Bits
from common.verification import netlist_simulation, netlists, word_level, word_simulation

_Simulation = Callable[[Mapping[str, Bits]], dict[str, Bits]]


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
        netlist_json: Yosys's JSON of the flattened design: a synthesized netlist, or RTL as gates.
        pixels: Inputs, float [N, inputs].
        input_type: Type of an input.
        registers: Of the pipeline, from `pipeline.registers`.
        outputs: Expected results, float64 [N, outputs].

    Raises:
        PipelineError: The netlist cannot be simulated.
    """
    netlist = netlists.load_netlist(netlist_json, TOP, probes=tuple(registers))
    positions = {name: tuple(bits) for name, bits in netlist.probes.items()}

    def simulate(bits: Mapping[str, Bits]) -> dict[str, Bits]:
        return netlist_simulation.simulate(netlist, bits)

    latency = netlists.register_depth(netlist)[1]
    return _verify(simulate, positions, latency, pixels, input_type, registers, outputs)


def verify_rtl(
    words_json: Path,
    pixels: np.ndarray,
    input_type: FixedPoint,
    registers: dict[str, PipelineRegister],
    outputs: np.ndarray,
) -> Verification:
    """Simulate RTL as `verify` does a netlist, from Yosys's JSON of its word-level cells."""
    design = word_level.load(words_json, TOP, probes=tuple(registers))

    def simulate(bits: Mapping[str, Bits]) -> dict[str, Bits]:
        return word_simulation.simulate(design, bits)

    return _verify(simulate, design.positions, design.latency_cycles, pixels, input_type, registers, outputs)


def _verify(
    simulate: _Simulation,
    positions: Mapping[str, Sequence[int]],
    latency: int,
    pixels: np.ndarray,
    input_type: FixedPoint,
    registers: dict[str, PipelineRegister],
    outputs: np.ndarray,
) -> Verification:
    bits = input_bits(pixels, input_type, registers)
    idle = np.zeros((latency, bits.shape[1]), bits.dtype)
    simulated = simulate({INPUT_PORT: np.concatenate([bits, idle])})
    found = registers[OUTPUT_PORT].to_values(simulated[OUTPUT_PORT][latency : latency + len(pixels)])
    differing = int(np.count_nonzero(found != outputs))
    mismatch = _first_mismatch(positions, simulated, pixels, registers, latency) if differing else None
    return Verification(found, differing, latency, mismatch)


def _first_mismatch(
    shown: Mapping[str, Sequence[int]],
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
        positions = list(shown.get(name, ()))  # the other bits have been optimized away
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
