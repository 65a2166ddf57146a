"""The points of curves, for plots."""

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from workbench.core.errors import OptionError
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Interval, Resampling, clustered_bootstraps
from workbench.evaluation.metrics import CALIBRATION_BINS, Probability, Truth, Values, calibration_bin, check_cases
from workbench.evaluation.units import Sample


@dataclass(frozen=True)
class RocCurve:
    """Points of a ROC curve from (0, 0) to (1, 1).

    Parameters
    ----------
    false_positive_rate, true_positive_rate
        1 - specificity and recall (t) at each threshold.
    thresholds
        Falling (t): at point i a case is abnormal where its probability is strictly above ``thresholds[i]``. They are
        the distinct probabilities, then minus infinity.
    """

    false_positive_rate: Float64[np.ndarray, " t"]
    true_positive_rate: Float64[np.ndarray, " t"]
    thresholds: Float64[np.ndarray, " t"]


def roc_curve_points(truth: Truth, probability: Probability) -> RocCurve:
    """Return every point of the ROC curve; the area under its straight segments is the AUROC, ties included.

    Parameters
    ----------
    truth
        1 abnormal, 0 normal (n).
    probability
        Of the abnormal class (n).

    Returns
    -------
    RocCurve
        One point more than there are distinct probabilities.

    Raises
    ------
    OptionError
        All cases are of one class, so there is no curve.
    """
    scores = {value: np.sort(probability[truth == value]) for value in (0, 1)}
    if not len(scores[0]) or not len(scores[1]):
        raise OptionError(f"a ROC curve needs normal and abnormal cases; given {len(scores[0])} and {len(scores[1])}")
    thresholds = np.append(np.unique(probability)[::-1], -np.inf)
    normal, abnormal = (1 - np.searchsorted(scores[v], thresholds, side="right") / len(scores[v]) for v in (0, 1))
    return RocCurve(normal, abnormal, thresholds)


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """Steps of precision over recall.

    Parameters
    ----------
    recall
        Rising to 1 (t).
    precision
        At each (t); it holds from the recall before up to this one, as the average precision counts it.
    thresholds
        Falling (t): at point i a case is abnormal where its probability is at least ``thresholds[i]``.
    """

    recall: Float64[np.ndarray, " t"]
    precision: Float64[np.ndarray, " t"]
    thresholds: Float64[np.ndarray, " t"]


def precision_recall_points(truth: Truth, probability: Probability) -> PrecisionRecallCurve:
    """Return every step of the precision-recall curve; the area under the steps is the average precision.

    Parameters
    ----------
    truth
        1 abnormal, 0 normal (n).
    probability
        Of the abnormal class (n).

    Returns
    -------
    PrecisionRecallCurve
        As many points as there are distinct probabilities.

    Raises
    ------
    OptionError
        No case is abnormal, so there is no recall.
    """
    check_cases(truth, probability)
    if not (truth == 1).any():
        raise OptionError(f"a precision-recall curve needs abnormal cases; given none of {len(truth)}")
    thresholds = np.unique(probability)[::-1]
    called = len(truth) - np.searchsorted(np.sort(probability), thresholds, side="left")
    ill = np.sort(probability[truth == 1])
    right = len(ill) - np.searchsorted(ill, thresholds, side="left")
    return PrecisionRecallCurve(right / len(ill), right / called, thresholds)


@dataclass(frozen=True)
class CalibrationPoint:
    """The cases of one bin: what was said, and what is so.

    Parameters
    ----------
    probability
        The mean probability of abnormal.
    share
        Of abnormal cases, with its interval over resampled patients.
    cases
        In the bin.
    low, high
        Edges of the bin.
    """

    probability: float
    share: Interval
    cases: int
    low: float
    high: float


def calibration_points(sample: Sample, *, resampling: Resampling = DEFAULT_RESAMPLING) -> tuple[CalibrationPoint, ...]:
    """Return the calibration curve over the bins of the expected calibration error.

    Parameters
    ----------
    sample
        Labelled cases of any unit.
    resampling
        Of patients.

    Returns
    -------
    tuple[CalibrationPoint, ...]
        One for each bin that holds a case; the distances of share and probability, weighed by cases, add up to the
        expected calibration error.

    Raises
    ------
    OptionError
        There is no case.
    """
    bins, edges = calibration_bin(sample.probability), np.linspace(0, 1, CALIBRATION_BINS + 1)
    rows = {k: np.flatnonzero(bins == k) for k in range(CALIBRATION_BINS) if (bins == k).any()}

    def share_of_abnormal(held: np.ndarray, weights: np.ndarray) -> Values:
        with np.errstate(invalid="ignore"):  # a resample without a case of the bin has no share
            share: Values = weights[:, held] @ sample.truth[held] / weights[:, held].sum(axis=1)
        return share

    statistics = {str(k): functools.partial(share_of_abnormal, held) for k, held in rows.items()}
    shares = clustered_bootstraps(statistics, sample.patients, resampling=resampling)
    return tuple(
        CalibrationPoint(
            probability=float(sample.probability[held].mean()),
            share=shares[str(k)],
            cases=len(held),
            low=float(edges[k]),
            high=float(edges[k + 1]),
        )
        for k, held in rows.items()
    )
