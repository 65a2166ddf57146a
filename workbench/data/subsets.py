"""Part of a data set: some body parts, or so many films of each split, patients whole; some of them held out."""

from collections.abc import Collection
from dataclasses import replace

from workbench.core.case import Case
from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest
from workbench.core.registry import unknown_name
from workbench.core.seeding import derived_seed

HELD_OUT, TRAIN = "held-out", "train"


def select_films(
    manifest: Manifest,
    *,
    body_part: str = "",
    limit: int = 0,
    limited: Collection[str] = (),
    hold_out: float = 0.0,
    seed: int = 0,
) -> Manifest:
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
    limited
        The splits that the limit is for; empty is all of them.
    hold_out
        Share of the training patients that are put into a split of their own, ``held-out``: to steer a training or to
        choose models by, so that the split that is reported chooses nothing. The same patients whatever else is asked.
    seed
        Of that order, and of who is held out.

    Returns
    -------
    Manifest
        In the order of the data set.

    Raises
    ------
    ManifestError
        No film shows the body part, the limit is below 0, the share is no share, or a split ``held-out`` is there.
    """
    if limit < 0:
        raise ManifestError(f"limit {limit}: wanted a number of films, or 0 for all")
    if hold_out:
        manifest = _held_out(manifest, hold_out, seed)
    wanted = [name.strip() for name in body_part.split(",") if name.strip()]
    present = {case.body_part for case in manifest if case.body_part}
    for name in wanted:
        if name not in present:
            raise ManifestError(f"{manifest.name}: {unknown_name('body part', name, present)}")
    cases = [case for case in manifest if not wanted or case.body_part in wanted]
    return manifest.where(_limited(cases, limit, limited, seed) if limit else cases)


def _held_out(manifest: Manifest, share: float, seed: int) -> Manifest:
    """Put a share of the training patients into another split; who they are depends on seed and patient alone."""
    if not 0 < share < 1:
        raise ManifestError(f"hold_out {share}: wanted a share of the training patients between 0 and 1, such as 0.1")
    if any(case.split == HELD_OUT for case in manifest):
        raise ManifestError(f"{manifest.name} has a split {HELD_OUT!r} already; leave hold_out at 0")
    chosen = {
        case.patient_id for case in manifest if derived_seed(seed, HELD_OUT, case.patient_id) < share * LARGEST_SEED
    }
    return manifest.where(
        replace(case, split=HELD_OUT) if case.split == TRAIN and case.patient_id in chosen else case
        for case in manifest
    )


LARGEST_SEED = 2**63


def _limited(cases: list[Case], limit: int, limited: Collection[str], seed: int) -> list[Case]:
    by_patient: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        by_patient.setdefault((case.split, case.patient_id), []).append(case)
    splits = {case.split for case in cases}
    left = {split: limit if not limited or split in limited else len(cases) for split in splits}
    kept: set[str] = set()
    for split, patient in sorted(by_patient, key=lambda each: derived_seed(seed, each[1])):
        films = by_patient[split, patient]
        left[split] -= len(films)  # below zero from the first that does not fit: a smaller limit never has others
        if left[split] >= 0:
            kept.update(case.case_id for case in films)
        else:
            left[split] = -1
    return [case for case in cases if case.case_id in kept]
