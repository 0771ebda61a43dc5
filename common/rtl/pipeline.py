"""Pipelined Verilog or VHDL: alkaid cuts traced logic into stages of a few adders, with registers between them."""

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from alkaid.codegen import RTLModel
from alkaid.types import CombLogic

from common.fixed_point import FixedPoint
from common.rtl import pipeline_stages
from common.rtl.ports import Bits, bits_to_integers, integers_to_bits
from common.rtl.tracing import TracedModel, with_costs, word_type

TOP = "design"
INPUT_PORT, OUTPUT_PORT = "model_inp", "model_out"
INPUT_REGISTER = "model_inp_reg"


@dataclass(frozen=True)
class PipelineOptions:
    """Options of the pipeline.

    Attributes:
        latency_cutoff: Adders in series between two registers; fewer mean a faster clock and more registers.
        flavor: Language of the RTL.
        part: FPGA in the Vivado scripts.
        clock_ns: Clock period in those scripts [ns].
    """

    latency_cutoff: float
    flavor: Literal["verilog", "vhdl"]
    part: str
    clock_ns: float


def write_rtl(traced: TracedModel, folder: Path, options: PipelineOptions) -> RTLModel:
    """Write a pipeline of initiation interval 1 into `folder`: sources, constraints, vendor scripts.

    A pixel without any remaining weight has no bits in the input port; the wrapper among the sources maps the pixels.
    Files of `$readmemh` end with a newline: without it one simulator loses the last word. Archives hold no time stamp,
    so the same logic gives the same files.
    """
    rtl = _pipeline(traced.logic, folder, options)
    rtl.write()
    for table in folder.rglob("*.mem"):
        table.write_text(table.read_text(encoding="utf-8").rstrip("\n") + "\n", encoding="utf-8")
    for packed in folder.rglob("*.json.gz"):
        packed.write_bytes(gzip.compress(gzip.decompress(packed.read_bytes()), mtime=0))
    return rtl


def _pipeline(logic: CombLogic, folder: Path, options: PipelineOptions) -> RTLModel:
    return RTLModel(
        pipeline_stages.assign(logic, options.latency_cutoff),
        folder,
        TOP,
        flavor=options.flavor,
        latency_cutoff=1,
        part_name=options.part,
        clock_period=options.clock_ns,
        ternary_fuse=False,
    )


def cost(traced: TracedModel, options: PipelineOptions) -> tuple[int, int]:
    """Return the latency of a pipeline [clock cycles] and its register bits before optimization."""
    rtl = _pipeline(traced.logic, Path(), options)
    return len(rtl.fsm.logic) + 1, rtl.reg_bits


@dataclass(frozen=True)
class PipelineRegister:
    """Register between two pipeline stages: one word per value.

    Attributes:
        types: Type of each word; the first word has the lowest bits.
        layers: Layer that computes each word.
        stage: Logic between the register before and this one.
    """

    types: tuple[FixedPoint, ...]
    layers: tuple[str, ...]
    stage: CombLogic

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of each word [bit]."""
        return tuple(word.width for word in self.types)

    def word_of_bit(self, bit: int) -> int:
        """Return the index of the word that contains a bit of the register."""
        return int(np.searchsorted(np.cumsum(self.widths), bit, side="right"))

    def to_bits(self, values: np.ndarray) -> Bits:
        """Return the register's bits for values, float [N, words]."""
        return integers_to_bits(np.rint(values / self._steps()).astype(np.int64), self.widths)

    def to_values(self, bits: Bits) -> np.ndarray:
        """Return the register's values, float64 [N, words]."""
        signed = [word.signed for word in self.types]
        return bits_to_integers(bits, self.widths, signed) * self._steps()

    def _steps(self) -> np.ndarray:
        return np.array([word.step for word in self.types])


def input_bits(pixels: np.ndarray, input_type: FixedPoint, registers: dict[str, PipelineRegister]) -> Bits:
    """Return the bits of a pipeline's input port for images, float [N, inputs]."""
    widths = next(iter(registers.values())).stage.inp_kifs.sum(axis=0)  # 0 for a pixel without any remaining weight
    integers = np.rint(pixels / input_type.step).astype(np.int64)
    return integers_to_bits(integers, widths.tolist())


def registers(traced: TracedModel, options: PipelineOptions) -> dict[str, PipelineRegister]:
    """Return the pipeline registers of the RTL that `write_rtl` writes, by name, in order."""
    plain = _pipeline(traced.logic, Path(), options).fsm
    tagged = _pipeline(with_costs(traced.logic, traced.layer_of_operation), Path(), options).fsm
    found: dict[str, PipelineRegister] = {}
    entering = [0] * traced.logic.shape[0]
    names = [f"stage{number}_inp" for number in range(1, len(plain.logic))] + ["model_out"]
    for number, name in enumerate(names):
        stage = tagged.logic[f"logic{number}"]
        tags = [entering[op.data[0]] if op.opcode == -1 else int(op.cost) for op in stage.ops]
        entering = [tags[index] if index >= 0 else 0 for index in stage.out_idxs]
        found[name] = PipelineRegister(
            types=tuple(word_type(interval.kif) for interval in stage.out_qint),
            layers=tuple(traced.layers[tag] for tag in entering),
            stage=plain.logic[f"logic{number}"],
        )
    return found
