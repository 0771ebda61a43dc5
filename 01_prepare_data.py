"""Prepare MNIST for the FPGA: centre crop 28 -> 22, downsample 22 -> 8, colour depth 8 -> 5 bits (paper, section 2).

Run:     python 01_prepare_data.py [--preset demo | --preset FILE.toml] [--mnist-dir DIR] [--help]
Reads:   the four MNIST files, from --mnist-dir, $MNIST_DIR, the download cache or a mirror
Writes:  outputs/01_prepare_data/ images.npz (x_train, x_test: uint8 [N, 8, 8], 0 to 31; y_train, y_test: uint8 [N]),
         examples.npz (one image of each digit, before and after), preset.toml (if the preset is a file), figures
"""

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from common.images import dataset, mnist, preprocessing
from common.images.preprocessing import Downsampling
from common.images.samples import PAPER_FORMAT
from common.report.pipeline import PIPELINE
from common.running import console
from common.running.disk_space import Need
from common.stages import presets
from common.stages.configuration import Interval
from common.stages.run import Run
from common.stages.stage import Stage, run_stage

DEMO_TRAIN_IMAGES = 1500  # of scikit-learn's 1,797 digits; the rest is the test set
METHODS = ("anti_aliased", "every_third_pixel")  # downsampling methods that the figure compares


@dataclass(frozen=True)
class Configuration:
    """Settings of the data preparation."""

    preset: str = "paper"
    """Configuration of all stages: the report's (paper), this project's best (tuned), scikit-learn's digits without a
    download (demo), or a TOML file that overrides fields of one of these."""
    mnist_dir: Path | None = None
    """Folder with the four MNIST files, .gz or not (default: $MNIST_DIR, the download cache, or a download)."""
    downsampling: Downsampling = "anti_aliased"
    """Method from 22 to 8 pixels; every_third_pixel is the paper's spline zoom, which does not average."""
    allow_other_data: bool = False
    """Accept other images in MNIST's format, such as Fashion-MNIST; every result is labelled accordingly."""
    demo_if_unavailable: bool = False
    """Fall back to the demo preset if MNIST is unavailable; `make` sets this."""
    seed: Annotated[int, Interval(0, 2**32 - 1)] = 0
    """Seed of the split of the demo's digits."""


PRESETS = {preset: Configuration(preset) for preset in presets.BUILT_IN}


def load_mnist(run: Run, configuration: Configuration) -> tuple[mnist.LabelledImages, mnist.LabelledImages]:
    """Return the 60,000 training and 10,000 test images, and record the name of the dataset."""
    files = mnist.locate(configuration.mnist_dir, run.outputs / ".mnist_cache")
    for path in files.values():
        run.read_external(path)
    train, test = (mnist.read_labelled_images(files, part) for part in ("train", "t10k"))
    run.dataset = mnist.dataset_of(files, (train, test), allow_other=configuration.allow_other_data)
    if caution := dataset.caution(run.dataset):
        console.warning(caution)
    return train, test


def prepare_demo(configuration: Configuration) -> dict[str, np.ndarray]:
    """Return scikit-learn's bundled 8 x 8 digits, rescaled to 5 bits and split into training and test set."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    order = np.random.default_rng(configuration.seed).permutation(len(digits.target))
    train, test = order[:DEMO_TRAIN_IMAGES], order[DEMO_TRAIN_IMAGES:]
    images, labels = preprocessing.rescale_digits(digits.images), digits.target.astype(np.uint8)
    return {"x_train": images[train], "y_train": labels[train], "x_test": images[test], "y_test": labels[test]}


def main(run: Run, configuration: Configuration) -> None:
    """Prepare the images, and save them with an example of each digit."""
    train = test = None
    if run.base_preset != "demo":
        try:
            train, test = load_mnist(run, configuration)
        except mnist.MnistUnavailableError as error:
            if not configuration.demo_if_unavailable:
                raise
            console.warning(str(error))
            console.warning("FALLING BACK TO THE DEMO PRESET: SCIKIT-LEARN'S DIGITS, NOT MNIST")
            run.preset = run.base_preset = "demo"

    if train is None:
        arrays, run.dataset = prepare_demo(configuration), dataset.DIGITS
    else:
        arrays = {
            "x_train": preprocessing.prepare_images(train.images, configuration.downsampling),
            "y_train": train.labels,
            "x_test": preprocessing.prepare_images(test.images, configuration.downsampling),
            "y_test": test.labels,
        }
    dataset.save(run.folder / dataset.FILE, PAPER_FORMAT, **arrays)
    if run.preset not in presets.BUILT_IN:
        shutil.copy(run.read_external(Path(run.preset)), run.folder / presets.FILE)

    of_each_digit = [int(np.argmax(arrays["y_train"] == digit)) for digit in range(10)]
    if train is None:
        examples = {"originals": arrays["x_train"][of_each_digit]}
    else:
        examples = {"originals": train.images[of_each_digit]}
        for method in METHODS:
            examples[method] = preprocessing.prepare_images(examples["originals"], method)
    np.savez_compressed(run.folder / "examples.npz", **examples)
    rows = [
        [part, len(arrays[f"y_{part}"]), int(arrays[f"x_{part}"].max()), f"{arrays[f'x_{part}'].mean():.3f}"]
        for part in ("train", "test")
    ]
    console.table("Prepared images, 8 x 8 pixels of 5 bits", ["part", "images", "maximum level", "mean level"], rows)


def draw(run: Run, _: Configuration) -> None:
    """Draw an example of each digit before and after preparation."""
    from common.figures import images as image_figures
    from common.figures import style

    with np.load(run.folder / "examples.npz") as file:
        originals, *prepared = (file[name] for name in ("originals", *METHODS) if name in file)
    figure = image_figures.example_digits(originals, *(prepared or (originals, None)))
    style.save(figure, run.folder, "figure_02_digits")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--preset", default="paper")
    chosen = parser.parse_known_args()[0].preset
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw, Need(3)), PIPELINE, preset=chosen)
