"""Which films belong together, without telling whose they are: ids as keyed hashes.

A plain hash of a patient's id is no secret, because ids are few enough to try them all; HMAC-SHA-256 with a key that
stays in the house is one. The same key gives the same ids, so that films imported later join their patients.
"""

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.reader import read_elements
from workbench.imaging.dicom.tags import IdentityTag

DIGITS = 16
"""Hexadecimal digits kept: two of a million ids agree by chance once in 40 million data sets."""


@dataclass(frozen=True)
class HashedIds:
    """Keyed hashes of a film's ids; empty where the file has none."""

    film: str
    study: str
    patient: str


def hashed_id(kind: str, value: bytes, key: bytes) -> str:
    """Return the keyed hash of an id, empty for an empty one.

    Parameters
    ----------
    kind
        What it is an id of: the same number of a patient and of a study gives two hashes.
    value
        The id.
    key
        The secret.

    Returns
    -------
    str
        The kind, a dash, and 16 hexadecimal digits.
    """
    value = value.strip(b" \0")
    if not value:
        return ""
    return f"{kind}-{hmac.new(key, kind.encode() + bytes(1) + value, hashlib.sha256).hexdigest()[:DIGITS]}"


def read_hashed_ids(path: str | Path, key: bytes) -> HashedIds:
    """Return the keyed hashes of a DICOM file's film, study and patient.

    Parameters
    ----------
    path
        The file.
    key
        The secret.

    Returns
    -------
    HashedIds
        A patient is told from another one of the same id by who gave it, where the file says so.

    Raises
    ------
    ReaderError
        The file is no DICOM, or its header is damaged.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            values = read_elements(file, frozenset(IdentityTag)).values
    except ReaderError as error:
        raise ReaderError(f"{path}: {error}") from error
    patient = values.get(IdentityTag.PatientID, b"").strip(b" \0")
    issuer = values.get(IdentityTag.IssuerOfPatientID, b"").strip(b" \0")
    return HashedIds(
        hashed_id("film", values.get(IdentityTag.SOPInstanceUID, b""), key),
        hashed_id("study", values.get(IdentityTag.StudyInstanceUID, b""), key),
        hashed_id("patient", patient + bytes(1) + issuer if patient and issuer else patient, key),
    )
