"""Evaluate predictions: films and studies, overall, by body part and by kind of abnormality, with intervals."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.core.case import Study
from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.core.registry import unknown_name
from workbench.evaluation.intervals import clustered_bootstraps
from workbench.evaluation.metrics import METRICS, UNDEFINED_WHEN, Values, confusion_counts
from workbench.evaluation.scores import (
    IMAGE,
    KIND_PREFIX,
    OVERALL,
    STUDY_MAJORITY,
    STUDY_MEAN,
    Evaluation,
    GroupScores,
)
from workbench.evaluation.studies import study_predictions

CLUSTERS = ("patient_id", "study_id", "case_id")


def evaluate(
    predictions: Predictions,
    manifest: Manifest,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    threshold: float = 0.5,
    cluster_by: str = "patient_id",
) -> Evaluation:
    """Score predictions against their labels in every unit and group.

    Parameters
    ----------
    predictions
        Of films of the manifest, in any order, as many as there are.
    manifest
        Says patient, study, body part and kind (tags ``kind:NAME``) of each film.
    resamples
        Bootstrap resamples of the patients of each group.
    level
        Share of the resampled values inside an interval.
    seed
        The same seed gives the same intervals, whatever the order of the cases.
    threshold
        Abnormal is strictly above it.
    cluster_by
        What is resampled: ``patient_id``; ``study_id`` and ``case_id`` give intervals that are too narrow where
        patients have several films.

    Returns
    -------
    Evaluation
        Films without a label are left out and counted. The groups of kind NAME hold its abnormal cases and all
        normal ones, because a kind alone has but one class. The estimates are over cases, not means over groups.

    Raises
    ------
    ManifestError
        A film is not in the manifest or labelled otherwise there, or no film has a label.
    OptionError
        A setting out of range, or a probability that is not a number.
    """
    if cluster_by not in CLUSTERS:
        raise unknown_name("column to cluster by", cluster_by, CLUSTERS)
    cases = manifest.select(predictions.case_ids)
    _check_labels(predictions, cases)
    majority, mean = (
        study_predictions(predictions, manifest, rule=rule, threshold=threshold) for rule in ("majority", "mean")
    )
    films = tuple(Study(case.case_id, (case,)) for case in cases)
    samples = (
        _sample(IMAGE, predictions, films, threshold=threshold, cluster_by=cluster_by),
        _sample(STUDY_MAJORITY, majority.predictions, majority.studies, threshold=0.5, cluster_by=cluster_by),
        _sample(STUDY_MEAN, mean.predictions, mean.studies, threshold=threshold, cluster_by=cluster_by),
    )
    groups = tuple(
        _scores(sample, group, rows, resamples=resamples, level=level, seed=seed)
        for sample in samples
        for group, rows in _groups(sample).items()
    )
    return Evaluation(
        name=manifest.name,
        note=manifest.note,
        cluster_by=cluster_by,
        threshold=threshold,
        level=level,
        resamples=resamples,
        seed=seed,
        unlabelled=int((predictions.truth < 0).sum()),
        unpredicted=len(manifest) - len(predictions),
        tied_studies=majority.tied,
        mixed_studies=majority.mixed,
        groups=groups,
    )


@dataclass(frozen=True)
class _Sample:
    """Labelled cases of one unit, as arrays (n)."""

    unit: str
    truth: np.ndarray
    probability: np.ndarray
    clusters: np.ndarray
    body_parts: tuple[set[str], ...]
    kinds: tuple[set[str], ...]
    threshold: float


def _sample(
    unit: str, predictions: Predictions, studies: tuple[Study, ...], *, threshold: float, cluster_by: str
) -> _Sample:
    """Line up predictions with what the manifest says of them; a film is a study of one film here."""
    known = np.flatnonzero(predictions.truth >= 0)
    kept = [studies[row] for row in known]
    return _Sample(
        unit,
        predictions.truth[known],
        predictions.abnormal[known],
        np.array([getattr(study.cases[0], cluster_by) for study in kept], dtype=str),
        tuple({case.body_part for case in study.cases} - {""} for study in kept),
        tuple({tag for case in study.cases for tag in case.tags if tag.startswith(KIND_PREFIX)} for study in kept),
        threshold,
    )


def _groups(sample: _Sample) -> dict[str, np.ndarray]:
    """Return the rows of each group: all, each body part, and each kind of abnormality beside all normal cases."""
    abnormal = sample.truth == 1
    kinds_of_abnormal = [kinds for kinds, ill in zip(sample.kinds, abnormal, strict=True) if ill]
    groups = {OVERALL: np.arange(len(sample.truth))}
    for part in sorted(set().union(*sample.body_parts)):
        groups[part] = np.flatnonzero([part in parts for parts in sample.body_parts])
    for kind in sorted(set().union(*kinds_of_abnormal)):
        groups[kind] = np.flatnonzero(~abnormal | np.array([kind in kinds for kinds in sample.kinds]))
    return groups


def _scores(sample: _Sample, group: str, rows: np.ndarray, *, resamples: int, level: float, seed: int) -> GroupScores:
    truth, probability, clusters = sample.truth[rows], sample.probability[rows], sample.clusters[rows]

    def score(metric: Callable[..., Values], weights: np.ndarray) -> Values:
        return metric(truth, probability, weights, threshold=sample.threshold)

    statistics = {name: functools.partial(score, METRICS.get(name)) for name in METRICS}
    intervals = clustered_bootstraps(
        statistics, clusters.tolist(), resamples=resamples, level=level, seed=seed, reasons=UNDEFINED_WHEN
    )
    count = confusion_counts(truth, probability, threshold=sample.threshold)
    return GroupScores(
        unit=sample.unit,
        group=group,
        cases=len(rows),
        positives=int(truth.sum()),
        clusters=len(set(clusters.tolist())),
        true_positives=int(count.true_positives),
        false_positives=int(count.false_positives),
        true_negatives=int(count.true_negatives),
        false_negatives=int(count.false_negatives),
        intervals=intervals,
    )


def _check_labels(predictions: Predictions, cases: Manifest) -> None:
    if not (predictions.truth >= 0).any():
        raise ManifestError(f"{cases.name}: none of the {len(predictions)} predicted films has a label to evaluate by")
    for case, truth in zip(cases, predictions.truth, strict=True):
        if case.label is not None and truth >= 0 and (case.label in cases.positive) != bool(truth):
            told = "abnormal" if truth else "normal"
            raise ManifestError(f"case {case.case_id!r} is {case.label!r} in {cases.name}, but was predicted as {told}")
