"""The points of curves, for plots."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from workbench.core.errors import OptionError
from workbench.evaluation.metrics import Probability, Truth


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
