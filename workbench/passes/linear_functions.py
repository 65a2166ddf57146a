"""Which torch calls are linear in what depends on the image, and which only move its numbers about."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from workbench.passes.functions import AVERAGES, CONCATENATIONS, CONVOLUTIONS, RESHAPES


def _named(*names: str) -> frozenset[Any]:
    """Return the functions and methods of torch that have one of these names."""
    owners = (torch, Tensor, F)
    return frozenset(getattr(owner, name) for owner in owners for name in names if hasattr(owner, name))


MOVES = (
    RESHAPES
    | CONCATENATIONS
    | _named(
        "stack", "hstack", "vstack", "chunk", "split", "tensor_split", "unbind", "narrow", "select", "index_select"
    )
    | _named("flip", "roll", "repeat", "expand", "expand_as", "clone", "unflatten", "reshape_as", "view_as", "swapaxes")
    | _named("movedim", "moveaxis", "swapdims", "ravel", "t", "unfold", "pad", "__setitem__", "copy_")
    | _named("to", "type", "type_as", "double", "half", "bfloat16", "cpu", "cuda", "pixel_shuffle", "pixel_unshuffle")
    | _named("dropout1d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "channel_shuffle")
    | {getattr(Tensor, name).__get__ for name in ("T", "mT", "H", "mH")}
)
"""They leave every number as it is (dropout: in evaluation mode)."""
WEIGHTED = CONVOLUTIONS | _named("linear", "conv1d", "conv3d", "conv_transpose1d", "conv_transpose3d")
"""Layers with a weight for each pair of an input and an output."""
SUMS = _named("add", "add_", "sub", "sub_", "subtract", "subtract_", "rsub", "__rsub__")
DIVISIONS = _named("div", "div_", "divide", "divide_", "true_divide", "true_divide_")
SCALINGS = _named("mul", "mul_", "multiply", "multiply_")
PRODUCTS = SCALINGS | _named("matmul", "__rmatmul__", "mm", "bmm", "mv", "addmm", "einsum")
WEIGHTED_SUMS = AVERAGES | _named(
    *("sum", "neg", "neg_", "negative", "avg_pool1d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool3d"),
    *("interpolate", "upsample"),
)


def moving(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """Return the arguments that depend on the image: while parameters are frozen, those that require a gradient."""
    return [each for each in _tensors((*args, *kwargs.values())) if each.requires_grad]


def is_linear_call(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Say whether a call is linear, up to an offset, in all that depends on the image together.

    A product of two such tensors is not, nor is a quotient by one, nor a norm by the statistics of the batch.
    """
    if func in SUMS or func in WEIGHTED_SUMS:
        return True
    if func is F.batch_norm:
        return _uses_running_statistics(args, kwargs)
    if func in DIVISIONS:
        return not moving(args[1:], kwargs)
    return (func in PRODUCTS or func in WEIGHTED) and len(moving(args, kwargs)) == 1


def _uses_running_statistics(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Say whether a call of batch norm divides by constants, as it does in evaluation mode."""
    names = ("input", "running_mean", "running_var", "weight", "bias", "training")
    given = dict(zip(names, args, strict=False)) | kwargs
    return given.get("running_mean") is not None and not given.get("training", False)


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from (each for each in value if isinstance(each, Tensor))
