"""Speed of stage 01's preparation, compared with a resize image by image.

Run:     python -m benchmarks.preparation

Both give the same pixels: a plain loop that calls scikit-image once per image, and `preprocessing.prepare_images`,
which resizes all images in one matrix product.
"""

import numpy as np

from benchmarks import measure
from common.images import preprocessing

LOOP_IMAGES = 10_000


def image_by_image(images: np.ndarray) -> np.ndarray:
    """Return images cropped, resized and rounded down to 5 bits, one by one."""
    prepared = np.empty((len(images), preprocessing.SIZE, preprocessing.SIZE), np.uint8)
    for number, image in enumerate(images):
        cropped = preprocessing.centre_crop(image[None]).astype(np.float32)
        prepared[number] = preprocessing.resize(cropped)[0] // (256 // preprocessing.LEVELS)
    return prepared


def main() -> None:
    """Time both on 10,000 images, and compare all pixels of all 70,000 images."""
    benchmark = measure.Benchmark(
        "preparation", "Preparation of images: all at once, and one by one", ["", "images/s", "ratio"]
    )
    images, _ = measure.mnist_images()
    some = images[:LOOP_IMAGES]
    seconds = measure.in_turn(
        {
            "one by one": lambda: image_by_image(some),
            "at once": lambda: preprocessing.prepare_images(some, "anti_aliased"),
        }
    )
    differing = int(np.count_nonzero(preprocessing.prepare_images(images, "anti_aliased") != image_by_image(images)))
    faster = measure.ratio(seconds["one by one"], seconds["at once"])
    for name, times in seconds.items():
        ratio = f"{faster:.1f}" if name == "at once" else "1"
        benchmark.row(name, f"{LOOP_IMAGES / measure.Spread.of(times):,.0f}", ratio)
    benchmark.notes.append(f"{differing} of {images.size // 784 * 64:,} pixels differ, over all {len(images):,} images")
    benchmark.values = {"ratio": faster.median, "seconds": seconds, "images": LOOP_IMAGES, "differing": differing}
    benchmark.finish()


if __name__ == "__main__":
    measure.run(main)
