"""What a model is worth to those who read: how much sooner the abnormal are seen, and how many normal are cleared."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Interval, Resampling, clustered_bootstraps
from workbench.evaluation.metrics import Values, auroc, recall, specificity
from workbench.evaluation.units import Sample


@dataclass(frozen=True)
class WorklistValue:
    """A model's worth on a worklist of n cases.

    Parameters
    ----------
    unit
        What was counted.
    cases, positives
        How many there are, and how many of them are abnormal.
    threshold
        Cases at or below it are ruled out: an initial reading of normal.
    gain
        By which share of the list an abnormal case is read sooner, on average, where the most suspicious come first
        instead of in the order of arrival: 0 for a model that knows nothing, (1 - prevalence) / 2 for a perfect one.
    cleared
        Share of the normal cases that are ruled out.
    sensitivity
        Share of the abnormal cases that are not: what ruling out costs.
    """

    unit: str
    cases: int
    positives: int
    threshold: float
    gain: Interval
    cleared: Interval
    sensitivity: Interval


def worklist_value(sample: Sample, threshold: float, *, resampling: Resampling = DEFAULT_RESAMPLING) -> WorklistValue:
    """Measure what sorting and ruling out by a model's probabilities would give.

    Parameters
    ----------
    sample
        Labelled cases of one unit.
    threshold
        For ruling out, chosen on other patients (:func:`choose_threshold` with rule ``sensitivity``).
    resampling
        Of patients.

    Returns
    -------
    WorklistValue
        Each number with its interval.
    """
    truth, probability = sample.truth, sample.probability

    def gain(weights: np.ndarray) -> Values:
        # An abnormal case waits for half of the other abnormal ones and for the normal ones that look worse:
        # the share of the list is prevalence / 2 + (1 - prevalence) (1 - AUROC), instead of 1 / 2.
        normal = np.asarray((weights * (truth == 0)).sum(axis=1) / weights.sum(axis=1))
        return normal * (np.asarray(auroc(truth, probability, weights)) - 0.5)

    found = clustered_bootstraps(
        {
            "gain": gain,
            "cleared": lambda weights: specificity(truth, probability, weights, threshold=threshold),
            "sensitivity": lambda weights: recall(truth, probability, weights, threshold=threshold),
        },
        sample.patients,
        resampling=resampling,
        reasons=_REASONS,
    )
    return WorklistValue(sample.unit, len(sample), int(truth.sum()), threshold, **found)


_REASONS: Mapping[str, str] = {
    "gain": "all cases are of one class",
    "cleared": "no case is normal",
    "sensitivity": "no case is abnormal",
}
