"""What was found out about each design: put together from its steps, and as parts of `metrics.json`."""

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
    """What a further step found out about a design, such as routing it.

    Attributes:
        row: Of `metrics.json`; None where the step did not get there.
        exactness: Rows of `metrics.json` by their names: simulations compared over all test images.
        faults: Where two of them differ first, in words.
        unfinished: Why the step did not get to its end; empty where it did.
        proof: What was proven of its netlist; None where that was not asked for, or there is none.
    """

    row: Row | None
    exactness: dict[str, Counts]
    faults: tuple[str, ...] = ()
    unfinished: str = ""
    proof: Proof | None = None


@dataclass(frozen=True)
class Prepared:
    """A design whose model has been read, and traced where it is quantized.

    Attributes:
        outputs: The model's outputs.
        csim: The outputs of its C simulation, float64 [N, values].
        rtl: Its RTL; None for a design that is not quantized.
        exactness: Rows of `metrics.json` by their names, that compare the trace with the C simulation.
        faults: Where they differ first, in words.
    """

    outputs: list[test_bench.Output]
    csim: np.ndarray
    rtl: RtlDesign | None = None
    exactness: dict[str, Counts] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class DesignReport:
    """What was found out about one design.

    Attributes:
        design: Which one.
        exactness: Rows of `metrics.json` by their names: images, values, and how many differ by the pair compared.
        resources: Rows of `metrics.json` of the open tools, by FPGA family, device or board.
        luts_by_layer: alkaid's estimate; empty where the design was not traced.
        depths: For each latency cut-off, cycles and register bits of the pipeline; empty where it was not traced.
        proofs: What was proven for every possible input, by the netlist; empty where that was not asked for.
        routed: The row of each latency cut-off that was routed.
        faults: Where exactness ended, in words; empty for an exact design.
        unfinished: What did not get to its end, and why.
        hls: Rows of `metrics.json` by the kind of the HLS tool's report; empty where it was left out.
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
    """Put together what the steps of one design gave.

    Args:
        design: Which one.
        families: FPGA families that it was synthesized for.
        further: The part, a device or a board, that each further step is for, by its name.
        prepared: The design before these steps.
        results: What each step gave, by its name.
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
    faults += [f"alkaid: {fault}" for fault in prepared.faults]
    faults += [f"RTL: {simulated.first_mismatch}"] if simulated.differing else []
    resources = {}
    for family in families:
        resources[family], verification = results[family]
        differing = int(np.count_nonzero(verification.outputs != simulated.outputs))
        counts["rtl_netlist"] = counts.get("rtl_netlist", 0) + differing
        if differing:
            faults.append(f"netlist for {family}: {verification.first_mismatch or 'equal to alkaid, unlike the RTL'}")
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
        of_parts.setdefault(further[step], found.row)  # the first depth of a pipeline is the design's
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
    """Return resources and exactness as parts of `metrics.json`; a design's name alone is the open tools' first row."""
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
    """Return what figures show of each design beside `metrics.json`: LUTs by layer, and the cost of each depth."""
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
    """Say of each netlist that is not proven equal to its RTL why not."""
    return [
        f"{report.design}, {netlist}: {len(proof.unproven)} of {proof.stages} pipeline stages are not proven: "
        f"{'; '.join(f'before register {register}, {reason}' for register, reason in proof.unproven.items())}; "
        "raise --proof-seconds"
        for report in reports
        for netlist, proof in report.proofs.items()
        if proof.unproven
    ]
