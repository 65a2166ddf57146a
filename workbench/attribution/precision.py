"""Single precision, or half where it changes no ranking: measured on the first batch and said with every map.

What a ReLU lets through is decided on the way forwards. Gradients at pixels that half precision spoils there often keep
their ranking where the convolutions of the way back alone run in it.
"""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import spearmanr

from workbench.attribution.methods import OwnMethod
from workbench.attribution.plan import FAST, SINGLE, Plan
from workbench.attribution.results import Results, batch_results
from workbench.core.explanation import Activations, Explanation
from workbench.imaging.films import FilmBatch
from workbench.passes.single_pass import Chosen

LEAST_CORRELATION = 0.99
"""Below it half precision is not used: Grad-CAM was seen at 0.995 and above, gradients at pixels at 0.5 to 0.7."""
HALF, HALF_BACK = "bfloat16 autocast", "float32, on the way back bfloat16 convolutions"
RANKING_KEPT, RANKING_LOST = "half precision keeps the ranking", "half precision loses the ranking"
WAY_BACK_KEPT = "half precision keeps the ranking on the way back only"
BECAUSE = {HALF: RANKING_KEPT, HALF_BACK: WAY_BACK_KEPT, SINGLE: RANKING_LOST}
SERVED_ALONG = "the pass of another method, which needs more precision, serves this one too"
MEASURE = "rank_correlation"
"""Name of the measure: Spearman's, of a film's map in half precision with the one in single precision."""


class Runner:
    """Makes the results of one batch after the other as a plan's precision asks.

    Parameters
    ----------
    plan
        What is asked.
    before
        Provenance of results made earlier, by key, when work goes on: what was decided then holds.
    """

    def __init__(self, plan: Plan, before: dict[str, dict[str, Any]] | None = None) -> None:
        self.plan = plan
        self._about = {key: about["precision"] for key, about in (before or {}).items()}

    def __call__(self, batch: FilmBatch) -> Results:
        """Return the explanations of a batch of at least one film."""
        if self.plan.precision != FAST:
            return _run(self.plan, batch)[0]
        return self._split(batch) if self._about else self._first(batch)

    def _first(self, batch: FilmBatch) -> Results:
        """Make everything twice and keep of each method what its correlations allow and the later batches will do.

        What half precision loses is made a third time, with half precision on the way back alone.
        """
        plan = self.plan
        exact, chosen = _run(plan, batch)
        half = _in_half(plan, batch, chosen)
        measured = _measured(half, exact)
        lost = [label for label in plan.methods if not self._is_kept(label, measured)]
        along = _served_with(plan, lost)
        back = self._with_half_back(batch, chosen, lost, along)
        measured_back = _measured(back, exact)
        if any((each < LEAST_CORRELATION).any() for each in measured_back.values()):
            back = {}
        else:
            measured |= measured_back
        for label in plan.methods:
            for key in self._keys(label):
                used = HALF_BACK if key in back else SINGLE if label in (*lost, *along) else HALF
                because = SERVED_ALONG if label in along else BECAUSE[used]
                self._about[key] = _about(batch, measured.get(key), used, because)
        unknown = np.full(len(batch.film_ids), np.nan)
        made = {SINGLE: exact, HALF: half, HALF_BACK: back}
        kept = {key: made[self._about[key]["used"]][key] for key in plan.keys}
        return {key: self._said(key, each, measured.get(key, unknown)) for key, each in kept.items()}

    def _is_kept(self, label: str, measured: dict[str, Float[np.ndarray, " n"]]) -> bool:
        """Say whether a method was measured, and kept its ranking on each film for each target."""
        return all(key in measured and (measured[key] >= LEAST_CORRELATION).all() for key in self._keys(label))

    def _with_half_back(
        self, batch: FilmBatch, chosen: tuple[Chosen, ...], lost: list[str], along: set[str]
    ) -> Results:
        """Return what one pass with half precision on its way back gives; nothing where it would not reach the input.

        Methods with passes of their own have no part in it; one that takes gradients of the common pass too needs that
        pass exact.
        """
        methods = self.plan.methods
        shared = [label for label in methods if label in (*lost, *along) and not isinstance(methods[label], OwnMethod)]
        at_input = [label for label in lost if methods[label].needs(self.plan.classifier).at_input]
        if not at_input or not set(at_input) <= set(shared):
            return {}
        return _if_possible(self.plan.only(shared), batch, chosen, half_back=True)

    def _split(self, batch: FilmBatch) -> Results:
        """Run half precision for the methods that bear it, another pass for the others, both for the same classes."""
        results: Results = {}
        chosen: tuple[Chosen, ...] | None = None
        for half in (False, True):
            labels = [label for label in self.plan.methods if (self._use(label) == HALF) is half]
            if labels:
                half_back = any(self._use(label) == HALF_BACK for label in labels)
                found, chosen = _run(self.plan.only(labels), batch, chosen, half=half, half_back=half_back)
                results |= found
        unknown = np.full(len(batch.film_ids), np.nan)
        return {key: self._said(key, results[key], unknown) for key in self.plan.keys}

    def _keys(self, label: str) -> list[str]:
        return [self.plan.key(label, target) for target in self.plan.targets]

    def _use(self, label: str) -> str:
        return str(self._about[self._keys(label)[0]]["used"])

    def _said(
        self, key: str, found: Explanation | Activations, correlations: Float[np.ndarray, " n"]
    ) -> Explanation | Activations:
        provenance = found.provenance | {"precision": self._about[key]}
        if isinstance(found, Activations):
            return replace(found, provenance=provenance)
        return replace(found, provenance=provenance, measures=found.measures | {MEASURE: correlations})


