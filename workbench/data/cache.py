"""Placed films on disk, one byte a pixel and mapped into memory: decoded once, for all epochs, processes and runs."""

import logging
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
from jaxtyping import UInt8

from workbench.core.case import Case
from workbench.core.errors import ReaderError, Skipped
from workbench.core.files import digest_of, project_root, read_json, write_json
from workbench.core.manifest import Manifest
from workbench.imaging.recipes import Recipe

FORMAT = 1
VARIABLE = "WORKBENCH_CACHE"
OFF = "off"
FILMS_NAME, ABOUT_NAME = "films.u8", "about.json"
PLACING_LIBRARIES = ("radiograph-workbench", "torchvision", "scikit-image", "pillow")
"""Another version of these may place a film otherwise."""
PROBED_ROWS = 64
SPARE_BYTES = 2**30
"""Must remain free on the disk after a cache was written."""

PlacedFilms = Iterator[tuple[Case, "UInt8[np.ndarray, 's s'] | Skipped"]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedFilms:
    """The placed films of a manifest.

    Parameters
    ----------
    pixels
        (n, size, size), mapped from disk: what is not looked at takes no memory.
    case_ids
        Of the films, in the order of the manifest.
    skipped
        Films that could not be read when the cache was made.
    """

    pixels: UInt8[np.ndarray, "n s s"] = field(hash=False)
    case_ids: tuple[str, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class CacheEntry:
    """What one folder of the cache holds."""

    folder: Path
    manifest: str
    films: int
    size: int
    total_bytes: int


def cache_folder() -> Path | None:
    """Return ``$WORKBENCH_CACHE``, else ``data/.cache`` of the project; None where the variable says ``off``."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted.lower() == OFF:
        return None
    return Path(wanted).expanduser() if wanted else project_root() / "data" / ".cache"


def cache_entries(folder: Path) -> tuple[CacheEntry, ...]:
    """Return what a cache folder holds, by name."""
    entries = []
    for path in sorted(folder.glob(f"*/{ABOUT_NAME}")):
        with suppress(ReaderError, KeyError, TypeError, OSError):
            about, total = read_json(path), (path.parent / FILMS_NAME).stat().st_size
            entries.append(CacheEntry(path.parent, about["manifest"], len(about["case_ids"]), about["size"], total))
    return tuple(entries)


def clear_cache(folder: Path) -> int:
    """Remove everything that the cache wrote into a folder, and nothing else; return the bytes set free."""
    entries = cache_entries(folder)
    for entry in entries:
        shutil.rmtree(entry.folder)
    for left_over in (*folder.glob(".*.tmp"), *folder.glob(".*.lock")):
        shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()
    return sum(entry.total_bytes for entry in entries)


def cache_key(manifest: Manifest, recipe: Recipe) -> str:
    """Return what the placed films depend on, as SHA-256 in hex.

    That is the manifest's digest, which holds every film's hash; the recipe's first half; the size of every file,
    and its time where the manifest knows no hash; and the libraries that decode and place.
    """
    files = [_file_state(manifest, case) for case in manifest]
    libraries = {name: version(name) for name in PLACING_LIBRARIES}
    return digest_of([FORMAT, manifest.digest, recipe.placing, files, libraries])


def cached_films(
    manifest: Manifest, recipe: Recipe, folder: Path, *, place: Callable[[], PlacedFilms]
) -> CachedFilms | None:
    """Open the cache of a manifest and a recipe; make it first where it is absent or damaged.

    Several processes may ask at once: one makes it, the others wait and open it. It appears under its name only when it
    is whole.

    Parameters
    ----------
    manifest
        The films wanted.
    recipe
        Places them.
    folder
        Of all caches.
    place
        Yields every case of the manifest, in its order, with its placed film or why it has none.

    Returns
    -------
    CachedFilms or None
        None where the disk has no room for it or cannot be written.
    """
    try:
        key = cache_key(manifest, recipe)
        home = folder / key[:32]
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f".{key[:32]}.lock"):
            found = _opened(home, key)
            if found is None and _has_room(manifest, recipe, folder):
                _write(home, key, manifest, recipe, place())
                found = _opened(home, key)
        return found
    except OSError as error:
        _log.warning("no cache of %s in %s: %s", manifest.name, folder, error)
        return None


def _file_state(manifest: Manifest, case: Case) -> list[Any]:
    try:
        state = manifest.path(case).stat()
    except (OSError, ReaderError):
        return [case.image]
    return [case.image, state.st_size] if case.sha256 else [case.image, state.st_size, state.st_mtime_ns]


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process holds the lock; it ends with the process that holds it."""
    try:
        import fcntl
    except ImportError:  # Windows: two may write at once, each under its own name
        yield
        return
    with lock.open("w") as file:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _has_room(manifest: Manifest, recipe: Recipe, folder: Path) -> bool:
    needed, free = len(manifest) * recipe.size**2, shutil.disk_usage(folder).free
    megabytes = f"{needed / 1e6:.0f} MB for {len(manifest)} films of {manifest.name} at {recipe.size} px"
    if needed + SPARE_BYTES > free:
        _log.warning("no cache in %s: %s wanted, %.0f MB free", folder, megabytes, free / 1e6)
        return False
    _log.info("making a cache in %s: %s", folder, megabytes)
    return True


def _write(home: Path, key: str, manifest: Manifest, recipe: Recipe, films: PlacedFilms) -> None:
    """Write a whole cache under a temporary name and rename it."""
    temporary = home.with_name(f".{home.name}.{token_hex(4)}.tmp")
    temporary.mkdir()
    case_ids: list[str] = []
    checksums: list[int] = []
    skipped: list[list[str]] = []
    try:
        with (temporary / FILMS_NAME).open("wb") as file:
            for case, film in films:
                if isinstance(film, Skipped):
                    skipped.append([film.what, film.reason])
                    continue
                content = film.tobytes()
                file.write(content)
                case_ids.append(case.case_id)
                checksums.append(zlib.crc32(content))
            file.flush()
            os.fsync(file.fileno())
        about = {"key": key, "manifest": manifest.name, "size": recipe.size, "case_ids": case_ids}
        write_json(temporary / ABOUT_NAME, about | {"skipped": skipped, "checksums": checksums})
        shutil.rmtree(home, ignore_errors=True)  # a damaged one
        temporary.rename(home)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _opened(home: Path, key: str) -> CachedFilms | None:
    """Return a cache that holds what it should; None where it is absent, of another key, short, or changed."""
    try:
        about = read_json(home / ABOUT_NAME)
        case_ids, checksums, size = tuple(about["case_ids"]), about["checksums"], about["size"]
        skipped = tuple(Skipped(what, reason) for what, reason in about["skipped"])
        whole = (home / FILMS_NAME).stat().st_size == len(case_ids) * size**2
        if about["key"] != key or not whole or len(checksums) != len(case_ids):
            raise ValueError("it does not hold what it says")
        shape = (len(case_ids), size, size)
        pixels = _mapped(home / FILMS_NAME, shape)
        probed = np.unique(np.linspace(0, len(case_ids) - 1, PROBED_ROWS).astype(int)) if case_ids else ()
        if any(zlib.crc32(pixels[row].tobytes()) != checksums[row] for row in probed):
            raise ValueError("a film has changed")
    except FileNotFoundError:
        return None
    except (ReaderError, OSError, LookupError, TypeError, ValueError) as error:
        if home.exists():
            _log.warning("%s: damaged (%s); it is made again", home, error)
        return None
    return CachedFilms(pixels, case_ids, skipped)


def _mapped(path: Path, shape: tuple[int, int, int]) -> UInt8[np.ndarray, "n s s"]:
    """Return the file as an array; what is written into it stays in this process's memory, torch wants it writeable."""
    if shape[0] == 0:
        return np.zeros(shape, dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="c", shape=shape)
