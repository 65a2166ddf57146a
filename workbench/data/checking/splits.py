"""What splits must not share: patients, studies, twins."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from workbench.core.case import Case
from workbench.core.manifest import Manifest
from workbench.data.checking.findings import Finding, named

Parts = Mapping[str, str]
"""The part that a split belongs to."""


def split_parts(manifest: Manifest) -> Parts:
    """Return which splits belong together.

    Splits that differ after a hyphen only (``train-confounded``, ``train-balanced``) and are linked by twins hold the
    same films in several variants, so they are one part, ``train``; any other split is a part of its own.
    """
    split_of = {case.case_id: case.split for case in manifest}
    parts = {split: split for split in split_of.values()}
    for case in manifest:
        name = case.split.partition("-")[0]
        for twin in case.twins:
            other = split_of.get(twin, case.split)
            if other != case.split and other.partition("-")[0] == name:
                parts[case.split] = parts[other] = name
    return parts


def split_findings(manifest: Manifest, parts: Parts) -> Iterator[Finding]:
    """Yield patients and studies in two parts, studies of two patients or labels, and twins that do not fit."""
    yield from _across(manifest, parts, "patient", lambda case: case.patient_id)
    yield from _across(manifest, parts, "study", lambda case: case.study_id)
    yield from _mixed_studies(manifest)
    yield from _twins(manifest, parts)


def films_of(cases: Iterable[Case], key: Callable[[Case], str]) -> dict[str, list[Case]]:
    """Return the cases by what a key gives, in the order of the first of each."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(key(case), []).append(case)
    return groups


def parts_of(cases: Iterable[Case], parts: Parts) -> list[str]:
    """Return the parts that cases lie in, in order; a case without a split lies in none."""
    return sorted({parts[case.split] for case in cases if case.split})


def _across(manifest: Manifest, parts: Parts, what: str, key: Callable[[Case], str]) -> Iterator[Finding]:
    for name, cases in films_of(manifest, key).items():
        places = parts_of(cases, parts)
        if len(places) > 1:
            words = f"{what} {name} has films in {' and '.join(places)}"
            yield Finding("error", f"{what}-across-splits", tuple(case.case_id for case in cases), words)


def _mixed_studies(manifest: Manifest) -> Iterator[Finding]:
    for name, cases in films_of(manifest, lambda case: case.study_id).items():
        ids = tuple(case.case_id for case in cases)
        patients = sorted({case.patient_id for case in cases})
        if len(patients) > 1:
            yield Finding("error", "study-of-two-patients", ids, f"study {name} is of patients {named(patients)}")
        linked = {twin for case in cases for twin in case.twins}  # a twin without the lesion has another label
        labels = sorted({case.label for case in cases if case.label and case.case_id not in linked})
        if len(labels) > 1:
            yield Finding("warning", "study-with-two-labels", ids, f"study {name} has labels {', '.join(labels)}")


def _twins(manifest: Manifest, parts: Parts) -> Iterator[Finding]:
    by_id = {case.case_id: case for case in manifest}
    for case in manifest:
        for twin in case.twins:
            other = by_id.get(twin)
            pair = (case.case_id, twin)
            if other is None:
                yield Finding("error", "missing-twin", pair[:1], f"{case.case_id}: its twin {twin} is not a case")
            elif case.case_id not in other.twins:
                words = f"{case.case_id} names {twin} as its twin, which does not name it"
                yield Finding("error", "one-sided-twin", pair, words)
            elif case.case_id < twin and len(places := parts_of((case, other), parts)) > 1:
                words = f"{case.case_id} and its twin {twin} lie in {' and '.join(places)}"
                yield Finding("error", "twins-across-splits", pair, words)
