"""Metrics of normal against abnormal, for one sample or for many bootstrap resamples of it at once.

A case is called abnormal where its probability is strictly above the threshold: "a final prediction value above
0.5 was regarded as positive (i.e. abnormal) and negative (normal) otherwise" (DenseNet interpretation framework
on MURA, section on training; its text gives no other threshold).

Every metric has one signature, ``metric(truth, probability, weights=None, *, threshold=0.5)``. Without weights it
returns one number. With weights (b, n), row r saying how often resample r holds each case, it returns (b) numbers,
equal to those of the samples written out. Where a metric is not defined its value is NaN; :data:`UNDEFINED_WHEN`
says when that is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, Real

from workbench.core.errors import OptionError
from workbench.core.registry import Registry

Truth = Int64[np.ndarray, " n"]
"""1 abnormal, 0 normal."""
Probability = Float64[np.ndarray, " n"]
"""Of the abnormal class; for :func:`auroc` and :func:`average_precision` any score will do."""
Weights = Real[np.ndarray, "b n"]
"""How often each of b resamples holds each of n cases: whole numbers, of any real type (float64 is fastest)."""
Values = float | Float64[np.ndarray, " b"]
"""One number, or one for each resample; NaN where it is not defined."""

METRICS: Registry[Values] = Registry("metric")
"""Every metric by its name, in the order of tables: ``METRICS.get("auroc")(truth, probability)``."""

UNDEFINED_WHEN = {
    "accuracy": "there is no case",
    "precision": "no case is called abnormal",
    "recall": "no case is abnormal",
    "specificity": "no case is normal",
    "f1": "no case is abnormal and none is called so",
    "cohen-kappa": "all cases and all calls are of one class (p_e = 1)",
    "auroc": "all cases are of one class",
    "average-precision": "no case is abnormal",
    "brier-score": "there is no case",
    "expected-calibration-error": "there is no case",
}
"""Why a metric has no value, to be shown in its place."""
LOWER_IS_BETTER = frozenset({"brier-score", "expected-calibration-error"})
"""Errors; every other metric is better the greater it is."""
CALIBRATION_BINS = 15
"""Bins of equal width over [0, 1], each with its upper edge; the first has its lower edge too."""


@dataclass(frozen=True)
class Confusion:
    """How many cases of each class were called what: four numbers, or four arrays (b)."""

    true_positives: Values
    false_positives: Values
    true_negatives: Values
    false_negatives: Values


def confusion_counts(
    truth: Truth, probability: Probability, weights: Weights | None = None, *, threshold: float = 0.5
) -> Confusion:
    """Count right and wrong calls; abnormal is strictly ``probability > threshold``.

    Parameters
    ----------
    truth
        1 abnormal, 0 normal (n).
    probability
        Of the abnormal class (n).
    weights
        How often each resample holds each case (b, n).
    threshold
        A probability above it is a call of abnormal.

    Returns
    -------
    Confusion
        Of numbers without weights, else of arrays (b).

    Raises
    ------
    OptionError
        A truth other than 0 and 1, or a probability that is not a number.
    """
    check_cases(truth, probability)
    abnormal, called = truth == 1, probability > threshold
    return Confusion(
        true_positives=_total(abnormal & called, weights),
        false_positives=_total(~abnormal & called, weights),
        true_negatives=_total(~abnormal & ~called, weights),
        false_negatives=_total(abnormal & ~called, weights),
    )


@METRICS.register("accuracy")
def accuracy(
    truth: Truth, probability: Probability, weights: Weights | None = None, *, threshold: float = 0.5
) -> Values:
    """Return the share of cases called right."""
    count = confusion_counts(truth, probability, weights, threshold=threshold)
    right = count.true_positives + count.true_negatives
    return _share(right, right + count.false_positives + count.false_negatives)


@METRICS.register("precision")
def precision(
    truth: Truth, probability: Probability, weights: Weights | None = None, *, threshold: float = 0.5
) -> Values:
    """Return the share of abnormal cases among those called abnormal."""
    count = confusion_counts(truth, probability, weights, threshold=threshold)
    return _share(count.true_positives, count.true_positives + count.false_positives)


@METRICS.register("recall")
def recall(truth: Truth, probability: Probability, weights: Weights | None = None, *, threshold: float = 0.5) -> Values:
    """Return the share of abnormal cases called abnormal (sensitivity)."""
    count = confusion_counts(truth, probability, weights, threshold=threshold)
    return _share(count.true_positives, count.true_positives + count.false_negatives)


@METRICS.register("specificity")
def specificity(
    truth: Truth, probability: Probability, weights: Weights | None = None, *, threshold: float = 0.5
) -> Values:
    """Return the share of normal cases called normal."""
    count = confusion_counts(truth, probability, weights, threshold=threshold)
    return _share(count.true_negatives, count.true_negatives + count.false_positives)


@METRICS.register("f1")
def f1(truth: Truth, probability: Probability, weights: Weights | None = None, *, threshold: float = 0.5) -> Values:
    """Return the harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
    count = confusion_counts(truth, probability, weights, threshold=threshold)
    twice = 2 * count.true_positives
    return _share(twice, twice + count.false_positives + count.false_negatives)


