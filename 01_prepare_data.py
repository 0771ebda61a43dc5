"""Prepare images for the FPGA: crop the centre, downsample, truncate the colour depth (paper, section 2).

The paper's preparation of MNIST is the default: 28 x 28 pixels of 8 bits, crop to 22 x 22, 8 x 8 pixels of 5 bits.

Run:     python 01_prepare_data.py [--preset demo | --preset FILE.toml] [--data fashion_mnist] [--side 10] [--help]
         python 01_prepare_data.py --normal 0 1 2 3 4 5 6 8 9      # sevens are anomalies (docs/anomaly.md)
Reads:   a public data set, from --mnist-dir, $MNIST_DIR (MNIST), the download cache or a mirror; or a .npz file
Writes:  outputs/01_prepare_data/ images.npz (x_train, x_test: uint8 [N, side, side], 0 to 2^bits - 1; y_train, y_test:
         uint8 [N]; bits, class_names, noun), examples.npz (one image of each class, before and after; crop),
         anomalies.npz (with --normal: held-out images, anomalies), preset.toml (if the preset is a file), figures
"""

import argparse
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np

from common.errors import PipelineError
from common.images import anomalies, data_sets, dataset, downloads, idx_sets, npz_files, originals, preprocessing
from common.images.originals import Originals
from common.images.preprocessing import Downsampling
from common.images.samples import ImageFormat
from common.report.pipeline import PIPELINE
from common.running import console
from common.running.disk_space import Need
from common.stages import presets
from common.stages.configuration import Interval, Pattern
from common.stages.run import Run
from common.stages.stage import Stage, run_stage

DATA = (*idx_sets.SETS, data_sets.DIGITS)


@dataclass(frozen=True)
class Configuration:
    """Settings of the data preparation."""

    preset: str = "paper"
    """Configuration of all stages: the report's (paper), this project's best (tuned), its smallest (small),
    scikit-learn's digits without a download (demo), or a TOML file that overrides fields of one of these."""
    data: Annotated[str, Pattern(rf"{'|'.join(DATA)}|.+\.npz", f"one of {', '.join(DATA)}, or a FILE.npz")] = "mnist"
    """Images: the paper's (mnist), another public set, scikit-learn's digits, or a .npz file (docs/data.md)."""
    crop: int | None = None
    """Central pixels that are kept, a side (default: 22 of 28 as in the paper; the whole image of digits or a .npz)."""
    side: Annotated[int, Interval(2, 256)] = preprocessing.SIZE
    """Pixels after downsampling, a side."""
    bits: Annotated[int, Interval(1, 8)] = preprocessing.COLOUR_BITS
    """Colour depth of a pixel [bit]."""
    downsampling: Downsampling = "anti_aliased"
    """Method from crop to side. spline_zoom is the paper's; it does not average, and from 22 to 8 it is the same as
    every_third_pixel."""
    mnist_dir: Path | None = None
    """Folder with the four files of the public set, .gz or not (default: $MNIST_DIR for MNIST, the download cache, or a
    download)."""
    allow_other_data: bool = False
    """Accept other images in MNIST's format in that folder; every result is labelled accordingly."""
    demo_if_unavailable: bool = False
    """Fall back to the demo preset if MNIST is unavailable; `make` sets this."""
    normal: tuple[Annotated[int, Interval(0, 255)], ...] = ()
    """Labels of the classes that the networks learn; images of the others are anomalies, as are images made from test
    images (default: all classes, and no anomalies)."""
    held_out: Annotated[float, Interval(0.001, 0.9)] = 0.1
    """With --normal, fraction of the training images that no network learns, to set thresholds of the anomaly score."""
    seed: Annotated[int, Interval(0, 2**32 - 1)] = 0
    """Seed of the split of scikit-learn's digits into training and test set, and of the anomalies that are made."""

    def check(self) -> None:
        """Check what can be checked before images are read: pixels that are kept, and where images come from."""
        if self.data not in idx_sets.SETS and (self.mnist_dir or self.allow_other_data):
            flag = "--mnist-dir" if self.mnist_dir else "--allow-other-data"
            raise PipelineError(f"{flag} is for --data {', '.join(idx_sets.SETS)}, not {self.data}")
        known = {**dict.fromkeys(idx_sets.SETS, 28), data_sets.DIGITS: 8}
        size = None if self.allow_other_data else known.get(self.data)
        usual = preprocessing.CROPPED_SIZE if size == 28 else size
        crop = usual if self.crop is None else self.crop
        if crop is not None:
            preprocessing.check(self.downsampling, crop, self.side, size and (size, size))


PRESETS = {
    "paper": Configuration("paper"),
    "revision": Configuration("revision", crop=20, downsampling="spline_zoom"),
    "tuned": Configuration("tuned"),
    "small": Configuration("small"),
    "demo": Configuration("demo", data=data_sets.DIGITS),
}


