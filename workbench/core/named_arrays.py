"""Named arrays with JSON beside them: packed into one file, or as a folder of which only what is read takes memory."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from workbench.core.arrays import Json
from workbench.core.files import read_json, write_bytes, write_json

ABOUT_NAME = "about.json"
"""Written last: a folder without it is not finished."""
DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error)
"""What reading damaged or foreign files is known to raise."""

NamedArrays = Mapping[str, np.ndarray]


def packed(arrays: NamedArrays, *, compress: bool = True) -> bytes:
    """Return arrays as the content of an npz file, without pickles."""
    content = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    if compress:
        np.savez_compressed(content, **named)
    else:
        np.savez(content, **named)
    return content.getvalue()


def write_packed(path: Path, about: Json, arrays: NamedArrays) -> None:
    """Write arrays as npz and what is said about them beside it as JSON."""
    write_bytes(path, packed(arrays))
    write_json(path.with_suffix(".json"), about)


def unpacked(path: Path, *names: str) -> dict[str, np.ndarray]:
    """Return the arrays of an npz file, or those named; one of :data:`DAMAGED` where it is none, or holds objects."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in names or stored.files}


class ArrayWriter:
    """Writes one npy file row by row, so that memory never holds all of it.

    Parameters
    ----------
    file
        Open for writing, empty.
    rows
        How many will be written in all.
    """

    def __init__(self, file: BinaryIO, rows: int) -> None:
        self._file, self._rows = file, rows
        self._kind: tuple[np.dtype[Any], tuple[int, ...]] | None = None

    def add(self, part: np.ndarray) -> None:
        """Append rows; a ValueError where they have another type or shape than those before."""
        kind = part.dtype, part.shape[1:]
        if self._kind is None:
            self._kind = kind
            about = {"descr": npy.dtype_to_descr(part.dtype), "fortran_order": False, "shape": (self._rows, *kind[1])}
            npy.write_array_header_2_0(self._file, about)
        if kind != self._kind:
            raise ValueError(f"rows of {kind[1]} {kind[0]} after rows of {self._kind[1]} {self._kind[0]}")
        self._file.write(np.ascontiguousarray(part).tobytes())


def read_named_arrays(path: Path) -> tuple[Json, dict[str, np.ndarray]]:
    """Read what :func:`write_packed` wrote, or a folder of npy files with ``about.json``, mapped from disk.

    Parameters
    ----------
    path
        The npz file or the folder.

    Returns
    -------
    tuple
        What is said about the arrays, and the arrays; those of a folder are read-only.

    Raises
    ------
    ReaderError
        The JSON is absent or none.
    OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error
        :data:`DAMAGED`: an array is absent, damaged or holds Python objects.
    """
    about = read_json(path / ABOUT_NAME if path.is_dir() else path.with_suffix(".json"))
    if path.is_dir():
        return about, {each.stem: np.load(each, mmap_mode="r") for each in sorted(path.glob("*.npy"))}
    return about, unpacked(path)
