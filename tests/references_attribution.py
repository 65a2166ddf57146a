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


def vgg_parts(net: nn.Module) -> Parted:
    exact = in_double(net)
    pool = nn.Sequential(exact.features[-1], exact.avgpool, nn.Flatten())
    return Parted(exact.features[:-1], lambda features: exact.classifier(pool(features)))


INCEPTION = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1", "Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    *("Mixed_7a", "Mixed_7b", "Mixed_7c"),
)


def inception_parts(net: nn.Module) -> Parted:
    exact = in_double(net)
    spatial = nn.Sequential(*(exact.get_submodule(name) for name in INCEPTION))
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


def features_and_gradients(parts: Parted, images: Tensor, classes: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return for each film its features (d, h, w) and the gradient of its class's logit there."""
    found = []
    for n, wanted in enumerate(classes):
        features = parts.spatial(images[n : n + 1].double()).detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(parts.tail(features)[0, wanted], features)
        found.append((features[0].detach().numpy(), gradient[0].numpy()))
    return found


def grad_cam(features: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return sum over channels of alpha_c f_c, alpha_c the mean gradient (Selvaraju et al. 2017, eq. 1 and 2)."""
    return sum(gradient[c].mean() * features[c] for c in range(len(features)))


def grad_cam_plus_plus(features: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return sum of w_c f_c with alpha place by place (Chattopadhyay et al. 2018, eq. 19); 0 for gradient 0."""
    total = np.zeros(features.shape[1:])
    for c in range(len(features)):
        weight = 0.0
        for place in np.ndindex(*total.shape):
            g = gradient[c][place]
            if g > 0:
                weight += g * g**2 / (2 * g**2 + features[c].sum() * g**3)
        total += weight * features[c]
    return total


def hirescam(features: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return sum over channels of gradient times feature, place by place (Draelos and Carin 2020)."""
    return sum(gradient[c] * features[c] for c in range(len(features)))


def xgrad_cam(features: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return sum of w_c f_c, w_c the mean gradient weighed by f_c (Fu et al. 2020); dead maps are left out."""
    alive = [c for c in range(len(features)) if features[c].any()]
    return sum((gradient[c] * features[c] / features[c].sum()).sum() * features[c] for c in alive)


def layer_cam(features: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Return sum over channels of the positive gradient times the feature, place by place (Jiang et al. 2021)."""
    return sum(np.where(gradient[c] > 0, gradient[c], 0) * features[c] for c in range(len(features)))


GRADIENT_CAMS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "grad-cam": grad_cam,
    "grad-cam++": grad_cam_plus_plus,
    "hirescam": hirescam,
    "xgrad-cam": xgrad_cam,
    "layer-cam": layer_cam,
}


def gradient_cam_maps(name: str, parts: Parted, images: Tensor, classes: list[int]) -> np.ndarray:
    """Return the maps of one of ``GRADIENT_CAMS``."""
    return np.stack([GRADIENT_CAMS[name](*found) for found in features_and_gradients(parts, images, classes)])


def grad_cam_map(parts: Parted, images: Tensor, classes: list[int]) -> np.ndarray:
    return gradient_cam_maps("grad-cam", parts, images, classes)


def eigen_cam_map(parts: Parted, images: Tensor) -> np.ndarray:
    """Return the features times the leading eigenvector of their uncentred moments (Muhammad and Yeasin 2020)."""
    maps = []
    for image in images:
        with torch.no_grad():
            features = parts.spatial(image[None].double())[0].numpy()
        matrix = features.reshape(len(features), -1).T
        leading = np.linalg.eigh(matrix.T @ matrix)[1][:, -1]
        projected = (matrix @ leading).reshape(features.shape[1:])
        maps.append(projected if projected.sum() >= 0 else -projected)
    return np.stack(maps)


def score_cam_map(
    net: nn.Module, parts: Parted, images: Tensor, black: Tensor, classes: list[int], count: int
) -> np.ndarray:
    """Return Score-CAM over the ``count`` maps of the largest mean, one masked film at a time (Wang et al. 2020)."""
    exact, maps = in_double(net), []
    for n, wanted in enumerate(classes):
        film = images[n : n + 1].double()
        with torch.no_grad():
            features = parts.spatial(film)[0]
            order = sorted(range(len(features)), key=lambda c: -features[c].mean())[:count]
            shown = [c for c in order if features[c].max() > features[c].min()]
            scores = []
            for c in shown:
                mask = F.interpolate(features[c][None, None], size=film.shape[2:], mode="bilinear", align_corners=False)
                mask = (mask - mask.min()) / (mask.max() - mask.min())
                scores.append(exact(film * mask + black.double() * (1 - mask))[0, wanted].item())
        shares = np.exp(np.array(scores) - max(scores))
        maps.append(sum(w * features[c].numpy() for w, c in zip(shares / shares.sum(), shown, strict=True)))
    return np.stack(maps)


def ablation_cam_map(parts: Parted, images: Tensor, classes: list[int]) -> np.ndarray:
    """Return sum of (score - score without f_c) f_c, one channel at a time (Desai and Ramaswamy 2020)."""
    maps = []
    for n, wanted in enumerate(classes):
        with torch.no_grad():
            features = parts.spatial(images[n : n + 1].double())
            whole, total = parts.tail(features)[0, wanted].item(), 0
            for c in range(features.shape[1]):
                without = features.clone()
                without[0, c] = 0
                total = total + (whole - parts.tail(without)[0, wanted].item()) * features[0, c].numpy()
        maps.append(total)
    return np.stack(maps)


def input_gradients(net: nn.Module, images: Tensor, wanted: int) -> np.ndarray:
    """Return the gradient (n, c, h, w) of one class's logit at each image."""
    exact, inputs = in_double(net), images.double().requires_grad_(True)
    (gradient,) = torch.autograd.grad(exact(inputs)[:, wanted].sum(), inputs)
    return gradient.numpy()


class _GuidedReLU(torch.autograd.Function):
    """A ReLU whose way back keeps what is positive and came from a positive input (Springenberg et al. 2015)."""

    @staticmethod
    def forward(context: Any, values: Tensor, highest: float) -> Tensor:
        context.save_for_backward((values > 0) & (values < highest))
        return values.clamp(min=0, max=highest)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (positive,) = context.saved_tensors
        return gradient * (gradient > 0) * positive, None


class _DeconvolvedReLU(torch.autograd.Function):
    """A ReLU whose way back keeps what is positive, wherever it came from (Zeiler and Fergus 2014)."""

    @staticmethod
    def forward(context: Any, values: Tensor, highest: float) -> Tensor:
        return values.clamp(min=0, max=highest)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * (gradient > 0), None


def guided_backprop_map(net: nn.Module, images: Tensor, classes: list[int]) -> np.ndarray:
    """Return the guided gradient summed over the channels of the input; every call of F.relu is replaced."""
    return _with_relus(_GuidedReLU, net, images, classes)


def deconvolution_map(net: nn.Module, images: Tensor, classes: list[int]) -> np.ndarray:
    """Return the deconvolved signal summed over the channels of the input; every call of F.relu is replaced."""
    return _with_relus(_DeconvolvedReLU, net, images, classes)


def _with_relus(rule: type[torch.autograd.Function], net: nn.Module, images: Tensor, classes: list[int]) -> np.ndarray:
    exact, inputs = in_double(net), images.double().requires_grad_(True)
    with (
        mock.patch.object(F, "relu", lambda values, inplace=False: rule.apply(values, torch.inf)),
        mock.patch.object(F, "hardtanh", lambda values, low, high, inplace=False: rule.apply(values, high)),  # nn.ReLU6
    ):
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
