"""Bounds of compressed streams, checked in their own heads before a decoder sees them.

A decoder takes room for the size that its stream tells, not for the one that the DICOM header tells; and what it is
told of tiles, blocks and layers may cost more than any picture.
"""

import struct
from collections.abc import Iterator

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.header import PixelFormat
from workbench.imaging.dicom.jpeg_heads import frame_header
from workbench.imaging.dicom.tags import Tag

MAX_TILES = 2**12
MAX_BLOCKS = 2**19
"""Of JPEG 2000 code blocks; the usual 64 x 64 are 16,384 in the largest film."""
MAX_LAYERS = 100
LEAST_PRECINCT = 4
"""The exponent: 16 pixels; the usual precincts are the whole film, or 128 and more."""
MAX_RATIO = 1000
FREE_BYTES = 2**24
"""A picture this small may be compressed as strongly as it likes (an empty film is)."""
_SIZ, _COD, _COC, _SOT, _SOD, _EOC = 0xFF51, 0xFF52, 0xFF53, 0xFF90, 0xFF93, 0xFFD9
_REFUSED = {
    0xFF5E: "regions of interest",
    0xFF5F: "changes of progression",
    0xFF60: "packed heads",
    0xFF61: "packed heads",
}
_START = b"\xff\x4f\xff\x51"
_BOXES = 2**12
"""Where a stream must have begun that some writers put into a file of boxes."""
_END_OF_IMAGE = b"\xff\xd9"


def check_ratio(stream_bytes: int, stored: PixelFormat) -> None:
    """Refuse a stream too short, or too long, for its picture."""
    pixels = stored.uncompressed_bytes
    if pixels > FREE_BYTES and stream_bytes * MAX_RATIO < pixels:
        raise ReaderError(f"{stream_bytes} compressed bytes for {pixels} of pixels: a decompression bomb, or truncated")
    if stream_bytes > 2 * pixels + 2**16:
        raise ReaderError(f"{stream_bytes} compressed bytes for {pixels} of pixels; wanted fewer, not more")


def check_jpeg(stream: bytes, stored: PixelFormat) -> None:
    """Refuse a JPEG or JPEG-LS stream whose frame is not the picture that the header tells."""
    frame = frame_header(stream)
    _check_size("JPEG", frame.columns, frame.rows, frame.components, stored)
    _check_precision("JPEG", frame.precision, stored)


def check_end(kind: str, stream: bytes) -> None:
    """Refuse a stream without its end mark: one decoder makes up what is missing, another spends seconds on it."""
    if not stream.rstrip(b"\0").endswith(_END_OF_IMAGE):
        raise ReaderError(f"truncated or damaged: the {kind} stream has no end mark")


def jpeg_2000_codestream(stream: bytes) -> bytes:
    """Return the code stream, without the boxes of a JP2 file that some writers leave around it."""
    start = stream[:_BOXES].find(_START)
    if start < 0:
        raise ReaderError("damaged: the compressed stream is no JPEG 2000")
    return stream[start:]


def check_jpeg_2000(stream: bytes, stored: PixelFormat) -> int:
    """Refuse a code stream whose heads do not tell the picture of the header, or ask for absurd work.

    Parameters
    ----------
    stream
        From its first mark on.
    stored
        What the DICOM header tells.

    Returns
    -------
    int
        Bits of a sample.
    """
    tiles = 0
    precision = 0
    for marker, body in _marker_segments(stream):
        if marker == _SIZ:
            tiles, precision = _check_siz(body, stored)
        elif marker == _COD:
            _check_coding(body[1:5], body[0], body[5:], stored)
        elif marker == _COC and len(body) > 2:
            _check_coding(b"\0\0\1\0", body[1], body[2:], stored)
        elif marker == _SOT and struct.unpack_from(">H", body)[0] >= tiles:
            raise ReaderError(f"damaged: the JPEG 2000 stream has a tile beyond its {tiles}")
        elif marker in _REFUSED:
            raise ReaderError(f"a JPEG 2000 stream with {_REFUSED[marker]}, which no film needs")
    if precision == 0:
        raise ReaderError("truncated or damaged: the JPEG 2000 stream does not tell its size")
    return precision


