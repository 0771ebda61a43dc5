"""FPGA designs that others have published, as they published them."""

from dataclasses import dataclass


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
