"""Differences between models, and between sets of films, with intervals that resample patients jointly.

Two AUROCs of the same patients rise and fall together; intervals of each alone would hide most of what is known
about their difference. So each resample of patients is used on both sides.
"""

import numpy as np

from workbench.core.errors import ManifestError
from workbench.core.manifest import Manifest
from workbench.core.predictions import Predictions
from workbench.evaluation.intervals import Interval, clustered_bootstrap, mean_interval
from workbench.evaluation.metrics import METRICS, UNDEFINED_WHEN, Values


def metric_difference(
    a: Predictions,
    manifest_a: Manifest,
    b: Predictions,
    manifest_b: Manifest,
    *,
    metric: str = "auroc",
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    threshold: float = 0.5,
) -> Interval:
    """Return the image-level metric on ``a`` minus that on ``b``.

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
    resamples
        How many to draw.
    level
        Share of the resampled differences inside the interval.
    seed
        The same seed gives the same interval.
    threshold
        Abnormal is strictly above it.

    Returns
    -------
    Interval
        ``clusters`` is the number of patients of the union.

    Raises
    ------
    UnknownNameError
        No such metric.
    ManifestError
        A film is not in its manifest, or a side has no labelled film.
    """
    score = METRICS.get(metric)
    (truth_a, probability_a, patients_a), (truth_b, probability_b, patients_b) = (
        _labelled(a, manifest_a),
        _labelled(b, manifest_b),
    )

    def difference(weights: np.ndarray) -> Values:
        on_a = score(truth_a, probability_a, weights[:, : len(truth_a)], threshold=threshold)
        return on_a - score(truth_b, probability_b, weights[:, len(truth_a) :], threshold=threshold)

    return clustered_bootstrap(
        difference,
        patients_a + patients_b,
        resamples=resamples,
        level=level,
        seed=seed,
        reason=f"on one side {UNDEFINED_WHEN[metric]}",
    )


def probability_change(
    before: Predictions,
    after: Predictions,
    manifest: Manifest,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
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
    resamples
        How many to draw.
    level
        Share of the resampled means inside the interval.
    seed
        The same seed gives the same interval.

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
    return mean_interval(change, patients, resamples=resamples, level=level, seed=seed)


def _labelled(predictions: Predictions, manifest: Manifest) -> tuple[np.ndarray, np.ndarray, list[str]]:
    known = np.flatnonzero(predictions.truth >= 0)
    if not len(known):
        raise ManifestError(f"{manifest.name}: none of the {len(predictions)} predicted films has a label")
    patients = [case.patient_id for case in manifest.select(predictions.case_ids)]
    return predictions.truth[known], predictions.abnormal[known], [patients[row] for row in known]
