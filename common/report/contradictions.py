"""Where the report of January 2022 contradicts itself, and what running its recipe again shows."""

CONTRADICTIONS = {
    "Sparsity": (
        "The text says 85 %; its Table 1 is a target of exactly 80 %: 512 → 102 and 32 → 6 weights. With 80 % and the "
        "report's schedule, TensorFlow Model Optimization leaves 102, 6 and 6 weights, every time."
    ),
    "Biases": (
        "16 → 13 and 16 → 15 biases in its Table 1 are not pruning, which leaves biases alone. They belong to ReLU "
        "units that never fired, whose bias stayed at its initial zero; how many there are changes with the seed."
    ),
    "‘Reduction of 0.93 %’": ("This is the fraction that is kept: 5,805 of 6,268 parameters are 92.6 %."),
    "‘L1 loss 0.0628’": (
        "This is not a mean absolute error: three seeds of the preset paper gave an L1 loss of 0.122 to 0.130. Squared "
        "error + 0.1 × cross-entropy was 0.066 to 0.071 at the report's accuracy; 1 and 0.1 are the loss weights of "
        "its author's published code. Table 2 on this page shows all four."
    ),
    "Downsampling": (
        "A plain spline zoom from 22 to 8 pixels picks every third pixel, (22 − 1) / (8 − 1) = 3, and averages "
        "nothing; the preset paper then reaches a test accuracy of 0.85 to 0.87. With anti-aliased resizing three "
        "seeds of it gave 0.905 to 0.920, and only that matches its Table 2. Reconstruction losses of the two "
        "cannot be compared: they are of different images."
    ),
}