def _served_with(plan: Plan, lost: list[str]) -> set[str]:
    """Return the methods that a pass run for the lost ones, in single precision forwards, serves for nothing."""
    if not lost:
        return set()
    rules = set(plan.only(lost).needs.rules)
    others = {label: method for label, method in plan.methods.items() if label not in lost}
    return {
        label
        for label, method in others.items()
        if not isinstance(method, OwnMethod) and rules.issuperset(method.needs(plan.classifier).rules)
    }


def _about(batch: FilmBatch, correlations: Float[np.ndarray, " n"] | None, used: str, reason: str) -> dict[str, Any]:
    """Return what stands in a map's provenance."""
    return {
        "asked": FAST,
        "used": used,
        "because": reason,
        "lowest_rank_correlation": None if correlations is None else round(float(correlations.min()), 6),
        "measured_on": list(batch.film_ids),
    }


def _run(
    plan: Plan,
    batch: FilmBatch,
    chosen: tuple[Chosen, ...] | None = None,
    *,
    half: bool = False,
    half_back: bool = False,
) -> tuple[Results, tuple[Chosen, ...]]:
    """Return the results of a batch and what they explain; in half precision the parameters stay as they are."""
    with torch.autocast(plan.classifier.device.type, torch.bfloat16) if half else nullcontext():
        seen = plan.seen(batch, chosen, half_back=half_back)
        return batch_results(plan, batch, seen), tuple(each.chosen for each in seen)


def _if_possible(plan: Plan, batch: FilmBatch, chosen: tuple[Chosen, ...], **halves: bool) -> Results:
    """Return the results of a batch; none where PyTorch refuses, as where a method mixes numbers of two kinds."""
    try:
        return _run(plan, batch, chosen, **halves)[0]
    except RuntimeError:
        return {}


def _in_half(plan: Plan, batch: FilmBatch, chosen: tuple[Chosen, ...]) -> Results:
    """Return the results in half precision of every method that runs in it."""
    found = _if_possible(plan, batch, chosen, half=True)
    if found or len(plan.methods) == 1:
        return found
    parts = [_in_half(plan.only([label]), batch, chosen) for label in plan.methods]
    return {key: found for part in parts for key, found in part.items()}


def _measured(fast: Results, exact: Results) -> dict[str, Float[np.ndarray, " n"]]:
    return {key: _correlations(found, exact[key]) for key, found in fast.items()}


def _correlations(fast: Explanation | Activations, exact: Explanation | Activations) -> Float[np.ndarray, " n"]:
    """Return for each film how far half precision kept the ranking of the map's values."""
    if isinstance(fast, Explanation) and isinstance(exact, Explanation):
        return np.array([rank_correlation(*maps) for maps in zip(fast.maps, exact.maps, strict=True)])
    assert isinstance(fast, Activations)  # noqa: S101 - both are of one kind
    assert isinstance(exact, Activations)  # noqa: S101
    return np.array([_stage_correlation(fast, exact, index) for index in range(len(fast))])


def _stage_correlation(fast: Activations, exact: Activations, film: int) -> float:
    """Return the lowest rank correlation over the stages, of the channels that both found among the most active."""
    lowest = 1.0
    for ours, theirs in zip(fast.stages, exact.stages, strict=True):
        _, here, there = np.intersect1d(ours.channels[film], theirs.channels[film], return_indices=True)
        same = rank_correlation(ours.maps[film][here], theirs.maps[film][there]) if len(here) else 0.0
        lowest = min(lowest, same)
    return lowest


def rank_correlation(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return Spearman's rank correlation of values; 1 where both are constant, 0 where one is or holds no numbers."""
    flat = ours.ravel(), theirs.ravel()
    constant = [np.ptp(each) == 0 for each in flat]
    if any(constant):
        return float(all(constant))
    return float(np.nan_to_num(spearmanr(*flat).statistic))
