"""What autograd keeps for the way back, and what a ReLU does with a gradient there."""

from collections.abc import Callable
from enum import Enum
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from workbench.passes.functions import first_tensor, is_relu


class Rule(Enum):
    """What a ReLU lets through of a gradient on its way back."""

    PLAIN = "where the input was positive"
    GUIDED = "where the input was positive, and only what is positive"
    DECONVOLUTION = "only what is positive, wherever it is"


class Tape:
    """Runs torch functions so that one recorded pass serves backward passes under every rule."""

    def __init__(self) -> None:
        self.rule = Rule.PLAIN

    def run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a torch function; where autograd records it, record it in our way."""
        first = first_tensor(args, kwargs)
        if first is None or not (first.requires_grad and torch.is_grad_enabled() and is_relu(func, args, kwargs)):
            return func(*args, **kwargs)
        rest = {name: value for name, value in kwargs.items() if name != "input"}
        return _Rectify.apply(first, lambda tensor: func(tensor, *args[1:], **rest), self)


class _Rectify(torch.autograd.Function):
    """A ReLU of any spelling that keeps one byte for each element."""

    @staticmethod
    def forward(context: Any, values: Tensor, relu: Callable[[Tensor], Tensor], tape: Tape) -> Tensor:
        passes = _passing(values, relu)
        out = relu(values)
        if out is values:
            context.mark_dirty(values)
        context.save_for_backward(passes)
        context.tape = tape
        return out

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        rule = context.tape.rule
        if rule is Rule.DECONVOLUTION:
            return gradient.clamp_min(0), None, None
        (passes,) = context.saved_tensors
        found = torch.where(passes, gradient, 0.0)
        return found.clamp_min_(0) if rule is Rule.GUIDED else found, None, None


def _passing(values: Tensor, relu: Callable[[Tensor], Tensor]) -> Tensor:
    """Return where autograd lets a gradient through; at the corner the spellings of a ReLU differ."""
    with torch.enable_grad():
        start = values.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(relu(start.clone()).sum(), start)
    return slope != 0
