"""A lean tape: what autograd keeps for the way back to the input, and what a ReLU does with a gradient there.

PyTorch keeps the inputs of convolutions, batch norms and pools for the gradients of parameters, which nobody wants
here. The gradient at the input needs the weights, the scales, and of each ReLU where it let something through. What
this module does not know is recorded as ever.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from workbench.passes.functions import CLAMPS, HARDTANHS, POOLS, RELUS, THRESHOLDS, first_tensor, is_relu

CONVOLUTIONS = frozenset(getattr(F, f"conv{kind}{axes}d") for kind in ("", "_transpose") for axes in (1, 2, 3))
MAYBE_RELUS = RELUS | HARDTANHS | CLAMPS | THRESHOLDS
TAPED = MAYBE_RELUS | CONVOLUTIONS | POOLS | {F.batch_norm}
"""What the tape looks at; every other function need not come by."""


class Rule(Enum):
    """What a ReLU lets through of a gradient on its way back."""

    PLAIN = "where the input was positive"
    GUIDED = "where the input was positive, and only what is positive"
    DECONVOLUTION = "only what is positive, wherever it is"


class Tape:
    """Runs torch functions and records them so that backward passes under every rule can follow.

    The parameters must not require gradients; a function with one that does is recorded as ever.
    """

    def __init__(self, rule: Rule = Rule.PLAIN) -> None:
        self.rule = rule

    def run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of :data:`TAPED`."""
        first = first_tensor(args, kwargs)
        if first is None or not (first.requires_grad and torch.is_grad_enabled()):
            return func(*args, **kwargs)
        if func in MAYBE_RELUS:
            return self._rectified(first, func, args, kwargs)
        if func is F.batch_norm:
            return _normalised(first, func, args, kwargs)
        if func in POOLS:
            with saved_tensors_hooks(_pack_pool, _unpack):
                return func(*args, **kwargs)
        return _convolved(func, args, kwargs)

    def _rectified(self, values: Tensor, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not is_relu(func, args, kwargs):
            return func(*args, **kwargs)
        rest = {name: value for name, value in kwargs.items() if name != "input"}
        return _Rectify.apply(values, lambda tensor: func(tensor, *args[1:], **rest), func in PLAIN_RELUS, self)


@contextmanager
def lean_tape(module: nn.Module, *, rule: Rule = Rule.PLAIN) -> Iterator[Tape]:
    """Record what runs inside on a lean tape: for methods that take gradients at the input themselves.

    Parameters
    ----------
    module
        The network, in evaluation mode; its parameters get no gradients meanwhile.
    rule
        What its ReLUs do in a backward pass; the tape's ``rule`` can be set anew before each.

    Yields
    ------
    Tape
        The tape.
    """
    tape = Tape(rule)
    with frozen_parameters(module), _Mode(tape):
        yield tape


@contextmanager
def frozen_parameters(module: nn.Module) -> Iterator[None]:
    """Switch off ``requires_grad`` of the parameters, whose gradients nobody wants, and give it back."""
    wanted = [parameter for parameter in module.parameters() if parameter.requires_grad]
    try:
        for parameter in wanted:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)


class _Mode(TorchFunctionMode):
    """Hands every call over to a tape."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        run = self.tape.run if func in TAPED else None
        return run(func, args, kwargs or {}) if run else func(*args, **(kwargs or {}))


PLAIN_RELUS = RELUS - {F.relu6}


class _Rectify(torch.autograd.Function):
    """A ReLU of any spelling that keeps one byte for each element."""

    @staticmethod
    def forward(context: Any, values: Tensor, relu: Callable[[Tensor], Tensor], plain: bool, tape: Tape) -> Tensor:
        passes = None if plain else _passing(values, relu)
        out = relu(values)
        if out is values:
            context.mark_dirty(values)
        context.save_for_backward((out > 0 if passes is None else passes).view(torch.int8))
        context.tape = tape
        return out

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rule = context.tape.rule
        if rule is Rule.DECONVOLUTION:
            return gradient.clamp_min(0), None, None, None
        (passes,) = context.saved_tensors
        found = gradient * passes  # an integer keeps the type; a product is vectorised, a choice by a mask is not
        return found.clamp_min_(0) if rule is Rule.GUIDED else found, None, None, None


def _passing(values: Tensor, relu: Callable[[Tensor], Tensor]) -> Tensor:
    """Return where autograd itself lets a gradient through; at their corners the spellings of a ReLU differ."""
    with torch.enable_grad():
        start = values.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(relu(start.clone()).sum(), start)
    return slope != 0


class _Normalise(torch.autograd.Function):
    """A batch norm in evaluation mode, which keeps its scale."""

    @staticmethod
    def forward(context: Any, values: Tensor, norm: Callable[[Tensor], Tensor], scale: Tensor) -> Tensor:
        context.save_for_backward(scale.reshape(-1, *[1] * (values.ndim - 2)))
        return norm(values)

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (scale,) = context.saved_tensors
        # with autocast the scale is more precise than the gradient, which keeps its type
        return torch.mul(gradient, scale, out=torch.empty_like(gradient)), None, None


def _normalised(values: Tensor, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    scale = _fixed_scale(*args, **kwargs)
    if scale is None:
        return func(*args, **kwargs)
    rest = {name: value for name, value in kwargs.items() if name != "input"}
    return _Normalise.apply(values, lambda tensor: func(tensor, *args[1:], **rest), scale)


def _fixed_scale(
    input: Tensor,  # noqa: A002, ARG001 - the signature of batch_norm
    running_mean: Tensor | None,  # noqa: ARG001
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,  # noqa: ARG001
    eps: float = 1e-5,
) -> Tensor | None:
    """Return (c) what a batch norm multiplies by; None where that depends on the input or wants a gradient."""
    if training or running_var is None or any(each is not None and each.requires_grad for each in (weight, bias)):
        return None
    scale = (running_var + eps).rsqrt()
    return scale if weight is None else scale * weight


def _convolved(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Convolve, but keep the weight alone: its shape tells it from the input, whose values only its gradient needs."""
    weight = args[1] if len(args) > 1 else kwargs["weight"]
    if weight.requires_grad:
        return func(*args, **kwargs)

    def pack(tensor: Tensor) -> Any:
        return tensor if tensor.shape == weight.shape else _Hollow(tensor)

    with saved_tensors_hooks(pack, _unpack):
        return func(*args, **kwargs)


class _Hollow:
    """A tensor of which only shape, layout and kind are kept."""

    def __init__(self, tensor: Tensor) -> None:
        self.about = {"size": tensor.shape, "stride": tensor.stride(), "dtype": tensor.dtype, "device": tensor.device}

    def filled(self) -> Tensor:
        """Return a tensor of unspecified values: it is looked at, but not read."""
        return torch.empty_strided(**self.about)


def _pack_pool(tensor: Tensor) -> Any:
    """Keep where the maxima were, in half the bytes, and not what was pooled."""
    if tensor.is_floating_point():
        return _Hollow(tensor)
    return tensor.int() if tensor.dtype is torch.int64 and tensor.numel() < 2**31 else tensor


def _unpack(kept: Any) -> Tensor:
    if isinstance(kept, _Hollow):
        return kept.filled()
    return kept.long() if kept.dtype is torch.int32 else kept
