"""The paper's tables of networks next to ours, with the difference and, where it is known, the reason."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import paper
from common.errors import PipelineError
from common.report.results import AFTER_TRAINING, DASH, measured, number
from common.stages import artifacts

# Types of the paper's revision (its Table 3): weights and biases, output. Its decoder is not among them.
TABLE_3 = {
    "encoder_1": ("ap_fixed<5,1>", "ap_ufixed<5,0>"),
    "encoder_2": ("ap_fixed<5,1>", "ap_ufixed<5,0>"),
    "encoder_3": ("ap_fixed<5,1>", "ap_ufixed<5,0>"),
    "latent": ("ap_fixed<16,6>", "ap_fixed<16,6>"),
    "classifier_1": ("ap_fixed<6,1>", "ap_ufixed<6,0>"),
    "classifier_2": ("ap_fixed<6,1>", "ap_ufixed<6,0>"),
    "classifier_3": ("ap_fixed<16,7>", "ap_fixed<16,6>"),
}
TABLE_3_INPUT = "ap_ufixed<6,0>"

TYPE_FIELDS = {"weight_bits", "weight_integer_bits", "activation_bits", "activation_integer_bits"}
TOTAL = "total"  # the row of Table 1 with all layers

SCORES = {
    "L1": "l1",
    "squared error": "mse",
    "cross-entropy": "cross_entropy",
    "squared error + 0.1 × cross-entropy": "loss",
    "accuracy": "accuracy",
}


@dataclass(frozen=True)
class Comparison:
    """A table of this run, the paper's numbers in it.

    Attributes:
        title: Which table of the paper, and what it holds.
        columns: Headings; the first column holds names.
        rows: Cells in words.
        notes: Reasons for differences.
        wrong: Rows, by their position, that hold something wrong.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    wrong: frozenset[int] = frozenset()


def table_1(path: Path) -> Comparison | None:
    """Return `table_1.csv` of the pruning next to Table 1: weights + biases that are not zero, layer by layer.

    Raises:
        PipelineError: The file is damaged.
    """
    if not path.is_file():
        return None
    rows = []
    is_papers = True  # whether all layers with numbers of the paper have as many weights as there
    try:
        with path.open(newline="", encoding="utf-8") as file:
            _, *found = csv.reader(file)
        for layer, complete, pruned, of_paper_complete, of_paper_pruned in found:
            shown = is_papers if layer == TOTAL else _weights(complete) == _weights(of_paper_complete)
            is_papers &= shown or not of_paper_complete
            their = (of_paper_complete, of_paper_pruned) if shown else ("", "")
            of_paper = [their[0] or DASH, their[1] or DASH]
            cells = (complete, of_paper[0], pruned, of_paper[1])
            words = (number(int(cell)) if cell.isdecimal() else cell for cell in cells)
            rows.append([layer, *words, _parts_difference(pruned, their[1])])
    except artifacts.UNREADABLE:
        raise PipelineError(f"{path} is damaged; run: {artifacts.rerun(path.parents[1], path.parent.name)}") from None
    return Comparison(
        "Table 1: weights + biases that are not zero",
        ("layer", "complete", "paper", "pruned", "paper", "difference, pruned"),
        rows,
        (
            "The paper's table is a sparsity of 80 %, its text says 85 % (contradiction 1). Biases that are zero "
            "belong to units that never fired (contradiction 2), here as there; the seed decides how many.",
            "The rows of the paper's pruned column add up to 5,802 parameters where its other layers are whole; it "
            "prints 5,805.",
        ),
    )


def _weights(cell: str) -> str:
    """Return the weights of a cell such as `102+16`, without the biases."""
    return cell.partition("+")[0]


def _parts_difference(ours: str, of_paper: str) -> str:
    """Return the difference of cells such as `102+16`, weights and biases apart; a dash if they do not compare."""
    if not of_paper or ours.count("+") != of_paper.count("+"):
        return DASH
    differences = [int(our) - int(their) for our, their in zip(ours.split("+"), of_paper.split("+"), strict=True)]
    units = ("weights", "biases") if len(differences) == 2 else ("",)
    return ", ".join(f"{_signed(each)} {unit}".strip() for each, unit in zip(differences, units, strict=True))


def _signed(value: float, decimals: int = 0) -> str:
    return ("+" if value > 0 else "") + number(value, decimals)


def table_2(models: Mapping[str, Mapping[str, float]], *, comparable: bool) -> Comparison | None:
    """Return losses and accuracies of the complete and the pruned classifier network next to Table 2."""
    found = {variant: models.get(f"classifier/{variant}", {}) for variant in paper.TABLE_2}
    if not any(found.values()):
        return None
    return Comparison(
        "Table 2: losses and accuracies",
        ("", "complete", "paper", "difference", "pruned", "paper", "difference"),
        _score_rows([(found[variant], row) for variant, row in paper.TABLE_2.items()], comparable=comparable),
        (
            "What the paper calls L1 loss stands in the row of its size, squared error + 0.1 × cross-entropy "
            "(contradiction 4). The cross-entropy is in nat.",
        ),
    )


