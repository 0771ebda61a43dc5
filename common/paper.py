"""Numbers of the report (January 2022) and of its revision (May 2022), for comparison."""

from common.records import ESTIMATE, DesignRecord
from common.sources import Source

REPORT = Source(
    "L. Valente, An FPGA Implementation of a Deep Autoencoder using hls4ml package",
    2022,
    "University of Bologna, Applied Electronics course, 27 January: Tables 1 and 2",
)
REVISION = Source(REPORT.title, 2022, "its author's revision of May: Tables 3 to 6")

PART = "xcu250-figd2104-2L-e"
"""FPGA of the revision's Table 5, the Alveo U250."""

TABLE_1 = {
    "encoder_2": ((512, 16), (102, 16)),
    "decoder_1": ((32, 16), (6, 13)),
    "classifier_1": ((32, 16), (6, 15)),
}
"""Weights and biases of the complete and of the pruned classifier network, layer by layer."""
TABLE_1_TOTAL = (6268, 5805)

TABLE_2 = {
    "complete": {"train_loss": 0.0626, "test_loss": 0.0628, "train_accuracy": 0.9041, "test_accuracy": 0.9020},
    "pruned": {"train_loss": 0.0668, "test_loss": 0.0669, "train_accuracy": 0.8863, "test_accuracy": 0.8897},
}
"""The text calls this loss L1. These networks cannot reach such an L1; MSE + 0.1 x cross-entropy has that size."""

TABLE_4 = {
    "train_cross_entropy": 0.5125,
    "test_cross_entropy": 0.5198,
    "train_accuracy": 0.8683,
    "test_accuracy": 0.8716,
}
"""The revision's quantized and pruned network after 40 epochs; its loss is a categorical cross-entropy [nat], as its
author's notebooks train encoder and classifier on that alone."""

TABLES_5_AND_6 = {
    name: DesignRecord(design=f"encoder_classifier/{variant}", kind=ESTIMATE, tool="Vivado HLS", part=part, **numbers)
    for name, variant, part, numbers in (
        ("AE", "complete", "xcu250", {
            "latency_cycles": 13, "clock_ns": 4.362, "dsp": 4908, "lut": 165_311, "ff": 22_623, "test_accuracy": 0.8800,
        }),
        ("AE pruned", "pruned", "xcu250", {
            "latency_cycles": 13, "clock_ns": 4.362, "dsp": 3989, "lut": 139_410, "ff": 18_900, "test_accuracy": 0.8697,
        }),
        ("QAE pruned", "quantized_pruned", "xcu250", {
            "latency_cycles": 10, "clock_ns": 4.362, "dsp": 45, "lut": 99_424, "ff": 5_639, "test_accuracy": 0.8716,
        }),
        ("QAE pruned, Virtex-7", "quantized_pruned", "xc7vx690t", {
            "latency_cycles": 31, "clock_ns": 4.890, "dsp": 45, "lut": 121_617, "ff": 32_562,
        }),
    )
}  # fmt: skip
"""Designs for encoder and classifier, by the names that the paper gives them."""
