"""Precision, recall and F1 averaged over both classes, as tables print them that do not say of which class they are."""

import functools

import numpy as np

from workbench.core.errors import OptionError
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Interval, Resampling, clustered_bootstraps
from workbench.evaluation.metrics import confusion_counts
from workbench.evaluation.units import Sample

AVERAGES = ("macro", "weighted")
AVERAGED_METRICS = ("precision", "recall", "f1")


def class_averages(
    sample: Sample, average: str = "macro", *, resampling: Resampling = DEFAULT_RESAMPLING
) -> dict[str, Interval]:
    """Return precision, recall and F1 averaged over the normal and the abnormal class.

    Parameters
    ----------
    sample
        Labelled cases.
    average
        ``macro``: the plain mean of both classes; ``weighted``: by how many cases each class has.
    resampling
        Of patients.

    Returns
    -------
    dict[str, Interval]
        By metric. A class that is never called has precision 0, as scikit-learn counts it with ``zero_division=0``.

    Raises
    ------
    OptionError
        No such average.
    """
    if average not in AVERAGES:
        raise OptionError(f"average: {average!r} is not one of {', '.join(AVERAGES)}")
    statistics = {metric: functools.partial(_averaged, sample, metric, average) for metric in AVERAGED_METRICS}
    return clustered_bootstraps(statistics, sample.patients, resampling=resampling)


def _averaged(sample: Sample, metric: str, average: str, weights: np.ndarray) -> np.ndarray:
    count = confusion_counts(sample.truth, sample.probability, weights, threshold=sample.threshold)
    hits = np.stack([np.asarray(count.true_negatives), np.asarray(count.true_positives)])
    false = np.stack([np.asarray(count.false_negatives), np.asarray(count.false_positives)])  # called this class
    missed = false[::-1]  # of this class, called the other one
    whole = {"precision": hits + false, "recall": hits + missed, "f1": hits + (false + missed) / 2}[metric]
    values = np.divide(hits, whole, out=np.zeros_like(hits, dtype=float), where=whole > 0)
    if average == "macro":
        return values.mean(axis=0)
    support = hits + missed
    return (values * support).sum(axis=0) / support.sum(axis=0)
