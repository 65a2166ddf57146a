"""DICOM files made byte by byte, so that they can be as wrong as files from outside are."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword

IMPLICIT, EXPLICIT, DEFLATED, BIG = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2"))
LONG = ("OB", "OW", "SQ", "UN", "UT")
UNDEFINED = 0xFFFFFFFF
US = {"US or SS": "US", "US or OW": "OW", "OB or OW": "OW"}


class DicomMaker:
    """Writes elements as one transfer syntax has them."""

    def __init__(self, syntax: str = EXPLICIT) -> None:
        self.syntax = syntax
        self.order = ">" if syntax == BIG else "<"

    def head(self, tag: int, vr: str, length: int) -> bytes:
        numbers = struct.pack(f"{self.order}HH", tag >> 16, tag & 0xFFFF)
        if self.syntax == IMPLICIT:
            return numbers + struct.pack("<L", length)
        if vr in LONG:
            return numbers + vr.encode() + b"\0\0" + struct.pack(f"{self.order}L", length)
        return numbers + vr.encode() + struct.pack(f"{self.order}H", length)

    def item(self, tag: int, content: bytes = b"", length: int | None = None) -> bytes:
        size = len(content) if length is None else length
        return struct.pack(f"{self.order}HHL", 0xFFFE, tag & 0xFFFF, size) + content

    def element(self, keyword: str, value: Any) -> bytes:
        tag = tag_for_keyword(keyword)
        vr = dictionary_VR(tag)
        vr = US.get(vr, vr)
        if vr == "SQ":
            content = b"".join(self.item(0xE000, self.elements(each)) for each in value)
        elif isinstance(value, bytes):
            content = value
        elif vr in ("US", "OW"):
            content = struct.pack(f"{self.order}{len(np.atleast_1d(value))}H", *np.atleast_1d(value).tolist())
        else:
            content = str(value).encode()
        content += b"\0" * (len(content) % 2) if vr in ("OB", "OW", "UI") else b" " * (len(content) % 2)
        return self.head(tag, vr, len(content)) + content

    def elements(self, values: dict[str, Any]) -> bytes:
        return b"".join(self.element(keyword, values[keyword]) for keyword in sorted(values, key=tag_for_keyword))

    def fragments(self, *streams: bytes) -> bytes:
        padded = [stream + b"\0" * (len(stream) % 2) for stream in streams]
        content = b"".join(self.item(0xE000, each) for each in (b"", *padded)) + self.item(0xE0DD)
        return self.head(0x7FE00010, "OB", UNDEFINED) + content

    def file(self, body: bytes) -> bytes:
        explicit = DicomMaker(EXPLICIT)
        meta = explicit.element("TransferSyntaxUID", self.syntax)
        if self.syntax == DEFLATED:
            packer = zlib.compressobj(wbits=-15)
            body = packer.compress(body) + packer.flush()
        return bytes(128) + b"DICM" + meta + body


def image_values(pixels: np.ndarray, **changes: Any) -> dict[str, Any]:
    """Return the elements that a film must have; None takes one away."""
    bits = 8 * pixels.dtype.itemsize
    colour = pixels.ndim == 3
    values = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1",
        "Modality": "DX",
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
    } | changes
    if "HighBit" not in values:
        values["HighBit"] = values["BitsStored"] - 1
    return {keyword: value for keyword, value in values.items() if value is not None}


def film_bytes(
    pixels: np.ndarray, *, syntax: str = EXPLICIT, stream: bytes | None = None, before: bytes = b"", **changes: Any
) -> bytes:
    """Return a file of these pixels, or of a compressed stream of them."""
    maker = DicomMaker(syntax)
    body = before + maker.elements(image_values(pixels, **changes))
    if stream is not None:
        return maker.file(body + maker.fragments(stream))
    content = pixels.astype(pixels.dtype.newbyteorder(maker.order)).tobytes()
    if maker.order == ">" and pixels.dtype.itemsize == 1:  # bytes written as words
        content = np.frombuffer(content, "<u2").byteswap().tobytes()
    return maker.file(body + maker.head(0x7FE00010, "OW", len(content)) + content)


@pytest.fixture
def film_file(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes bytes, or pixels with their elements, as a file."""

    def write(content: bytes | np.ndarray, **options: Any) -> Path:
        path = tmp_path / "film.dcm"
        path.write_bytes(content if isinstance(content, bytes) else film_bytes(content, **options))
        return path

    return write


@pytest.fixture(scope="session")
def maker() -> type[DicomMaker]:
    return DicomMaker


@pytest.fixture(scope="session")
def as_bytes() -> Callable[..., bytes]:
    return film_bytes