@METRICS.register("cohen-kappa")
def cohen_kappa(
    truth: Truth, probability: Probability, weights: Weights | None = None, *, threshold: float = 0.5
) -> Values:
    """Return the agreement of calls and labels beyond chance: (p_o - p_e) / (1 - p_e).

    Numerator and denominator are both multiplied by n^2, so that they stay whole numbers and p_e = 1 is met exactly:
    the value is NaN there.
    """
    count = confusion_counts(truth, probability, weights, threshold=threshold)
    abnormal = count.true_positives + count.false_negatives
    normal = count.true_negatives + count.false_positives
    called_abnormal = count.true_positives + count.false_positives
    called_normal = count.true_negatives + count.false_negatives
    n = abnormal + normal
    by_chance = abnormal * called_abnormal + normal * called_normal
    return _share(n * (count.true_positives + count.true_negatives) - by_chance, n * n - by_chance)


@METRICS.register("auroc")
def auroc(
    truth: Truth,
    probability: Probability,
    weights: Weights | None = None,
    *,
    threshold: float = 0.5,  # noqa: ARG001 - one signature for every metric
) -> Values:
    """Return the chance that an abnormal case scores above a normal one, a tie counting one half.

    The Mann-Whitney form with mid-ranks: one sort of the normal cases and their running weights serve all resamples.
    """
    check_cases(truth, probability)
    resamples = _resamples(truth, weights)
    abnormal, normal = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    normal = normal[np.argsort(probability[normal], kind="stable")]
    running = np.zeros((len(resamples), len(normal) + 1))
    np.cumsum(resamples[:, normal], axis=1, out=running[:, 1:])
    below = running[:, np.searchsorted(probability[normal], probability[abnormal], side="left")]
    up_to = running[:, np.searchsorted(probability[normal], probability[abnormal], side="right")]
    held = resamples[:, abnormal]
    wins = np.einsum("bi,bi->b", held, below + up_to) / 2
    values = _share(wins, held.sum(axis=1) * running[:, -1])
    return _as_asked(values, weights)


@METRICS.register("average-precision")
def average_precision(
    truth: Truth,
    probability: Probability,
    weights: Weights | None = None,
    *,
    threshold: float = 0.5,  # noqa: ARG001 - one signature for every metric
) -> Values:
    """Return the mean precision over the steps of recall, without interpolation; guessing gives the prevalence.

    The sum over distinct probabilities, falling, of (R_t - R_t-1) P_t: equal probabilities are one step.
    """
    check_cases(truth, probability)
    resamples = _resamples(truth, weights)
    order = np.argsort(-probability, kind="stable")
    ends = np.flatnonzero(np.diff(probability[order], append=-np.inf))  # the last case of each step
    called = np.cumsum(resamples[:, order], axis=1, dtype=np.float64)[:, ends]
    right = np.cumsum(resamples[:, order] * truth[order], axis=1, dtype=np.float64)[:, ends]
    precision = np.divide(right, called, out=np.zeros_like(right), where=called > 0)
    terms = np.diff(right, axis=1, prepend=0.0) * precision
    totals = np.cumsum(terms, axis=1)[:, -1] if len(truth) else np.zeros(len(resamples))
    values = _share(totals, np.asarray(resamples @ truth, dtype=np.float64))
    return _as_asked(values, weights)


