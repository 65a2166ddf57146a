"""Where elements come from: a file, or what a deflated one inflates to, read forwards and never without a limit."""

import io
import math
import zlib
from typing import BinaryIO

from typing_extensions import override

from workbench.core.errors import ReaderError

MAX_HEAD_BYTES = 2**27
"""The most that may stand before the pixels, read or passed over."""
_SKIP_BYTES = 2**16


class Source:
    """A file that is read forwards, and never past its end.

    Parameters
    ----------
    file
        Where the data set begins; inflated on the way where it is no plain file.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self.position = 0
        self._file = file
        self._left = math.inf
        if file.seekable():
            here = file.tell()
            self._left = file.seek(0, io.SEEK_END) - here
            file.seek(here)

    def read(self, length: int) -> bytes:
        """Return exactly so many bytes."""
        if length > self._left:
            raise self._ended()
        content = self._file.read(length)
        if len(content) < length:
            raise self._ended()
        self._advance(length)
        return content

    def skip(self, length: int) -> None:
        """Pass over so many bytes."""
        if length > self._left:
            raise self._ended()
        if self._file.seekable():
            self._file.seek(length, io.SEEK_CUR)
            self._advance(length)
            return
        while length > 0:
            step = min(length, _SKIP_BYTES)
            self.read(step)
            length -= step
            check_head_bytes(self.position)

    def next_bytes(self, length: int) -> bytes:
        """Return what comes next without taking it; less at the end, and of an inflated source one byte at most."""
        if not self._file.seekable():
            return self._file.peek(1)[:1]
        found = self._file.read(length)
        self._file.seek(-len(found), io.SEEK_CUR)
        return found

    @property
    def left(self) -> float:
        """Return how many bytes are left, infinite where nobody knows before inflating."""
        return self._left

    def _advance(self, length: int) -> None:
        self.position += length
        self._left -= length

    def _ended(self) -> ReaderError:
        return ReaderError(f"truncated or damaged: it ends in the middle of an element, after {self.position} bytes")


class Inflated(io.RawIOBase):
    """The data set of the deflated transfer syntax, inflated piece by piece, so that a bomb costs nothing."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # what BufferedReader gives
        while not self._inflater.eof:
            deflated = self._inflater.unconsumed_tail or self._file.read(_SKIP_BYTES)
            inflated = self._inflater.decompress(deflated, len(buffer))
            if inflated:
                buffer[: len(inflated)] = inflated
                return len(inflated)
            if not deflated:
                break
        return 0


def check_head_bytes(position: int) -> None:
    """Refuse a file whose header never ends."""
    if position > MAX_HEAD_BYTES:
        raise ReaderError(f"more than {MAX_HEAD_BYTES} bytes before the pixels: a decompression bomb, or no film")
