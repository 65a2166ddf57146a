"""The heads of a JPEG stream: its frame, its tables, its scan."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.huffman import HuffmanTable, huffman_table

LOSSLESS, BASELINE, EXTENDED = 0xC3, 0xC0, 0xC1
FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
"""Markers of a frame header; that of JPEG-LS is among them."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
ENDED = "truncated or damaged: the JPEG stream ends before its last row"


@dataclass(frozen=True)
class Frame:
    """What the frame header of a JPEG stream says.

    Parameters
    ----------
    marker
        The kind of compression.
    precision
        Bits of a sample.
    """

    marker: int
    precision: int
    rows: int
    columns: int
    components: int


@dataclass
class Scan:
    """What a scan needs: its tables, its predictor, and its bytes."""

    frame: Frame
    table_ids: tuple[int, int] = (0, 0)
    predictor: int = 0
    shift: int = 0
    selection: tuple[int, ...] = ()
    restart: int = 0
    huffman: dict[tuple[int, int], HuffmanTable] = field(default_factory=dict)
    quantisation: dict[int, np.ndarray] = field(default_factory=dict)
    quantisation_id: int = 0
    stream: bytes = b""

    def table(self, kind: int) -> HuffmanTable:
        """Return the Huffman table of the first coefficient (0) or of the others (1)."""
        try:
            return self.huffman[kind, self.table_ids[kind]]
        except KeyError:
            raise ReaderError("damaged: the JPEG stream lacks a Huffman table") from None

    def segments(self, units: int) -> Iterator[tuple[bytes, int]]:
        """Yield the stream between restart marks, stuffed bytes taken out, with the units that each holds."""
        for part in re.split(rb"\xff+[\xd0-\xd7]", self.stream):
            if units <= 0:
                return
            count = min(units, self.restart or units)
            yield part.replace(b"\xff\x00", b"\xff"), count
            units -= count
        if units > 0:
            raise ReaderError(ENDED)


def segments(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker segments of a JPEG or JPEG-LS stream up to its first scan: marker, start and end of the body."""
    at = 2
    while at + 4 <= len(stream):
        if stream[at] != 0xFF:
            raise ReaderError("damaged: the JPEG stream has something that is no marker in its head")
        marker = stream[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length = struct.unpack_from(">H", stream, at + 2)[0]
        if length < 2 or at + 2 + length > len(stream):
            raise ReaderError("truncated or damaged: a head of the JPEG stream is cut short")
        yield marker, at + 4, at + 2 + length
        if marker == 0xDA:
            return
        at += 2 + length


def frame_header(stream: bytes) -> Frame:
    """Return the frame header of a JPEG or JPEG-LS stream; a ReaderError where there is none."""
    if not stream.startswith(b"\xff\xd8"):
        raise ReaderError("damaged: the compressed stream is no JPEG")
    for marker, start, end in segments(stream):
        if marker in FRAMES and end - start >= 6:
            precision, rows, columns, components = struct.unpack_from(">BHHB", stream, start)
            return Frame(marker, precision, rows, columns, components)
    raise ReaderError("truncated or damaged: the JPEG stream has no frame header")


def read_scan(stream: bytes) -> Scan:
    """Return the only scan of a grey stream with its tables; a ReaderError where it lacks something."""
    scan = Scan(frame_header(stream))
    for marker, start, end in segments(stream):
        body = stream[start:end]
        if marker == 0xC4:
            scan.huffman.update(_huffman_tables(body))
        elif marker == 0xDB:
            scan.quantisation.update(_quantisation_tables(body))
        elif marker == 0xDD and len(body) == 2:
            scan.restart = struct.unpack(">H", body)[0]
        elif marker in FRAMES and len(body) >= 9:
            scan.quantisation_id = body[8]
        elif marker == 0xDA:
            if len(body) < 6 or body[0] != 1:
                raise ReaderError("damaged: the JPEG stream has a scan of no or several colours")
            scan.table_ids = (body[2] >> 4, body[2] & 15)
            scan.predictor, scan.shift, scan.selection = body[3], body[5] & 15, tuple(body[3:6])
            ends = re.search(rb"\xff[^\x00\xd0-\xd7\xff]", stream[end:])
            scan.stream = stream[end : end + ends.start() if ends else len(stream)]
            return scan
    raise ReaderError("truncated or damaged: the JPEG stream has no scan")


def _huffman_tables(body: bytes) -> Iterator[tuple[tuple[int, int], HuffmanTable]]:
    at = 0
    while at + 17 <= len(body):
        counts = body[at + 1 : at + 17]
        symbols = body[at + 17 : at + 17 + sum(counts)]
        if len(symbols) < sum(counts):
            raise ReaderError("damaged: a Huffman table of the JPEG stream is cut short")
        yield (body[at] >> 4, body[at] & 15), huffman_table(counts, symbols)
        at += 17 + sum(counts)


def _quantisation_tables(body: bytes) -> Iterator[tuple[int, np.ndarray]]:
    at = 0
    while at < len(body):
        kind = np.dtype(">u2" if body[at] >> 4 else "u1")
        if at + 1 + 64 * kind.itemsize > len(body):
            raise ReaderError("damaged: a quantisation table of the JPEG stream is cut short")
        yield body[at] & 15, np.frombuffer(body, kind, 64, at + 1).astype(np.float32)
        at += 1 + 64 * kind.itemsize
