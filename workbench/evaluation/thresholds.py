"""Thresholds chosen on validation films, to be applied to others: never on the films that are scored."""

from dataclasses import dataclass

import numpy as np

from workbench.core.errors import OptionError
from workbench.core.predictions import Predictions
from workbench.core.registry import Registry
from workbench.evaluation.metrics import Probability, Truth, check_cases

THRESHOLD_RULES: Registry[int] = Registry("threshold rule")
"""Each takes candidates (t), sensitivity and specificity at each, and the sensitivity wanted, to a place among them."""


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold, and what it gave where it was chosen.

    Parameters
    ----------
    threshold
        Abnormal is strictly above it.
    rule
        A name of :data:`THRESHOLD_RULES`.
    sensitivity, specificity
        On the films that it was chosen on; on others they will be lower as a rule.
    cases
        How many films these were.
    """

    threshold: float
    rule: str
    sensitivity: float
    specificity: float
    cases: int

    def __str__(self) -> str:
        rates = f"sensitivity {self.sensitivity:.2f}, specificity {self.specificity:.2f}"
        return f"{self.threshold:.3f} ({self.rule}; on the {self.cases} films it was chosen on {rates})"


@THRESHOLD_RULES.register("youden")
def youden(
    candidates: np.ndarray,
    sensitivity: np.ndarray,
    specificity: np.ndarray,
    *,
    wanted: float,  # noqa: ARG001 - one signature for every rule
) -> int:
    """Return where sensitivity + specificity is greatest (Youden, Cancer 3, 1950); of equals, the one nearest 0.5."""
    index = sensitivity + specificity
    best = np.flatnonzero(np.isclose(index, index.max(), rtol=0, atol=1e-12))
    return int(best[np.argmin(np.abs(candidates[best] - 0.5))])


@THRESHOLD_RULES.register("sensitivity")
def at_sensitivity(
    candidates: np.ndarray,
    sensitivity: np.ndarray,
    specificity: np.ndarray,  # noqa: ARG001 - one signature for every rule
    *,
    wanted: float,
) -> int:
    """Return the highest threshold that still has the wanted sensitivity: the most normal films cleared."""
    reached = np.flatnonzero(sensitivity >= wanted)
    if not len(reached):
        raise OptionError(f"sensitivity: {wanted} cannot be reached, some abnormal films have a probability of 0")
    return int(reached[np.argmax(candidates[reached])])


def choose_threshold(
    predictions: Predictions, *, rule: str = "youden", sensitivity: float = 0.95, scored: Predictions | None = None
) -> ChosenThreshold:
    """Choose a threshold on validation films, for ``evaluate(..., threshold=chosen.threshold)`` on others.

    Parameters
    ----------
    predictions
        Of validation films; those without a label are left out.
    rule
        ``youden``, or ``sensitivity`` for a fixed one.
    sensitivity
        The one wanted by that rule.
    scored
        What the threshold will be applied to, to make sure that these are other films.

    Returns
    -------
    ChosenThreshold
        Midway between two neighbouring probabilities, so that no film lies on it.

    Raises
    ------
    UnknownNameError
        No such rule.
    OptionError
        One class only, a sensitivity out of range or out of reach, or films that are to be scored as well.
    """
    shared = set(predictions.case_ids) & set(scored.case_ids if scored else ())
    if shared:
        raise OptionError(
            f"{len(shared)} films, such as {min(shared)!r}, are to be scored; choose a threshold on others"
        )
    if not 0 < sensitivity <= 1:
        raise OptionError(f"sensitivity: {sensitivity!r} is not above 0 and at most 1, such as 0.95")
    choose = THRESHOLD_RULES.get(rule)
    known = predictions.truth >= 0
    candidates, hit, spared = _candidates(predictions.truth[known], predictions.abnormal[known])
    place = choose(candidates, hit, spared, wanted=sensitivity)
    return ChosenThreshold(float(candidates[place]), rule, float(hit[place]), float(spared[place]), int(known.sum()))


def _candidates(truth: Truth, probability: Probability) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every threshold that calls the films otherwise, with sensitivity and specificity."""
    check_cases(truth, probability)
    ill, well = np.sort(probability[truth == 1]), np.sort(probability[truth == 0])
    if not len(ill) or not len(well):
        raise OptionError(f"choosing a threshold needs normal and abnormal films; given {len(well)} and {len(ill)}")
    values = np.unique(np.concatenate([[0.0, 1.0], probability]))
    candidates = (values[1:] + values[:-1]) / 2
    sensitivity = 1 - np.searchsorted(ill, candidates, side="right") / len(ill)
    specificity = np.searchsorted(well, candidates, side="right") / len(well)
    return candidates, sensitivity, specificity
