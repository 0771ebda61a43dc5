"""Reports of the designs: assembled from the steps of each, and written as parts of `metrics.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from common.hls import test_bench
from common.hls.designs import Design
from common.rtl.verified_trace import Counts
from common.synthesis.open_tools import Row, RtlDesign
from common.verification import vhdl_simulation
from common.verification.equivalence import Proof


@dataclass(frozen=True)
class Findings:
    """Results of a further step of a design, such as routing.

    Attributes:
        row: Row of `metrics.json`; None if the step failed before.
        exactness: Rows of `metrics.json` by name: simulations compared over all test images.
        faults: Description of the first difference of each comparison.
        unfinished: Why the step did not finish; empty if it did.
        proof: Proof of its netlist; None if not requested or without netlist.
    """

    row: Row | None
    exactness: dict[str, Counts]
    faults: tuple[str, ...] = ()
    unfinished: str = ""
    proof: Proof | None = None


@dataclass(frozen=True)
class Prepared:
    """A design after its model was read and, if it is quantized, traced.

    Attributes:
        outputs: The model's outputs.
        csim: Golden outputs of its C simulation, float64 [N, values].
        rtl: Its RTL; None for a design that is not quantized.
        exactness: Rows of `metrics.json` by name: traced logic compared with the C simulation.
        faults: Description of the first difference.
    """

    outputs: list[test_bench.Output]
    csim: np.ndarray
    rtl: RtlDesign | None = None
    exactness: dict[str, Counts] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class DesignReport:
    """Results of one design.

    Attributes:
        design: Which one.
        exactness: Rows of `metrics.json` by name: images, values, and how many differ for each pair compared.
        resources: Rows of `metrics.json` of the open tools, by FPGA family, device or board.
        luts_by_layer: alkaid's LUT estimate; empty without traced logic.
        depths: Cycles and register bits of the pipeline by latency cut-off; empty without traced logic.
        proofs: Proof of each netlist; empty if not requested.
        routed: The row of each latency cut-off that was routed.
        faults: Description of the first difference of each comparison; empty for an exact design.
        unfinished: Steps that did not finish, and why.
        hls: Rows of `metrics.json` by the kind of the HLS tool's report; empty if it did not run.
    """

    design: Design
    exactness: dict[str, Counts]
    resources: dict[str, Row] = field(default_factory=dict)
    luts_by_layer: dict[str, float] = field(default_factory=dict)
    depths: dict[int, tuple[int, int]] = field(default_factory=dict)
    proofs: dict[str, Proof] = field(default_factory=dict)
    routed: tuple[Row, ...] = ()
    faults: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    hls: dict[str, Row] = field(default_factory=dict)


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
    name, bench, csim = str(design), results["test_bench"], prepared.csim
    hls_rows = results.get("hls", {})
    counts = {"images": len(csim), "values": csim.size, "csim_test_bench": int(np.count_nonzero(bench != csim))}
    exactness, faults = {name: counts}, []
    if counts["csim_test_bench"]:
        faults.append(f"test bench: {test_bench.first_mismatch(prepared.outputs, csim, bench)}")
    if prepared.rtl is None:
        return DesignReport(design, exactness, faults=tuple(faults), hls=hls_rows)

    for row, compared in prepared.exactness.items():
        exactness.setdefault(row, {}).update(compared)
    simulated = results["rtl"]
    counts["alir_rtl"] = simulated.differing
    faults += [f"traced logic: {fault}" for fault in prepared.faults]
    faults += [f"RTL: {simulated.first_mismatch}"] if simulated.differing else []
    resources = {}
    for family in families:
        resources[family], verification = results[family]
        differing = int(np.count_nonzero(verification.outputs != simulated.outputs))
        counts["rtl_netlist"] = counts.get("rtl_netlist", 0) + differing
        if differing:
            faults.append(
                f"netlist for {family}: {verification.first_mismatch or 'equal to the traced logic, unlike the RTL'}"
            )
    if "vhdl" in results:
        found, expected = results["vhdl"], prepared.rtl.outputs[: vhdl_simulation.IMAGES]
        differing = int(np.count_nonzero(found != expected))
        exactness[f"{name}, VHDL"] = {"images": len(found), "values": found.size, "alir_vhdl": differing}
        if differing:
            faults.append(f"VHDL: {test_bench.first_mismatch(prepared.outputs, expected, found)}")
    proofs: dict[str, Proof] = dict(results.get("proofs", {}))
    for family, proof in proofs.items():
        resources[family] |= proof.counts
    of_steps: dict[str, Findings] = {step: results[step] for step in further}
    of_parts: dict[str, Row | None] = {}
    for step, found in of_steps.items():
        of_parts.setdefault(further[step], found.row)  # the first latency cut-off is the design's
        exactness |= found.exactness
        faults += found.faults
        proofs |= {step: found.proof} if found.proof else {}
    for netlist, proof in proofs.items():
        faults += [f"netlist for {netlist}: {example}" for example in proof.refuted.values()]
    return DesignReport(
        design,
        exactness,
        resources | {part: row for part, row in of_parts.items() if row},
        prepared.rtl.luts_by_layer,
        prepared.rtl.depths,
        proofs,
        tuple(found.row for found in of_steps.values() if found.row and "latency_cutoff" in found.row),
        tuple(faults),
        tuple(found.unfinished for found in of_steps.values() if found.unfinished),
        hls_rows,
    )


def metrics(reports: Sequence[DesignReport]) -> dict[str, dict[str, Row]]:
    """Return resources and exactness as parts of `metrics.json`; the open tools' first row has no suffix."""
    designs, exactness = {}, {}
    for report in reports:
        name = str(report.design)
        if report.design.quantized:
            exactness |= report.exactness
        for number, (kind, row) in enumerate(report.resources.items()):
            designs[f"{name}, {kind}" if number else name] = row
        designs |= {f"{name}, {kind}": row for kind, row in report.hls.items()}
    return {"designs": designs, "exactness": exactness}


def pipelines(reports: Sequence[DesignReport]) -> dict[str, dict[str, Any]]:
    """Return data for figures that is not in `metrics.json`: LUTs by layer, and the cost of each pipeline depth."""
    return {
        str(report.design): {
            "luts_by_layer": report.luts_by_layer,
            "depths": [
                {"latency_cutoff": cutoff, "latency_cycles": cycles, "register_bits": bits}
                for cutoff, (cycles, bits) in report.depths.items()
            ],
            "routed": list(report.routed),
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
