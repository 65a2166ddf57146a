"""What a map speaks for: one score per case, linear in the logits, chosen once from the clean pass and then kept."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.core.errors import ModelError, OptionError
from workbench.core.registry import unknown_name
from workbench.evaluation.units import IMAGE, STUDY_MEAN
from workbench.models.classifier import Classifier
from workbench.models.head import Head
from workbench.passes.single_pass import Chosen

UNITS = (IMAGE, STUDY_MEAN)
RULES = ("predicted", "expected", "runner-up")
MINUS = " - "

TargetRule = Callable[[Float[Tensor, "n o"], Int[Tensor, " n"], Int[Tensor, " n"]], Chosen]
"""Takes clean logits, labels (-1 unknown) and the number of each film's study to what is explained."""

_Side = Callable[[Float[Tensor, "n k"], Int[Tensor, " n"]], Int[Tensor, " n"]]
"""Takes probabilities and labels to a class for each film."""


def target_rule(classifier: Classifier, target: str, *, unit: str = IMAGE) -> TargetRule:
    """Return the rule that a target names.

    Parameters
    ----------
    classifier
        Names the classes.
    target
        ``predicted``, ``expected`` (the label), ``runner-up`` (the second most probable class) or the name of a class:
        its logit, the log-odds where the network has a single logit. ``A - B`` with any two of these: the difference
        of their logits, 0 for a film on which both are the same class.
    unit
        ``image``, or ``study-mean``: the score is then the log-odds of the mean probability over the views, made
        linear at the clean films, so that one backward pass shows how much each view contributes.

    Returns
    -------
    TargetRule
        Gives the class and the coefficients of the logits for each film.

    Raises
    ------
    UnknownNameError
        No such rule or class.
    OptionError
        No such unit.
    """
    if unit not in UNITS:
        raise OptionError(f"unit: {unit!r} is not one of {', '.join(UNITS)}")
    whole = target in classifier.class_names  # a class may be called "A - B"
    names = [target] if whole else [part.strip() for part in target.split(MINUS)]
    if len(names) > 2:
        raise OptionError(f"target {target!r}: a difference has two sides, given {len(names)}")
    sides = [_side(classifier.class_names, name) for name in names]
    return partial(_chosen, classifier.head, sides, unit)


def _side(class_names: tuple[str, ...], name: str) -> _Side:
    if name in class_names:
        return partial(_named, class_names.index(name))
    if name == "runner-up" and len(class_names) < 2:
        raise OptionError(f"target 'runner-up' needs two classes, the model has {len(class_names)}")
    rules: dict[str, _Side] = {"predicted": _predicted, "expected": _expected, "runner-up": _runner_up}
    if name not in rules:
        raise unknown_name("target", name, (*RULES, *class_names))
    return rules[name]


def _chosen(
    head: Head,
    sides: list[_Side],
    unit: str,
    logits: Float[Tensor, "n o"],
    labels: Int[Tensor, " n"],
    studies: Int[Tensor, " n"],
) -> Chosen:
    probabilities = head.probabilities(logits)
    if unit == STUDY_MEAN:
        probabilities = _study_mean(probabilities, studies)
    classes, *against = (side(probabilities, labels) for side in sides)
    rival = against[0] if against else None
    if unit == IMAGE:
        return Chosen(classes, head.coefficients(classes, rival))
    return Chosen(classes, _study_coefficients(head, logits, studies, classes, rival))


def _study_mean(probabilities: Float[Tensor, "n k"], studies: Int[Tensor, " n"]) -> Float[Tensor, "n k"]:
    """Give every film the mean probabilities of its study."""
    same = (studies[:, None] == studies).to(probabilities)
    return (same @ probabilities) / same.sum(dim=1, keepdim=True)


def _study_coefficients(
    head: Head,
    logits: Float[Tensor, "n o"],
    studies: Int[Tensor, " n"],
    classes: Int[Tensor, " n"],
    against: Int[Tensor, " n"] | None,
) -> Float[Tensor, "n o"]:
    """Return the derivative of each study's score by its films' logits: what one backward pass multiplies with."""
    with torch.inference_mode(False), torch.enable_grad():
        clean = logits.detach().clone().double().requires_grad_(True)
        logs = head.log_probabilities(clean)
        same = studies[:, None] == studies
        wanted = _mean_log(logs.T[classes], same)
        if against is not None:
            other = _mean_log(logs.T[against], same)
        else:  # the logarithm of 1 - p, without losing digits where p is nearly 1
            others = logs.masked_fill(torch.nn.functional.one_hot(classes, logs.shape[1]).bool(), -torch.inf)
            other = _mean_log(others.logsumexp(dim=1).expand(len(logs), -1), same)
        share = same.sum(dim=1)  # each study's score appears once for each of its films
        (coefficients,) = torch.autograd.grad(((wanted - other) / share).sum(), clean)
    return coefficients.to(logits)


def _mean_log(logs: Float[Tensor, "n m"], same: Tensor) -> Float[Tensor, " n"]:
    """Return for each film the logarithm of the mean over its study: row i holds what film i asks of all films."""
    return logs.masked_fill(~same, -torch.inf).logsumexp(dim=1) - same.sum(dim=1).log()


def _named(index: int, probabilities: Tensor, _labels: Tensor) -> Tensor:
    return torch.full((len(probabilities),), index, device=probabilities.device)


def _predicted(probabilities: Tensor, _labels: Tensor) -> Tensor:
    return probabilities.argmax(dim=1)


def _runner_up(probabilities: Tensor, _labels: Tensor) -> Tensor:
    return probabilities.topk(2, dim=1).indices[:, 1]


def _expected(probabilities: Tensor, labels: Tensor) -> Tensor:
    unknown = int((labels < 0).sum())
    if unknown:
        raise ModelError(f"target 'expected' needs labels, {unknown} of {len(labels)} films have none; use 'predicted'")
    return labels.to(probabilities.device)
