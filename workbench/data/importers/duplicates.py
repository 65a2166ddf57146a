"""Films that a data set holds more than once: named, and never on both sides of a split."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from workbench.core.case import Case
from workbench.imaging.fingerprints import near_duplicates

COPY = "duplicate-of:"
"""Begins the tag of a film whose pixels are those of an earlier one, whose case_id follows."""

NEARLY = "near-duplicate-of:"
"""Begins the tag of a film that shows the picture of an earlier one, encoded again, resized or cropped."""


def tag_near_duplicates(cases: Iterable[Case], thumbnails: Mapping[str, np.ndarray | None]) -> tuple[Case, ...]:
    """Return the cases, each that shows the picture of an earlier one tagged :data:`NEARLY` and that one's case_id.

    Parameters
    ----------
    cases
        In the order in which the first is the original; those that are copies already are passed over.
    thumbnails
        By path of the film, of :func:`workbench.imaging.fingerprints.fingerprint`.

    Returns
    -------
    tuple of Case
        In the order given.
    """
    cases = list(cases)
    seen = [
        (index, thumbnail)
        for index, case in enumerate(cases)
        if (thumbnail := thumbnails[case.image]) is not None and not any(tag.startswith(COPY) for tag in case.tags)
    ]
    if seen:
        for pair in near_duplicates(np.stack([thumbnail for _, thumbnail in seen])):
            original, later = cases[seen[pair.first][0]], cases[seen[pair.second][0]]
            cases[seen[pair.second][0]] = replace(later, tags=(*later.tags, f"{NEARLY}{original.case_id}"))
    return tuple(cases)


def tag_duplicates(cases: Iterable[Case], fingerprints: Mapping[str, str]) -> tuple[Case, ...]:
    """Return the cases, each whose pixels are those of an earlier one tagged :data:`COPY` and that one's case_id.

    Parameters
    ----------
    cases
        In the order in which the first is the original.
    fingerprints
        Of the pixels, by path of the film: the same film saved twice has other bytes, but not other pixels.

    Returns
    -------
    tuple of Case
        In the order given.
    """
    first: dict[str, str] = {}
    tagged = []
    for case in cases:
        original = first.setdefault(fingerprints[case.image], case.case_id)
        tagged.append(case if original == case.case_id else replace(case, tags=(*case.tags, f"{COPY}{original}")))
    return tuple(tagged)


def join_patients(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return the cases, patients who share a film made one; for stand-ins only, because true ids are the data's own."""
    cases = tuple(cases)
    leader = leading_patients(cases)
    return tuple(replace(case, patient_id=leader[case.patient_id]) for case in cases)


def leading_patients(cases: tuple[Case, ...]) -> dict[str, str]:
    """Return for each patient the one who stands for all that copies join, the smallest id among them.

    Copies are films of equal bytes, or tagged by :func:`tag_duplicates` or :func:`tag_near_duplicates`.
    """
    leader = {case.patient_id: case.patient_id for case in cases}

    def found(patient: str) -> str:
        while leader[patient] != patient:
            patient = leader[patient]
        return patient

    owner: dict[tuple[str, str], str] = {}
    for case in cases:
        for film in _names_of_film(case):
            one, other = sorted((found(case.patient_id), found(owner.setdefault(film, case.patient_id))))
            leader[other] = one
    return {patient: found(patient) for patient in leader}


def copies(cases: Iterable[Case]) -> list[tuple[Case, str]]:
    """Return each film that is a copy, with the case_id of its original."""
    tagged = ((case, tag.removeprefix(COPY)) for case in cases for tag in case.tags if tag.startswith(COPY))
    return list(tagged)


def duplicates_note(cases: Iterable[Case]) -> list[str]:
    """Return what a manifest's note says of copies, nothing where there are none."""
    cases = tuple(cases)
    found = copies(cases)
    by_id = {case.case_id: case for case in cases}
    pairs = [(case, by_id[original]) for case, original in found if original in by_id]
    near = sum(any(tag.startswith(NEARLY) for tag in case.tags) for case in cases)
    facts = {
        f"tagged {COPY.rstrip(':')}: the pixels of another film": len(found),
        "of them in another split than their original": sum(copy.split != first.split for copy, first in pairs),
        "of them with another label than their original": sum(copy.label != first.label for copy, first in pairs),
    }
    facts[f"tagged {NEARLY.rstrip(':')}: the picture of another film, encoded again or cropped"] = near
    return [f"{count} {fact}" for fact, count in facts.items() if count]


def _names_of_film(case: Case) -> list[tuple[str, str]]:
    by_bytes = [("sha256", case.sha256)] if case.sha256 else []
    tagged = [("case_id", tag.partition(":")[2]) for tag in case.tags if tag.startswith((COPY, NEARLY))]
    return [("case_id", case.case_id), *tagged, *by_bytes]
