"""The one way to ask for attributions: methods are grouped so that one pass serves all that can share it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import or_
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.attribution.activations import LayerActivations, TopMaps
from workbench.attribution.inputs import input_batches
from workbench.attribution.methods import METHODS, AbstractMethod, OwnMethod, SharedMethod
from workbench.attribution.score_model import ScoreModel
from workbench.attribution.targets import MINUS, TargetRule, target_rule
from workbench.core.errors import MethodRefusedError, OptionError, ReaderError, Skipped
from workbench.core.explanation import Activations, Explanation, StageActivations
from workbench.core.geometry import scaling
from workbench.core.progress import Progress
from workbench.core.provenance import library_versions
from workbench.core.seeding import derived_seed
from workbench.evaluation.units import IMAGE, STUDY_MEAN
from workbench.imaging.films import FilmBatch
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap
from workbench.passes.layers import evaluation_mode, find_layers
from workbench.passes.single_pass import Chosen, Needs, Seen, run_pass


@dataclass(frozen=True)
class _Plan:
    """What is asked of every batch."""

    classifier: Classifier
    methods: dict[str, AbstractMethod]
    targets: tuple[str, ...]
    unit: str

    @cached_property
    def needs(self) -> Needs:
        """What one pass has to record for all methods."""
        return reduce(or_, (method.needs(self.classifier) for method in self.methods.values()), Needs())

    @cached_property
    def rules(self) -> tuple[TargetRule, ...]:
        """The rule of each target."""
        return tuple(target_rule(self.classifier, target, unit=self.unit) for target in self.targets)

    def key(self, label: str, target: str) -> str:
        """Return the label under which a method's maps for a target are returned."""
        return label if len(self.targets) == 1 else f"{label} [{target}]"

    def score_name(self, target: str) -> str:
        """Say in words what is explained."""
        if self.unit == STUDY_MEAN:
            return "log-odds of the study's mean probability, linear at the clean films"
        if MINUS in target and target not in self.classifier.class_names:
            return "difference of the logits"
        return "logit of the class" if self.classifier.head.name == "softmax" else "log-odds of the class"

    def seen(self, batch: FilmBatch) -> tuple[Seen, ...]:
        """Run the common pass: one record a target."""
        labels, device = batch.labels, self.classifier.device
        studies = torch.unique(torch.tensor([derived_seed(each) for each in batch.study_ids]), return_inverse=True)[1]

        def choose(logits: Tensor) -> list[Chosen]:
            return [rule(logits, labels.to(device), studies.to(device)) for rule in self.rules]

        return run_pass(self.classifier.module, batch.images.to(device), self.needs, choose=choose)


