"""A lean tape: what autograd keeps for the way back to the input, and what a ReLU does with a gradient there.

PyTorch keeps the inputs of convolutions, batch norms and pools for the gradients of parameters, which nobody wants
here. The gradient at the input needs the weights, the scales, and of each ReLU where it let something through. What
this module does not know is recorded as ever.
"""

from collections.abc import Callable, Iterator, Sequence
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

STRAIGHT_CONVOLUTIONS = frozenset({F.conv1d, F.conv2d, F.conv3d})
CONVOLUTIONS = STRAIGHT_CONVOLUTIONS | {F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d}
RECTIFIERS = RELUS | HARDTANHS | CLAMPS | THRESHOLDS
"""Functions that are ReLUs if their arguments say so."""
TAPED = RECTIFIERS | CONVOLUTIONS | POOLS | {F.batch_norm}
"""What a tape looks at; every other function need not come by."""
LARGE = 2**20
"""Elements of a tensor from which on it pays to keep less of it: below, keeping less costs more time than memory."""


class Rule(Enum):
    """What a ReLU lets through of a gradient on its way back."""

    PLAIN = "where the input was positive"
    GUIDED = "where the input was positive, and only what is positive"
    DECONVOLUTION = "only what is positive, wherever the input was"


class Tape:
    """Runs torch functions and records them so that backward passes by several rules can follow.

    Parameters
    ----------
    *rules
        The rules that will be asked for; :attr:`rule` says by which the next backward pass goes, at first the first.
    half_back
        Whether convolutions go back in bfloat16. Forwards they are as ever, so that no ReLU changes its mind.
    """

    def __init__(self, *rules: Rule, half_back: bool = False) -> None:
        self.rule = rules[0] if rules else Rule.PLAIN
        self.half_back = half_back
        self._clips = any(rule is not Rule.PLAIN for rule in rules)

    def run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a function of :data:`TAPED`."""
        first = first_tensor(args, kwargs)
        if first is None or not (first.requires_grad and torch.is_grad_enabled()):
            return func(*args, **kwargs)
        large = first.numel() >= LARGE
        if func in RECTIFIERS:
            return self._rectified(func, args, kwargs, large=large)
        if self.half_back and func in STRAIGHT_CONVOLUTIONS and (given := _half_back_arguments(*args, **kwargs)):
            return _ConvolveHalfBack.apply(func, *given)
        if not large:
            return func(*args, **kwargs)
        if func is F.batch_norm:
            return _normalised(first, args, kwargs)
        return _pooled(func, args, kwargs) if func in POOLS else _convolved(func, args, kwargs)

    def _rectified(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, large: bool) -> Any:
        if not (large or self._clips) or not is_relu(func, args, kwargs):
            return func(*args, **kwargs)
        pack = _where_positive if large and func in RELUS and func is not F.relu6 else _whole
        with saved_tensors_hooks(pack, self._looked_at):
            out = func(*args, **kwargs)
        if self._clips:
            out.register_hook(self._clipped)
        return out

    def _looked_at(self, kept: tuple[Tensor, torch.dtype]) -> Tensor:
        """Return what the derivative of a ReLU compares with its bounds; the smallest number passes all of them."""
        tensor, kind = kept
        if self.rule is Rule.DECONVOLUTION:
            return torch.full((), torch.finfo(kind).tiny, dtype=kind, device=tensor.device).expand(tensor.shape)
        return tensor.to(kind)

    def _clipped(self, gradient: Tensor) -> Tensor:
        return gradient if self.rule is Rule.PLAIN else gradient.clamp_min(0)


@contextmanager
def lean_tape(module: nn.Module, *rules: Rule) -> Iterator[Tape]:
    """Record what runs inside on a lean tape: for methods that take gradients at the input themselves.

    Parameters
    ----------
    module
        The network, in evaluation mode; its parameters get no gradients meanwhile.
    *rules
        By which rules there will be backward passes, in turn by the tape's ``rule``; the plain one if nothing is said.

    Yields
    ------
    Tape
        The tape.
    """
    tape = Tape(*rules)
    with frozen_parameters(module), _Taping(tape):
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


class _Taping(TorchFunctionMode):
    """Hands the calls that matter over to a tape."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self.tape = tape

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        return self.tape.run(func, args, kwargs) if func in TAPED else func(*args, **kwargs)


def _where_positive(out: Tensor) -> tuple[Tensor, torch.dtype]:
    """Keep of a rectified tensor one byte for each element: as bytes they are several times faster than a mask."""
    return out.bool().view(torch.uint8), out.dtype


def _whole(tensor: Tensor) -> tuple[Tensor, torch.dtype]:
    return tensor.detach(), tensor.dtype  # an output that its own record held would never be freed


