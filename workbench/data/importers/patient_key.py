"""The secret that patients' ids are hashed with: from the environment, or from a file made once."""

import os
import secrets
from pathlib import Path

from workbench.core.errors import ManifestError

VARIABLE = "WORKBENCH_PATIENT_KEY"
FILE_NAME = "patient.key"
LEAST_SIGNS = 16
"""Fewer could be tried out."""


def patient_key(path: Path) -> bytes:
    """Return the secret.

    Parameters
    ----------
    path
        Where it lies where ``$WORKBENCH_PATIENT_KEY`` does not tell it; made, for its owner's eyes only, where it is
        missing. Keep it, so that films imported later join their patients, and keep it to yourself.

    Returns
    -------
    bytes
        At least 16.

    Raises
    ------
    ManifestError
        The secret is too short, or its file cannot be read or made.
    """
    told = os.environ.get(VARIABLE)
    if told is not None:
        return _long_enough(told.encode(), f"${VARIABLE}")
    try:
        if not path.exists():
            _make(path)
        return _long_enough(path.read_bytes().strip(), str(path))
    except OSError as error:
        raise ManifestError(f"{path}: no key for patients' ids ({error.strerror}); set ${VARIABLE}") from error


def _long_enough(key: bytes, where: str) -> bytes:
    if len(key) < LEAST_SIGNS:
        raise ManifestError(f"{where}: a key for patients' ids of {len(key)} signs; wanted at least {LEAST_SIGNS}")
    return key


def _make(path: Path) -> None:
    """Make the file whole or not at all; where another process was faster, its key stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(temporary)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
