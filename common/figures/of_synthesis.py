"""Figures of the synthesized designs: resources, accuracy, where LUTs go, what the depth of the pipeline costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common import paper
from common.figures import hardware, timing
from common.figures.style import save
from common.records import ESTIMATE, SYNTHESIS, DesignRecord

SHOWN = "encoder_classifier/quantized_pruned"  # the paper's design, of which layers and depths are drawn


def save_all(folder: Path, designs: Sequence[DesignRecord], pipelines: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw and save them beside the paper's designs.

    Args:
        folder: Where to.
        designs: Of each design and tool, the first FPGA is shown; routed designs, whose LUTs are smaller, are not.
        pipelines: Of all designs, see `synthesis.pipelines`; layers and depths are shown of the paper's, or else of
            the first that was traced.
    """
    first: dict[tuple[str, str], DesignRecord] = {}
    for record in designs:
        if record.kind in (ESTIMATE, SYNTHESIS):
            first.setdefault((record.design, record.tool), record)
    shown = list(first.values())
    save(hardware.resources(shown, paper.TABLES_5_AND_6), folder, "resources")
    save(hardware.accuracy_against_luts(shown, paper.TABLES_5_AND_6), folder, "accuracy_against_luts")
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
