"""Interface of a converted model: types of its inputs, its outputs, and its latent space."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from hls4ml.model.graph import ModelGraph

from common.fixed_point import FixedPoint, fixed_point
from common.hls import latent_space
from common.hls.latent_space import LatentSpace


@dataclass(frozen=True)
class Output:
    """One of a model's outputs.

    Attributes:
        layer: Name of the layer that computes it.
        size: Number of its units.
        type: Type of each unit.
    """

    layer: str
    size: int
    type: FixedPoint


@dataclass(frozen=True)
class Interface:
    """Inputs, outputs and latent space of a model.

    Attributes:
        input_type: Type of each input.
        outputs: Outputs, in order.
        latent: Latent space.
    """

    input_type: FixedPoint
    outputs: tuple[Output, ...]
    latent: LatentSpace

    @classmethod
    def of(cls, model: ModelGraph) -> Self:
        """Return the interface of a converted model.

        Raises:
            PipelineError: The model has no latent layer.
        """
        names = {layer.get_output_variable().name: layer.name for layer in model.get_layers()}
        outputs = (
            Output(names[variable.name], variable.size(), fixed_point(variable.type.precision))
            for variable in model.get_output_variables()
        )
        (pixels,) = model.get_input_variables()
        return cls(fixed_point(pixels.type.precision), tuple(outputs), latent_space.latent_space(model))

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON value."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the interface that `as_json` gave."""
        latent = {**value["latent"], "type": FixedPoint(**value["latent"]["type"])}
        outputs = tuple(Output(**{**output, "type": FixedPoint(**output["type"])}) for output in value["outputs"])
        return cls(FixedPoint(**value["input_type"]), outputs, LatentSpace(**latent))
