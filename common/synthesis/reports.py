"""Reports of the designs: assembled from the steps of each, as records of `metrics.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from common.hls import test_bench
from common.hls.designs import Design
from common.hls.golden_outputs import GoldenOutputs
from common.records import DesignRecord, ExactnessRecord, merged
from common.synthesis.open_tools import RtlDesign
from common.verification import vhdl_simulation
from common.verification.equivalence import Proof


@dataclass(frozen=True)
class Findings:
    """Results of a further step of a design, such as routing.

    Attributes:
        record: Record of the design; None if the step failed before.
        exactness: Simulations compared over all test images.
        faults: Description of the first difference of each comparison.
        unfinished: Why the step did not finish; empty if it did.
        proof: Proof of its netlist; None if not requested or without netlist.
    """

    record: DesignRecord | None
    exactness: tuple[ExactnessRecord, ...]
    faults: tuple[str, ...] = ()
    unfinished: str = ""
    proof: Proof | None = None


@dataclass(frozen=True)
class Prepared:
    """A design after its model was read and, if it is quantized, traced.

    Attributes:
        golden: Golden outputs of its C simulation.
        rtl: Its RTL; None for a design that is not quantized.
        exactness: Traced logic compared with the C simulation.
        faults: Description of the first difference.
    """

    golden: GoldenOutputs
    rtl: RtlDesign | None = None
    exactness: tuple[ExactnessRecord, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class DesignReport:
    """Results of one design.

    Attributes:
        design: Which one.
        exactness: Simulations compared, and how many values differ; empty for a float design.
        costs: Resources and timing by FPGA family, device or board with the open tools, then with an HLS tool.
        luts_by_layer: alkaid's LUT estimate; empty without traced logic.
        depths: Cycles and register bits of the pipeline by latency cut-off; empty without traced logic.
        proofs: Proof of each netlist; empty if not requested.
        routed: The record of each latency cut-off that was routed.
        faults: Description of the first difference of each comparison; empty for an exact design.
        unfinished: Steps that did not finish, and why.
    """

    design: Design
    exactness: list[ExactnessRecord]
    costs: list[DesignRecord]
    luts_by_layer: dict[str, float] = field(default_factory=dict)
    depths: dict[int, tuple[int, int]] = field(default_factory=dict)
    proofs: dict[str, Proof] = field(default_factory=dict)
    routed: tuple[DesignRecord, ...] = ()
    faults: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()


def assemble(
    design: Design,
    families: Sequence[str],
    further: Mapping[str, str],
    prepared: Prepared,
    results: Mapping[str, Any],
) -> DesignReport:
    """Return the report of one design, assembled from its steps.

    Args:
        design: Which one.
        families: FPGA families that it was synthesized for.
        further: Target device or board of each further step, by the step's name.
        prepared: The design before these steps.
        results: Result of each step, by name.
    """
    name, bench, csim = str(design), results["test_bench"], prepared.golden.outputs
    differing = {"csim_test_bench": int(np.count_nonzero(bench != csim))}
    of_all = ExactnessRecord(design=name, images=len(csim), values=csim.size, differing=differing)
    faults = []
    if differing["csim_test_bench"]:
        faults.append(f"test bench: {test_bench.first_mismatch(prepared.golden.interface.outputs, csim, bench)}")
    if prepared.rtl is None:
        return DesignReport(design, [], results.get("hls", []), faults=tuple(faults))

    simulated = results["rtl"]
    differing["alir_rtl"] = simulated.differing
    faults += [f"traced logic: {fault}" for fault in prepared.faults]
    faults += [f"RTL: {simulated.first_mismatch}"] if simulated.differing else []
    synthesized = {}
    for family in families:
        synthesized[family], verification = results[family]
        wrong = int(np.count_nonzero(verification.outputs != simulated.outputs))
        differing["rtl_netlist"] = differing.get("rtl_netlist", 0) + wrong
        if wrong:
            faults.append(
                f"netlist for {family}: {verification.first_mismatch or 'equal to the traced logic, unlike the RTL'}"
            )
    exactness = [of_all, *prepared.exactness]
    if "vhdl" in results:
        found, expected = results["vhdl"], prepared.rtl.outputs[: vhdl_simulation.IMAGES]
        wrong = {"alir_vhdl": int(np.count_nonzero(found != expected))}
        exactness.append(replace(of_all, flow="VHDL", images=len(found), values=found.size, differing=wrong))
        if wrong["alir_vhdl"]:
            faults.append(f"VHDL: {test_bench.first_mismatch(prepared.golden.interface.outputs, expected, found)}")
    proofs: dict[str, Proof] = dict(results.get("proofs", {}))
    for family, proof in proofs.items():
        synthesized[family] = replace(synthesized[family], **proof.counts)
    of_steps: dict[str, Findings] = {step: results[step] for step in further}
    of_parts: dict[str, DesignRecord | None] = {}
    for step, found in of_steps.items():
        of_parts.setdefault(further[step], found.record)  # the first latency cut-off is the design's
        exactness += found.exactness
        faults += found.faults
        proofs |= {step: found.proof} if found.proof else {}
    for netlist, proof in proofs.items():
        faults += [f"netlist for {netlist}: {example}" for example in proof.refuted.values()]
    records = [found.record for found in of_steps.values() if found.record]
    return DesignReport(
        design,
        merged(exactness),
        [*synthesized.values(), *filter(None, of_parts.values()), *results.get("hls", [])],
        prepared.rtl.luts_by_layer,
        prepared.rtl.depths,
        proofs,
        tuple(record for record in records if record.latency_cutoff is not None),
        tuple(faults),
        tuple(found.unfinished for found in of_steps.values() if found.unfinished),
    )


def pipelines(reports: Sequence[DesignReport]) -> dict[str, dict[str, Any]]:
    """Return data for figures that is not in `metrics.json`: LUTs by layer, and the cost of each pipeline depth."""
    return {
        str(report.design): {
            "luts_by_layer": report.luts_by_layer,
            "depths": [
                {"latency_cutoff": cutoff, "latency_cycles": cycles, "register_bits": bits}
                for cutoff, (cycles, bits) in report.depths.items()
            ],
            "routed": [record.as_json() for record in report.routed],
        }
        for report in reports
    }


def unproven(reports: Sequence[DesignReport]) -> list[str]:
    """Return a message for each netlist that is not fully proven, with the reasons."""
    return [
        f"{report.design}, {netlist}: {len(proof.unproven)} of {proof.stages} pipeline stages are not proven: "
        f"{'; '.join(f'before register {register}, {reason}' for register, reason in proof.unproven.items())}; "
        "raise --proof-seconds"
        for report in reports
        for netlist, proof in report.proofs.items()
        if proof.unproven
    ]
