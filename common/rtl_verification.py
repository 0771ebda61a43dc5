"""Proof by simulation: the bits of RTL and netlist, clock cycle by clock cycle, against alkaid's interpreter."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common import netlist_simulation, netlists
from common.fixed_point import FixedPoint
from common.pipeline import TOP, PipelineRegister

INPUT_PORT, OUTPUT_PORT = "model_inp", "model_out"


@dataclass(frozen=True)
class Verification:
    """What the simulation of one netlist gave.

    Attributes:
        outputs: Output values found, float64 [N, outputs].
        differing: How many of them differ from the expected ones.
        latency_cycles: Clock cycles from an image at the inputs to its result at the outputs.
        first_difference: Where the first wrong value arises: pipeline register, layer, word and image; None where all
            are right.
    """

    outputs: np.ndarray
    differing: int
    latency_cycles: int
    first_difference: str | None


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
    widths = next(iter(registers.values())).stage.inp_kifs.sum(axis=0)  # none for a pixel that no weight is left for
    integers = np.rint(pixels / input_type.step).astype(np.int64)
    bits = netlist_simulation.integers_to_bits(integers, widths.tolist())
    idle = np.zeros((latency, bits.shape[1]), bits.dtype)
    simulated = netlist_simulation.simulate(netlist, {INPUT_PORT: np.concatenate([bits, idle])})
    last = registers[OUTPUT_PORT]
    bits = simulated[OUTPUT_PORT][latency : latency + len(pixels)]
    found = netlist_simulation.bits_to_integers(bits, last.widths, last.signed) * 2.0 ** -np.array(last.fractions)
    differing = int(np.count_nonzero(found != outputs))
    difference = _first_difference(netlist, simulated, pixels, registers, latency) if differing else None
    return Verification(found, differing, latency, difference)


def _bits(values: np.ndarray, register: PipelineRegister) -> np.ndarray:
    integers = np.rint(values * 2.0 ** np.array(register.fractions)).astype(np.int64)
    return netlist_simulation.integers_to_bits(integers, register.widths)


def _first_difference(
    netlist: netlists.Netlist,
    simulated: dict[str, np.ndarray],
    pixels: np.ndarray,
    registers: dict[str, PipelineRegister],
    latency: int,
) -> str:
    """Follow the pipeline register by register to the first that holds a wrong bit, and name its layer."""
    values = pixels
    behind = latency - len(registers)  # cycles that pass before the first of these registers
    for number, (name, register) in enumerate(registers.items(), start=1):
        values = register.stage.predict(values)
        positions = list(netlist.probes.get(name, ()))
        cycles = slice(behind + number, behind + number + len(pixels))
        wrong = simulated[name][cycles] != _bits(values, register)[:, positions] if positions else np.zeros((0, 0))
        if wrong.any():
            image, column = (int(index) for index in np.argwhere(wrong)[0])
            word = int(np.searchsorted(np.cumsum(register.widths), positions[column], side="right"))
            return (
                f"first difference in layer {register.layers[word]}: image {image}, word {word} of register {name}, "
                f"{float(values[image, word])} expected"
            )
    return f"first difference behind the last pipeline register, layer {register.layers[0]}"
