"""From films to examinations: MURA labels studies, and its published tables count them.

How votes of an even number of films are settled is stated in none of the papers. Here:

- ``mean``: the probability of a study is the mean over its films; abnormal above the threshold, as for a film.
- ``majority``: every film votes by its own call, and the mean probability casts one vote more, as a share of a vote
  that is one half where it equals the threshold. So the majority of the films decides, whatever the mean; a tie is
  decided by the mean; and the share of all votes, which ranks the studies for the AUROC, is abnormal above one half
  whatever the threshold of a film.
"""

from dataclasses import dataclass

import numpy as np

from workbench.core.arrays import ClassIndices
from workbench.core.case import Study
from workbench.core.errors import ManifestError, OptionError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.core.registry import unknown_name
from workbench.evaluation.metrics import Probability

RULES = ("majority", "mean")
CLASS_NAMES = ("normal", "abnormal")


@dataclass(frozen=True)
class StudyPredictions:
    """What a model said about examinations.

    Parameters
    ----------
    predictions
        One row a study: ``case_ids`` are study ids, the classes normal and abnormal; ``outputs`` is (n, 0), because
        no network gave these.
    studies
        The studies with the films that were used, in the same order.
    tied
        Studies with as many films called abnormal as normal.
    mixed
        Studies with abnormal and normal films; they count as abnormal, as one abnormal film is enough.
    """

    predictions: Predictions
    studies: tuple[Study, ...]
    tied: int
    mixed: int

    @property
    def patients(self) -> tuple[str, ...]:
        """The patient of each study, to cluster by."""
        return tuple(study.cases[0].patient_id for study in self.studies)


def study_predictions(
    predictions: Predictions, manifest: Manifest, *, rule: str = "majority", threshold: float = 0.5
) -> StudyPredictions:
    """Join the predictions of films to predictions of their studies.

    Parameters
    ----------
    predictions
        Of films, all of them in the manifest; a study is judged by the films that are here.
    manifest
        Says which study a film belongs to.
    rule
        ``majority`` (decide by p > 0.5) or ``mean`` (decide by p > threshold); see the module.
    threshold
        A film is called abnormal above it.

    Returns
    -------
    StudyPredictions
        A study's label is abnormal if a film is, normal if a film is and none is abnormal, else not known (-1).

    Raises
    ------
    OptionError
        A threshold outside (0, 1).
    UnknownNameError
        No such rule.
    ManifestError
        A film is not in the manifest, or a study belongs to several patients.
    """
    if rule not in RULES:
        raise unknown_name("study rule", rule, RULES)
    if not 0 < threshold < 1:
        raise OptionError(f"threshold: {threshold!r} is not between 0 and 1, such as 0.5")
    studies = manifest.select(predictions.case_ids).studies()
    _check_patients(studies)
    row_of = {case_id: row for row, case_id in enumerate(predictions.case_ids)}
    films = [np.array([row_of[case.case_id] for case in study.cases]) for study in studies]
    probability, labels = predictions.abnormal, predictions.truth  # computed at every call
    mean = np.array([probability[rows].mean() for rows in films])
    votes = np.array([(probability[rows] > threshold).sum() for rows in films], dtype=np.float64)
    sizes = np.array([len(rows) for rows in films])
    abnormal = mean if rule == "mean" else (votes + _share_of_a_vote(mean, threshold)) / (sizes + 1)
    truth = [set(labels[rows].tolist()) for rows in films]
    joined = Predictions(
        case_ids=tuple(study.study_id for study in studies),
        labels=_study_labels(truth),
        outputs=np.zeros((len(studies), 0), dtype=np.float32),
        probabilities=np.stack([1 - abnormal, abnormal], axis=1),
        class_names=CLASS_NAMES,
        positive=CLASS_NAMES[1:],
        head=f"study-{rule}",
        provenance=predictions.provenance | {"study_rule": rule, "threshold": threshold},
    )
    return StudyPredictions(joined, studies, int((2 * votes == sizes).sum()), sum({0, 1} <= seen for seen in truth))


def _share_of_a_vote(mean: Probability, threshold: float) -> Probability:
    """Stretch both sides of the threshold so that 0, threshold, 1 become 0, one half, 1."""
    shares: Probability = np.interp(mean, [0.0, threshold, 1.0], [0.0, 0.5, 1.0])
    return shares


def _study_labels(truth: list[set[int]]) -> ClassIndices:
    return np.array([max(seen) for seen in truth], dtype=np.int64)  # abnormal 1, normal 0, unknown -1


def _check_patients(studies: tuple[Study, ...]) -> None:
    for study in studies:
        if len({case.patient_id for case in study.cases}) > 1:
            raise ManifestError(f"study {study.study_id!r} belongs to several patients; study_id must be unique")
