"""A DICOM file as a radiograph."""

import io
import struct
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from workbench.core.arrays import FilmPixels
from workbench.core.errors import OptionError, ReaderError
from workbench.imaging.dicom.decoding import SYNTAXES, TransferSyntax, decode_pixels
from workbench.imaging.dicom.elements import Elements, Walker
from workbench.imaging.dicom.grey import grey_film
from workbench.imaging.dicom.header import PixelFormat, pixel_format, public_header, spacing_mm
from workbench.imaging.dicom.sources import Inflated, Source
from workbench.imaging.dicom.tags import IdentityTag, Tag
from workbench.imaging.pixels import QUIET, Radiograph, luma, one_line

PREAMBLE = 128
MAGIC = b"DICM"
_BARE = (b"\x02\x00", b"\x08\x00")
"""Files without a preamble begin with the file's own group, or with the first of the data set."""
_IMPLICIT, _EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, struct.error, zlib.error)
"""What damage makes Pillow and the standard library raise."""


@dataclass(frozen=True)
class _Head:
    elements: Elements
    walker: Walker
    syntax: TransferSyntax


def is_dicom(file: BinaryIO) -> bool:
    """Say whether a file is DICOM by its first bytes; the file is left where it was.

    A data set without a preamble counts where its first element is plausible: in group 2 or 8, and of a short length.
    """
    start = file.tell()
    head = file.read(PREAMBLE + len(MAGIC))
    file.seek(start)
    return head[PREAMBLE:] == MAGIC or _is_bare(head)


def _is_bare(head: bytes) -> bool:
    if len(head) < 12 or head[:2] not in _BARE:
        return False
    element, vr = struct.unpack_from("<H", head, 2)[0], head[4:6]
    if vr in (b"UL", b"CS", b"UI", b"DA", b"TM", b"OB"):
        return True
    return element <= 0x18 and struct.unpack_from("<L", head, 4)[0] <= 64


def read_dicom(path: str | Path, *, window: int = 0) -> Radiograph:
    """Read a single-frame DICOM radiograph as grey.

    Modality LUT or rescale first, then a VOI LUT or window, then the polarity: MONOCHROME1 is inverted, so that bones
    are bright. 0 and 1 are the ends of the chosen window (or of the lookup table's own range). Where the file has
    neither, 0 and 1 are the ends of the stored range of 8 bits or fewer, as in a PNG; of deeper pixels those values
    that all but a thousandth of the film's pixels at either end lie between, padding not counted, as viewers do.
    Padding is black. Colour becomes its luma, and has no windows.

    Parameters
    ----------
    path
        The file.
    window
        Which preset: VOI LUTs first, then windows, in the order of the file.

    Returns
    -------
    Radiograph
        ``header`` as of :func:`workbench.imaging.dicom.header.public_header`; ``spacing_mm`` where it is told.

    Raises
    ------
    ReaderError
        No DICOM, no single picture, a kind that is not read, absurd or damaged; the tag or the reason is named.
    OptionError
        The film has no such preset.
    """
    path = Path(path)
    try:
        with QUIET, path.open("rb") as file:
            return decoded_dicom(file, window=window)
    except FileNotFoundError:
        raise ReaderError(f"{path}: no such file") from None
    except ReaderError as error:
        raise ReaderError(f"{path}: {error}") from error
    except OSError as error:
        raise ReaderError(f"{path}: not readable ({error.strerror})") from error


def decoded_dicom(file: io.BufferedReader, *, window: int = 0) -> Radiograph:
    """Read an open file as :func:`read_dicom` does; its name is not in the errors."""
    try:
        head = _read_head(file, frozenset(Tag))
        stored = pixel_format(head.elements)
        pixels = head.walker.pixels
        if pixels is None or pixels.tag != Tag.PixelData:
            found = f"{pixels.tag}, numbers with a point," if pixels else "nothing"
            raise ReaderError(f"{Tag.PixelData} is missing, {found} in its place: there is no picture in it")
        samples = decode_pixels(head.walker, pixels, stored, head.syntax)
        grey, description = _grey(samples, head.elements, stored, window)
    except OptionError:  # a ValueError too, and the caller's own
        raise
    except MemoryError:
        raise ReaderError("more memory is needed for it than there is") from None
    except _BROKEN as error:
        raise ReaderError(f"truncated or damaged ({one_line(error)})") from error
    except Image.DecompressionBombError:
        raise ReaderError("more pixels than a film may have") from None
    header = public_header(head.elements, stored, syntax=head.syntax.name, window=description)
    return Radiograph(np.ascontiguousarray(grey), spacing_mm(head.elements), header)


def read_elements(file: io.BufferedReader, wanted: Collection[Tag | IdentityTag]) -> Elements:
    """Return some values of an open file's header, its pixels unread."""
    try:
        return _read_head(file, wanted).elements
    except _BROKEN as error:
        raise ReaderError(f"truncated or damaged ({one_line(error)})") from error


def _read_head(file: io.BufferedReader, wanted: Collection[Tag | IdentityTag]) -> _Head:
    if not is_dicom(file):
        raise ReaderError("not DICOM by its content")
    has_preamble = file.read(PREAMBLE + len(MAGIC))[PREAMBLE:] == MAGIC
    if not has_preamble:
        file.seek(0)
    meta = Walker(Source(file), is_implicit=False, is_little_endian=True, wanted={Tag.TransferSyntaxUID}).group(2)
    uid = meta.word(Tag.TransferSyntaxUID)
    if uid and uid not in SYNTAXES:
        raise ReaderError(f"{Tag.TransferSyntaxUID} is not one that is read: {_syntax_name(uid)}")
    syntax = SYNTAXES[uid or _EXPLICIT]
    source = Source(io.BufferedReader(Inflated(file)) if syntax.is_deflated else file)
    is_implicit = syntax.is_implicit
    if not syntax.is_deflated:
        vr = source.next_bytes(6)[4:6]
        is_implicit = not (vr.isalpha() and vr.isupper())  # some writers say one and do the other
        syntax = syntax if uid or not is_implicit else SYNTAXES[_IMPLICIT]
    walker = Walker(source, is_implicit=is_implicit, is_little_endian=syntax.is_little_endian, wanted=wanted)
    return _Head(walker.data_set(), walker, syntax)


def _syntax_name(uid: str) -> str:
    """Return what pydicom calls a transfer syntax; an unknown one might be anything, and is not repeated."""
    from pydicom.uid import UID_dictionary

    return str(UID_dictionary[uid][0]) if uid in UID_dictionary else "an unknown one"


def _grey(samples: np.ndarray, elements: Elements, stored: PixelFormat, window: int) -> tuple[FilmPixels, str]:
    if stored.samples == 1:
        return grey_film(samples, elements, stored, window)
    highest = float(2**stored.stored - 1)
    grey = luma(samples, highest) if samples.ndim == 3 else samples.astype(np.float32) / np.float32(highest)
    return grey, "colour"
