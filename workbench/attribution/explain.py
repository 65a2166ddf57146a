"""The one way to ask for attributions: methods are grouped so that one pass serves all that can share it."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from workbench.attribution.inputs import as_films, films_digest, input_batches
from workbench.attribution.methods import METHODS, AbstractMethod
from workbench.attribution.plan import EXACT, FAST, PRECISIONS, Plan
from workbench.attribution.precision import Runner
from workbench.attribution.results import Pieces
from workbench.attribution.shards import opened_shards
from workbench.core.errors import MethodRefusedError, OptionError, ReaderError
from workbench.core.explanation import Activations, Explanation
from workbench.core.progress import Progress
from workbench.evaluation.units import IMAGE, STUDY_MEAN
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap
from workbench.passes.layers import find_layers
from workbench.runs.freed_memory import freed_memory_kept


def explain(
    model: Classifier | nn.Module,
    films: Any,
    methods: Sequence[str | AbstractMethod] = ("grad-cam",),
    *,
    target: str | Sequence[str] = "predicted",
    unit: str = IMAGE,
    precision: str = EXACT,
    out: str | Path | None = None,
    batch_size: int = 8,
    workers: int | None = None,
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
    precision
        ``exact`` is single precision. ``fast`` lets convolutions run in bfloat16 for every method whose maps of the
        first batch keep the ranking of their values (rank correlation with single precision at least 0.99 on each
        film), both ways or on the way back alone; what was measured and used stands in the provenance. It pays on GPUs
        and on CPUs that have bfloat16, from a few batches on.
    out
        A new or empty folder: the results go there batch by batch, and come back mapped from disk, so that memory does
        not grow with the films. The same call again goes on where it was interrupted, or returns what is finished;
        another model, recipe, method, target or other films are refused, and so is a folder on which another process
        is at work. See :func:`load_explanations`.
    batch_size
        Films a pass.
    workers
        Threads that decode the next batch meanwhile; where nothing is said, none on a CPU and up to eight beside a GPU.
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
        No film could be read, or these are no films.
    OptionError
        Something is out of its range, or the folder is another request's or in other hands.
    """
    if precision not in PRECISIONS:
        raise OptionError(f"precision: {precision!r} is not one of {', '.join(PRECISIONS)}")
    labelled = _labelled(methods)
    classifier = model if isinstance(model, Classifier) else _wrapped(model, films)
    if precision == FAST and not classifier.differentiable:
        raise OptionError(f"precision: {FAST!r} needs a network, {classifier.architecture} is none; use {EXACT!r}")
    for label, method in labelled.items():
        _check(classifier, label, method)
    plan = Plan(classifier, labelled, _targets(target), unit, precision)
    given = as_films(films)
    opened = opened_shards(out, plan.request(films_digest(films))) if out else nullcontext(Pieces())
    with freed_memory_kept() if plan.keeps_freed_memory else nullcontext(), opened as kept:
        if not kept.finished:
            run = Runner(plan, kept.provenance)
            whole = unit == STUDY_MEAN
            for batch in input_batches(
                classifier, given, batch_size=batch_size, whole_studies=whole, workers=workers, done=kept.done
            ):
                kept.add(run(batch) if batch.film_ids else {}, batch.skipped)
                if progress:
                    progress(kept.done, len(given))
        results = kept.results()
    if not results:
        first = "".join(f"; first: {each}" for each in kept.skipped()[:1])
        raise ReaderError(f"none of {len(given)} films could be read{first}")
    return results


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
