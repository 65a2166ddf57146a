"""Samples of a film by its transfer syntax: who decodes what, and what each stream must be to be let in."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from PIL import Image, UnidentifiedImageError

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.codestreams import (
    check_end,
    check_jpeg,
    check_jpeg_2000,
    jpeg_2000_codestream,
)
from workbench.imaging.dicom.elements import PixelElement, Walker
from workbench.imaging.dicom.fragments import compressed_bytes, uncompressed_bytes
from workbench.imaging.dicom.header import PixelFormat
from workbench.imaging.dicom.jpeg import decode_jpeg
from workbench.imaging.dicom.jpeg_heads import BASELINE, EXTENDED, LOSSLESS, frame_header

Decoder = Callable[[bytes, PixelFormat], np.ndarray]
"""Takes a stream to (h, w) or (h, w, samples)."""
_RLE_HEAD = 64


@dataclass(frozen=True)
class TransferSyntax:
    """How a data set and its pixels are written.

    Parameters
    ----------
    name
        As the header of a film tells it.
    decoder
        Of compressed pixels; None where they are not compressed.
    """

    name: str
    decoder: Decoder | None = None
    is_implicit: bool = False
    is_little_endian: bool = True
    is_deflated: bool = False


def decode_pixels(walker: Walker, pixels: PixelElement, stored: PixelFormat, syntax: TransferSyntax) -> np.ndarray:
    """Return the stored bits of every sample as unsigned numbers.

    Parameters
    ----------
    walker
        At the value of the pixels.
    pixels
        Their element.
    stored
        How they are stored.
    syntax
        How they are written.

    Returns
    -------
    np.ndarray
        (h, w) of grey, or of the luma where colour is stored as luma and its differences; else (h, w, 3).

    Raises
    ------
    ReaderError
        Too few bytes, a damaged stream, or one that is not the picture of the header.
    """
    if syntax.decoder is None:
        samples = _native_samples(uncompressed_bytes(walker, pixels, stored), pixels, stored, syntax)
    else:
        samples = syntax.decoder(compressed_bytes(walker, pixels, stored), stored)
    if samples.ndim == 3 and stored.photometric.startswith("YBR_FULL"):
        samples = samples[..., 0]
    return _stored_bits(samples, stored, is_raw=syntax.decoder in (None, decode_rle))


def _native_samples(content: bytes, pixels: PixelElement, stored: PixelFormat, syntax: TransferSyntax) -> np.ndarray:
    order = "<" if syntax.is_little_endian else ">"
    samples = np.frombuffer(content, f"{order}u{stored.allocated // 8}")
    if not syntax.is_little_endian and stored.allocated == 8 and pixels.vr == "OW" and samples.size % 2 == 0:
        samples = np.frombuffer(content, ">u2").astype("<u2").view(np.uint8)  # bytes were written as words
    if stored.is_halved:
        return samples.reshape(-1, 4)[:, :2].reshape(stored.rows, stored.columns)
    return _shaped(samples, stored, is_planar=stored.is_planar)


def _shaped(samples: np.ndarray, stored: PixelFormat, *, is_planar: bool) -> np.ndarray:
    if stored.samples == 1:
        return samples.reshape(stored.rows, stored.columns)
    if is_planar:
        return np.moveaxis(samples.reshape(stored.samples, stored.rows, stored.columns), 0, -1)
    return samples.reshape(stored.rows, stored.columns, stored.samples)


def _stored_bits(samples: np.ndarray, stored: PixelFormat, *, is_raw: bool) -> np.ndarray:
    """Return the bits that count; others may hold overlays, and a decoder has moved its own down already."""
    unsigned = samples.view(f"{samples.dtype.byteorder}u{samples.dtype.itemsize}").astype(np.uint16, copy=False)
    shift = stored.high_bit + 1 - stored.stored if is_raw else 0
    if shift == 0 and stored.stored == 8 * samples.dtype.itemsize:
        return unsigned
    return (unsigned >> np.uint16(shift)) & np.uint16(2**stored.stored - 1)


def decode_rle(stream: bytes, stored: PixelFormat) -> np.ndarray:
    """Undo DICOM's run lengths: a segment for each byte of a sample, the highest first."""
    width = stored.allocated // 8
    offsets = np.frombuffer(stream[:_RLE_HEAD].ljust(_RLE_HEAD, b"\0"), "<u4").astype(int).tolist()
    count = stored.samples * width
    if offsets[0] != count or any(not _RLE_HEAD <= offset < len(stream) for offset in offsets[1 : count + 1]):
        raise ReaderError(f"damaged: the RLE stream has {offsets[0]} segments or ends before them; wanted {count}")
    ends = [*offsets[2 : count + 1], len(stream)]
    planes = [_unpacked(stream[start:end], stored.pixels) for start, end in zip(offsets[1:], ends, strict=False)]
    joined = np.stack(planes).reshape(stored.samples, width, stored.pixels)
    samples = joined[:, 0].astype(np.uint16)
    if width == 2:
        samples = samples << np.uint16(8) | joined[:, 1]
    return _shaped(samples, stored, is_planar=True)


