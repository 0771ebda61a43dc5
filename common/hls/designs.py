"""Designs: cuts of variants of the classifier network that become hardware."""

from dataclasses import dataclass

from common.errors import PipelineError

CUTS = {"encoder": "encoder", "encoder_classifier": "encoder + classifier", "full": "full network"}
VARIANTS = ("complete", "pruned", "quantized", "quantized_pruned")


@dataclass(frozen=True, order=True)
class Design:
    """A cut (`encoder`, `encoder_classifier` or `full`) of a variant of the classifier network."""

    cut: str
    variant: str

    def __str__(self) -> str:
        return f"{self.cut}/{self.variant}"

    @property
    def quantized(self) -> bool:
        """Whether its types are those of QKeras, so that hardware is bit-exact with Keras."""
        return self.variant.startswith("quantized")

    @property
    def has_logits(self) -> bool:
        """Whether it classifies; its last outputs are then one logit a class."""
        return self.cut != "encoder"


ALL = tuple(f"{cut}/{variant}" for cut in CUTS for variant in VARIANTS)


def parse_designs(names: tuple[str, ...]) -> list[Design]:
    """Return the designs named `CUT/VARIANT`, without duplicates; `all` names all twelve.

    Raises:
        PipelineError: A name is not a design.
    """
    names = tuple(name for given in names for name in (ALL if given == "all" else (given,)))
    unknown = [name for name in names if name not in ALL]
    if unknown:
        raise PipelineError(f"unknown design {unknown[0]}; designs are {', '.join(ALL)}, or all")
    return [Design(*name.split("/")) for name in dict.fromkeys(names)]
