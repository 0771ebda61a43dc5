"""Verification by simulation: RTL and netlist bit by bit, cycle by cycle, against the traced logic."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.fixed_point import FixedPoint
from common.hls.mismatches import Mismatch
from common.rtl.pipeline import INPUT_PORT, OUTPUT_PORT, TOP, PipelineRegister, input_bits
from common.rtl.ports import Bits
from common.verification import netlist_simulation, netlists, word_level, word_simulation


@dataclass(frozen=True)
class Verification:
    """Result of the simulation of RTL or a netlist.

    Attributes:
        outputs: Outputs found, float64 [N, outputs].
        differing: How many of them differ from the golden outputs.
        latency_cycles: Clock cycles from an image at the inputs to its result at the outputs.
        first_mismatch: The first wrong word, in the order of the pipeline registers; None if all words are right.
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
    """Simulate a netlist, one image per clock cycle, and compare its outputs with the golden outputs.

    Args:
        netlist_json: Flattened design as Yosys's JSON: a synthesized netlist, or RTL as gates.
        pixels: Inputs, float [N, inputs].
        input_type: Type of an input.
        registers: Pipeline registers, from `pipeline.registers`.
        outputs: Golden outputs, float64 [N, outputs].

    Raises:
        PipelineError: The netlist cannot be simulated.
    """
    netlist = netlists.load_netlist(netlist_json, TOP, probes=tuple(registers))
    latency = netlists.register_depth(netlist)[1]
    positions = {name: tuple(bits) for name, bits in netlist.probes.items()}

    def simulate(inputs: Mapping[str, Bits]) -> dict[str, Bits]:
        return netlist_simulation.simulate(netlist, inputs)

    return _verify(simulate, positions, latency, pixels, input_type, registers, outputs)


def verify_rtl(
    words_json: Path,
    pixels: np.ndarray,
    input_type: FixedPoint,
    registers: dict[str, PipelineRegister],
    outputs: np.ndarray,
) -> Verification:
    """Simulate RTL from Yosys's JSON of its operators on words; otherwise as `verify`."""
    design = word_level.load(words_json, TOP, probes=tuple(registers))

    def simulate(inputs: Mapping[str, Bits]) -> dict[str, Bits]:
        return word_simulation.simulate(design, inputs)

    return _verify(simulate, design.positions, design.latency_cycles, pixels, input_type, registers, outputs)


def _verify(
    simulate: Callable[[Mapping[str, Bits]], dict[str, Bits]],
    positions_of: Mapping[str, Sequence[int]],
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
    mismatch = _first_mismatch(positions_of, simulated, pixels, registers, latency) if differing else None
    return Verification(found, differing, latency, mismatch)


def _first_mismatch(
    positions_of: Mapping[str, Sequence[int]],
    simulated: dict[str, np.ndarray],
    pixels: np.ndarray,
    registers: dict[str, PipelineRegister],
    latency: int,
) -> Mismatch | None:
    """Return the first wrong word, register by register along the pipeline; None if all are right."""
    values = pixels
    offset = latency - len(registers)  # cycles before the first of these registers
    for number, (name, register) in enumerate(registers.items(), start=1):
        values = register.stage.predict(values)
        positions = list(positions_of.get(name, ()))  # without bits that were optimized away
        cycles = slice(offset + number, offset + number + len(pixels))
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
