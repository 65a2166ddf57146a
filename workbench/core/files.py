"""Writing so that nothing is ever half-written, hashing, and keeping paths inside their root."""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.core.arrays import Json
from workbench.core.errors import ReaderError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success fsync it and rename it into place, else remove it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a text file atomically as UTF-8."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Json) -> None:
    """Write JSON atomically, indented; NaN and infinity are refused, because JSON has neither."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Json:
    """Read a JSON file; a ReaderError where it is absent or is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReaderError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:  # not UTF-8, not JSON, huge numbers, nested too deeply
        raise ReaderError(f"{path}: not readable as JSON ({error})") from error


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(content: Json) -> str:
    """Return the SHA-256 in hex of JSON content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def project_root() -> Path:
    """Return the nearest folder, from the working directory upwards, that holds ``data_manifests``; else the former."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "data_manifests").is_dir()), here)


def project_path(path: str | Path) -> Path:
    """Return a path as given if it is absolute or exists, else from the project's root.

    So a notebook in ``notebooks/`` and a command in the root mean the same by ``data_manifests/NAME.csv``.
    """
    path = Path(path).expanduser()
    return path if path.is_absolute() or path.exists() else project_root() / path


def safe_name(text: str) -> str:
    """Return a name that every file system takes: letters, digits and ``.+_-``, at most 120 bytes."""
    kept = "".join(letter if letter.isalnum() or letter in ".+_-" else " " for letter in text)
    name = "-".join(kept.split()).strip("-.")
    return name.encode()[:120].decode(errors="ignore") or "film"


def path_inside(root: Path, relative: str) -> Path:
    """Return ``root / relative``, resolved; a ReaderError where it leaves its root: ``..``, absolute, or by a link."""
    try:
        path = (root / relative).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a NUL in it, or a link that leads to itself
        raise ReaderError(f"{relative}: not readable ({error})") from error
    if not path.is_relative_to(root.resolve()):
        raise ReaderError(f"{relative}: leaves its folder {root}; give a path inside it")
    return path
