"""Part of a data set: some body parts, or so many films of each split, patients whole."""

from workbench.core.case import Case
from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest
from workbench.core.registry import unknown_name
from workbench.core.seeding import derived_seed


def select_films(manifest: Manifest, *, body_part: str = "", limit: int = 0, seed: int = 0) -> Manifest:
    """Return the films of some body parts, and of each split no more than a number.

    Parameters
    ----------
    manifest
        The data set.
    body_part
        As the manifest calls it; a comma joins several, empty takes all.
    limit
        Films of each split at most, 0 takes all. Patients come in an order drawn by the seed and stay whole, so that
        a smaller number gives a part of what a larger one gives: the way to a learning curve.
    seed
        Of that order.

    Returns
    -------
    Manifest
        In the order of the data set.

    Raises
    ------
    ManifestError
        No film shows the body part, or the limit is below 0.
    """
    if limit < 0:
        raise ManifestError(f"limit {limit}: wanted a number of films, or 0 for all")
    wanted = [name.strip() for name in body_part.split(",") if name.strip()]
    present = {case.body_part for case in manifest if case.body_part}
    for name in wanted:
        if name not in present:
            raise ManifestError(f"{manifest.name}: {unknown_name('body part', name, present)}")
    cases = [case for case in manifest if not wanted or case.body_part in wanted]
    return manifest.where(_limited(cases, limit, seed) if limit else cases)


def _limited(cases: list[Case], limit: int, seed: int) -> list[Case]:
    by_patient: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        by_patient.setdefault((case.split, case.patient_id), []).append(case)
    left = dict.fromkeys({case.split for case in cases}, limit)
    kept: set[str] = set()
    for split, patient in sorted(by_patient, key=lambda each: derived_seed(seed, each[1])):
        films = by_patient[split, patient]
        left[split] -= len(films)  # below zero from the first that does not fit: a smaller limit never has others
        if left[split] >= 0:
            kept.update(case.case_id for case in films)
        else:
            left[split] = -1
    return [case for case in cases if case.case_id in kept]
