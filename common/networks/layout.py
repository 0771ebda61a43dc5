"""Layout of the networks: names and nodes of all layers, from the hidden layers, the images and the classes.

Layers are named by position: `encoder_1`, `encoder_2` and so on, then `latent`; then `decoder_1` and `classifier_1` and
so on, the last one of each being an output.
"""

import itertools
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

from common.errors import PipelineError
from common.images.samples import ImageFormat
from common.stages.artifacts import UNREADABLE
from common.stages.configuration import Interval

FILE = "network.json"  # in the folder of stage 02
AUTOENCODER, CLASSIFIER = "autoencoder", "classifier"
NETWORKS = (AUTOENCODER, CLASSIFIER)
IMAGE, CLASS = "image", "class"  # outputs: a reconstructed image, and the probability of each class
LATENT = "latent"
LATENT_LAYERS = ("latent_relu", "latent_rounded", LATENT)  # the first of these that a network has makes latent points
LARGEST_LAYER = 4096  # multiplications; hls4ml's unroll limit for io_parallel
Nodes = Annotated[int, Interval(1, 4096)]
Kind = Literal["encoder", "latent", "decoder", "image", "classifier", "class"]


@dataclass(frozen=True)
class HiddenLayers:
    """Nodes of the hidden layers; image size and number of classes come from the data."""

    encoder: tuple[Nodes, ...] = (32, 16)
    """Hidden layers from the pixels to the latent space; --network.encoder alone means none (paper, figure 3)."""
    latent: Nodes = 2
    """Dimensions of the latent space (paper, section 3)."""
    decoder: tuple[Nodes, ...] = (16, 32)
    """Hidden layers from the latent space to the image (paper, figure 3)."""
    classifier: tuple[Nodes, ...] = (16, 32)
    """Hidden layers from the latent space to the logits (paper, figure 5)."""
    latent_activation: Literal["relu", "linear"] = "relu"
    """Activation of the latent layer (paper: ReLU)."""

    def kinds(self) -> dict[str, Kind]:
        """Return the kind of each dense layer by its name, in order; `image` and `class` are the output layers."""
        found: dict[str, Kind] = {f"encoder_{place}": "encoder" for place in range(1, len(self.encoder) + 1)}
        found[LATENT] = "latent"
        for part, output, hidden in (("decoder", IMAGE, self.decoder), ("classifier", CLASS, self.classifier)):
            found |= {f"{part}_{place}": part for place in range(1, len(hidden) + 1)}
            found[f"{part}_{len(hidden) + 1}"] = output
        return found

    def usually_pruned(self) -> tuple[str, ...]:
        """Return the layers that are pruned by default (paper, Table 1): hidden ones, or else the latent layer."""
        kinds = self.kinds()
        hidden = [f"encoder_{place}" for place in range(2, len(self.encoder) + 1)] + ["decoder_1", "classifier_1"]
        return tuple(name for name in hidden if kinds[name] in ("encoder", "decoder", "classifier")) or (LATENT,)


@dataclass(frozen=True)
class Layout:
    """Layers of both networks: the autoencoder alone, and with a classifier on its latent space.

    Attributes:
        hidden: Nodes of the hidden layers.
        pixels: Number of inputs.
        classes: Number of classes.
        bits: Colour depth of the images [bit].
    """

    hidden: HiddenLayers = field(default_factory=HiddenLayers)
    pixels: int = 64
    classes: int = 10
    bits: int = 5

    @classmethod
    def of(cls, hidden: HiddenLayers, images: ImageFormat) -> Self:
        """Return the layout of networks with these hidden layers for images of this format."""
        return cls(hidden, images.pixels, images.classes, images.bits)

    @property
    def encoder(self) -> dict[str, int]:
        """Nodes of the layers from the pixels to the latent space, by name."""
        return self._named("encoder", self.hidden.encoder) | {LATENT: self.hidden.latent}

    @property
    def decoder(self) -> dict[str, int]:
        """Nodes of the layers from the latent space to the image, by name."""
        return self._named("decoder", (*self.hidden.decoder, self.pixels))

    @property
    def classifier(self) -> dict[str, int]:
        """Nodes of the layers from the latent space to the logits, by name."""
        return self._named("classifier", (*self.hidden.classifier, self.classes))

    def layers(self, network: str) -> dict[str, int]:
        """Return the nodes of each dense layer of `autoencoder` or `classifier`, by name, in order."""
        return self.encoder | self.decoder | (self.classifier if network == CLASSIFIER else {})

    @property
    def multiplications(self) -> dict[str, int]:
        """Multiplications of each dense layer: its inputs times its nodes."""
        found = {}
        parts = ((self.pixels, self.encoder), (self.hidden.latent, self.decoder), (self.hidden.latent, self.classifier))
        for inputs, part in parts:
            sizes = itertools.pairwise((inputs, *part.values()))
            found |= {name: before * nodes for name, (before, nodes) in zip(part, sizes, strict=True)}
        return found

    def too_large(self) -> str | None:
        """Return in words which layer hls4ml cannot unroll, or None if it can unroll all (paper, section 3)."""
        large = [f"{name} {count:,}" for name, count in self.multiplications.items() if count > LARGEST_LAYER]
        if not large:
            return None
        return f"hls4ml unrolls at most {LARGEST_LAYER:,} multiplications of a layer; too many has {', '.join(large)}"

    @staticmethod
    def _named(part: str, nodes: tuple[int, ...]) -> dict[str, int]:
        return {f"{part}_{place}": count for place, count in enumerate(nodes, start=1)}

    def save(self, folder: Path) -> None:
        """Write the layout into the folder of stage 02."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


def load(path: Path) -> Layout:
    """Load a layout.

    Raises:
        PipelineError: The file is not what `Layout.save` writes.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        hidden = {name: tuple(each) if isinstance(each, list) else each for name, each in content["hidden"].items()}
        return Layout(HiddenLayers(**hidden), content["pixels"], content["classes"], content["bits"])
    except (*UNREADABLE, KeyError, TypeError, AttributeError) as error:
        raise PipelineError(f"{path} does not describe the layers of a network ({error}); train again") from None