def _marker_segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker segments of the main head and of the head of every tile part."""
    at, tile_end = 2, 0
    while at + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, at)
        if marker == _EOC:
            return
        if marker == _SOD:
            if tile_end <= at:
                return
            at = tile_end
            continue
        if marker < 0xFF00 or length < 2 or at + 2 + length > len(stream):
            raise ReaderError("truncated or damaged: a head of the JPEG 2000 stream is cut short")
        body = stream[at + 4 : at + 2 + length]
        if marker == _SOT:
            if len(body) != 8:
                raise ReaderError("damaged: the JPEG 2000 stream has a tile of an odd head")
            part = struct.unpack_from(">L", body, 2)[0]
            tile_end = at + part if part else len(stream)
            if tile_end > len(stream):
                raise ReaderError("truncated: a tile of the JPEG 2000 stream is cut short")
        yield marker, body
        at += 2 + length


def _check_siz(body: bytes, stored: PixelFormat) -> tuple[int, int]:
    if len(body) < 36 + 3 * stored.samples:
        raise ReaderError("damaged: the JPEG 2000 stream's size is cut short")
    _, x1, y1, x0, y0, tile_width, tile_height, tile_x, tile_y, components = struct.unpack_from(">H8LH", body)
    _check_size("JPEG 2000", x1 - x0, y1 - y0, components, stored)
    if tile_width == 0 or tile_height == 0 or max(tile_x, tile_y) > min(x0, y0) or max(x0, y0) > 2**15:
        raise ReaderError("damaged: the JPEG 2000 stream's tiles do not cover it")
    tiles = -(-(x1 - tile_x) // tile_width) * -(-(y1 - tile_y) // tile_height)
    if tiles > MAX_TILES:
        raise ReaderError(f"a JPEG 2000 stream of {tiles} tiles; wanted at most {MAX_TILES}")
    each = [body[36 + 3 * index : 39 + 3 * index] for index in range(components)]
    if any(step != (1, 1) for step in ((one[1], one[2]) for one in each)):
        raise ReaderError("a JPEG 2000 stream with colours at another scale, which no film needs")
    precisions = {one[0] for one in each}
    if len(precisions) != 1:
        raise ReaderError("a JPEG 2000 stream with colours of several depths, which no film needs")
    precision = (precisions.pop() & 0x7F) + 1
    _check_precision("JPEG 2000", precision, stored)
    return tiles, precision


def _check_coding(order: bytes, style: int, coding: bytes, stored: PixelFormat) -> None:
    """Check the layers, levels, blocks and precincts of one coding style."""
    if len(order) < 4 or len(coding) < 5:
        raise ReaderError("damaged: the JPEG 2000 stream's coding is cut short")
    layers = struct.unpack_from(">H", order, 1)[0]
    levels, width, height = coding[0], coding[1] + 2, coding[2] + 2
    if not 1 <= layers <= MAX_LAYERS or levels > 32 or max(width, height) > 10 or width + height > 12:
        raise ReaderError(
            f"damaged: a JPEG 2000 stream of {layers} layers, {levels} levels and blocks of 2^{width} x 2^{height}"
        )
    blocks = stored.pixels * stored.samples >> (width + height)
    if blocks > MAX_BLOCKS:
        raise ReaderError(f"a JPEG 2000 stream of {blocks} blocks; wanted at most {MAX_BLOCKS}")
    precincts = coding[5 : 6 + levels] if style & 1 else b""
    if any(min(each & 15, each >> 4) < LEAST_PRECINCT for each in precincts):
        raise ReaderError(f"a JPEG 2000 stream with precincts of fewer than {2**LEAST_PRECINCT} pixels")


def _check_size(kind: str, columns: int, rows: int, components: int, stored: PixelFormat) -> None:
    told = (stored.columns, stored.rows, stored.samples)
    if (columns, rows, components) != told:
        found = f"{columns} x {rows} pixels of {components}"
        raise ReaderError(
            f"the {kind} stream has {found} samples; {Tag.Columns}, {Tag.Rows} and {Tag.SamplesPerPixel} tell "
            f"{told[0]} x {told[1]} of {told[2]}"
        )


def _check_precision(kind: str, precision: int, stored: PixelFormat) -> None:
    if not 1 < precision <= stored.allocated:
        raise ReaderError(f"the {kind} stream has {precision} bits; {Tag.BitsAllocated} is {stored.allocated}")
