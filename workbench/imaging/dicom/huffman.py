"""Huffman codes of JPEG, read at all bit positions at once.

Where a code ends is known only after reading it, but what stands at a position does not depend on the way there. So
numpy works out, for every position of a piece of the stream, how far the next code is, and the walk from code to code
is left with one look-up a code.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workbench.core.errors import ReaderError

PIECE_BYTES = 2**16
NO_CODE = 255
"""Step of a position at which no code can begin; it is longer than any true one."""


@dataclass(frozen=True)
class HuffmanTable:
    """The code that each 16 bits begin with.

    Parameters
    ----------
    lengths, symbols
        (65536,) bits of the code, 0 where there is none, and what it stands for.
    steps
        (65536,) bits of the code and of the number after it, whose size the low half of the symbol tells.
    """

    lengths: np.ndarray
    symbols: np.ndarray
    steps: np.ndarray


def huffman_table(counts: bytes, symbols: bytes) -> HuffmanTable:
    """Return a table from the number of codes of each length from 1 to 16 bits, and their symbols in order."""
    lengths, values = np.zeros(2**16, np.uint8), np.zeros(2**16, np.uint8)
    at, taken = 0, 0
    for length, count in enumerate(counts, start=1):
        for symbol in symbols[taken : taken + count]:
            room = 1 << (16 - length)
            if at + room > 2**16:
                raise ReaderError("damaged: a Huffman table of the JPEG stream has more codes than there can be")
            lengths[at : at + room], values[at : at + room] = length, symbol
            at += room
        taken += count
    steps = np.where(lengths == 0, NO_CODE, lengths + number_bits(values))
    return HuffmanTable(lengths, values, steps.astype(np.uint8))


def number_bits(symbols: np.ndarray) -> np.ndarray:
    """Return the bits of the number that follows a code; 16 as a size has none, since it stands for 32768 alone."""
    return symbols & 15


@dataclass(frozen=True)
class Piece:
    """A piece of a stream whose stuffed bytes are taken out.

    Parameters
    ----------
    words
        (bytes,) the 24 bits from each byte on.
    bits
        How many positions of it a walk may begin a unit at.
    is_last
        Whether the stream ends in it.
    """

    words: np.ndarray
    bits: int
    is_last: bool

    def windows(self) -> np.ndarray:
        """Return the 16 bits from every bit position on."""
        return (self.words[:, None] >> np.arange(8, 0, -1, dtype=np.uint32)).astype(np.uint16).ravel()

    def windows_at(self, positions: np.ndarray) -> np.ndarray:
        """Return the 16 bits from some bit positions on."""
        return (self.words[positions >> 3] >> (8 - (positions & 7))) & 0xFFFF

    def numbers(self, positions: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Return the signed numbers of so many bits that stand at bit positions, as JPEG writes differences."""
        sizes = sizes.astype(np.int32)
        words = self.words[positions >> 3].astype(np.int32)
        numbers = (words >> (24 - (positions & 7) - sizes)) & ((1 << sizes) - 1)
        return np.where(numbers < (1 << sizes) >> 1, numbers - (1 << sizes) + 1, numbers)


def pieces(stream: bytes, *, overlap: int) -> Iterator[Piece]:
    """Cut a stream into pieces that overlap by so many bytes, so that a unit begun in one also ends in it."""
    padded = np.frombuffer(stream + bytes(overlap + 8), np.uint8).astype(np.uint32)
    for start in range(0, max(1, len(stream)), PIECE_BYTES):
        part = padded[start : start + PIECE_BYTES + overlap + 2]
        words = part[:-2] << 16 | part[1:-1] << 8 | part[2:]
        left = len(stream) - start
        yield Piece(words, 8 * min(left, PIECE_BYTES), is_last=left <= PIECE_BYTES)
