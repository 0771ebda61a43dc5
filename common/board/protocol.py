"""What goes over the serial line between a host and a board: frames as in HDLC (RFC 1662), requests and answers.

Frame: a flag, the content and its checksum with flags and escapes in them escaped, a flag. `common/board/frames.v` is
the same in hardware.
"""

import binascii
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from common.rtl.ports import bits_to_integers, integers_to_bits

FLAG, ESCAPE, ESCAPED = 0x7E, 0x7D, 0x20
OK = 0
ERRORS = {1: "a request arrived damaged", 2: "a request has the wrong length", 3: "an answer was lost"}


def checksum(content: bytes) -> bytes:
    """Return the CRC-16 of a frame, high byte first: CCITT's polynomial, all ones to start from, complemented."""
    return (binascii.crc_hqx(content, 0xFFFF) ^ 0xFFFF).to_bytes(2, "big")


def frame(content: bytes) -> bytes:
    """Return content as it goes over the line."""
    escaped = bytearray()
    for byte in content + checksum(content):
        escaped += bytes([ESCAPE, byte ^ ESCAPED]) if byte in (FLAG, ESCAPE) else bytes([byte])
    return bytes([FLAG, *escaped, FLAG])


class FrameReader:
    """Takes bytes as they come off the line, and gives the contents of undamaged frames."""

    def __init__(self) -> None:
        self._begun = b""

    def take(self, received: bytes) -> Iterator[bytes | None]:
        """Return the content of each frame that ends in `received`, None for a damaged one."""
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
    """Words side by side in a port of the network, the first in the lowest bits.

    Attributes:
        widths: Bits of each word; 0 for a pixel that no weight looks at [bit].
        signed: Whether each is in two's complement.
        fractions: Bits right of the binary point of each [bit].
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
        """Bytes that the port takes on the line."""
        return -(-self.bits // 8)


@dataclass(frozen=True)
class BoardDesign:
    """What a host must know of the design on a board; lies beside the bitstream as `board.json`.

    Attributes:
        design: Name, `CUT/VARIANT`.
        board: Name of the board.
        inputs: Port that takes an image.
        outputs: Port that gives the result.
        parts: How many words of the result are what, in their order: `image`, `logits`, `latent`.
        baud: Of the serial line [bit/s].
        clock_mhz: Of the network [MHz].
        latency_cycles: From image to result [clock cycles].
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
        """Return where a part of the result stands among its words."""
        names = list(self.parts)
        first = sum(self.parts[name] for name in names[: names.index(part)])
        return slice(first, first + self.parts[part])

    def to_dict(self) -> dict[str, Any]:
        """Return what goes into `board.json`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> "BoardDesign":
        """Return what `board.json` says."""
        ports = {
            name: Port(**{key: tuple(words) for key, words in found[name].items()}) for name in ("inputs", "outputs")
        }
        return cls(**{**found, **ports})
