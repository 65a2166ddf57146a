"""Opening attention: the weights of every block in one forward pass, also where fused kernels never show them.

A mode sees every call of torch's attention functions, so nothing of the network is changed and no flag is left behind.
"""

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from workbench.core.errors import ModelError
from workbench.passes.functions import CONVOLUTIONS, SOFTMAXES
from workbench.passes.layers import Tap, evaluation_mode

Take = Callable[[Float[Tensor, "b heads q k"]], None]
"""Gets the weights of one attention, of each query on the keys, in the order of the pass."""

_ATTENTION_DIMENSIONS = 4
_MULTI_HEAD = inspect.signature(F.multi_head_attention_forward)


@dataclass(frozen=True)
class AttentionPass:
    """What is needed besides the weights.

    Parameters
    ----------
    logits
        (n, o) as without looking, but for rounding.
    grid
        Height and width of what the last convolution before the first attention made: the patches.
    read
        (n, t) which of the last tokens the outputs depend on: the class token, or all that are averaged.
    """

    logits: Float[Tensor, "n o"]
    grid: tuple[int, int]
    read: Bool[Tensor, "n t"]


class _OpenAttention(TorchFunctionMode):
    """Hands on the weights of every attention."""

    def __init__(self, take: Take) -> None:
        super().__init__()
        self.take = take
        self.grid = (0, 0)
        self.attended = False

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.multi_head_attention_forward:  # the fast path of nn.MultiheadAttention is closed under a mode
            return self._multi_head(func, args, kwargs)
        out = func(*args, **kwargs)
        if func is F.scaled_dot_product_attention:
            self._give(attention_weights(*args, **kwargs))
        elif func in SOFTMAXES and out.ndim == _ATTENTION_DIMENSIONS:  # attention that is written out
            self._give(out)
        elif func in CONVOLUTIONS and not self.attended:
            self.grid = (out.shape[-2], out.shape[-1])
        return out

    def _multi_head(self, func: Any, args: Any, kwargs: Any) -> tuple[Tensor, Tensor | None]:
        bound = _MULTI_HEAD.bind(*args, **kwargs)
        bound.apply_defaults()
        wanted, averaged = bound.arguments["need_weights"], bound.arguments["average_attn_weights"]
        bound.arguments |= {"need_weights": True, "average_attn_weights": False}
        out, weights = func(*bound.args, **bound.kwargs)
        self._give(weights)
        if not wanted:
            return out, None
        return out, weights.mean(dim=1) if averaged else weights

    def _give(self, weights: Tensor) -> None:
        self.attended = True
        self.take(weights.detach())


def attention_weights(
    query: Tensor,
    key: Tensor,
    _value: Tensor,
    attn_mask: Tensor | None = None,
    _dropout_p: float = 0.0,
    is_causal: bool = False,  # noqa: FBT001, FBT002 - torch's own signature
    scale: float | None = None,
    **more: Any,
) -> Tensor:
    """Return the weights (b, heads, q, k) that ``F.scaled_dot_product_attention`` uses, given the same arguments."""
    if more.get("enable_gqa"):
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], dim=-3)
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    return scores.softmax(dim=-1)


def attention_pass(module: nn.Module, images: Float[Tensor, "n c h w"], take: Take, *, last: Tap) -> AttentionPass:
    """Run one forward pass, hand on the weights of every attention, and find which of the last tokens are read.

    Parameters
    ----------
    module
        A vision transformer; its mode and parameters are left as found, also after an error.
    images
        Its input.
    take
        Called with the weights of each attention.
    last
        The last layer of tokens (n, t, c); the first output's gradient there tells which of them are read.

    Returns
    -------
    AttentionPass
        The grid of the patches and the tokens that are read.

    Raises
    ------
    ModelError
        The pass did not reach the layer.
    """
    mode, tokens = _OpenAttention(take), []
    calls = 0

    def start_graph(_module: nn.Module, _inputs: Any, out: Tensor) -> Tensor | None:
        nonlocal calls
        calls += 1
        if calls != last.call + 1:
            return None
        torch.set_grad_enabled(True)  # the stack below gives the mode back
        tokens.append(out.detach().requires_grad_(True))
        return tokens[0].clone()

    with ExitStack() as stack:
        stack.enter_context(evaluation_mode(module))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        stack.callback(module.get_submodule(last.module).register_forward_hook(start_graph).remove)
        with mode:
            logits = module(images.detach())
        if not tokens:
            raise ModelError(f"the pass did not reach layer {str(last)!r}; wb.layers(model) lists those it does")
        (gradient,) = torch.autograd.grad(logits[:, 0].sum(), tokens)
    return AttentionPass(logits.detach(), mode.grid, gradient.ne(0).any(dim=2))
