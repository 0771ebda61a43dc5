"""All figures of the synthesized designs: resources, accuracy, LUTs by layer, cost of pipeline depth, timing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import paper
from common.figures import hardware, timing
from common.figures.style import save
from common.synthesis.building import HLS_ROWS

SHOWN = "encoder_classifier/quantized_pruned"  # the paper's design, shown in the figures of one design


def save_all(
    folder: Path, designs: Mapping[str, Mapping[str, Any]], pipelines: Mapping[str, Mapping[str, Any]]
) -> None:
    """Draw and save the figures, with the paper's designs.

    Args:
        folder: Output folder.
        designs: Rows of `metrics.json`; those of further FPGA families and devices are left out.
        pipelines: Data of all designs, see `reports.pipelines`; layers and depths are drawn for the paper's design, or
            for the first one with traced logic.
    """
    rows = {name: row for name, row in designs.items() if name.partition(", ")[2] in ("", *HLS_ROWS)}
    save(hardware.resources(rows, paper.TABLES_5_AND_6), folder, "resources")
    save(hardware.accuracy_against_luts(rows, paper.TABLES_5_AND_6), folder, "accuracy_against_luts")
    for design in [name for name, pipeline in pipelines.items() if len(pipeline["routed"]) > 1][:1]:
        routed = {row["latency_cutoff"]: row for row in pipelines[design]["routed"]}
        save(timing.routed_depth(routed, design), folder, "routed_depth")
    traced = sorted((name for name in pipelines if pipelines[name]["luts_by_layer"]), key=lambda name: name != SHOWN)
    if not traced:
        return
    design, shown = traced[0], pipelines[traced[0]]
    columns = ([row[name] for row in shown["depths"]] for name in ("latency_cutoff", "latency_cycles", "register_bits"))
    save(hardware.luts_by_layer(shown["luts_by_layer"], design), folder, "luts_by_layer")
    save(hardware.pipeline_depth(*columns, design), folder, "pipeline_depth")
