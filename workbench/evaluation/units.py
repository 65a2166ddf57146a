"""What an evaluation counts: films, studies by vote or by mean, patients - labelled, as arrays.

How films are joined to studies stands in :mod:`workbench.evaluation.studies`. A patient is judged by its most
suspicious study: its probability is the highest of its studies' mean probabilities, so it is called abnormal where one
of its studies is, and it is abnormal where one of its studies is. (A mean over studies would dilute one fracture among
normal studies.) The price: the more studies a patient has, the higher its probability, in health too.

The probability of ``study-majority`` is a share of votes and that of ``patient`` a maximum; calibration errors of these
two say how good they would be if taken for probabilities.
"""

from dataclasses import dataclass, replace

import numpy as np

from workbench.core.case import Study
from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.core.registry import unknown_name
from workbench.evaluation.metrics import Probability, Truth, check_cases
from workbench.evaluation.studies import study_predictions

IMAGE, STUDY_MAJORITY, STUDY_MEAN, PATIENT = UNITS = ("image", "study-majority", "study-mean", "patient")
VOTE_THRESHOLD = 0.5
"""Of the share of votes: what a vote is for was decided by the threshold of the films."""


@dataclass(frozen=True)
class Sample:
    """Labelled cases of one unit, in an order that depends on their ids alone.

    Parameters
    ----------
    unit
        One of :data:`UNITS`.
    ids
        Of the films, studies or patients (n).
    truth
        1 abnormal, 0 normal (n).
    probability
        Of abnormal (n).
    members
        The films behind each case, as a study (n).
    threshold
        Abnormal is strictly above it, in this unit.
    """

    unit: str
    ids: tuple[str, ...]
    truth: Truth
    probability: Probability
    members: tuple[Study, ...]
    threshold: float

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def patients(self) -> tuple[str, ...]:
        """The patient of each case, to resample by."""
        return self.clusters("patient_id")

    @property
    def called(self) -> np.ndarray:
        """Whether each case is called abnormal (n)."""
        return self.probability > self.threshold

    def clusters(self, column: str) -> tuple[str, ...]:
        """Return ``patient_id``, ``study_id`` or ``case_id`` of each case, that of its first film."""
        return tuple(str(getattr(study.cases[0], column)) for study in self.members)

    def take(self, rows: np.ndarray) -> "Sample":
        """Return the cases at these rows."""
        ids, members = tuple(self.ids[row] for row in rows), tuple(self.members[row] for row in rows)
        return replace(self, ids=ids, members=members, truth=self.truth[rows], probability=self.probability[rows])


def labelled_sample(
    predictions: Predictions, manifest: Manifest, *, unit: str = IMAGE, threshold: float = 0.5
) -> Sample:
    """Count predictions of films in one unit; cases without a label are left out.

    Parameters
    ----------
    predictions
        Of films of the manifest, in any order.
    manifest
        Says study and patient of each film.
    unit
        One of :data:`UNITS`.
    threshold
        A film is called abnormal strictly above it.

    Returns
    -------
    Sample
        The same, to the last bit, whatever the order of the predictions.

    Raises
    ------
    UnknownNameError
        No such unit.
    ManifestError
        A film is not in the manifest or labelled otherwise there, or no film has a label.
    OptionError
        A probability is not a number.
    """
    if unit not in UNITS:
        raise unknown_name("unit", unit, UNITS)
    if unit == PATIENT:
        return by_patient(labelled_sample(predictions, manifest, unit=STUDY_MEAN, threshold=threshold))
    predictions = predictions.select(sorted(predictions.case_ids))  # sums of floats depend on their order
    cases = manifest.select(predictions.case_ids)
    check_labels(predictions, cases)
    if unit == IMAGE:
        return _labelled(unit, predictions, tuple(Study(case.case_id, (case,)) for case in cases), threshold)
    joined = study_predictions(predictions, manifest, rule=unit.removeprefix("study-"), threshold=threshold)
    cut = VOTE_THRESHOLD if unit == STUDY_MAJORITY else threshold
    return _labelled(unit, joined.predictions, joined.studies, cut)


def by_patient(studies: Sample) -> Sample:
    """Join studies to their patients: the highest probability, and abnormal where one study is.

    Parameters
    ----------
    studies
        Of unit ``study-mean``; those that are here count, so a group of studies gives patients judged by that group.

    Returns
    -------
    Sample
        Of unit ``patient``, ordered by patient.
    """
    names, owner = np.unique(np.array(studies.patients, dtype=str), return_inverse=True)
    truth, probability = np.zeros(len(names), dtype=np.int64), np.zeros(len(names))
    np.maximum.at(truth, owner, studies.truth)
    np.maximum.at(probability, owner, studies.probability)
    films = [
        [case for row in np.flatnonzero(owner == k) for case in studies.members[row].cases] for k in range(len(names))
    ]
    members = tuple(Study(str(name), tuple(cases)) for name, cases in zip(names, films, strict=True))
    return Sample(PATIENT, tuple(map(str, names)), truth, probability, members, studies.threshold)


def check_labels(predictions: Predictions, cases: Manifest) -> None:
    """Refuse with a ManifestError predictions without any label, or with one that is not the manifest's.

    Parameters
    ----------
    predictions
        Of the cases, in their order.
    cases
        Says what each case is.
    """
    if not (predictions.truth >= 0).any():
        raise ManifestError(f"{cases.name}: none of the {len(predictions)} predicted films has a label to evaluate by")
    for case, truth in zip(cases, predictions.truth, strict=True):
        if case.label is not None and truth >= 0 and (case.label in cases.positive) != bool(truth):
            told = "abnormal" if truth else "normal"
            raise ManifestError(f"case {case.case_id!r} is {case.label!r} in {cases.name}, but was predicted as {told}")


def _labelled(unit: str, predictions: Predictions, members: tuple[Study, ...], threshold: float) -> Sample:
    known = np.flatnonzero(predictions.truth >= 0)
    probability = np.asarray(predictions.abnormal, dtype=np.float64)
    check_cases(predictions.truth[known], probability[known])
    return Sample(unit, predictions.case_ids, predictions.truth, probability, members, threshold).take(known)
