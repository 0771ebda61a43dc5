"""FPGA designs that others have published, as they published them."""

from dataclasses import dataclass

# Tables 5 and 6 of the paper's revision: the encoder with the classifier. All are C-synthesis estimates of Vivado HLS.
PAPER_DESIGNS = {
    "AE (U250)": {"lut": 165_311, "ff": 22_623, "dsp": 4_908, "latency_cycles": 13, "test_accuracy": 0.8800},
    "AE pruned (U250)": {"lut": 139_410, "ff": 18_900, "dsp": 3_989, "latency_cycles": 13, "test_accuracy": 0.8697},
    "QAE pruned (U250)": {"lut": 99_424, "ff": 5_639, "dsp": 45, "latency_cycles": 10, "test_accuracy": 0.8716},
    "QAE pruned (690T)": {"lut": 121_617, "ff": 32_562, "dsp": 45, "latency_cycles": 31},
}


@dataclass(frozen=True)
class PublishedDesign:
    """A published MNIST classifier on an FPGA.

    Attributes:
        name: Of the method or network.
        pixels: Side of its input images [pixel].
        accuracy_percent: Test accuracy as published [%].
        decimals: Decimal places that it was published with.
        lut: LUTs as published.
    """

    name: str
    pixels: int
    accuracy_percent: float
    decimals: int
    lut: int


MNIST_CLASSIFIERS = (
    PublishedDesign("LogicNets", 8, 90.3, 1, 35_109),
    PublishedDesign("hls4ml ternary", 28, 95, 0, 260_092),
    PublishedDesign("FINN SFC-max", 28, 96, 0, 91_131),
    PublishedDesign("PolyLUT-Add", 28, 96, 0, 14_810),
    PublishedDesign("TreeLUT", 28, 97, 0, 4_478),
    PublishedDesign("DWN (with encoder)", 28, 97.8, 1, 3_464),
)
