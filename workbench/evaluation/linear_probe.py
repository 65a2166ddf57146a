"""A linear probe: logistic regression on frozen features, the yardstick that fine-tuning has to reach."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from workbench.core.errors import OptionError
from workbench.evaluation.metrics import Probability, Truth

Features = Float[np.ndarray, "n d"]

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Values of C to choose from; greater is less regularised."""
FOLDS = 5


@dataclass(frozen=True)
class LinearProbe:
    """A fitted probe: standardise, weigh, add, squash.

    Parameters
    ----------
    mean, scale
        Of each feature on the training cases (d); a constant feature has scale 1.
    weights
        Of the standardised features (d).
    bias
        Added to their weighted sum.
    strength
        The chosen C.
    losses
        Mean held-out log loss of each C tried.
    """

    mean: Float64[np.ndarray, " d"]
    scale: Float64[np.ndarray, " d"]
    weights: Float64[np.ndarray, " d"]
    bias: float
    strength: float
    losses: dict[float, float]

    def predict(self, features: Features) -> Probability:
        """Return the probability of abnormal (n) of features (n, d)."""
        probability: Probability = expit(self.logits(features))
        return probability

    def logits(self, features: Features) -> Probability:
        """Return the log-odds of abnormal (n) of features (n, d); another d is an OptionError."""
        if features.shape[1] != len(self.mean):
            raise OptionError(f"{features.shape[1]} features a case; the probe was fitted on {len(self.mean)}")
        return (features.astype(np.float64) - self.mean) / self.scale @ self.weights + self.bias


def fit_linear_probe(features: Features, labels: Truth, groups: Sequence[str], *, seed: int = 0) -> LinearProbe:
    """Fit a probe on the training cases, with C chosen by cross-validation that keeps groups together.

    Parameters
    ----------
    features
        Of a frozen network (n, d).
    labels
        1 abnormal, 0 normal (n).
    groups
        The patient of each case; no patient is on both sides of a fold.
    seed
        Shuffles the groups into folds; the same seed gives the same probe.

    Returns
    -------
    LinearProbe
        Refitted on all cases with the C of the least held-out log loss.

    Raises
    ------
    OptionError
        A feature is not finite, a label is not 0 or 1, or fewer than two groups hold a class.
    """
    _check_training(features, labels, groups)
    features = features.astype(np.float64)
    folds = _folds(labels, np.asarray(groups, dtype=str), seed)
    losses = {strength: _held_out_loss(features, labels, folds, strength) for strength in STRENGTHS}
    strength = min(losses, key=lambda each: losses[each])
    return LinearProbe(*_fit(features, labels, strength), strength=strength, losses=losses)


def _fit(
    features: Float64[np.ndarray, "n d"], labels: Int64[np.ndarray, " n"], strength: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    fitted = LogisticRegression(C=strength, max_iter=10_000).fit((features - mean) / scale, labels)
    return mean, scale, fitted.coef_[0].astype(np.float64), float(fitted.intercept_[0])


def _held_out_loss(
    features: np.ndarray, labels: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]], strength: float
) -> float:
    """Return the mean log loss over held-out cases, each fold standardised by its own training part."""
    losses = []
    for train, held_out in folds:
        probe = LinearProbe(*_fit(features[train], labels[train], strength), strength=strength, losses={})
        margins = np.where(labels[held_out] == 1, 1.0, -1.0) * probe.logits(features[held_out])
        losses.append(np.logaddexp(0.0, -margins))
    return float(np.concatenate(losses).mean())


def _folds(labels: np.ndarray, groups: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    count = min(FOLDS, *(len(set(groups[labels == label])) for label in (0, 1)))
    if count < 2:
        raise OptionError("choosing C needs normal and abnormal cases in at least 2 groups each")
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    folds = [(train, held_out) for train, held_out in splitter.split(labels, labels, groups) if len(held_out)]
    return [(train, held_out) for train, held_out in folds if len(set(labels[train].tolist())) == 2]


def _check_training(features: np.ndarray, labels: np.ndarray, groups: Sequence[str]) -> None:
    if not np.isfinite(features).all():
        raise OptionError(f"{int((~np.isfinite(features)).sum())} of the features are not finite")
    if ((labels != 0) & (labels != 1)).any():
        raise OptionError("labels hold values other than 0 and 1; leave out the cases without a label")
    if len(groups) != len(labels):
        raise OptionError(f"{len(groups)} groups for {len(labels)} labels; give one a case")
