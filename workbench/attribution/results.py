"""From what a pass saw of one batch to the explanations of its films."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.attribution.activations import LayerActivations
from workbench.attribution.methods import AbstractMethod, OwnMethod, SharedMethod
from workbench.attribution.plan import Plan
from workbench.attribution.score_model import ScoreModel
from workbench.core.errors import Skipped
from workbench.core.explanation import Activations, Explanation, StageActivations, joined
from workbench.core.geometry import scaling
from workbench.imaging.films import FilmBatch
from workbench.passes.layers import evaluation_mode
from workbench.passes.single_pass import Seen

Results = dict[str, Explanation | Activations]
"""By key: the label, and the target where there are several."""


def batch_results(plan: Plan, batch: FilmBatch, records: Sequence[Seen]) -> Results:
    """Let every method make its maps of a batch.

    Parameters
    ----------
    plan
        Its methods and targets.
    batch
        Films of which at least one could be read.
    records
        What the common pass saw, one for each target.

    Returns
    -------
    Results
        Explanations of these films.
    """
    results: Results = {}
    for target, seen in zip(plan.targets, records, strict=True):
        score_model = ScoreModel(plan.classifier, seen.chosen, batch.film_ids)
        for label, method in plan.methods.items():
            key = plan.key(label, target)
            if isinstance(method, LayerActivations):
                results[key] = _activations(plan, key, method, batch, seen)
            else:
                results[key] = _explanation(plan, key, method, batch, score_model, seen)
    return {key: results[key] for key in plan.keys}


def _explanation(
    plan: Plan, key: str, method: AbstractMethod, batch: FilmBatch, score_model: ScoreModel, seen: Seen
) -> Explanation:
    maps, measures = _maps(method, score_model, seen)
    height, width = batch.images.shape[-2:]
    return Explanation(
        method=key,
        case_ids=batch.film_ids,
        targets=seen.chosen.classes.cpu().numpy(),
        maps=maps.float().cpu().numpy(),
        to_film=batch.to_film @ scaling(width / maps.shape[2], height / maps.shape[1]),
        film_sizes=batch.film_sizes,
        probabilities=plan.classifier.head.probabilities(seen.logits.double()).cpu().numpy(),
        provenance=plan.provenance[key],
        measures={name: values.detach().double().cpu().numpy() for name, values in measures.items()},
    )


def _maps(
    method: AbstractMethod, score_model: ScoreModel, seen: Seen
) -> tuple[Float[Tensor, "n hm wm"], dict[str, Tensor]]:
    """Return a method's maps of one batch and the numbers that go with them."""
    classifier = score_model.classifier
    if isinstance(method, SharedMethod):
        maps = method.combine(seen, classifier).detach()
        return maps, method.measures(score_model, seen, maps)
    assert isinstance(method, OwnMethod)  # noqa: S101 - there is no fourth kind
    with evaluation_mode(classifier.module), torch.inference_mode(False):
        maps = method.attribute(score_model, seen).detach()
        return maps, method.measures(score_model, seen, maps)


def _activations(plan: Plan, key: str, method: LayerActivations, batch: FilmBatch, seen: Seen) -> Activations:
    stages = []
    ranked = method.stages(seen, plan.classifier)
    for stage, (maps, channels) in zip(plan.classifier.layers.stages, ranked, strict=True):
        stages.append(StageActivations(str(stage.tap), stage.title, maps.numpy(), channels.numpy()))
    height, width = batch.images.shape[-2:]
    return Activations(
        method=key,
        case_ids=batch.film_ids,
        stages=tuple(stages),
        to_film=batch.to_film,
        film_sizes=batch.film_sizes,
        input_size=(height, width),
        provenance=plan.provenance[key],
    )


class Pieces:
    """Where ``explain`` keeps results in memory: what :class:`workbench.attribution.shards.Shards` does on disk."""

    def __init__(self) -> None:
        self.finished = False
        self.done = 0
        self.provenance: dict[str, dict[str, Any]] = {}
        self._parts: list[Results] = []
        self._skipped: list[Skipped] = []

    def add(self, results: Results, skipped: tuple[Skipped, ...]) -> None:
        """Keep the results of one batch, empty where none of its films could be read."""
        if results:
            self._parts.append(results)
        self._skipped += skipped
        self.done += len(skipped) + len(next(iter(results.values()), ()))

    def skipped(self) -> tuple[Skipped, ...]:
        """Return the films that could not be read so far."""
        return tuple(self._skipped)

    def results(self) -> Results:
        """Return the results of all batches; empty where no film could be read."""
        keys = self._parts[0] if self._parts else ()
        return {key: replace(joined([part[key] for part in self._parts]), skipped=self.skipped()) for key in keys}
