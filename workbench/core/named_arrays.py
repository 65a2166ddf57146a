"""Named arrays with JSON beside them: packed into one file, or as a folder of which only what is read takes memory."""

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

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
    write = np.savez_compressed if compress else np.savez
    write(content, allow_pickle=False, **arrays)
    return content.getvalue()


def write_packed(path: Path, about: Json, arrays: NamedArrays) -> None:
    """Write arrays as npz and what is said about them beside it as JSON."""
    write_bytes(path, packed(arrays))
    write_json(path.with_suffix(".json"), about)


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
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return about, dict(stored)
