"""Which class a map speaks for: chosen once per case from the clean pass, then kept."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.core.errors import ModelError
from workbench.core.registry import unknown_name
from workbench.models.classifier import Classifier

Choose = Callable[[Float[Tensor, "n o"], Int[Tensor, " n"]], Int[Tensor, " n"]]
"""Takes clean logits and labels (-1 unknown) to classes."""


def class_choice(classifier: Classifier, target: str) -> Choose:
    """Return the rule that a target names.

    Parameters
    ----------
    classifier
        Names the classes.
    target
        ``predicted``, ``expected`` (the label) or the name of a class.

    Returns
    -------
    Choose
        Gives one class a case.

    Raises
    ------
    UnknownNameError
        No such rule or class.
    """
    if target == "predicted":
        return lambda logits, _labels: classifier.head.probabilities(logits).argmax(dim=1)
    if target == "expected":
        return _expected
    if target not in classifier.class_names:
        raise unknown_name("target", target, ("predicted", "expected", *classifier.class_names))
    index = classifier.class_names.index(target)
    return lambda logits, _labels: torch.full((len(logits),), index, device=logits.device)


def _expected(logits: Tensor, labels: Tensor) -> Tensor:
    unknown = int((labels < 0).sum())
    if unknown:
        raise ModelError(f"target 'expected' needs labels, {unknown} of {len(labels)} films have none; use 'predicted'")
    return labels.to(logits.device)
