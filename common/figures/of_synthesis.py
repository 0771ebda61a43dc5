"""All figures of the synthesized designs: resources, accuracy, LUTs by layer, cost of pipeline depth, timing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common import paper
from common.figures import hardware, timing
from common.figures.style import save
from common.records import ESTIMATE, SYNTHESIS, DesignRecord

SHOWN = "encoder_classifier/quantized_pruned"  # the paper's design, shown in the figures of one design


def save_all(
    folder: Path, designs: Sequence[DesignRecord], pipelines: Mapping[str, Mapping[str, Any]], side: int | None = None
) -> None:
    """Draw and save the figures, with the paper's designs.

    Args:
        folder: Output folder.
        designs: Records; the first FPGA of each design and tool is drawn, but no routed designs (smaller LUTs).
        pipelines: Data of all designs, see `reports.pipelines`; layers and depths are drawn for the paper's design, or
            for the first one with traced logic.
        side: Height and width of the images, or None where it is not known [pixel].
    """
    first: dict[tuple[str, str], DesignRecord] = {}
    for record in designs:
        if record.kind in (ESTIMATE, SYNTHESIS):
            first.setdefault((record.design, record.tool), record)
    shown = list(first.values())
    save(hardware.resources(shown, paper.TABLES_5_AND_6), folder, "resources")
    figure = hardware.accuracy_against_luts(shown, paper.TABLES_5_AND_6, side=side)
    save(figure, folder, "accuracy_against_luts")
    for design in [name for name, pipeline in pipelines.items() if len(pipeline["routed"]) > 1][:1]:
        routed = [DesignRecord.from_json(row) for row in pipelines[design]["routed"]]
        save(timing.routed_depth(routed), folder, "routed_depth")
    traced = sorted((name for name in pipelines if pipelines[name]["luts_by_layer"]), key=lambda name: name != SHOWN)
    if not traced:
        return
    design, pipeline = traced[0], pipelines[traced[0]]
    columns = ("latency_cutoff", "latency_cycles", "register_bits")
    depths = ([row[name] for row in pipeline["depths"]] for name in columns)
    save(hardware.luts_by_layer(pipeline["luts_by_layer"], design), folder, "luts_by_layer")
    save(hardware.pipeline_depth(*depths, design), folder, "pipeline_depth")
