"""Training of the float network that points start from, as in stage 02 or 03 but with a validation set.

It is computed once for all points that share it.
"""

import contextlib
import io
import platform
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import PipelineError
from common.images import dataset
from common.images.samples import Samples
from common.scan.points import Outcome, Point

if TYPE_CHECKING:
    from common.networks.legacy_keras import keras

NETWORK = "classifier.h5"
_one_at_a_time = threading.Lock()  # TensorFlow's seed belongs to the process


def load_images(content: bytes) -> tuple[Samples, Samples]:
    """Return training and test images from the bytes of `images.npz`."""
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        file.write(content)
        file.flush()
        return dataset.load(Path(file.name))


def train_source(point: Point, samples: tuple[Samples, Samples]) -> Outcome:
    """Train the float network that a point starts from; return it as a file of the outcome.

    Args:
        point: The point.
        samples: Training and test images.
    """
    return run_in_folder(lambda folder: _train_source(point, samples, folder))


def run_in_folder(compute: Callable[[Path], dict[str, Any]]) -> Outcome:
    """Call a function with a temporary folder; return the outcome, with its output as log, and any error."""
    log, error, values = io.StringIO(), None, {}
    started = time.perf_counter()
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="design_point_") as name:
        folder = Path(name)
        kept = folder / "kept"
        kept.mkdir()
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            try:
                values = compute(folder)
            except Exception as fault:  # noqa: BLE001  (any error is an outcome of this point)
                traceback.print_exc()
                error = (str(fault).partition("\n")[0] or type(fault).__name__).replace(f"{folder}/", "")
                for path in sorted(folder.rglob("*.log")):
                    print(f"\n{path.relative_to(folder)}:\n{path.read_text(errors='replace', encoding='utf-8')}")
        files = {str(path.relative_to(kept)): path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    files["log.txt"] = log.getvalue().encode()
    if error is None:
        values |= {"seconds": round(time.perf_counter() - started, 2), "machine": platform.node()}
    return Outcome(values, error, files)


def divided(point: Point, train_samples: Samples, test_samples: Samples) -> tuple[Samples, Samples, str]:
    """Return the images that train a point, those that score it, and the name of the latter: `validation` or `test`.

    Raises:
        PipelineError: There are too few images.
    """
    normal = point.configurations()["prepare_data"].normal
    train_samples, test_samples = train_samples.of_classes(normal), test_samples.of_classes(normal)
    images, count = len(train_samples.labels), point.validation_images
    if not count:
        return train_samples, test_samples, "test"
    if count >= images:
        raise PipelineError(f"{count} of {images} training images cannot be held out; lower --validation-images")
    return *train_samples.split(count), "validation"


def check(model: "keras.Model", samples: Samples, title: str, allowed: Sequence[str]) -> None:
    """Refuse an implausible network, as the stages do.

    Args:
        model: The trained network.
        samples: Held-out images.
        title: Name of the network.
        allowed: Kinds of findings that the recipe allows.

    Raises:
        PipelineError: There are other findings.
    """
    from common.networks import plausibility

    found = plausibility.findings(model, samples, title)
    faults = [f"{text}, or allow {kind}" for kind, text in found.items() if kind not in allowed]
    if faults:
        raise PipelineError("; ".join(faults))


def _train_source(point: Point, samples: tuple[Samples, Samples], folder: Path) -> dict[str, Any]:
    """Train the classifier network as in stage 02, or 03 if zeros are held; return its scores."""
    from common.networks import architecture, pruned_training, pruning, starts, training
    from common.networks.layout import Layout

    *chosen, part = divided(point, *samples)
    stages = point.configurations()
    layers = Layout.of(stages["train_autoencoder"].network, chosen[0].format)
    if stages["quantize"].zeros == "raised":
        recipe = stages["train_autoencoder"]
        model = starts.begin("classifier", layers, recipe.initial_weights, recipe.starts, recipe, chosen[0])
        training.train(model, *chosen, recipe, "classifier", part=part)
    else:
        recipe = stages["prune"]
        schedule = pruning.PruningSchedule(recipe.sparsity, recipe.begin_step, recipe.end_step, recipe.frequency)
        how = (layers, recipe.layers, schedule, recipe.initial_weights, recipe.starts, recipe)
        model, _ = pruned_training.train("classifier", *how, *chosen)
    check(model, chosen[1], "classifier, float", recipe.allow)
    architecture.save(model, folder / "kept" / NETWORK)
    return {f"{part}_{name}": value for name, value in training.evaluate(model, chosen[1]).items()}