@METRICS.register("brier-score")
def brier_score(
    truth: Truth,
    probability: Probability,
    weights: Weights | None = None,
    *,
    threshold: float = 0.5,  # noqa: ARG001 - one signature for every metric
) -> Values:
    """Return the mean squared distance of probability and truth (Brier, Mon. Weather Rev. 78, 1950): 0 is best.

    Of the abnormal class alone, as usual for two classes: half of Brier's own sum over both.
    """
    _check_probabilities(truth, probability)
    resamples = _resamples(truth, weights)
    values = _share((resamples * (probability - truth) ** 2).sum(axis=1), resamples.sum(axis=1, dtype=np.float64))
    return _as_asked(values, weights)


@METRICS.register("expected-calibration-error")
def expected_calibration_error(
    truth: Truth,
    probability: Probability,
    weights: Weights | None = None,
    *,
    threshold: float = 0.5,  # noqa: ARG001 - one signature for every metric
) -> Values:
    """Return the mean distance of probability and share of abnormal cases over bins, weighed by their cases: 0 is best.

    On the probability of the abnormal class, as Naeini, Cooper and Hauskrecht (AAAI 2015) define it for two classes,
    with the :data:`CALIBRATION_BINS` bins of equal width of Guo et al. (ICML 2017), who bin the confidence of the
    predicted class instead. It cannot fall below the noise in the bins, and resampling adds noise: on few cases its
    interval lies too high.
    """
    _check_probabilities(truth, probability)
    resamples = _resamples(truth, weights)
    bins, gaps = calibration_bin(probability), probability - truth
    apart = [np.abs((resamples[:, bins == k] * gaps[bins == k]).sum(axis=1)) for k in range(CALIBRATION_BINS)]
    values = _share(np.sum(apart, axis=0), resamples.sum(axis=1, dtype=np.float64))
    return _as_asked(values, weights)


def calibration_bin(probability: Probability) -> Int64[np.ndarray, " n"]:
    """Return the place (n) of each probability among the :data:`CALIBRATION_BINS` bins, from 0."""
    inner_edges = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    return np.searchsorted(inner_edges, probability, side="left").astype(np.int64)


def _check_probabilities(truth: Truth, probability: Probability) -> None:
    check_cases(truth, probability)
    outside = probability[(probability < 0) | (probability > 1)]
    if len(outside):
        raise OptionError(
            f"{len(outside)} of {len(probability)} probabilities are outside 0 to 1, such as {outside[0]!r}"
        )


def check_cases(truth: Truth, probability: Probability) -> None:
    """Refuse with an OptionError a truth other than 0 and 1, or a probability that is not a number.

    Parameters
    ----------
    truth
        Of n cases.
    probability
        Of n cases.
    """
    if ((truth != 0) & (truth != 1)).any():
        raise OptionError("truth holds values other than 0 and 1; leave out the cases without a label")
    if np.isnan(probability).any():
        raise OptionError(f"{int(np.isnan(probability).sum())} of {len(probability)} probabilities are not a number")


def _total(chosen: np.ndarray, weights: Weights | None) -> Values:
    if weights is None:
        return float(np.count_nonzero(chosen))
    return np.asarray(weights @ chosen.astype(np.float64))


def _resamples(truth: Truth, weights: Weights | None) -> Weights:
    """Return the weights (b, n), those of the sample itself where none are given."""
    return np.ones((1, len(truth))) if weights is None else weights


def _as_asked(values: Values, weights: Weights | None) -> Values:
    """Return one number where no weights were given."""
    return float(np.asarray(values)[0]) if weights is None else values


def _share(part: Values, whole: Values) -> Values:
    """Divide; 0 / 0 is NaN without a warning, because the caller counts it as undefined."""
    with np.errstate(invalid="ignore"):
        share: Values = np.divide(part, whole)
    return share
