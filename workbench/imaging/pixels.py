"""Films as arrays: PNG and JPEG of any mode, and DICOM, to grey in 0..1, and back to an 8-bit PNG."""

import io
import struct
import threading
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from workbench.core.arrays import FilmPixels
from workbench.core.errors import ReaderError
from workbench.core.files import write_bytes

MAX_PIXELS = 2**26
"""More than any digital radiograph has (the largest detectors give some 2**25), little enough for any machine."""
MAX_SIDE = 2**15
FORMATS = ("PNG", "JPEG")
"""The only decoders that a file from outside may reach."""

_LUMA = (299, 587, 114)
"""Thousandths of red, green and blue (ITU-R BT.601): whole numbers, so that grey RGB gives exactly what L gives."""
_ORIENTATION_TAG = 0x0112
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, struct.error, zlib.error)
"""What Pillow's PNG and JPEG decoders are known to raise on damaged files."""


@dataclass(frozen=True)
class Radiograph:
    """One film as a network, a figure or an edit takes it.

    Parameters
    ----------
    pixels
        (h, w), 0 black to 1 white.
    spacing_mm
        Side of a pixel, 0 where it is not known; the resolution that PNG and JPEG state is that of a screen.
    header
        What the file said that identifies nobody: format, mode, bits, orientation.

    Raises
    ------
    ReaderError
        The pixels are absent, too many, NaN, or outside 0..1.
    """

    pixels: FilmPixels
    spacing_mm: float = 0.0
    header: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_pixels(self.pixels)

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return int(self.pixels.shape[1])


def read_radiograph(path: str | Path) -> Radiograph:
    """Read a PNG or JPEG of any mode, or a DICOM radiograph, as grey.

    DICOM is read as :func:`workbench.imaging.dicom.reader.read_dicom` says, with the first of its windows. Of a PNG or
    JPEG the full scale of the stored type becomes 1: 1 for a bit, 255 for 8 bits, 65535 for 16 bits of grey. Pillow
    gives 16-bit colour, and 16-bit grey with transparency, at 8 bits only. Colour becomes its luma, what is transparent
    lies on black, and the film is turned upright as its EXIF orientation says.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Radiograph
        ``header`` holds ``format``, ``mode``, ``bits`` and ``orientation`` (1 to 8, as found); of DICOM more.

    Raises
    ------
    ReaderError
        The file is missing, empty, truncated, damaged, neither PNG, JPEG nor DICOM, or of an absurd size.
    """
    path = Path(path)
    if not path.is_file():
        raise ReaderError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    try:
        if path.stat().st_size == 0:
            raise ReaderError("the file is empty")
        with QUIET, path.open("rb") as file:
            return _decoded(file)
    except ReaderError as error:
        raise ReaderError(f"{path}: {error}") from error
    except UnidentifiedImageError:
        raise ReaderError(f"{path}: neither PNG, JPEG nor DICOM by its content, or its head is damaged") from None
    except Image.DecompressionBombError:
        raise ReaderError(f"{path}: more pixels than {MAX_PIXELS}, the most a film may have") from None
    except _BROKEN as error:
        raise ReaderError(f"{path}: truncated or damaged ({one_line(error)})") from error


def write_png(path: str | Path, pixels: FilmPixels) -> None:
    """Write (h, w) in 0..1 as an 8-bit grey PNG, atomically; the same pixels give the same bytes.

    Parameters
    ----------
    path
        The file; its folder is made where it is missing.
    pixels
        (h, w), 0 black to 1 white, rounded to the nearest of 256 levels.

    Raises
    ------
    ReaderError
        The pixels are absent, too many, NaN, or outside 0..1.
    """
    check_pixels(pixels)
    content = io.BytesIO()
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(content, format="PNG", compress_level=3)
    write_bytes(Path(path), content.getvalue())


def check_pixels(pixels: FilmPixels) -> None:
    """Refuse pixels that are no film.

    Parameters
    ----------
    pixels
        (h, w).

    Raises
    ------
    ReaderError
        There are none or too many, or one is NaN or outside 0..1.
    """
    height, width = pixels.shape
    check_size(width, height)
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):  # NaN fails both
        raise ReaderError(f"pixels from {low:.4g} to {high:.4g}; wanted numbers from 0 (black) to 1 (white)")


def _decoded(file: io.BufferedReader) -> Radiograph:
    from workbench.imaging.dicom.reader import decoded_dicom, is_dicom  # it builds on this module

    if is_dicom(file):
        return decoded_dicom(file)
    with Image.open(file, formats=FORMATS) as image:
        check_size(*image.size)  # known from the header: nothing is decoded yet
        mode = image.mode
        image.load()
        orientation = _orientation(image)
        pixels, bits = grey_pixels(image)
    header = {"format": image.format, "mode": mode, "bits": bits, "orientation": orientation}
    return Radiograph(_upright(pixels, orientation), header=header)


def check_size(width: int, height: int) -> None:
    """Refuse a size that no film has."""
    if width < 1 or height < 1:
        raise ReaderError(f"{width} x {height} pixels: there is nothing to see")
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise ReaderError(f"{width} x {height} pixels; a film has at most {MAX_SIDE} a side and {MAX_PIXELS} in all")


def grey_pixels(image: Image.Image) -> tuple[FilmPixels, int]:
    """Return the pixels (h, w) in 0..1 and the bits that a channel was read with."""
    transparent = image.info.get("transparency")
    if image.mode in ("I;16", "I;16B", "I"):
        values = np.asarray(image)
        seen = values if transparent is None else np.where(values == transparent, 0, values)
        return seen.astype(np.float32) / np.float32(65535), 16
    if transparent is not None or "A" in image.mode:
        channels = np.asarray(image.convert("RGBA"))
        return luma(channels) * (channels[..., 3].astype(np.float32) / np.float32(255)), 8
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255), 1 if image.mode == "1" else 8
    return luma(np.asarray(image.convert("RGB"))), 8


def luma(channels: np.ndarray, highest: float = 255) -> FilmPixels:
    """Return the luma (h, w) in 0..1 of the first three of (h, w, c) channels, of which the highest value is told."""
    red, green, blue = (channels[..., index].astype(np.float32) * weight for index, weight in enumerate(_LUMA))
    scaled: FilmPixels = (red + green + blue) / np.float32(highest * sum(_LUMA))
    return scaled


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) where there is none or it cannot be read."""
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except _BROKEN:  # a damaged tag is no reason to lose the film
        return 1
    return orientation if orientation in range(1, 9) else 1


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo one of the eight EXIF orientations: 5 to 8 swap rows and columns, then rows or columns run backwards."""
    if orientation >= 5:
        pixels = pixels.T
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(pixels[::rows, ::columns])


def one_line(error: BaseException) -> str:
    """Return what an error says in one line, its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


class _Quiet:
    """Silences the decoders' own warnings while any thread reads a film.

    Python's filters belong to the process, so ``catch_warnings`` in several threads at once restores the wrong ones:
    the first reader in sets them, the last one out restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._readers == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"(PIL|pydicom|openjpeg|jpeg_ls)(\.|$)")
            self._readers += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0:
                self._filters.__exit__(kind, error, trace)


QUIET = _Quiet()
