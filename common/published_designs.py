"""Published FPGA designs: MNIST classifiers, and hls4ml projects with C synthesis and logic synthesis."""

from dataclasses import dataclass

from common.sources import Source


@dataclass(frozen=True)
class PublishedDesign:
    """A published MNIST classifier on an FPGA.

    Attributes:
        name: Name of the method or network.
        pixels: Side length of its input images [pixel].
        accuracy_percent: Test accuracy as published [%].
        decimals: Decimal places of the published accuracy.
        lut: LUTs as published.
        source: Publication.
    """

    name: str
    pixels: int
    accuracy_percent: float
    decimals: int
    lut: int
    source: Source


@dataclass(frozen=True)
class SynthesizedProject:
    """LUTs of an hls4ml project: the estimate of C synthesis, and the count of Vivado's logic synthesis.

    Attributes:
        estimate: LUTs that C synthesis reports.
        lut: LUTs that logic synthesis reports.
        source: Source of both reports.
    """

    estimate: int
    lut: int
    source: Source

    @property
    def ratio(self) -> float:
        """Ratio of the estimate to the count."""
        return self.estimate / self.lut


COMPARISON = "as compared in arXiv:2501.01511, whole percents"
MNIST_CLASSIFIERS = (
    PublishedDesign(
        "hls4ml ternary",
        28,
        95,
        0,
        260_092,
        Source(
            "Compressing deep neural networks on FPGAs to binary and ternary precision with hls4ml",
            2020,
            f"arXiv:2003.06308, {COMPARISON}",
        ),
    ),
    PublishedDesign(
        "FINN SFC-max",
        28,
        96,
        0,
        91_131,
        Source(
            "FINN: A Framework for Fast, Scalable Binarized Neural Network Inference",
            2016,
            f"arXiv:1612.07119, {COMPARISON}",
        ),
    ),
    PublishedDesign(
        "PolyLUT-Add",
        28,
        96,
        0,
        14_810,
        Source("PolyLUT-Add: FPGA-based LUT Inference with Wide Inputs", 2024, f"arXiv:2406.04910, {COMPARISON}"),
    ),
    PublishedDesign(
        "TreeLUT",
        28,
        97,
        0,
        4_478,
        Source(
            "TreeLUT: An Efficient Alternative to Deep Neural Networks for Inference Acceleration Using Gradient "
            "Boosted Decision Trees",
            2025,
            "arXiv:2501.01511",
        ),
    ),
)

SYNTHESIZED_PROJECTS = (
    SynthesizedProject(
        59_561,
        31_277,
        Source(
            "Vivado HLS and Vivado 2020.1, xczu9eg",
            2022,
            "github.com/thaarres/dnd_hls4ml: myproject_csynth.rpt, vivado_synth.rpt",
        ),
    ),
    SynthesizedProject(
        245_466,
        123_948,
        Source(
            "Vivado HLS and Vivado 2020.1, xcu250",
            2021,
            "github.com/fastmachinelearning/hls4ml-tutorial: archived/pruned_cnn",
        ),
    ),
    SynthesizedProject(
        17_966,
        8_565,
        Source(
            "Vitis HLS and Vivado 2024.1, xcu250",
            2026,
            "github.com/seanlipps/ECE226_CoDesign: myproject_csynth.rpt, vivado_synth.rpt",
        ),
    ),
    SynthesizedProject(
        263_280,
        118_931,
        Source(
            "Vivado HLS and Vivado 2020.1, xcu250",
            2021,
            "github.com/fastmachinelearning/hls4ml-tutorial: archived/quantized_pruned_cnn",
        ),
    ),
)

OVERESTIMATES = tuple(pick(project.ratio for project in SYNTHESIZED_PROJECTS) for pick in (min, max))
"""Smallest and largest ratio of these projects."""


def overestimate() -> str:
    """Return the range of these ratios in words, for a note or a caption."""
    low, high = OVERESTIMATES
    return (
        f"C synthesis reported {low:.2f} to {high:.2f} times the LUTs of logic synthesis "
        f"in {len(SYNTHESIZED_PROJECTS)} public hls4ml projects"
    )
