"""Ids as keyed hashes: the same key, the same ids; nothing of the id itself."""

import numpy as np
import pytest

from workbench.core.errors import ReaderError
from workbench.imaging.dicom.identity import hashed_id, read_hashed_ids

FILM = np.zeros((2, 2), np.uint16)
KEY = b"0123456789abcdef"


def test_ids_are_those_of_the_key(film_file):
    told = {"PatientID": "4711 ", "StudyInstanceUID": "1.2.3", "SOPInstanceUID": "1.2.3.4"}
    ids = read_hashed_ids(film_file(FILM, **told), KEY)
    assert ids == read_hashed_ids(film_file(FILM, **told), KEY)
    assert ids.patient == hashed_id("patient", b"4711", KEY) != hashed_id("patient", b"4711", KEY[::-1])
    assert ids.patient != read_hashed_ids(film_file(FILM, IssuerOfPatientID="A", **told), KEY).patient
    assert (ids.film.partition("-")[0], ids.study.partition("-")[0]) == ("film", "study")
    assert "4711" not in repr(ids)


def test_the_hash_is_hmac_sha_256():
    # printf 'patient\0004711' | openssl dgst -sha256 -hmac 0123456789abcdef
    assert hashed_id("patient", b"4711", KEY) == "patient-2a789173cd9ecf17"


def test_absent_ids_are_empty_and_kinds_do_not_meet(film_file):
    assert set(vars(read_hashed_ids(film_file(FILM), KEY)).values()) == {""}
    assert hashed_id("study", b"1", KEY)[6:] != hashed_id("patient", b"1", KEY)[8:]


def test_what_is_no_dicom_is_refused(film_file):
    with pytest.raises(ReaderError, match=r"film\.dcm: not DICOM by its content"):
        read_hashed_ids(film_file(b"text"), KEY)