@dataclass
class _Collected:
    """What the batches gave so far."""

    film_ids: list[str] = field(default_factory=list)
    probabilities: list[Tensor] = field(default_factory=list)
    to_film: list[np.ndarray] = field(default_factory=list)
    film_sizes: list[np.ndarray] = field(default_factory=list)
    input_sizes: list[tuple[int, int]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    classes: dict[str, list[Tensor]] = field(default_factory=dict)
    """By target."""
    maps: dict[str, list[Any]] = field(default_factory=dict)
    """By label, as the measures are."""
    measures: dict[str, dict[str, list[Tensor]]] = field(default_factory=dict)

    def add(self, batch: FilmBatch, records: Sequence[Seen], plan: _Plan) -> None:
        """Let every method make its maps of a batch and keep them."""
        self.film_ids += batch.film_ids
        self.probabilities.append(plan.classifier.head.probabilities(records[0].logits.double()).cpu())
        self.to_film.append(batch.to_film)
        self.film_sizes.append(batch.film_sizes)
        self.input_sizes.append((batch.images.shape[-2], batch.images.shape[-1]))
        for target, seen in zip(plan.targets, records, strict=True):
            self.classes.setdefault(target, []).append(seen.chosen.classes.cpu())
            score_model = ScoreModel(plan.classifier, seen.chosen, batch.film_ids)
            for label, method in plan.methods.items():
                key = plan.key(label, target)
                maps, measures = _maps(method, score_model, seen)
                self.maps.setdefault(key, []).append(maps)
                for name, values in measures.items():
                    kept = self.measures.setdefault(key, {})
                    kept.setdefault(name, []).append(values.detach().double().cpu())


def _maps(method: AbstractMethod, score_model: ScoreModel, seen: Seen) -> tuple[Any, dict[str, Tensor]]:
    """Return a method's maps of one batch and the numbers that go with them."""
    classifier = score_model.classifier
    if isinstance(method, LayerActivations):
        return [seen.reductions[stage.tap, TopMaps(method.count)] for stage in classifier.layers.stages], {}
    if isinstance(method, SharedMethod):
        maps = method.combine(seen, classifier)
        return maps.detach().float().cpu(), method.measures(score_model, seen, maps)
    assert isinstance(method, OwnMethod)  # noqa: S101 - there is no fourth kind
    with evaluation_mode(classifier.module), torch.inference_mode(False):
        maps = method.attribute(score_model, seen).detach()
        return maps.float().cpu(), method.measures(score_model, seen, maps)


def explain(
    model: Classifier | nn.Module,
    films: Any,
    methods: Sequence[str | AbstractMethod] = ("grad-cam",),
    *,
    target: str | Sequence[str] = "predicted",
    unit: str = IMAGE,
    batch_size: int = 8,
    progress: Progress | None = None,
) -> dict[str, Explanation | Activations]:
    """Explain what a model says about films.

    Parameters
    ----------
    model
        A classifier; or a bare network, then ``films`` is a tensor as the network takes it.
    films
        A Manifest; paths or PIL images; arrays (h, w), (n, h, w) or (n, c, h, w) of floats in 0..1 or of unsigned
        integers over their full scale; or a tensor (n, c, h, w) that is already prepared.
    methods
        Names of :data:`METHODS` or instances with other options. Twice the same name gets ``-2`` appended.
    target
        ``predicted``, ``expected`` (the label), ``runner-up``, the name of a class, or the difference ``A - B`` of two
        of these; chosen once per film from the clean pass. Several share one forward pass.
    unit
        ``image``; or ``study-mean``, where the score is that of a study's views together (films without a study stand
        alone), see :func:`workbench.attribution.targets.target_rule`.
    batch_size
        Films a pass.
    progress
        Called after every batch with how many are done, of how many.

    Returns
    -------
    dict
        Label of the method -> :class:`Explanation`, or :class:`Activations` for ``activations``. With several targets
        the label is ``grad-cam [expected]``.

    Raises
    ------
    UnknownNameError
        A method or target that does not exist.
    MethodRefusedError
        A method that would give a wrong map on this network.
    ReaderError
        No film could be read.
    """
    labelled = _labelled(methods)
    classifier = model if isinstance(model, Classifier) else _wrapped(model, films)
    for label, method in labelled.items():
        _check(classifier, label, method)
    plan = _Plan(classifier, labelled, _targets(target), unit)
    collected, total = _Collected(), _length(films)
    for batch in input_batches(classifier, films, batch_size=batch_size, whole_studies=unit == STUDY_MEAN):
        collected.skipped += batch.skipped
        if batch.film_ids:
            collected.add(batch, plan.seen(batch), plan)
        if progress:
            progress(len(collected.film_ids) + len(collected.skipped), total)
    if not collected.film_ids:
        first = f"; first: {collected.skipped[0]}" if collected.skipped else ""
        raise ReaderError(f"none of {total} films could be read{first}")
    return {
        plan.key(label, target): _result(plan.key(label, target), method, target, collected, plan)
        for label, method in labelled.items()
        for target in plan.targets
    }


def _targets(target: str | Sequence[str]) -> tuple[str, ...]:
    targets = (target,) if isinstance(target, str) else tuple(target)
    if not targets:
        raise OptionError("target: an empty list; give one such as 'predicted'")
    return tuple(dict.fromkeys(targets))


def _check(classifier: Classifier, label: str, method: AbstractMethod) -> None:
    if method.uses_gradients and not classifier.differentiable:
        raise MethodRefusedError(
            f"{label} looks into a network, {classifier.architecture} is a function of which only the probabilities "
            "are known; use occlusion"
        )
    method.check(classifier)


def _labelled(methods: Sequence[str | AbstractMethod]) -> dict[str, AbstractMethod]:
    """Return the methods by unique label; a name stands for the method with its default options."""
    names = {METHODS.get(name): name for name in METHODS}
    labelled: dict[str, AbstractMethod] = {}
    for each in [methods] if isinstance(methods, str) else methods:
        method = METHODS.make(each) if isinstance(each, str) else each
        name = each if isinstance(each, str) else names.get(type(each), type(each).__name__)
        count = 1 + sum(label == name or label.startswith(f"{name}-") for label in labelled)
        labelled[name if name not in labelled else f"{name}-{count}"] = method
    return labelled


def _wrapped(module: nn.Module, films: Any) -> Classifier:
    if not isinstance(films, Tensor):
        kind = type(films).__name__
        raise ReaderError(
            f"a bare network takes a tensor, given {kind}; what wb.wrap(network, ...) returns takes films"
        )
    if films.ndim != 4 or films.shape[1] not in (1, 3):
        raise ReaderError(f"a tensor of shape {tuple(films.shape)}; wanted (n, 1, h, w) or (n, 3, h, w)")
    channels, _, width = films.shape[1:]
    recipe = Recipe(size=width, channels=1 if channels == 1 else 3)
    outputs = find_layers(module, (recipe.channels, width, width)).outputs
    names = [f"class {index}" for index in range(max(outputs, 2))]
    return wrap(module, class_names=names, recipe=recipe)


def _length(films: Any) -> int:
    if isinstance(films, np.ndarray) and films.ndim == 2:
        return 1
    return len(films) if hasattr(films, "__len__") and not isinstance(films, str) else 1


def _result(
    key: str, method: AbstractMethod, target: str, collected: _Collected, plan: _Plan
) -> Explanation | Activations:
    classifier = plan.classifier
    to_film, film_sizes = np.concatenate(collected.to_film), np.concatenate(collected.film_sizes)
    provenance = {
        "method": key,
        **method.provenance(classifier),
        "target": target,
        "unit": plan.unit,
        "score": plan.score_name(target),
        "architecture": classifier.architecture,
        "weights_sha256": classifier.provenance.get("weights_sha256", ""),
        "recipe": classifier.recipe.to_json(),
        "versions": library_versions(),
    }
    ids, skipped = tuple(collected.film_ids), tuple(collected.skipped)
    if isinstance(method, LayerActivations):
        stages = _stages(collected.maps[key], classifier)
        return Activations(key, ids, stages, to_film, film_sizes, collected.input_sizes[0], provenance, skipped)
    maps = torch.cat(collected.maps[key]).numpy()
    height, width = collected.input_sizes[0]
    from_map = scaling(width / maps.shape[2], height / maps.shape[1])
    return Explanation(
        method=key,
        case_ids=ids,
        targets=torch.cat(collected.classes[target]).numpy(),
        maps=maps,
        to_film=to_film @ from_map,
        film_sizes=film_sizes,
        probabilities=torch.cat(collected.probabilities).numpy(),
        provenance=provenance,
        skipped=skipped,
        measures={name: torch.cat(values).numpy() for name, values in collected.measures.get(key, {}).items()},
    )


def _stages(batches: list[Any], classifier: Classifier) -> tuple[StageActivations, ...]:
    joined = []
    for index, stage in enumerate(classifier.layers.stages):
        maps = torch.cat([batch[index][0] for batch in batches]).numpy()
        channels = torch.cat([batch[index][1] for batch in batches]).numpy()
        joined.append(StageActivations(str(stage.tap), stage.title, maps, channels))
    return tuple(joined)
