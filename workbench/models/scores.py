"""Any function from films to probabilities as a classifier: Keras, ONNX, a server, a rule of thumb."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import override

from workbench.core.errors import ModelError
from workbench.core.files import digest_of
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, sized_recipe
from workbench.models.head import Head

Scores = Callable[[np.ndarray], Any]
"""From films (n, h, w), float32 in 0..1, to probabilities (n, k)."""
SUM_TOLERANCE = 1e-3
"""How far the probabilities of a film may be from summing to 1; half precision gives about 5e-4."""


class ScoringFunction(nn.Module):
    """A network without weights or gradients: its logits are the logarithms of what a function says."""

    def __init__(self, function: Scores, classes: int) -> None:
        super().__init__()
        self.function = function
        self.classes = classes

    @override
    def forward(self, images: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n k"]:
        """Return log probabilities, whose softmax gives the probabilities back."""
        films = np.ascontiguousarray(images[:, 0].detach().float().cpu().numpy())
        said = self._checked(self.function(films), len(films))
        logarithms = np.log(np.maximum(said, np.finfo(np.float32).tiny)).astype(np.float32)
        return torch.from_numpy(logarithms).to(images.device)

    def _checked(self, said: Any, films: int) -> np.ndarray:
        wanted = f"wanted probabilities ({films}, {self.classes}): a row for each film, a column for each class"
        try:
            probabilities = np.asarray(said, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"the function returned {type(said).__name__}, which holds no numbers; {wanted}"
            ) from error
        if probabilities.shape != (films, self.classes):
            raise ModelError(f"the function returned an array {probabilities.shape}; {wanted}")
        if not np.isfinite(probabilities).all():
            raise ModelError(f"the function returned NaN or infinity; {wanted}")
        low, sums = probabilities.min(), probabilities.sum(axis=1)
        if low < 0 or np.abs(sums - 1).max() > SUM_TOLERANCE:
            raise ModelError(f"the function's rows sum to {sums[0]:.4g}, its least value is {low:.4g}; {wanted}, sum 1")
        return probabilities


def function_digest(function: Scores) -> str:
    """Return the SHA-256 in hex over a function's own code, empty where it has none in Python.

    Parameters
    ----------
    function
        Looked for under decorators and partial arguments; of an object its class's ``__call__``.

    Returns
    -------
    str
        Over bytecode, constants, names and plain defaults: the same in another process of the same Python, wherever
        the function stands in its file. What it calls, and what it finds outside itself, is not looked into.
    """
    inner: Any = function
    while isinstance(inner, FunctionType | MethodType | partial):
        function = inner
        inner = function.func if isinstance(function, partial) else getattr(function, "__wrapped__", None)
    own: Any = function if isinstance(function, FunctionType | MethodType) else type(function).__call__
    code = getattr(own, "__code__", None)
    return digest_of(_facts((code, own.__defaults__, own.__kwdefaults__))) if isinstance(code, CodeType) else ""


def _facts(value: Any) -> Any:
    """Return a code's constant as JSON that no other process writes otherwise: sets sorted, no addresses."""
    if isinstance(value, CodeType):
        return [value.co_code.hex(), list(value.co_names), _facts(value.co_consts)]
    if isinstance(value, tuple):
        return [_facts(each) for each in value]
    if isinstance(value, frozenset):
        return sorted(repr(each) for each in value)
    if isinstance(value, dict):
        return {name: _facts(each) for name, each in value.items()}
    return repr(value) if isinstance(value, str | bytes | int | float | complex | None) else type(value).__name__


def wrap_scores(
    function: Scores,
    *,
    class_names: Sequence[str],
    positive: Sequence[str] | None = None,
    recipe: Recipe | str | None = None,
    input_size: int | None = None,
) -> Classifier:
    """Make a classifier of any function that tells classes apart.

    Predicting, evaluating, covering, the scorecard, the dashboards and the methods that only perturb films work with
    it; those that take gradients do not.

    Parameters
    ----------
    function
        Takes films (n, size, size), float32 in 0..1, one channel of grey and not normalised, and returns probabilities
        (n, k). It repeats the grey for three channels, and normalises, itself.
    class_names
        In the order of the columns.
    positive
        The abnormal classes; the last class where nothing is said.
    recipe
        How films are placed on the square, or a name of ``RECIPES``; its channels and normalisation are not used.
    input_size
        Side of the square, where no recipe or its name is given.

    Returns
    -------
    Classifier
        Its weights are not known, so its ``weights_sha256`` is empty.

    Raises
    ------
    ModelError
        The function does not return such probabilities for two black films.
    """
    recipe = dataclasses.replace(sized_recipe(recipe, input_size), channels=1, normalisation="unit")
    names = tuple(class_names)
    marked = tuple(positive) if positive is not None else names[-1:]
    module = ScoringFunction(function, len(names)).eval()
    module(torch.zeros((2, 1, recipe.size, recipe.size)))
    name = getattr(function, "__name__", type(function).__name__)
    provenance = {"weights": "not known: a function that gives probabilities", "weights_sha256": ""}
    head = Head.of("softmax", names, marked)
    return Classifier(module, head, names, marked, recipe, name, provenance, differentiable=False)
