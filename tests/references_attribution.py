"""Slow, obvious float64 versions of the attribution formulas, written from the papers and not from the code.

Each network's own forward pass is written out up to the tensor that is pooled (``spatial``) and from there to the
logits (``tail``), so that nothing here depends on hooks or on what :mod:`workbench.passes` finds.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn


@dataclass(frozen=True)
class Parted:
    """A network in two parts, in double precision."""

    spatial: Callable[[Tensor], Tensor]
    tail: Callable[[Tensor], Tensor]
    head: nn.Linear | None = None


def in_double(net: nn.Module) -> Any:
    return copy.deepcopy(net).double().eval()


def densenet_parts(net: nn.Module) -> Parted:
    exact = in_double(net)
    return Parted(
        lambda images: F.relu(exact.features(images)),
        lambda features: exact.classifier(features.mean(dim=(2, 3))),
        exact.classifier,
    )


def resnet_parts(net: nn.Module) -> Parted:
    exact = in_double(net)

    def spatial(images: Tensor) -> Tensor:
        hidden = exact.maxpool(F.relu(exact.bn1(exact.conv1(images))))
        for layer in (exact.layer1, exact.layer2, exact.layer3, exact.layer4):
            hidden = layer(hidden)
        return hidden

    return Parted(spatial, lambda features: exact.fc(features.mean(dim=(2, 3))), exact.fc)


def functional_parts(net: nn.Module) -> Parted:
    exact = in_double(net)

    def spatial(images: Tensor) -> Tensor:
        stem = F.max_pool2d(exact.first(images).clamp(min=0), 2)
        return exact.norm(exact.second(stem)).clamp(min=0)

    return Parted(spatial, lambda features: exact.head(features.mean(dim=(2, 3))), exact.head)


def sequential_parts(net: nn.Module, cut: int) -> Parted:
    """Return a Sequential cut behind part ``cut - 1``; a linear head is its last part."""
    exact = in_double(net)
    return Parted(exact[:cut], exact[cut:], exact[-1])


def cam_map(parts: Parted, images: Tensor, classes: list[int]) -> np.ndarray:
    """Return M(x, y) = sum over channels of w_c f_c(x, y), cell by cell (Zhou et al. 2016, eq. 2)."""
    with torch.no_grad():
        features = parts.spatial(images.double()).numpy()
    weights = parts.head.weight.detach().numpy()
    count, channels, height, width = features.shape
    maps = np.zeros((count, height, width))
    for n in range(count):
        for c in range(channels):
            maps[n] += weights[classes[n], c] * features[n, c]
    return maps


def grad_cam_map(parts: Parted, images: Tensor, classes: list[int]) -> np.ndarray:
    """Return sum over channels of alpha_c f_c, alpha_c the mean gradient (Selvaraju et al. 2017, eq. 1 and 2)."""
    maps = []
    for n, wanted in enumerate(classes):
        features = parts.spatial(images[n : n + 1].double()).detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(parts.tail(features)[0, wanted], features)
        total = np.zeros(features.shape[2:])
        for c in range(features.shape[1]):
            total += gradient[0, c].mean().item() * features[0, c].detach().numpy()
        maps.append(total)
    return np.stack(maps)


class _GuidedReLU(torch.autograd.Function):
    """A ReLU whose way back keeps what is positive and came from a positive input (Springenberg et al. 2015)."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        context.save_for_backward(values)
        return values.clamp(min=0)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (values,) = context.saved_tensors
        return gradient * (gradient > 0) * (values > 0)


def guided_backprop_map(net: nn.Module, images: Tensor, classes: list[int]) -> np.ndarray:
    """Return the guided gradient summed over the channels of the input; every call of F.relu is replaced."""
    exact, inputs = in_double(net), images.double().requires_grad_(True)
    with mock.patch.object(F, "relu", lambda values, inplace=False: _GuidedReLU.apply(values)):
        scores = exact(inputs)[range(len(classes)), classes].sum()
    (gradient,) = torch.autograd.grad(scores, inputs)
    return gradient.sum(dim=1).numpy()


def integrated_gradients_map(net: nn.Module, images: Tensor, black: Tensor, classes: list[int]) -> np.ndarray:
    """Return the path integral by 300 midpoints (Sundararajan et al. 2017, eq. 1), summed over channels."""
    exact, inputs, start = in_double(net), images.double(), black.double().expand_as(images)
    total, steps = torch.zeros_like(inputs), 300
    for step in range(steps):
        point = (start + (step + 0.5) / steps * (inputs - start)).requires_grad_(True)
        scores = exact(point)[range(len(classes)), classes].sum()
        total += torch.autograd.grad(scores, point)[0] / steps
    return ((inputs - start) * total).sum(dim=1).numpy()


def most_active(features: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``count`` maps (n, m, h, w) of the largest mean and their channels (n, m), the largest first."""
    channels = np.array([sorted(range(len(one)), key=lambda c: -one[c].mean())[:count] for one in features])
    return np.stack([one[chosen] for one, chosen in zip(features, channels, strict=True)]), channels
