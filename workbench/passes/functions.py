"""Which torch functions are ReLUs, other nonlinearities or pools: seen alike as modules and as plain calls."""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

RELUS = frozenset({F.relu, F.relu_, torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_, F.relu6})
HARDTANHS = frozenset({F.hardtanh, F.hardtanh_})
CLAMPS = frozenset(
    getattr(owner, name + suffix)
    for owner in (torch, torch.Tensor)
    for name in ("clamp", "clamp_min", "clip")
    for suffix in ("", "_")
)
THRESHOLDS = frozenset({F.threshold, torch.threshold})
OTHER_NONLINEARITIES = {
    F.silu: "SiLU",
    F.gelu: "GELU",
    F.elu: "ELU",
    F.celu: "CELU",
    F.selu: "SELU",
    F.mish: "Mish",
    F.leaky_relu: "leaky ReLU",
    F.prelu: "PReLU",
    F.hardswish: "Hardswish",
    F.hardsigmoid: "Hardsigmoid",
    F.softplus: "Softplus",
    F.hardtanh: "Hardtanh",
    F.rrelu: "RReLU",
    F.logsigmoid: "LogSigmoid",
    F.softsign: "Softsign",
    F.tanhshrink: "Tanhshrink",
    F.softmin: "softmin",
    F.softshrink: "Softshrink",
    F.hardshrink: "Hardshrink",
    F.threshold: "Threshold",
    F.glu: "GLU",
    F.softmax: "softmax",
    torch.softmax: "softmax",
    torch.Tensor.softmax: "softmax",
    torch.sigmoid: "sigmoid",
    torch.Tensor.sigmoid: "sigmoid",
    torch.tanh: "tanh",
    torch.Tensor.tanh: "tanh",
    torch.erf: "erf",
    torch.Tensor.erf: "erf",
}
POOLS = frozenset({F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d, F.adaptive_max_pool2d, torch.max_pool2d})
AVERAGES = frozenset({F.avg_pool2d, F.adaptive_avg_pool2d, torch.mean, torch.Tensor.mean})
"""Of the pools those whose means are weighed alike, so that a linear layer behind them has a class activation map."""
CONVOLUTIONS = frozenset({F.conv2d, F.conv_transpose2d})
CONCATENATIONS = frozenset({torch.cat, torch.concat})
RESHAPES = frozenset(
    getattr(owner, name)
    for owner in (torch, torch.Tensor)
    for name in ("flatten", "reshape", "squeeze", "unsqueeze", "permute", "transpose")
) | {torch.Tensor.view, torch.Tensor.contiguous, torch.Tensor.__getitem__, torch.Tensor.float, F.dropout, F.dropout2d}
"""What leaves every number as it is, if it leaves their count (dropout: in evaluation mode)."""
SOFTMAXES = frozenset({F.softmax, torch.softmax, torch.Tensor.softmax})
ATTENTIONS = SOFTMAXES | {F.scaled_dot_product_attention, F.multi_head_attention_forward}
GATES = frozenset({*SOFTMAXES, F.hardsigmoid, torch.sigmoid, torch.Tensor.sigmoid})
"""Nonlinearities that weigh another tensor; what they give shows no feature."""


def is_relu(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Say whether a call rectifies: ReLU, ReLU6, or what equals one of them.

    A hard tanh that starts at 0, a clamp at 0 from below only, and a threshold from 0 to 0.
    """
    if func in RELUS:
        return True
    if func in HARDTANHS:
        return _argument(args, kwargs, 1, "min_val", -1.0) == 0
    if func in CLAMPS:
        lowest = _argument(args, kwargs, 1, "min", None)
        return isinstance(lowest, int | float) and lowest == 0 and _argument(args, kwargs, 2, "max", None) is None
    return func in THRESHOLDS and all(
        _argument(args, kwargs, place, name, None) == 0 for place, name in ((1, "threshold"), (2, "value"))
    )


def first_tensor(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what a torch function works on: its first argument, or the one called ``input``; None if no tensor."""
    first = args[0] if args else kwargs.get("input")
    return first if isinstance(first, torch.Tensor) else None


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], place: int, name: str, default: Any) -> Any:
    return args[place] if len(args) > place else kwargs.get(name, default)
