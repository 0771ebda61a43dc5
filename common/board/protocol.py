"""Protocol of the serial line between host and board: frames as in HDLC (RFC 1662), requests and answers.

A frame is a flag, the escaped content and checksum, and a flag. `hardware/frames.v` implements the same.
"""

import binascii
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from common.rtl.ports import bits_to_integers, integers_to_bits

FLAG, ESCAPE, ESCAPED = 0x7E, 0x7D, 0x20
OK = 0
ERRORS = {1: "a request was damaged", 2: "a request has the wrong length", 3: "an answer was lost"}


def checksum(content: bytes) -> bytes:
    """Return the CRC-16 of a frame, high byte first: CCITT polynomial, initial value all ones, complemented."""
    return (binascii.crc_hqx(content, 0xFFFF) ^ 0xFFFF).to_bytes(2, "big")


def frame(content: bytes) -> bytes:
    """Return the frame of a content."""
    escaped = bytearray()
    for byte in content + checksum(content):
        escaped += bytes([ESCAPE, byte ^ ESCAPED]) if byte in (FLAG, ESCAPE) else bytes([byte])
    return bytes([FLAG, *escaped, FLAG])


class FrameReader:
    """Reader of frames from the bytes of a line."""

    def __init__(self) -> None:
        self._begun = b""

    def take(self, received: bytes) -> Iterator[bytes | None]:
        """Yield the content of each frame that ends in `received`, None for a damaged one."""
        *ended, self._begun = (self._begun + received).split(bytes([FLAG]))
        for escaped in filter(None, ended):
            yield self._content(escaped)

    @staticmethod
    def _content(escaped: bytes) -> bytes | None:
        first, *others = escaped.split(bytes([ESCAPE]))
        if not all(others):
            return None
        unescaped = first + b"".join(bytes([other[0] ^ ESCAPED]) + other[1:] for other in others)
        content, found = unescaped[:-2], unescaped[-2:]
        return content if len(unescaped) > 2 and found == checksum(content) else None


@dataclass(frozen=True)
class Port:
    """Words of a port of the network, the first in the lowest bits.

    Attributes:
        widths: Bits of each word; 0 for a pixel without weights [bit].
        signed: Whether each word is in two's complement.
        fractions: Fraction bits of each word [bit].
    """

    widths: tuple[int, ...]
    signed: tuple[bool, ...]
    fractions: tuple[int, ...]

    @property
    def bits(self) -> int:
        """Width of the port [bit]."""
        return sum(self.widths)

    def pack(self, values: np.ndarray) -> list[bytes]:
        """Return the bytes of each row of values, float [N, words], least significant byte first."""
        integers = np.rint(values * 2.0 ** np.array(self.fractions)).astype(np.int64)
        bits = integers_to_bits(integers, self.widths)
        return [row.tobytes() for row in np.packbits(bits, axis=1, bitorder="little")]

    def unpack(self, rows: Sequence[bytes]) -> np.ndarray:
        """Return the values of each row of bytes, float64 [N, words]."""
        packed = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)
        bits = np.unpackbits(packed, axis=1, count=self.bits, bitorder="little")
        return bits_to_integers(bits, self.widths, self.signed) * 2.0 ** -np.array(self.fractions)

    @property
    def bytes(self) -> int:
        """Size of the port on the line [byte]."""
        return -(-self.bits // 8)


@dataclass(frozen=True)
class BoardDesign:
    """Description of the design on a board for the host, in `board.json` next to the bitstream.

    Attributes:
        design: Name, `CUT/VARIANT`.
        board: Name of the board.
        inputs: Port for an image.
        outputs: Port of the result.
        parts: Number of words of each part of the result, in order: `image`, `logits`, `latent`.
        baud: Speed of the serial line [bit/s].
        clock_mhz: Clock of the network [MHz].
        latency_cycles: Latency from image to result [clock cycles].
    """

    design: str
    board: str
    inputs: Port
    outputs: Port
    parts: dict[str, int]
    baud: int
    clock_mhz: float
    latency_cycles: int

    def columns(self, part: str) -> slice:
        """Return which words of the result belong to a part."""
        names = list(self.parts)
        first = sum(self.parts[name] for name in names[: names.index(part)])
        return slice(first, first + self.parts[part])

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `board.json`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> "BoardDesign":
        """Return the design that `board.json` describes."""
        ports = {
            name: Port(**{key: tuple(words) for key, words in found[name].items()}) for name in ("inputs", "outputs")
        }
        return cls(**{**found, **ports})
