"""DeepLIFT's Rescale rule: differences from a reference film instead of gradients."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import override

from workbench.core.errors import MethodRefusedError
from workbench.passes.backward_rules import UNCOVERED, BackwardRules, check_logits, constant_parameters
from workbench.passes.functions import CLAMPS, OTHER_NONLINEARITIES, RELUS, is_relu
from workbench.passes.linear_functions import is_linear_call
from workbench.passes.single_pass import Seen
from workbench.passes.tape import TAPED, Tape

NOT_ELEMENTWISE = frozenset({"softmax", "softmin", "GLU"})
PLAIN_RELUS = RELUS - {F.relu6}
ELEMENTWISE = frozenset(func for func, name in OTHER_NONLINEARITIES.items() if name not in NOT_ELEMENTWISE) | CLAMPS
MAX_POOLS: dict[Any, Callable[..., tuple[Tensor, Tensor]]] = {
    F.max_pool2d: F.max_pool2d_with_indices,
    torch.max_pool2d: F.max_pool2d_with_indices,
    F.adaptive_max_pool2d: F.adaptive_max_pool2d_with_indices,
}


def rescaled_contributions(
    module: nn.Module, seen: Seen, reference: Float[Tensor, "1 c 1 1"]
) -> Float[Tensor, "n c h w"]:
    """Return the contribution of each input pixel to the score's difference from that of a reference film.

    The reference rides along as the first row of the batch, so that each nonlinearity sees both: one forward pass of
    n + 1 films and one backward pass.

    Parameters
    ----------
    module
        The network.
    seen
        Images, logits and the chosen scores.
    reference
        The film from which differences are taken, as the network sees it.

    Returns
    -------
    Float[Tensor, "n c h w"]
        Multiplier times difference of the pixel. Their sum is score(film) - score(reference) up to rounding.

    Raises
    ------
    MethodRefusedError
        The network does something that the Rescale rule does not cover, such as a product of two activations.
    """
    start = reference.to(seen.images).expand(1, *seen.images.shape[1:])
    with constant_parameters(module):
        rows = torch.cat([start, seen.images]).detach().requires_grad_(True)
        with _RescaleRule(len(rows)):
            logits = module(rows.clone())[1:]  # a clone, because a network may write on its input
        check_logits(_RescaleRule.method, logits.detach(), seen.logits)
        (multipliers,) = torch.autograd.grad(seen.chosen.scores(logits).sum(), rows)
    return multipliers[1:] * (seen.images - start)


class _RescaleRule(BackwardRules):
    """Gives nonlinearities the multiplier (f(x) - f(x0)) / (x - x0); all that is linear keeps its gradient."""

    method: ClassVar[str] = "deeplift"

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows
        self.tape = Tape()

    @override
    def replaced(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if is_relu(func, args, kwargs) or func in ELEMENTWISE:
            return _Elementwise.apply(args[0], self.rows, func, args[1:], kwargs)
        if func in MAX_POOLS and not kwargs.get("return_indices"):
            return _MaxPool.apply(args[0], self.rows, MAX_POOLS[func], args[1:], kwargs)
        if not is_linear_call(func, args, kwargs):
            return UNCOVERED
        return self.tape.run(func, args, kwargs) if func in TAPED else func(*args, **kwargs)


def _difference(values: Tensor, rows: int) -> Tensor:
    """Return how far each row is from the reference's; a row may have become several, as windows or groups do."""
    if len(values) % rows:
        raise MethodRefusedError(f"deeplift: a layer has {len(values)} rows for {rows} films; use integrated-gradients")
    films = values.reshape(rows, -1)
    return (films - films[:1]).reshape(values.shape)


class _Elementwise(torch.autograd.Function):
    """A nonlinearity of each number; the multiplier takes the place of its derivative."""

    @staticmethod
    def forward(context: Any, values: Tensor, rows: int, func: Any, args: Any, kwargs: Any) -> Tensor:
        change = _difference(values, rows)
        if func in PLAIN_RELUS:  # their quotient has no rounding error, however small the change
            out = func(values, *args, **kwargs)
            slope, small = (out > 0).to(change), change == 0
        else:
            slope = _slope(lambda middle: func(middle, *args, **kwargs), values - change / 2)
            small = change.abs() <= torch.finfo(values.dtype).eps ** 0.5
            out = func(values, *args, **kwargs)
        if out is values:
            context.mark_dirty(values)
        context.save_for_backward(torch.where(small, slope, _difference(out, rows).div_(change)))
        return out

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        (multiplier,) = context.saved_tensors
        return gradient * multiplier, None, None, None, None


def _slope(function: Callable[[Tensor], Tensor], middle: Tensor) -> Tensor:
    """Return the derivative of an elementwise function, which may write in place."""
    with torch.enable_grad():
        values = middle.detach().requires_grad_(True)
        return torch.autograd.grad(function(values.clone()).sum(), values)[0]


class _MaxPool(torch.autograd.Function):
    """A max pool: the change of the maximum goes to the place that holds the larger of both films' maxima.

    There the film differs from the reference by at least as much as the maxima do, so multipliers lie in [0, 1].
    Windows may overlap: a place then takes what all of them give.
    """

    @staticmethod
    def forward(context: Any, values: Tensor, rows: int, pool: Any, args: Any, kwargs: Any) -> Tensor:
        out, places = pool(values, *args, **kwargs)
        change = _difference(out, rows)
        of_reference = places.reshape(rows, -1)[:1].expand(rows, -1).reshape(places.shape)
        winners = torch.where(change >= 0, places, of_reference).flatten(2)
        at_winners = _difference(values, rows).flatten(2).gather(2, winners)
        context.save_for_backward(winners, torch.where(at_winners == 0, 1, change.flatten(2) / at_winners))
        context.shape = values.shape
        return out

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Any:
        winners, multiplier = context.saved_tensors
        back = gradient.new_zeros(context.shape).flatten(2)
        back.scatter_add_(2, winners, gradient.flatten(2) * multiplier)
        return back.view(context.shape), None, None, None, None
