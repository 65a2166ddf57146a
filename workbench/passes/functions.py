"""Which torch functions are ReLUs, other nonlinearities or pools: seen alike as modules and as plain calls."""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

RELUS = frozenset({F.relu, F.relu_, torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_, F.relu6})
HARDTANHS = frozenset({F.hardtanh, F.hardtanh_})
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
    torch.sigmoid: "sigmoid",
    torch.Tensor.sigmoid: "sigmoid",
    torch.tanh: "tanh",
    torch.Tensor.tanh: "tanh",
}
POOLS = frozenset({F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d, F.adaptive_max_pool2d, torch.max_pool2d})
MEANS = frozenset({torch.mean, torch.Tensor.mean})
CONCATENATIONS = frozenset({torch.cat, torch.concat})


def is_relu(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Say whether a call rectifies: ReLU, ReLU6, or a hard tanh that starts at 0 (which is what nn.ReLU6 calls)."""
    if func in RELUS:
        return True
    return func in HARDTANHS and (args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)) == 0