class _Hollow:
    """A tensor of which only size, layout and kind are kept."""

    def __init__(self, tensor: Tensor, kind: torch.dtype | None = None) -> None:
        self.size, self.stride, self.device = tensor.shape, tensor.stride(), tensor.device
        self.dtype = kind or tensor.dtype

    def restored(self) -> Tensor:
        """Return a tensor of whatever values: a derivative looks at its size and layout."""
        return torch.empty_strided(self.size, self.stride, dtype=self.dtype, device=self.device)


def _restored(kept: Tensor | _Hollow) -> Tensor:
    if isinstance(kept, _Hollow):
        return kept.restored()
    return kept.long() if kept.dtype is torch.int32 else kept


def _convolved(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Convolve and keep the weight alone: the values of the input are needed for the weight's gradient only."""
    weight = args[1] if len(args) > 1 else kwargs["weight"]
    if weight.requires_grad:
        return func(*args, **kwargs)

    def pack(tensor: Tensor) -> Tensor | _Hollow:  # under autocast another tensor than the weight, but of its shape
        return tensor if tensor.shape == weight.shape else _Hollow(tensor)

    with saved_tensors_hooks(pack, _restored):
        return func(*args, **kwargs)


def _half_back_arguments(  # the signature of conv1d, conv2d and conv3d, so that Python sorts their arguments
    input: Tensor,  # noqa: A002
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> tuple[Any, ...] | None:
    """Return what a convolution is given, a number for each axis; None where its way back is left as it is."""
    wants_gradient = any(each is not None and each.requires_grad for each in (weight, bias))
    if isinstance(padding, str) or input.ndim != weight.ndim or wants_gradient:
        return None
    axes = weight.ndim - 2
    places = [[each] * axes if isinstance(each, int) else list(each) for each in (stride, padding, dilation)]
    return input, weight, bias, *places, groups


class _ConvolveHalfBack(torch.autograd.Function):
    """A convolution whose way back to its input runs in bfloat16, and which keeps its weight alone."""

    @staticmethod
    def forward(context: Any, convolve: Any, values: Tensor, weight: Tensor, bias: Tensor | None, *rest: Any) -> Tensor:
        context.save_for_backward(weight.bfloat16())
        context.hollow, context.rest, context.kind = _Hollow(values, torch.bfloat16), rest, values.dtype
        return convolve(values, weight, bias, *rest)

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = context.saved_tensors
        *places, groups = context.rest
        going_back = (None, *places, False, [0] * len(places[0]), groups, [True, False, False])
        found, _, _ = torch.ops.aten.convolution_backward(
            gradient.bfloat16(), context.hollow.restored(), weight, *going_back
        )
        return None, found.to(context.kind), *[None] * 6


def _pooled(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Pool and keep where the maxima were, in half the bytes, but not what was pooled."""

    def pack(tensor: Tensor) -> Tensor | _Hollow:
        if tensor.is_floating_point():
            return _Hollow(tensor)
        return tensor.int() if tensor.numel() < 2**31 else tensor.detach()

    with saved_tensors_hooks(pack, _restored):
        return func(*args, **kwargs)


def _normalised(values: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    scale = _fixed_scale(*args, **kwargs)
    if scale is None:
        return F.batch_norm(*args, **kwargs)
    rest = {name: value for name, value in kwargs.items() if name != "input"}
    normalised: Tensor = _Normalise.apply(values, lambda tensor: F.batch_norm(tensor, *args[1:], **rest), scale)
    return normalised


def _fixed_scale(  # the signature of batch_norm, so that Python sorts its arguments
    input: Tensor,  # noqa: A002, ARG001
    running_mean: Tensor | None,  # noqa: ARG001
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,  # noqa: FBT001, FBT002
    momentum: float = 0.1,  # noqa: ARG001
    eps: float = 1e-5,
) -> Tensor | None:
    """Return (c) what a batch norm multiplies by; None where that depends on the input or wants a gradient."""
    if training or running_var is None or any(each is not None and each.requires_grad for each in (weight, bias)):
        return None
    scale = (running_var + eps).rsqrt()
    return scale if weight is None else scale * weight


class _Normalise(torch.autograd.Function):
    """A batch norm in evaluation mode that keeps its scale alone; torch's own derivative reads the input as well."""

    @staticmethod
    def forward(context: Any, values: Tensor, norm: Callable[[Tensor], Tensor], scale: Tensor) -> Tensor:
        context.save_for_backward(scale.reshape(-1, *[1] * (values.ndim - 2)))
        return norm(values)

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (scale,) = context.saved_tensors
        # under autocast the scale is more precise than the gradient, which keeps its kind
        return torch.mul(gradient, scale, out=torch.empty_like(gradient)), None, None
