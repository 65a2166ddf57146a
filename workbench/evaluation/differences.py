"""Differences between models, and between sets of films, with intervals that resample patients jointly.

Two AUROCs of the same patients rise and fall together; intervals of each alone would hide most of what is known
about their difference. So each resample of patients is used on both sides.
"""

import numpy as np

from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.intervals import (
    DEFAULT_RESAMPLING,
    Interval,
    Resampling,
    clustered_bootstrap,
    mean_interval,
)
from workbench.evaluation.metrics import METRICS, UNDEFINED_WHEN, Values
from workbench.evaluation.units import IMAGE, Sample, labelled_sample


def metric_difference(
    a: Predictions,
    manifest_a: Manifest,
    b: Predictions,
    manifest_b: Manifest,
    *,
    metric: str = "auroc",
    unit: str = IMAGE,
    resampling: Resampling = DEFAULT_RESAMPLING,
    threshold: float = 0.5,
) -> Interval:
    """Return the metric on ``a`` minus that on ``b``.

    Serves one model on two sets of films (the fall in AUROC from its own kind of films to others) and two models on
    one set. Patients are drawn from the union of both sets; a drawn patient brings its films on each side. Where the
    sets share no patient the sides vary independently, as they should.

    Parameters
    ----------
    a
        Predictions of films; those without a label are left out.
    manifest_a
        Says the patient of each film of ``a``.
    b
        What to subtract.
    manifest_b
        Says the patient of each film of ``b``; one patient has the same id in both.
    metric
        A name of :data:`workbench.evaluation.metrics.METRICS`.
    unit
        What is counted: one of :data:`workbench.evaluation.units.UNITS`.
    resampling
        Rounds, level and seed.
    threshold
        A film is abnormal strictly above it.

    Returns
    -------
    Interval
        ``clusters`` is the number of patients of the union.

    Raises
    ------
    UnknownNameError
        No such metric or unit.
    ManifestError
        A film is not in its manifest, or a side has no labelled film.
    """
    score = METRICS.get(metric)
    on_a, on_b = (
        labelled_sample(predictions, manifest, unit=unit, threshold=threshold)
        for predictions, manifest in ((a, manifest_a), (b, manifest_b))
    )

    def of(sample: Sample, weights: np.ndarray) -> Values:
        values: Values = score(sample.truth, sample.probability, weights, threshold=sample.threshold)
        return values

    def difference(weights: np.ndarray) -> Values:
        return of(on_a, weights[:, : len(on_a)]) - of(on_b, weights[:, len(on_a) :])

    reason = f"on one side {UNDEFINED_WHEN[metric]}"
    return clustered_bootstrap(difference, on_a.patients + on_b.patients, resampling=resampling, reason=reason)


def probability_change(
    before: Predictions,
    after: Predictions,
    manifest: Manifest,
    *,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> Interval:
    """Return the mean paired change of the abnormal probability, after minus before an edit of the films.

    Parameters
    ----------
    before
        Predictions of films as they are; labels are not needed.
    after
        Predictions of the same cases after the edit, in any order.
    manifest
        Says the patient of each case.
    resampling
        Rounds, level and seed.

    Returns
    -------
    Interval
        Negative where the edit made the films look more normal.

    Raises
    ------
    ManifestError
        The two do not hold the same cases, or one is not in the manifest.
    """
    alone = sorted(set(before.case_ids) ^ set(after.case_ids))
    if alone:
        raise ManifestError(f"{len(alone)} cases are predicted on one side only, such as {alone[0]!r}; pair them first")
    change = after.select(before.case_ids).abnormal - before.abnormal
    patients = [case.patient_id for case in manifest.select(before.case_ids)]
    return mean_interval(change, patients, resampling=resampling)
