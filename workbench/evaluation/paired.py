"""Tests of two models on the same cases: McNemar's of their calls, DeLong's of their AUROCs.

Both were made for independent cases, and films of one patient are not. DeLong's test is given here with Obuchowski's
extension to clusters; McNemar's has none here, so its p is too small where patients have several cases: count by
patient, or believe the bootstrap of the difference (:mod:`workbench.evaluation.differences`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64
from scipy.stats import binomtest, chi2, norm, rankdata

from workbench.core.errors import OptionError
from workbench.evaluation.metrics import Probability, Truth, check_cases

EXACT_BELOW = 25
"""Discordant pairs; from here on the chi-squared distribution is near enough."""

Right = Bool[np.ndarray, " n"]
"""Whether each case was called right."""


@dataclass(frozen=True)
class McNemarTest:
    """Whether two models are right equally often.

    Parameters
    ----------
    only_a, only_b
        Cases that one model alone called right: the discordant pairs.
    p_value
        Two-sided; 1 without a discordant pair.
    statistic
        Chi-squared of one degree of freedom; None where the test is exact.
    """

    only_a: int
    only_b: int
    p_value: float
    statistic: float | None = None

    @property
    def exact(self) -> bool:
        """Whether the binomial distribution itself was used."""
        return self.statistic is None


def mcnemar_test(right_a: Right, right_b: Right) -> McNemarTest:
    """Compare how often two models are right on the same independent cases (McNemar, Psychometrika 12, 1947).

    Parameters
    ----------
    right_a
        Whether the first model called each case right (n).
    right_b
        The same of the second, in the same order.

    Returns
    -------
    McNemarTest
        Exact (two-sided binomial) below :data:`EXACT_BELOW` discordant pairs; else chi-squared with Edwards'
        continuity correction, (max(|b - c| - 1, 0))^2 / (b + c).
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    discordant = only_a + only_b
    if not discordant:
        return McNemarTest(0, 0, 1.0)
    if discordant < EXACT_BELOW:
        return McNemarTest(only_a, only_b, float(binomtest(only_a, discordant).pvalue))
    statistic = max(abs(only_a - only_b) - 1, 0) ** 2 / discordant
    return McNemarTest(only_a, only_b, float(chi2.sf(statistic, 1)), statistic)


@dataclass(frozen=True)
class DeLongTest:
    """The difference of two AUROCs on the same cases.

    Parameters
    ----------
    auroc_a, auroc_b
        Of the two models.
    difference
        The first minus the second.
    low, high
        Of the difference, from the normal distribution; None where there is no variance.
    level
        Of that interval.
    p_value
        Two-sided, that the two are equal; None where there is no variance.
    covariance
        Of the two AUROCs (2, 2); None where there is none.
    clusters
        How many independent units there are: patients, or cases where none were told.
    reason
        Why there is no test; empty where there is one.
    """

    auroc_a: float
    auroc_b: float
    difference: float
    low: float | None
    high: float | None
    level: float
    p_value: float | None
    covariance: tuple[tuple[float, float], tuple[float, float]] | None
    clusters: int
    reason: str = ""

    @property
    def standard_error(self) -> float | None:
        """Of the difference."""
        if self.covariance is None:
            return None
        (of_a, both), (_, of_b) = self.covariance
        return math.sqrt(max(of_a + of_b - 2 * both, 0.0))


def delong_test(
    truth: Truth, a: Probability, b: Probability, *, clusters: Sequence[str] | None = None, level: float = 0.95
) -> DeLongTest:
    """Compare two AUROCs on the same cases (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988).

    Parameters
    ----------
    truth
        1 abnormal, 0 normal (n).
    a
        Any score of the first model, higher where it is more abnormal (n).
    b
        Of the second model.
    clusters
        The patient of each case, for Obuchowski's extension; None takes the cases as independent.
    level
        Of the interval.

    Returns
    -------
    DeLongTest
        Models of one and the same ranking differ by exactly 0, with p = 1.

    Raises
    ------
    OptionError
        A truth other than 0 and 1, a score that is not a number, or no case of a class.
    """
    aurocs, covariance = auroc_covariance(truth, np.stack([a, b]), clusters=clusters)
    of_a, of_b = (float(each) for each in aurocs)
    count = len(truth) if clusters is None else len(set(clusters))
    if np.isnan(covariance).any():
        why = "an AUROC varies only with two clusters of normal and two of abnormal cases"
        return DeLongTest(of_a, of_b, of_a - of_b, None, None, level, None, None, count, why)
    found = ((float(covariance[0, 0]), float(covariance[0, 1])), (float(covariance[1, 0]), float(covariance[1, 1])))
    test = DeLongTest(of_a, of_b, of_a - of_b, None, None, level, None, found, count)
    return _judged(test)


