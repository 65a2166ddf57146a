"""Evaluate predictions of films: by film, study and patient; overall, by body part and by kind of abnormality."""

import functools
from collections.abc import Callable

import numpy as np

from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.core.registry import unknown_name
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Resampling, clustered_bootstraps
from workbench.evaluation.metrics import METRICS, UNDEFINED_WHEN, Values, confusion_counts
from workbench.evaluation.scores import KIND_PREFIX, OVERALL, Evaluation, GroupScores
from workbench.evaluation.studies import study_predictions
from workbench.evaluation.units import (
    IMAGE,
    PATIENT,
    STUDY_MAJORITY,
    STUDY_MEAN,
    Sample,
    by_patient,
    labelled_sample,
)

CLUSTERS = ("patient_id", "study_id", "case_id")


def evaluate(
    predictions: Predictions,
    manifest: Manifest,
    *,
    resampling: Resampling = DEFAULT_RESAMPLING,
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
    resampling
        Of the patients of each group; the same seed gives the same intervals, whatever the order of the cases.
    threshold
        Abnormal is strictly above it.
    cluster_by
        What is resampled: ``patient_id``; ``study_id`` and ``case_id`` give intervals that are too narrow where
        patients have several films.

    Returns
    -------
    Evaluation
        Films without a label are left out and counted. The groups of kind NAME hold its abnormal cases and all
        normal ones, because a kind alone has but one class; a patient is judged by its studies of the group. The
        estimates are over cases, not means over groups.

    Raises
    ------
    ManifestError
        A film is not in the manifest or labelled otherwise there, or no film has a label.
    OptionError
        A setting out of range, or a probability that is not a number.
    """
    if cluster_by not in CLUSTERS:
        raise unknown_name("column to cluster by", cluster_by, CLUSTERS)
    votes = study_predictions(predictions, manifest, rule="majority", threshold=threshold)
    groups = {
        unit: _groups(labelled_sample(predictions, manifest, unit=unit, threshold=threshold))
        for unit in (IMAGE, STUDY_MAJORITY, STUDY_MEAN)
    }
    groups[PATIENT] = {group: by_patient(studies) for group, studies in groups[STUDY_MEAN].items()}
    return Evaluation(
        name=manifest.name,
        note=manifest.note,
        cluster_by=cluster_by,
        threshold=threshold,
        level=resampling.level,
        resamples=resampling.rounds,
        seed=resampling.seed,
        unlabelled=int((predictions.truth < 0).sum()),
        unpredicted=len(manifest) - len(predictions),
        tied_studies=votes.tied,
        mixed_studies=votes.mixed,
        groups=tuple(
            _scores(group, sample, resampling=resampling, cluster_by=cluster_by)
            for samples in groups.values()
            for group, sample in samples.items()
        ),
    )


def _groups(sample: Sample) -> dict[str, Sample]:
    """Return the cases of each group: all, each body part, and each kind of abnormality beside all normal cases."""
    abnormal = sample.truth == 1
    parts = [{case.body_part for case in study.cases} - {""} for study in sample.members]
    kinds = [
        {tag for case in study.cases for tag in case.tags if tag.startswith(KIND_PREFIX)} for study in sample.members
    ]
    kinds_of_abnormal = [found for found, ill in zip(kinds, abnormal, strict=True) if ill]
    groups = {OVERALL: sample}
    for part in sorted(set().union(*parts)):
        groups[part] = sample.take(np.flatnonzero([part in found for found in parts]))
    for kind in sorted(set().union(*kinds_of_abnormal)):
        groups[kind] = sample.take(np.flatnonzero(~abnormal | np.array([kind in found for found in kinds])))
    return groups


def _scores(group: str, sample: Sample, *, resampling: Resampling, cluster_by: str) -> GroupScores:
    truth, probability, clusters = sample.truth, sample.probability, sample.clusters(cluster_by)

    def score(metric: Callable[..., Values], weights: np.ndarray) -> Values:
        return metric(truth, probability, weights, threshold=sample.threshold)

    statistics = {name: functools.partial(score, METRICS.get(name)) for name in METRICS}
    count = confusion_counts(truth, probability, threshold=sample.threshold)
    return GroupScores(
        unit=sample.unit,
        group=group,
        cases=len(sample),
        positives=int(truth.sum()),
        clusters=len(set(clusters)),
        true_positives=int(count.true_positives),
        false_positives=int(count.false_positives),
        true_negatives=int(count.true_negatives),
        false_negatives=int(count.false_negatives),
        intervals=clustered_bootstraps(statistics, clusters, resampling=resampling, reasons=UNDEFINED_WHEN),
    )
