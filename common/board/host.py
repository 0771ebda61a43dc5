"""Send test images to a board and print its answers: class, latent point, images per second.

Run:     python -m common.board.host --port /dev/ttyUSB0 [--design encoder/quantized_pruned] [--images 1000]
Reads:   outputs/06_synthesize/CUT/VARIANT/board/board.json, outputs/01_prepare_data/images.npz

The bitstream must be on the board: see docs/boards.md.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

import numpy as np

from common.board import protocol
from common.board.protocol import BoardDesign, FrameReader
from common.errors import PipelineError
from common.images import dataset
from common.running import console
from common.stages import artifacts
from common.stages.configuration import Interval, parse_command_line
from common.stages.run import outputs_folder

UNDER_WAY = 2  # open requests: while one answer is sent, another can wait
TRIES = 5


class Line(Protocol):
    """Serial port as in pyserial: reads return what has arrived after a timeout."""

    in_waiting: int

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""

    def write(self, data: bytes) -> int | None:
        """Send bytes."""


def classify(
    line: Line, design: BoardDesign, values: np.ndarray, on_result: Callable[[int, np.ndarray], None] | None = None
) -> np.ndarray:
    """Send images and return the results, both in the exact types of the network; failed requests are repeated.

    Args:
        line: Serial line to the board.
        design: Design on the board.
        values: Images, float [N, pixels].
        on_result: Called with index and result of each image, in order.

    Returns:
        Results, float64 [N, outputs].

    Raises:
        PipelineError: A request failed too often.
    """
    requests = design.inputs.pack(values)
    results = np.zeros((len(values), len(design.outputs.widths)))
    for place, answer in _answers(line, requests, design.outputs.bytes):
        results[place] = design.outputs.unpack([answer])[0]
        if on_result is not None:
            on_result(place, results[place])
    return results


def _answers(line: Line, requests: list[bytes], answer_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield index and answer of each request, in order."""
    reader = FrameReader()
    done = sent = 0
    failures: list[str] = []
    while done < len(requests):
        while sent < min(done + UNDER_WAY, len(requests)):
            line.write(protocol.frame(bytes([sent % 256]) + requests[sent]))
            sent += 1
        received = line.read(max(line.in_waiting, 1))
        answers = list(reader.take(received))
        fault = None if received else "no answer"
        for answer in answers:
            if answer is None:
                fault = "an answer was damaged"
            elif answer[0] != protocol.OK:
                fault = protocol.ERRORS.get(answer[0], f"unknown status {answer[0]}")
            elif answer[1] != done % 256 or len(answer) != 2 + answer_bytes:
                fault = "an answer belongs to another request"
            elif fault is None:
                failures = []
                yield done, answer[2:]
                done += 1
        if fault:
            failures.append(fault)
            if len(failures) == TRIES:
                raise PipelineError(
                    f"image {done} failed {TRIES} times ({', '.join(dict.fromkeys(failures))}): is this design on the "
                    f"board, and is this its port?"
                )
            while line.read(max(line.in_waiting, 1)):
                pass  # discard answers until the line is silent
            reader = FrameReader()
            sent = done


@dataclass(frozen=True)
class Configuration:
    """Serial port, design and number of images."""

    port: str = "/dev/ttyUSB0"
    """Serial port of the board."""
    design: str = "encoder_classifier/quantized_pruned"
    """Design CUT/VARIANT on the board."""
    images: Annotated[int, Interval(1, 10_000)] = 1000
    """Number of test images to send."""
    timeout_seconds: Annotated[float, Interval(0.01, 60)] = 1.0
    """Timeout after which an image is sent again [s]."""


def main(configuration: Configuration) -> None:
    """Classify test images on the board and print its answers.

    Raises:
        PipelineError: The design or the port is missing, or the board does not answer correctly.
    """
    import serial

    outputs = outputs_folder()
    place = artifacts.find(outputs, f"{configuration.design}/board/board.json")
    prepared = artifacts.find(outputs, dataset.FILE)
    if place is None or prepared is None:
        missing = f"board with {configuration.design}" if place is None else dataset.FILE
        flags = f"--bitstream --board.design {configuration.design}"
        raise PipelineError(f"{outputs} has no {missing}; run: make, then 06_synthesize.py {flags}")
    design = BoardDesign.from_dict(json.loads(place.read_text(encoding="utf-8")))
    _, samples = dataset.load(prepared)
    images = samples.intensities[: configuration.images].astype(np.float64)
    labels, names = samples.labels[: len(images)], samples.format.class_names
    started = time.perf_counter()
    try:
        with (
            serial.Serial(configuration.port, design.baud, timeout=configuration.timeout_seconds) as line,
            console.progress_line(str(design.design), len(images)) as progress,
        ):
            results = classify(
                line,
                design,
                images,
                lambda place, result: progress.advance(in_words(design, result, labels[place], names)),
            )
    except serial.SerialException as error:
        raise PipelineError(f"{configuration.port} cannot be used: {error}") from None
    seconds = time.perf_counter() - started
    console.note(f"{len(images) / seconds:,.0f} images per second, {len(images):,} in {seconds:.1f} s")
    console.note(
        f"the network itself takes {design.latency_cycles} cycles of {1000 / design.clock_mhz:.2f} ns, "
        f"and could take one image per cycle"
    )
    if "logits" in design.parts:
        logits = results[:, design.columns("logits")]
        console.note(f"{np.mean(logits.argmax(axis=1) == labels):.2%} of the {samples.format.plural} are right")


def in_words(design: BoardDesign, result: np.ndarray, label: int, class_names: Sequence[str]) -> str:
    """Return the true class and the board's answer for an image, in words."""
    words = [f"shown {class_names[label]}"]
    if "logits" in design.parts:
        words.append(f"read {class_names[result[design.columns('logits')].argmax()]}")
    if "latent" in design.parts:
        words.append(f"latent ({', '.join(f'{each:.4g}' for each in result[design.columns('latent')])})")
    return ", ".join(words)


if __name__ == "__main__":
    try:
        main(parse_command_line((__doc__ or "").partition("\n\n")[0], Configuration()))
    except PipelineError as failure:
        console.error(f"board_host: {failure}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