def _unpacked(segment: bytes, length: int) -> np.ndarray:
    """Return so many bytes; the whole plane counts as one line, so that it cannot grow beyond them."""
    try:
        return np.asarray(Image.frombytes("L", (length, 1), segment, "packbits", "L"))[0]
    except ValueError:
        raise ReaderError("truncated or damaged: the RLE stream ends before its last row") from None


def decode_any_jpeg(stream: bytes, stored: PixelFormat) -> np.ndarray:
    """Decode JPEG: Pillow where it has 8 bits and loses some, our own decoder where it has more, or loses none."""
    check_jpeg(stream, stored)
    frame = frame_header(stream)
    if frame.marker not in (BASELINE, EXTENDED, LOSSLESS):
        raise ReaderError("a JPEG stream that is neither lossless nor sequential with Huffman codes")
    if frame.marker == LOSSLESS or frame.precision > 8:
        return decode_jpeg(stream)
    try:
        return _pillow_samples(stream, stored)
    except UnidentifiedImageError:
        raise ReaderError("truncated or damaged: the JPEG stream cannot be decoded") from None


def _pillow_samples(stream: bytes, stored: PixelFormat) -> np.ndarray:
    with Image.open(io.BytesIO(stream), formats=("JPEG",)) as image:
        if stored.photometric.startswith("YBR"):
            image.draft("YCbCr", image.size)
            return np.asarray(image.getchannel(0))
        if image.mode == "RGB" and stored.photometric == "RGB" and "adobe_transform" not in image.info:
            image.draft("YCbCr", image.size)  # stored as they are: no transform to undo
        return np.asarray(image)


def decode_jpeg_ls(stream: bytes, stored: PixelFormat) -> np.ndarray:
    """Decode JPEG-LS by CharLS."""
    import jpeg_ls  # type: ignore[import-untyped]  # it has no types

    check_jpeg(stream, stored)
    check_end("JPEG-LS", stream)
    try:
        content, told = jpeg_ls.decode_pixel_data(stream)
    except (RuntimeError, ValueError) as error:
        raise _damaged("JPEG-LS", error) from error
    is_planar = told["components"] > 1 and told["interleave_mode"] == 0
    return _decoded("JPEG-LS", bytes(content), int(told["bits_per_sample"]), stored, is_planar=is_planar)


def decode_jpeg_2000(stream: bytes, stored: PixelFormat) -> np.ndarray:
    """Decode JPEG 2000 by OpenJPEG, which undoes the transform of colours by itself."""
    from openjpeg.utils import decode_pixel_data

    codestream = jpeg_2000_codestream(stream)
    precision = check_jpeg_2000(codestream, stored)
    check_end("JPEG 2000", codestream)
    try:
        content = decode_pixel_data(codestream, version=2)
    except (RuntimeError, ValueError) as error:
        raise _damaged("JPEG 2000", error) from error
    return _decoded("JPEG 2000", bytes(content), precision, stored, is_planar=False)


def _decoded(kind: str, content: bytes, precision: int, stored: PixelFormat, *, is_planar: bool) -> np.ndarray:
    samples = np.frombuffer(content, np.uint8 if precision <= 8 else np.dtype("<u2"))
    if samples.size != stored.pixels * stored.samples:
        raise ReaderError(f"damaged: the {kind} stream gives {samples.size} samples")
    return _shaped(samples, stored, is_planar=is_planar)


def _damaged(kind: str, error: Exception) -> ReaderError:
    return ReaderError(f"truncated or damaged: the {kind} stream cannot be decoded ({' '.join(str(error).split())})")


SYNTAXES: Mapping[str, TransferSyntax] = MappingProxyType(
    {
        "1.2.840.10008.1.2": TransferSyntax("implicit little endian", is_implicit=True),
        "1.2.840.10008.1.2.1": TransferSyntax("explicit little endian"),
        "1.2.840.10008.1.2.1.99": TransferSyntax("deflated", is_deflated=True),
        "1.2.840.10008.1.2.2": TransferSyntax("explicit big endian", is_little_endian=False),
        "1.2.840.10008.1.2.4.50": TransferSyntax("JPEG baseline", decode_any_jpeg),
        "1.2.840.10008.1.2.4.51": TransferSyntax("JPEG extended", decode_any_jpeg),
        "1.2.840.10008.1.2.4.57": TransferSyntax("JPEG lossless", decode_any_jpeg),
        "1.2.840.10008.1.2.4.70": TransferSyntax("JPEG lossless SV1", decode_any_jpeg),
        "1.2.840.10008.1.2.4.80": TransferSyntax("JPEG-LS lossless", decode_jpeg_ls),
        "1.2.840.10008.1.2.4.81": TransferSyntax("JPEG-LS near-lossless", decode_jpeg_ls),
        "1.2.840.10008.1.2.4.90": TransferSyntax("JPEG 2000 lossless", decode_jpeg_2000),
        "1.2.840.10008.1.2.4.91": TransferSyntax("JPEG 2000", decode_jpeg_2000),
        "1.2.840.10008.1.2.5": TransferSyntax("RLE", decode_rle),
    }
)
"""UID -> transfer syntax; what is not here is refused."""