def _judged(test: DeLongTest) -> DeLongTest:
    """Add interval and p; a variance of nothing but rounding is none."""
    error = test.standard_error or 0.0
    shown = {**vars(test)}
    if error < 1e-12 and abs(test.difference) > 1e-12:
        return DeLongTest(**shown | {"reason": "the difference does not vary on these cases"})
    reach = float(norm.ppf((1 + test.level) / 2)) * error
    p_value = 1.0 if error < 1e-12 else float(2 * norm.sf(abs(test.difference) / error))
    return DeLongTest(**shown | {"low": test.difference - reach, "high": test.difference + reach, "p_value": p_value})


def auroc_covariance(
    truth: Truth, scores: Float64[np.ndarray, "s n"], *, clusters: Sequence[str] | None = None
) -> tuple[Float64[np.ndarray, " s"], Float64[np.ndarray, "s s"]]:
    """Return the AUROCs of several scores of the same cases, with their covariance.

    What a case adds to an AUROC comes from mid-ranks (Sun and Xu, IEEE Signal Processing Letters 21, 2014), in
    O(n log n). These sums are then taken by cluster: with one case a cluster this is DeLong's covariance, else
    Obuchowski's (Biometrics 53, 1997), which lets normal and abnormal films of one patient go together.

    Parameters
    ----------
    truth
        1 abnormal, 0 normal (n).
    scores
        Of s models (s, n).
    clusters
        The cluster (patient) of each case; None makes each case its own.

    Returns
    -------
    tuple[Float64[np.ndarray, " s"], Float64[np.ndarray, "s s"]]
        The covariance is NaN with fewer than two clusters that hold normal cases, or abnormal ones.

    Raises
    ------
    OptionError
        A truth other than 0 and 1, a score that is not a number, or no case of a class.
    """
    for each in scores:
        check_cases(truth, each)
    ill, well = np.flatnonzero(truth == 1), np.flatnonzero(truth == 0)
    if not len(ill) or not len(well):
        raise OptionError(f"an AUROC needs normal and abnormal cases; given {len(well)} and {len(ill)}")
    above = np.stack([_shares_below(each, ill, well) for each in scores])  # normal cases below each abnormal one
    below = 1 - np.stack([_shares_below(each, well, ill) for each in scores])  # abnormal cases above each normal one
    aurocs = above.mean(axis=1)
    owner = np.arange(len(truth)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    of_ill = _cluster_sums((above - aurocs[:, None]) / len(ill), owner[ill], int(owner.max()) + 1)
    of_well = _cluster_sums((below - aurocs[:, None]) / len(well), owner[well], int(owner.max()) + 1)
    cross = of_ill @ of_well.T
    return aurocs, (
        _unbiased(len(set(owner[ill]))) * (of_ill @ of_ill.T)
        + _unbiased(len(set(owner[well]))) * (of_well @ of_well.T)
        + _unbiased(len(set(owner))) * (cross + cross.T)
    )


def _shares_below(score: np.ndarray, these: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which share of the others lies below each of these, an equal one counting one half."""
    among_all = rankdata(score[np.concatenate([these, others])])[: len(these)]
    return (among_all - rankdata(score[these])) / len(others)


def _cluster_sums(values: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    return np.stack([np.bincount(owner, weights=row, minlength=count) for row in values])


def _unbiased(count: int) -> float:
    return count / (count - 1) if count > 1 else math.nan