def load_originals(run: Run, configuration: Configuration) -> Originals:
    """Return the images that the configuration names; record the files, and the name of the data."""
    if configuration.data == data_sets.DIGITS:
        return originals.of_digits(configuration.seed)
    if configuration.data not in idx_sets.SETS:
        path = Path(configuration.data)
        found = npz_files.read(path)
        run.read_external(path)
        return found
    wanted = idx_sets.SETS[configuration.data]
    files = downloads.locate(wanted, configuration.mnist_dir, run.outputs / f".{wanted.key}_cache")
    for path in files.values():
        run.read_external(path)
    return originals.of_idx_set(wanted, files, allow_other=configuration.allow_other_data)


def load_or_fall_back(run: Run, configuration: Configuration) -> tuple[Originals, Configuration]:
    """Return images and configuration: for `make`, those of the demo preset if MNIST is unavailable."""
    try:
        return load_originals(run, configuration), configuration
    except downloads.DataUnavailableError as error:
        if not configuration.demo_if_unavailable or configuration.data != data_sets.MNIST:
            raise
        console.warning(str(error))
        console.warning("FALLING BACK TO THE DEMO PRESET: SCIKIT-LEARN'S DIGITS, NOT MNIST")
        run.preset = run.base_preset = "demo"
        demo = replace(PRESETS["demo"], seed=configuration.seed)
        return load_originals(run, demo), demo


def main(run: Run, configuration: Configuration) -> None:
    """Prepare the images, and save them with an example of each class."""
    found, configuration = load_or_fall_back(run, configuration)
    run.dataset = found.name
    if (caution := data_sets.caution(found.name)) and found.name != data_sets.DIGITS:
        console.warning(caution)

    crop = found.crop if configuration.crop is None else configuration.crop
    side, bits = configuration.side, configuration.bits
    image_format = ImageFormat(side, bits, found.class_names, found.noun)

    def prepare(images: np.ndarray, method: Downsampling) -> np.ndarray:
        return preprocessing.prepare_images(images, method, crop, side, bits)

    of_each_class = found.x_train[[int(np.argmax(found.y_train == label)) for label in range(image_format.classes)]]
    if configuration.normal:
        found, held_out, left_out = anomalies.divide(found, configuration.normal, configuration.held_out)
    arrays = {
        "x_train": prepare(found.x_train, configuration.downsampling),
        "y_train": found.y_train,
        "x_test": prepare(found.x_test, configuration.downsampling),
        "y_test": found.y_test,
    }
    dataset.save(run.folder / dataset.FILE, image_format, **arrays)
    if configuration.normal:
        held_out, left_out = (prepare(images, configuration.downsampling) for images in (held_out, left_out))
        kinds = {"left_out": left_out, **anomalies.make(arrays["x_test"], configuration.seed)}
        anomalies.save(run.folder / anomalies.FILE, held_out, kinds)
    if run.preset not in presets.BUILT_IN:
        shutil.copy(run.read_external(Path(run.preset)), run.folder / presets.FILE)

    methods = [method for method in preprocessing.METHODS if preprocessing.is_possible(method, crop, side)]
    if crop == side:
        methods = [configuration.downsampling]  # nothing to downsample: all methods are the same
    examples = {method: prepare(of_each_class, method) for method in methods}
    np.savez_compressed(run.folder / "examples.npz", originals=of_each_class, crop=crop, **examples)
    rows = [
        [part, len(arrays[f"y_{part}"]), int(arrays[f"x_{part}"].max()), f"{arrays[f'x_{part}'].mean():.3f}"]
        for part in ("train", "test")
    ]
    title = f"Prepared images, {side} x {side} pixels of {bits} bits, {image_format.classes} {image_format.plural}"
    console.table(title, ["part", "images", "maximum level", "mean level"], rows)
    if configuration.normal:
        counts = [f"{len(images):,} {anomalies.KINDS[kind]}" for kind, images in kinds.items()]
        console.note(f"{len(held_out):,} training images held out; anomalies: {', '.join(counts)}")


def draw(run: Run, _: Configuration) -> None:
    """Draw an example of each class before and after preparation."""
    from common.figures import images as image_figures
    from common.figures import style

    with np.load(run.folder / "examples.npz") as file:
        before, crop = file["originals"], int(file["crop"])
        prepared = {method: file[method] for method in preprocessing.METHODS if method in file}
    image_format = dataset.load_format(run.folder / dataset.FILE)
    style.save(image_figures.example_images(before, crop, prepared, image_format), run.folder, "figure_02_digits")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--preset", default="paper")
    chosen = parser.parse_known_args()[0].preset
    run_stage(Stage(__file__, __doc__, PRESETS, main, draw, Need(3)), PIPELINE, preset=chosen)
