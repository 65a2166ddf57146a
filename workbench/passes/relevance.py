"""Layer-wise relevance propagation through any network of linear layers, ReLUs and max pools.

What arrives at a tensor on the way back is not a gradient but the relevance of its numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import override

from workbench.core.errors import MethodRefusedError
from workbench.passes.backward_rules import (
    UNCOVERED,
    BackwardRules,
    check_logits,
    constant_parameters,
    writes_in_place,
)
from workbench.passes.functions import OTHER_NONLINEARITIES, POOLS, is_relu
from workbench.passes.linear_functions import (
    DIVISIONS,
    SCALINGS,
    SUMS,
    WEIGHTED,
    WEIGHTED_SUMS,
    is_linear_call,
    moving,
)
from workbench.passes.relevance_rules import AbstractRule, Box, Composite, Layer, handed_down
from workbench.passes.single_pass import Seen

RISING = frozenset({"ELU", "CELU", "SELU", "leaky ReLU", "PReLU", "tanh", "Softsign", "Hardtanh"})
"""Nonlinearities that rise and leave 0 as it is, as ReLU does: relevance goes through them unchanged."""
RISING_FUNCTIONS = frozenset(func for func, name in OTHER_NONLINEARITIES.items() if name in RISING)
MAX_POOLS = POOLS - WEIGHTED_SUMS
OUTPUTS_FIRST = frozenset({F.linear, F.conv1d, F.conv2d, F.conv3d})
"""Layers whose weight's first axis counts the outputs, so that a batch norm's factors can be merged into it."""
SCALED = SUMS | SCALINGS | DIVISIONS | {F.batch_norm}
"""Before the first layer they bring pixels to another scale; each keeps its relevance, for its zero is arbitrary."""
MATRIX = 2
"""Axes of a dense layer's output that a batch norm scales as the layer's weight does."""
NOTE = "_workbench_made"


@dataclass(frozen=True)
class Relevance:
    """Where a score comes from: score = sum of the map + what biases and stabilisers kept."""

    maps: Float[Tensor, "n c h w"]
    kept: Float[Tensor, " n"]
    """Added up layer by layer on the way back, in double precision."""


def relevance(module: nn.Module, seen: Seen, rules: Composite, *, head: str | None = None) -> Relevance:
    """Propagate the score back to the pixels by one forward pass and one backward pass.

    Parameters
    ----------
    module
        The network.
    seen
        Images, logits and the chosen scores. Each logit starts with its share of the score: coefficient times logit.
    rules
        The rule of each layer.
    head
        Name of a convolution that makes the outputs, as SqueezeNet's does: it follows the rule of dense layers.

    Returns
    -------
    Relevance
        Maps for each channel, and what biases kept.

    Raises
    ------
    MethodRefusedError
        The network does something that no rule covers, such as a product of two activations.
    """
    with constant_parameters(module):
        images = seen.images.detach().clone().requires_grad_(True)
        active = _RelevanceRules(images, rules, module.get_parameter(f"{head}.weight") if head else None)
        with active:
            logits = module(images.clone())  # a clone, because a network may write on its input
        check_logits(_RelevanceRules.method, logits.detach(), seen.logits)
        start = seen.chosen.coefficients.to(logits) * logits.detach()
        (maps,) = torch.autograd.grad(logits, images, start)
    return Relevance(maps, active.kept)


class _RelevanceRules(BackwardRules):
    """Gives every linear call its rule; ReLUs let relevance through, max pools hand it to the largest number.

    A batch norm right behind a convolution or dense layer is merged with it, elsewhere it is a linear layer of its own
    (Pahde et al. 2022: maps depend on which of the two is done).
    """

    method: ClassVar[str] = "lrp"

    def __init__(self, images: Tensor, rules: Composite, head: Tensor | None) -> None:
        super().__init__()
        self.images = images
        self.rules = rules
        self.head = head
        """Weight of the layer that makes the outputs."""
        self.kept = torch.zeros(len(images), dtype=torch.float64, device=images.device)
        self.layers = 0

    @override
    def replaced(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if is_relu(func, args, kwargs) or func in RISING_FUNCTIONS:
            return _Through.apply(args[0], func, args[1:], kwargs)
        if not is_linear_call(func, args, kwargs):
            return func(*args, **kwargs) if func in MAX_POOLS else UNCOVERED
        if not self.layers and func in SCALED and all(each is args[0] for each in moving(args, kwargs)):
            return _Through.apply(args[0], func, args[1:], kwargs)
        if func in WEIGHTED and args[0].requires_grad:
            return self._weighted(func, args, kwargs)
        if func is F.batch_norm and (made := _made(args[0])) is not None:
            return self._merged(made, func, args, kwargs)
        return self._linear(func, args, kwargs)

    def keep(self, kept: Tensor) -> None:
        """Count what a layer kept, film by film; a film's rows may have become several."""
        self.kept += kept.double().reshape(len(self.images), -1).sum(dim=1)

    def _weighted(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        named = dict(zip(("input", "weight", "bias"), args, strict=False)) | kwargs
        values, weight, bias = named["input"], named["weight"], named.get("bias")
        rest, options = args[3:], {name: value for name, value in kwargs.items() if name not in ("weight", "bias")}

        def operate(values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            return func(values, weight, bias, *rest, **options)

        made = _Made(Layer(operate, weight, bias), values, self._rule(func, values, weight))
        out = _Weighted.apply(values, self, made.layer, made.rule, lambda: operate(values.detach(), weight, bias))
        if func in OUTPUTS_FIRST and (func is not F.linear or out.ndim == MATRIX):
            setattr(out, NOTE, (made, out._version))
        return out

    def _rule(self, func: Any, values: Tensor, weight: Tensor) -> AbstractRule:
        """Choose the rule of a convolution or dense layer; a convolution that makes the outputs is dense."""
        self.layers += 1
        first = self.rules.first
        if first is None or self.layers > 1:
            return self.rules.dense if func is F.linear or weight is self.head else self.rules.convolution
        if isinstance(first, Box) and not (values.shape == self.images.shape and torch.equal(values, self.images)):
            raise MethodRefusedError(
                "lrp: the first layer sees something else than the pixels, whose bounds the box rule needs; "
                "use lrp with composite='epsilon-plus-flat'"
            )
        return first

    def _merged(self, made: "_Made", func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Run a batch norm; on the way back it is one layer with the one before."""
        names = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
        named = dict(zip(names, args, strict=False)) | kwargs
        scale = (named["running_var"] + named.get("eps", 1e-5)).rsqrt()
        if named.get("weight") is not None:
            scale = scale * named["weight"]
        shift = -named["running_mean"] * scale
        if named.get("bias") is not None:
            shift = shift + named["bias"]
        merged = made.layer.merged(scale, shift)
        return _Weighted.apply(
            made.values, self, merged, made.rule, lambda: func(args[0].detach(), *args[1:], **kwargs)
        )

    def _linear(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Run a call that is linear in all that goes in; each tensor is handed what it added."""
        tensors = list({id(each): each for each in moving(args, kwargs)}.values())
        places = {id(each): _Place(index) for index, each in enumerate(tensors)}
        left_open = _swapped((args, kwargs), places)  # without the tensors, which would keep the whole graph alive
        in_place = writes_in_place(func, kwargs)

        def function(*values: Tensor) -> Tensor:
            filled, options = _swapped(left_open, {id(place): values[place.index] for place in places.values()})
            return func(filled[0].clone(), *filled[1:], **options) if in_place else func(*filled, **options)

        if not in_place:
            return _Linear.apply(self, function, *tensors)
        kept = [each.clone() if each is args[0] else each for each in tensors]  # it is written on at once
        return args[0].copy_(_Linear.apply(self, function, *kept))


@dataclass(frozen=True)
class _Made:
    """How a tensor was made: by which layer, of what, and the rule on the way back."""

    layer: Layer
    values: Tensor
    rule: AbstractRule


@dataclass(frozen=True)
class _Place:
    """Stands for a tensor among the arguments of a call."""

    index: int


def _made(out: Tensor) -> _Made | None:
    """Return how a tensor was made; None if not by a layer, or if it was written on since."""
    made, version = getattr(out, NOTE, (None, None))
    return made if version == out._version else None


def _swapped(value: Any, table: dict[int, Any]) -> Any:
    """Replace objects in nested arguments by others."""
    if id(value) in table:
        return table[id(value)]
    if isinstance(value, list | tuple):
        return type(value)(_swapped(each, table) for each in value)
    return {key: _swapped(each, table) for key, each in value.items()} if isinstance(value, dict) else value


class _Through(torch.autograd.Function):
    """A ReLU: its output's relevance is its input's."""

    @staticmethod
    def forward(context: Any, values: Tensor, func: Any, args: Any, kwargs: Any) -> Tensor:
        out = func(values, *args, **kwargs)
        if out is values:
            context.mark_dirty(values)
        return out

    @staticmethod
    def backward(_context: Any, relevance: Tensor) -> Any:
        return relevance, None, None, None


class _Weighted(torch.autograd.Function):
    """A convolution or dense layer, with or without a batch norm behind it."""

    @staticmethod
    def forward(
        context: Any, values: Tensor, active: Any, layer: Layer, rule: AbstractRule, output: Callable[[], Tensor]
    ) -> Tensor:
        context.save_for_backward(values)
        context.active, context.layer, context.rule = active, layer, rule
        return output()

    @staticmethod
    def backward(context: Any, relevance: Tensor) -> Any:
        (values,) = context.saved_tensors
        handed, kept = context.rule(context.layer, values, relevance)
        context.active.keep(kept)
        return handed, None, None, None, None


class _Linear(torch.autograd.Function):
    """Any other call that is linear up to an offset."""

    @staticmethod
    def forward(context: Any, active: Any, function: Callable[..., Tensor], *values: Tensor) -> Tensor:
        context.save_for_backward(*values)
        context.active, context.function = active, function
        return function(*values)

    @staticmethod
    def backward(context: Any, relevance: Tensor) -> Any:
        values, function = context.saved_tensors, context.function
        offset = function(*map(torch.zeros_like, values))
        epsilon = context.active.rules.epsilon
        handed, kept = handed_down(
            lambda *leaves: function(*leaves) - offset, values, offset, relevance, epsilon=epsilon
        )
        context.active.keep(kept)
        return None, None, *handed
