"""Logic that alkaid traced from a peer's network, as RTL and netlist, like the project's own."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from alkaid.types import CombLogic

from common.fixed_point import FixedPoint
from common.images.samples import Samples
from common.report.pipeline import DECLARED
from common.rtl import pipeline, shared_sums
from common.rtl.tracing import TracedModel
from common.synthesis import yosys
from common.verification import by_simulation

PRESET = "tuned"  # whose latency cut-off the pipelines have


class PeerDesign:
    """Pipelined design of a peer, synthesized; its sums are rebuilt from adders of three terms, as ours are."""

    def __init__(self, logic: CombLogic, folder: Path) -> None:
        """Write RTL and netlist of `logic` into `folder`."""
        synthesize = DECLARED["synthesize"][PRESET]
        self.logic, self.folder = logic, folder
        self.options = pipeline.PipelineOptions(
            synthesize.latency_cutoff, "verilog", synthesize.part, synthesize.clock_ns
        )
        rebuilt = shared_sums.with_estimates(shared_sums.rebuild(logic))
        self.traced = TracedModel(rebuilt, ("network",), (0,) * len(rebuilt.ops), rebuilt, (logic.shape[1],))
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier run
        pipeline.write_rtl(self.traced, folder, self.options)
        self.used = yosys.synthesize(folder, pipeline.TOP, folder / "netlist.json")

    def cells(self) -> dict[str, int]:
        """Return LUTs, flip-flops and latency [clock cycles]."""
        cycles, _ = pipeline.cost(self.traced, self.options)
        return {"lut": self.used.lut, "ff": self.used.ff, "latency_cycles": cycles}

    def simulated(self, network: np.ndarray, test: Samples) -> dict[str, Any]:
        """Return the netlist's accuracy over test images, and how many values differ from step to step.

        Args:
            network: Outputs of the peer's network for the test images, float [N, classes].
            test: Test images.
        """
        pixels, pixel = test.intensities.astype(np.float64), FixedPoint(test.format.bits, 0, signed=False)
        outputs, registers = self.logic.predict(pixels), pipeline.registers(self.traced, self.options)
        words = self.folder / "rtl.json"
        yosys.elaborate(self.folder, pipeline.TOP, words, "words")
        rtl = by_simulation.verify_rtl(words, pixels, pixel, registers, outputs)
        netlist = by_simulation.verify(self.folder / "netlist.json", pixels, pixel, registers, outputs)
        differing = {
            "network_logic": int(np.count_nonzero(outputs != network)),
            "logic_rtl": rtl.differing,
            "logic_netlist": netlist.differing,
        }
        return {"accuracy": round(test.accuracy(netlist.outputs), 4), "differing": differing}
