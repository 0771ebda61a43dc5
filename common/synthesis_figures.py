"""Figures of the synthesized designs: resources, accuracy, where LUTs go, what the depth of the pipeline costs."""

from pathlib import Path

from common import paper, plot_hardware, plot_timing
from common.plot_style import save
from common.synthesis import HLS_ROWS, DesignReport, Row

SHOWN = "encoder_classifier/quantized_pruned"  # the paper's design, of which layers and depths are drawn


def save_all(folder: Path, designs: dict[str, Row], reports: list[DesignReport]) -> None:
    """Draw and save them beside the paper's designs.

    Args:
        folder: Where to.
        designs: Rows of `metrics.json`; those of further FPGA families and devices are left out.
        reports: Of all designs; layers and depths are shown of the paper's, or else of the first that was traced.
    """
    rows = {name: row for name, row in designs.items() if name.partition(", ")[2] in ("", *HLS_ROWS)}
    save(plot_hardware.resources(rows, paper.TABLES_5_AND_6), folder, "resources")
    save(plot_hardware.accuracy_against_luts(rows, paper.TABLES_5_AND_6), folder, "accuracy_against_luts")
    for report in [report for report in reports if len(report.routed) > 1][:1]:
        save(plot_timing.routed_depth(report.routed, str(report.design)), folder, "routed_depth")
    traced = [report for report in reports if report.luts_by_layer]
    traced.sort(key=lambda report: str(report.design) != SHOWN)
    if not traced:
        return
    shown, design = traced[0], str(traced[0].design)
    cycles, registers = zip(*shown.depths.values(), strict=True)
    save(plot_hardware.luts_by_layer(shown.luts_by_layer, design), folder, "luts_by_layer")
    save(plot_hardware.pipeline_depth(list(shown.depths), cycles, registers, design), folder, "pipeline_depth")
