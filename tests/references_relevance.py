"""DeepLIFT and LRP written out layer by layer in double precision, one film at a time, with explicit matrices.

A network is a list of parts: layers, and the two ways in which ResNet and DenseNet branch. Nothing here knows how
:mod:`workbench.passes` finds its way back.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

EPSILON = 1e-6
WEIGHTED = (nn.Conv2d, nn.Linear)
MOVES = (nn.Flatten, nn.Identity, nn.Dropout)


class Residual(nn.Module):
    """Adds what two branches make of the same tensor."""

    def __init__(self, branch: list[nn.Module], shortcut: list[nn.Module]) -> None:
        super().__init__()
        self.branch, self.shortcut = nn.Sequential(*branch), nn.Sequential(*shortcut)

    def forward(self, values: Tensor) -> Tensor:
        return self.branch(values) + self.shortcut(values)


class Dense(nn.Module):
    """Hangs what a branch makes of a tensor behind it."""

    def __init__(self, branch: list[nn.Module]) -> None:
        super().__init__()
        self.branch = nn.Sequential(*branch)

    def forward(self, values: Tensor) -> Tensor:
        return torch.cat([values, self.branch(values)], dim=1)


def parts_of(net: nn.Module) -> list[nn.Module]:
    """List what torchvision's VGG, ResNet or DenseNet does, in order."""
    parts: list[nn.Module] = []
    for name, part in net.named_children():
        kind = type(part).__name__
        if kind == "BasicBlock":
            branch: list[nn.Module] = [part.conv1, part.bn1, nn.ReLU(), part.conv2, part.bn2]
            parts += [Residual(branch, list(part.downsample or [nn.Identity()])), nn.ReLU()]
        elif kind == "_DenseLayer":
            parts.append(Dense(parts_of(part)))
        elif isinstance(part, Residual | Dense):
            parts.append(part)
        elif list(part.children()):
            parts += parts_of(part)
        else:
            parts.append(nn.ReLU() if isinstance(part, nn.ReLU) else part)
        if name == "features" and kind == "Sequential" and type(net).__name__ == "DenseNet":
            parts += [nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
        if name == "avgpool":
            parts.append(nn.Flatten())
    if type(net).__name__ == "DenseNet":
        parts.insert(len(parts) - 1, nn.Flatten())
    return parts


def matrix(function: Callable[[Tensor], Tensor], values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the matrix (outputs, inputs) and the offset of a function that is linear but for it."""
    with torch.no_grad():
        offset = function(torch.zeros_like(values))
        columns = [
            (function(column.view_as(values)) - offset).flatten() for column in torch.eye(values.numel()).to(values)
        ]
    return torch.stack(columns, dim=1), offset.flatten()


# DeepLIFT


def deep_lift(parts: list[nn.Module], film: Tensor, reference: Tensor, coefficients: Tensor) -> Tensor:
    """Return multiplier times difference (1, c, h, w); Shrikumar et al. 2017, eq. 1, 3 and section 3.5.2."""
    return _multipliers(parts, film, reference, coefficients) * (film - reference)


def _multipliers(parts: list[nn.Module], film: Tensor, reference: Tensor, above: Tensor) -> Tensor:
    """Return multipliers at the input of the parts, by the chain rule from those at their output."""
    seen = [(film, reference)]
    for part in parts:
        seen.append((part(seen[-1][0]), part(seen[-1][1])))
    for part, (x, x0) in zip(reversed(parts), reversed(seen[:-1]), strict=True):
        above = _multiplier(part, x, x0, above)
    return above


def _multiplier(part: nn.Module, x: Tensor, x0: Tensor, above: Tensor) -> Tensor:
    if isinstance(part, Residual):
        return _multipliers(list(part.branch), x, x0, above) + _multipliers(list(part.shortcut), x, x0, above)
    if isinstance(part, Dense):
        kept, made = above[:, : x.shape[1]], above[:, x.shape[1] :]
        return kept + _multipliers(list(part.branch), x, x0, made)
    if isinstance(part, nn.MaxPool2d):
        return _max_pool_multiplier(part, x, x0, above)
    if isinstance(part, (*WEIGHTED, *MOVES, nn.BatchNorm2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)):
        return torch.autograd.functional.vjp(part, x, above)[1]
    difference = x - x0
    slope = torch.autograd.functional.vjp(part, x, torch.ones_like(x))[1]
    return above * torch.where(difference == 0, slope, (part(x) - part(x0)) / difference)


def _max_pool_multiplier(pool: nn.MaxPool2d, x: Tensor, x0: Tensor, above: Tensor) -> Tensor:
    """Give each window's difference of maxima to the place of the larger one, window by window."""
    found = torch.zeros_like(x)
    for channel, row, column, window in _windows(pool, x):
        mine, theirs = x[0, channel][window], x0[0, channel][window]
        change = mine.max() - theirs.max()
        winner = (mine if change >= 0 else theirs).argmax()
        difference = (mine - theirs).flatten()[winner]
        share = above[0, channel, row, column] * (1.0 if difference == 0 else change / difference)
        block = torch.zeros(mine.numel(), dtype=x.dtype)
        block[winner] = share
        found[0, channel][window] += block.view_as(mine)
    return found


def _windows(pool: nn.MaxPool2d, x: Tensor) -> list[Any]:
    size, stride, padding = pool.kernel_size, pool.stride, pool.padding

    def field(place: int) -> slice:
        return slice(max(0, place * stride - padding), place * stride - padding + size)

    _, channels, height, width = pool(x).shape
    return [
        (channel, row, column, (field(row), field(column)))
        for channel in range(channels)
        for row in range(height)
        for column in range(width)
    ]


# LRP


def lrp(parts: list[nn.Module], film: Tensor, start: Tensor, composite: str, box: tuple[Tensor, Tensor]) -> Tensor:
    """Return the relevance (1, c, h, w) of every pixel where the outputs' is ``start``."""
    return _relevance(parts, film, start, composite, box, first=True)


def _relevance(
    parts: list[nn.Module], x: Tensor, above: Tensor, composite: str, box: Any, *, first: bool = False
) -> Tensor:
    steps = _merged(parts)
    seen = [x]
    for step in steps:
        seen.append(step(seen[-1]))
    at_first = next(index for index, step in enumerate(steps) if isinstance(step, nn.Sequential)) if first else -1
    for index in reversed(range(len(steps))):
        above = _handed(steps[index], seen[index], above, composite, box, first=index == at_first)
    return above


def _merged(parts: list[nn.Module]) -> list[nn.Module]:
    """Put every weighted layer into a Sequential, together with a batch norm right behind it."""
    steps: list[nn.Module] = []
    for part in parts:
        if isinstance(part, WEIGHTED):
            steps.append(nn.Sequential(part))
        elif isinstance(part, nn.BatchNorm2d) and steps and isinstance(steps[-1], nn.Sequential):
            steps[-1] = nn.Sequential(*steps[-1], part)
        else:
            steps.append(part)
    return steps


def _handed(step: nn.Module, x: Tensor, above: Tensor, composite: str, box: Any, *, first: bool) -> Tensor:
    if isinstance(step, nn.Sequential):
        return _weighted(step, x, above, _rule(step[0], composite, first=first), box)
    if isinstance(step, Residual):
        a, b = step.branch(x), step.shortcut(x)
        total = a + b + EPSILON * torch.where(a + b < 0, -1.0, 1.0)
        return sum(
            _relevance(list(branch), x, above * part / total, composite, box)
            for branch, part in ((step.branch, a), (step.shortcut, b))
        )
    if isinstance(step, Dense):
        kept, made = above[:, : x.shape[1]], above[:, x.shape[1] :]
        return kept + _relevance(list(step.branch), x, made, composite, box)
    if isinstance(step, nn.ReLU):
        return above
    if isinstance(step, nn.MaxPool2d):
        return _winners(step, x, above)
    if isinstance(step, MOVES):
        return above.reshape(x.shape)
    return _weighted(step, x, above, "epsilon", box)


def _winners(pool: nn.MaxPool2d, x: Tensor, above: Tensor) -> Tensor:
    found = torch.zeros_like(x)
    for channel, row, column, window in _windows(pool, x):
        block = torch.zeros_like(x[0, channel][window]).flatten()
        block[x[0, channel][window].argmax()] = above[0, channel, row, column]
        found[0, channel][window] += block.view_as(x[0, channel][window])
    return found


def _rule(layer: nn.Module, composite: str, *, first: bool) -> str:
    if first and composite == "epsilon-plus-flat":
        return "flat"
    if first and composite == "epsilon-gamma-box":
        return "box"
    if isinstance(layer, nn.Linear) or composite == "epsilon":
        return "epsilon"
    return "gamma" if composite == "epsilon-gamma-box" else "plus"


def _weighted(step: nn.Module, x: Tensor, above: Tensor, rule: str, box: tuple[Tensor, Tensor]) -> Tensor:
    """Share out by the matrix of contributions x_i w_ij of every input to every output."""
    weights, bias = matrix(step, x)
    added = weights * x.flatten()
    z, received = added.sum(dim=1) + bias, above.flatten()
    if rule == "flat":
        added, bias = (weights != 0).double(), 0 * bias
    elif rule == "box":
        low, high = (bound.expand_as(x).flatten() for bound in box)
        added, bias = added - low * weights.clamp(min=0) - high * weights.clamp(max=0), 0 * bias
    elif rule == "plus":
        added, bias = added.clamp(min=0), bias.clamp(min=0)
    elif rule == "gamma":
        sign = torch.where(z < 0, -1.0, 1.0)
        added = added + 0.25 * sign[:, None] * (sign[:, None] * added).clamp(min=0)
        bias = bias + 0.25 * sign * (sign * bias).clamp(min=0)
    total = added.sum(dim=1) + bias
    ratio = received / (total + EPSILON * torch.where(total < 0, -1.0, 1.0))
    return (added.T @ ratio).view_as(x)