def _score_rows(
    pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]], *, comparable: bool
) -> list[list[str]]:
    """Return a row a score and part of the images: for each of our records and the paper's, both and the difference."""
    rows = []
    for words, name in SCORES.items():
        for part_words, part in (("training", "train"), ("testing", "test")):
            cells = [f"{words}, {part_words}"]
            for found, of_paper in pairs:
                our, their = _score(found, part, name), of_paper.get(f"{part}_{name}")
                difference = None if our is None or their is None or not comparable else our - their
                cells += [number(our, 4), number(their, 4), DASH if difference is None else _signed(difference, 4)]
            rows.append(cells)
    return rows


def _score(found: Mapping[str, float], part: str, name: str) -> float | None:
    if name != "loss":
        return measured(found, f"{part}_{name}")
    error, entropy = measured(found, f"{part}_mse"), measured(found, f"{part}_cross_entropy")
    return None if error is None or entropy is None else error + 0.1 * entropy


def table_3(precision: Mapping[str, Any] | None, input_bits: int | None, *, with_decoder: bool) -> Comparison | None:
    """Return the fixed-point types of the quantized networks next to the revision's Table 3.

    Args:
        precision: Types of each layer as configured.
        input_bits: Bits of a pixel that the networks use.
        with_decoder: Whether the decoder is quantized.
    """
    if not precision:
        return None
    rows = []
    if input_bits is not None:
        rows.append(["pixels", DASH, f"ap_ufixed<{input_bits},0>", DASH, TABLE_3_INPUT])
    layers = {name: types for name, types in precision.items() if isinstance(types, dict) and {*types} >= TYPE_FIELDS}
    last = {name.rpartition("_")[0]: name for name in sorted(layers, key=_place)}
    for layer, types in layers.items():
        if layer.startswith("decoder") and not with_decoder:
            continue
        is_output = layer in (last.get("decoder"), last.get("classifier"))  # signed, before sigmoid and softmax
        weight = f"ap_fixed<{types['weight_bits']},{types['weight_integer_bits'] + 1}>"
        output = f"<{types['activation_bits']},{types['activation_integer_bits'] + is_output}>"
        rows.append([layer, weight, f"ap_{'u' * (not is_output)}fixed{output}", *TABLE_3.get(layer, (DASH, DASH))])
    if not rows:
        return None
    return Comparison(
        "Table 3 of the revision: fixed-point types",
        ("layer", "weights", "output", "paper: weights", "paper: output"),
        rows,
        (
            "A type <W,I> has W bits, I of them left of the binary point; after a ReLU no sign is needed. Pixels have "
            "five bits, so a sixth at the input would always be zero. The revision's encoder has three hidden layers "
            "of 15 nodes, its classifier 16 and 40, and it quantizes no decoder: that is the preset revision. Other "
            "networks are compared layer by layer, by name.",
        ),
    )


def _place(layer: str) -> int:
    number = layer.rpartition("_")[2]
    return int(number) if number.isdecimal() else 0


def table_4(models: Mapping[str, Mapping[str, float]], *, comparable: bool) -> Comparison | None:
    """Return losses and accuracies of the quantized and pruned network next to the revision's Table 4."""
    found = models.get("classifier/quantized_pruned")
    if not found:
        return None
    return Comparison(
        "Table 4 of the revision: quantized and pruned",
        ("", "this run", "paper", "difference"),
        _score_rows([(found, paper.TABLE_4)], comparable=comparable),
        (
            "The revision's loss of 0.52 is a categorical cross-entropy: its author's notebooks train encoder and "
            "classifier on that alone, without a decoder. The preset revision does so too. The other presets quantize "
            "the report's network of 6,268 parameters with its decoder; the revision's has 6,385.",
        ),
    )


def after_training(models: Mapping[str, Mapping[str, float]]) -> Comparison | None:
    """Return scores of post-training quantization next to those of quantization-aware training."""
    cast = [name.removesuffix(AFTER_TRAINING) for name in models if name.endswith(AFTER_TRAINING)]
    if not cast:
        return None
    rows = []
    for name, _, types in (each.partition(", ") for each in cast):
        trained = next((row for row in models.values() if row.get("parent") == name), {})
        records = [models.get(name, {}), models[f"{name}, {types}{AFTER_TRAINING}"], trained]
        scores = [number(measured(found, key), 4) for key in ("test_l1", "test_accuracy") for found in records]
        rows.append([name, types.replace(",TRN,WRAP", ""), *scores])
    return Comparison(
        "Post-training quantization and quantization-aware training (test images)",
        ("network", "type", "L1: float", "post-training", "trained", "accuracy: float", "post-training", "trained"),
        rows,
        (
            "Post-training quantization keeps the weights of the float network, cast to one type. The trained network "
            "started from the same float network, with the types of Table 3; a dash where there is none.",
        ),
    )
