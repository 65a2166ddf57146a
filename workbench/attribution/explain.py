"""The one way to ask for attributions: methods are grouped so that one pass serves all that can share it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import or_
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.attribution.activations import LayerActivations, TopMaps
from workbench.attribution.inputs import input_batches
from workbench.attribution.methods import METHODS, AbstractMethod, OwnMethod, SharedMethod
from workbench.attribution.targets import class_choice
from workbench.core.errors import ReaderError, Skipped
from workbench.core.explanation import Activations, Explanation, StageActivations
from workbench.core.geometry import scaling
from workbench.core.progress import Progress
from workbench.core.provenance import library_versions
from workbench.imaging.films import FilmBatch
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap
from workbench.passes.layers import evaluation_mode, find_layers
from workbench.passes.single_pass import Needs, Seen, run_pass


@dataclass
class _Collected:
    """What the batches gave so far."""

    film_ids: list[str] = field(default_factory=list)
    targets: list[Tensor] = field(default_factory=list)
    probabilities: list[Tensor] = field(default_factory=list)
    to_film: list[np.ndarray] = field(default_factory=list)
    film_sizes: list[np.ndarray] = field(default_factory=list)
    input_sizes: list[tuple[int, int]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    maps: dict[str, list[Any]] = field(default_factory=dict)


def explain(
    model: Classifier | nn.Module,
    films: Any,
    methods: Sequence[str | AbstractMethod] = ("grad-cam",),
    *,
    target: str = "predicted",
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
        ``predicted``, ``expected`` (the label) or the name of a class; chosen once per film from the clean pass.
    batch_size
        Films a pass.
    progress
        Called after every batch with how many are done, of how many.

    Returns
    -------
    dict
        Label of the method -> :class:`Explanation`, or :class:`Activations` for ``activations``.

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
    for method in labelled.values():
        method.check(classifier)
    choose = class_choice(classifier, target)
    needs = reduce(or_, (method.needs(classifier) for method in labelled.values()), Needs())
    collected, total = _Collected(maps={label: [] for label in labelled}), _length(films)
    for batch in input_batches(classifier, films, batch_size=batch_size):
        collected.skipped += batch.skipped
        if batch.film_ids:
            labels = batch.labels.to(classifier.device)
            images = batch.images.to(classifier.device)
            score = classifier.head.score
            seen = run_pass(classifier.module, images, needs, choose=partial(_choose, choose, labels), score=score)
            _collect(collected, batch, seen, classifier, labelled)
        if progress:
            progress(len(collected.film_ids) + len(collected.skipped), total)
    if not collected.film_ids:
        first = f"; first: {collected.skipped[0]}" if collected.skipped else ""
        raise ReaderError(f"none of {total} films could be read{first}")
    return {label: _result(label, method, collected, classifier, target) for label, method in labelled.items()}


def _choose(choose: Any, labels: Tensor, logits: Tensor) -> Tensor:
    return choose(logits, labels)


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


def _collect(
    collected: _Collected, batch: FilmBatch, seen: Seen, classifier: Classifier, labelled: dict[str, AbstractMethod]
) -> None:
    collected.film_ids += batch.film_ids
    collected.targets.append(seen.classes.cpu())
    collected.probabilities.append(classifier.head.probabilities(seen.logits.double()).cpu())
    collected.to_film.append(batch.to_film)
    collected.film_sizes.append(batch.film_sizes)
    collected.input_sizes.append((batch.images.shape[-2], batch.images.shape[-1]))
    for label, method in labelled.items():
        if isinstance(method, LayerActivations):
            found: Any = [seen.reductions[stage.tap, TopMaps(method.count)] for stage in classifier.layers.stages]
        elif isinstance(method, OwnMethod):
            with evaluation_mode(classifier.module), torch.inference_mode(False):
                found = method.attribute(classifier, seen.images, seen.classes).detach().float().cpu()
        else:
            assert isinstance(method, SharedMethod)  # noqa: S101 - there is no fourth kind
            found = method.combine(seen, classifier).detach().float().cpu()
        collected.maps[label].append(found)


def _result(
    label: str, method: AbstractMethod, collected: _Collected, classifier: Classifier, target: str
) -> Explanation | Activations:
    to_film, film_sizes = np.concatenate(collected.to_film), np.concatenate(collected.film_sizes)
    provenance = {
        "method": label,
        **method.provenance(classifier),
        "target": target,
        "score": "logit of the class" if classifier.head.name == "softmax" else "log-odds of the class",
        "architecture": classifier.architecture,
        "weights_sha256": classifier.provenance.get("weights_sha256", ""),
        "recipe": classifier.recipe.to_json(),
        "versions": library_versions(),
    }
    ids, skipped = tuple(collected.film_ids), tuple(collected.skipped)
    if isinstance(method, LayerActivations):
        stages = _stages(collected.maps[label], classifier)
        return Activations(label, ids, stages, to_film, film_sizes, collected.input_sizes[0], provenance, skipped)
    maps = torch.cat(collected.maps[label]).numpy()
    height, width = collected.input_sizes[0]
    from_map = scaling(width / maps.shape[2], height / maps.shape[1])
    return Explanation(
        method=label,
        case_ids=ids,
        targets=torch.cat(collected.targets).numpy(),
        maps=maps,
        to_film=to_film @ from_map,
        film_sizes=film_sizes,
        probabilities=torch.cat(collected.probabilities).numpy(),
        provenance=provenance,
        skipped=skipped,
    )


def _stages(batches: list[Any], classifier: Classifier) -> tuple[StageActivations, ...]:
    joined = []
    for index, stage in enumerate(classifier.layers.stages):
        maps = torch.cat([batch[index][0] for batch in batches]).numpy()
        channels = torch.cat([batch[index][1] for batch in batches]).numpy()
        joined.append(StageActivations(str(stage.tap), stage.title, maps, channels))
    return tuple(joined)
