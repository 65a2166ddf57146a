"""Where models or readers agree with each other, right or wrong, and the cases on which models are furthest apart."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Shaped

from workbench.core.errors import ManifestError, OptionError
from workbench.core.predictions import Predictions
from workbench.evaluation.intervals import DEFAULT_RESAMPLING, Interval, Resampling, clustered_bootstraps
from workbench.evaluation.metrics import Values, Weights, cohen_kappa

Called = Bool[np.ndarray, " n"]
"""Whether each case was called abnormal."""
Said = Shaped[np.ndarray, "2 n"]
"""What two readers said of each case, in words."""


@dataclass(frozen=True)
class Agreement:
    """How far two models call the same cases the same.

    Parameters
    ----------
    share
        Of cases called alike.
    kappa
        Cohen's, beyond chance; None where both call everything the same.
    """

    share: float
    kappa: float | None


def agreement(called_a: Called, called_b: Called) -> Agreement:
    """Return how far two models call the same cases the same.

    Parameters
    ----------
    called_a
        Whether the first calls each case abnormal (n).
    called_b
        The second, in the same order.

    Returns
    -------
    Agreement
        Of one model with itself: 1.

    Raises
    ------
    OptionError
        There is no case.
    """
    if not len(called_a):
        raise OptionError("no case to agree on; give at least one")
    kappa = float(cohen_kappa(called_a.astype(np.int64), called_b.astype(np.float64)))
    return Agreement(float((called_a == called_b).mean()), None if math.isnan(kappa) else kappa)


@dataclass(frozen=True)
class Disagreement:
    """One case, and what the models say of it.

    Parameters
    ----------
    case_id
        Of the film.
    truth
        1 abnormal, 0 normal, -1 not known.
    probabilities
        Of abnormal, by model.
    apart
        The highest less the lowest.
    disputed
        Whether some models call it abnormal and others normal.
    """

    case_id: str
    truth: int
    probabilities: dict[str, float]
    apart: float
    disputed: bool


def disagreements(
    predictions: Mapping[str, Predictions], *, count: int | None = None, threshold: float = 0.5
) -> tuple[Disagreement, ...]:
    """Return the films that every model has seen, those first on which the probabilities are furthest apart.

    Parameters
    ----------
    predictions
        By model; at least two.
    count
        How many films at most; None returns all.
    threshold
        Abnormal is strictly above it.

    Returns
    -------
    tuple[Disagreement, ...]
        Equal ones in the order of their ids.

    Raises
    ------
    OptionError
        Fewer than two models.
    ManifestError
        No film was seen by all.
    """
    shared = common_cases(predictions)
    lined_up = {name: each.select(shared) for name, each in predictions.items()}
    probabilities = np.stack([each.abnormal for each in lined_up.values()])
    truth = np.stack([each.truth for each in lined_up.values()]).max(axis=0)
    apart = probabilities.max(axis=0) - probabilities.min(axis=0)
    called = probabilities > threshold
    disputed = np.logical_xor(called.any(axis=0), called.all(axis=0))
    return tuple(
        Disagreement(
            case_id=shared[row],
            truth=int(truth[row]),
            probabilities={name: float(value) for name, value in zip(lined_up, probabilities[:, row], strict=True)},
            apart=float(apart[row]),
            disputed=bool(disputed[row]),
        )
        for row in np.argsort(-apart, kind="stable")[:count]
    )


def common_cases(predictions: Mapping[str, Predictions]) -> Sequence[str]:
    """Return the ids, sorted, of the films that every model has seen.

    Parameters
    ----------
    predictions
        By model.

    Returns
    -------
    Sequence[str]
        At least one.

    Raises
    ------
    OptionError
        Fewer than two models.
    ManifestError
        No film was seen by all.
    """
    if len(predictions) < 2:
        raise OptionError(f"a comparison needs at least two models; given {', '.join(predictions) or 'none'}")
    shared = sorted(set.intersection(*(set(each.case_ids) for each in predictions.values())))
    if not shared:
        raise ManifestError(
            f"no film was predicted by all of {', '.join(predictions)}; evaluate them on the same films"
        )
    return shared


@dataclass(frozen=True)
class ReaderAgreement:
    """How far two readers said the same of the cases that both have seen.

    Parameters
    ----------
    first, second
        The readers.
    cases
        How many both have seen.
    share
        Of them called alike.
    kappa
        Cohen's, unweighted: beyond what would be alike by chance.
    """

    first: str
    second: str
    cases: int
    share: Interval
    kappa: Interval


def reader_agreement(
    verdicts: Mapping[str, Mapping[str, str]],
    *,
    patients: Mapping[str, str] | None = None,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> tuple[ReaderAgreement, ...]:
    """Compare readers two by two on the cases that both have seen.

    Parameters
    ----------
    verdicts
        By reader and case id; any words, of which Cohen's kappa takes each for a category of its own.
    patients
        By case id, because cases of one patient are not independent; a case without one stands for itself.
    resampling
        Of the patients.

    Returns
    -------
    tuple[ReaderAgreement, ...]
        Pairs in the order of the names; two readers without a common case have none.
    """
    found = []
    for first, second in combinations(sorted(verdicts), 2):
        shared = sorted(verdicts[first].keys() & verdicts[second].keys())
        if not shared:
            continue
        said = np.array([[verdicts[reader][case_id] for case_id in shared] for reader in (first, second)])
        clusters = [(patients or {}).get(case_id, case_id) for case_id in shared]
        of_pair = clustered_bootstraps(
            {"share": partial(_share_alike, said), "kappa": partial(_kappa, said)},
            clusters,
            resampling=resampling,
            reasons={"kappa": "both readers always say the same one word"},
        )
        found.append(ReaderAgreement(first, second, len(shared), of_pair["share"], of_pair["kappa"]))
    return tuple(found)


def _share_alike(said: Said, weights: Weights) -> Values:
    return np.asarray(weights @ (said[0] == said[1]) / weights.sum(axis=1))


def _kappa(said: Said, weights: Weights) -> Values:
    """Return Cohen's kappa of two readers; both parts times n^2, so that p_e = 1 is met exactly and gives NaN."""
    one_hot = said[:, :, None] == np.unique(said)
    first, second = (weights @ each for each in one_hot.astype(np.float64))
    n = weights.sum(axis=1)
    by_chance = (first * second).sum(axis=1)
    beyond, possible = n * (weights @ (said[0] == said[1])) - by_chance, n * n - by_chance
    return np.asarray(np.divide(beyond, possible, out=np.full_like(n, np.nan), where=possible != 0))
