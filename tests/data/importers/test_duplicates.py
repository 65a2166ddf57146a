"""Films held more than once: tagged, and their patients joined."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from workbench.core.case import Case
from workbench.data.importers.duplicates import (
    copies,
    duplicates_note,
    join_patients,
    tag_duplicates,
    tag_near_duplicates,
)
from workbench.imaging.fingerprints import fingerprint


def films(pixels: str) -> list[Case]:
    """Return one case of its own patient for each letter, which stands for its pixels."""
    return [Case(f"{index}", f"patient-{index}", f"{index}", f"{index}.png") for index in range(len(pixels))]


def tagged(pixels: str) -> tuple[Case, ...]:
    return tag_duplicates(films(pixels), {f"{index}.png": sign for index, sign in enumerate(pixels)})


def test_later_copies_are_tagged_with_the_first():
    assert [case.tags for case in tagged("xyxzx")] == [(), (), ("duplicate-of:0",), (), ("duplicate-of:0",)]
    assert [(case.case_id, original) for case, original in copies(tagged("xyxzx"))] == [("2", "0"), ("4", "0")]


def test_patients_who_share_a_film_become_one():
    joined = join_patients(tagged("xyxzy"))
    patients = [case.patient_id for case in joined]
    assert patients == ["patient-0", "patient-1", "patient-0", "patient-3", "patient-1"]


def test_joining_goes_through_the_other_films_of_a_patient():
    chain = list(tagged("abaccd"))
    chain[3] = replace(chain[3], patient_id="patient-2")  # its film c leads on to film 4
    patients = [case.patient_id for case in join_patients(chain)]
    assert patients == ["patient-0", "patient-1", "patient-0", "patient-0", "patient-0", "patient-5"]


def test_the_note_says_which_copies_were_parted():
    assert duplicates_note(tagged("abc")) == []
    assert duplicates_note(tagged("aba")) == ["1 tagged duplicate-of: the pixels of another film"]
    parted = [replace(case, split=split) for case, split in zip(tagged("aaa"), ("train", "test", "train"), strict=True)]
    assert duplicates_note(parted)[1] == "1 of them in another split than their original"


def test_the_same_picture_encoded_again_is_tagged_and_joined():
    generator = np.random.default_rng(0)
    pictures = [ndimage.gaussian_filter(generator.random((160, 120), dtype=np.float32), 3) for _ in range(5)]
    pictures = [(each - each.min()) / np.ptp(each) for each in pictures]
    pictures[3] = 0.1 + 0.8 * pictures[1]  # darker and fainter
    pictures[4] = pictures[0]
    thumbnails = {f"{index}.png": fingerprint(each).thumbnail for index, each in enumerate(pictures)}
    cases = tag_near_duplicates(tagged("abcda"), thumbnails)
    assert [case.tags for case in cases] == [(), (), (), ("near-duplicate-of:1",), ("duplicate-of:0",)]
    assert [case.patient_id for case in join_patients(cases)] == [f"patient-{index}" for index in (0, 1, 2, 1, 0)]
    assert (
        duplicates_note(cases)[1] == "1 tagged near-duplicate-of: the picture of another film, encoded again or cropped"
    )
