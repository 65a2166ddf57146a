"""Where pytorch-grad-cam and torch-cam follow the paper they agree with us; where they do not, the difference is known.

Which of them is right is told in docs/methods.md, and by the float64 references.
"""

import importlib
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests import references_attribution as reference
from tests.small_networks import modules_only, noise
from workbench.attribution import METHODS, explain
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap

pytestmark = pytest.mark.slow
IMAGES = noise(2, 3, 48, 48).abs()
LAYER = 2
"""A ReLU, rather shallow: behind it the gradient is not the same everywhere."""


def network() -> tuple[nn.Module, Classifier]:
    """Return a network that takes films in 0..1 as they are: a black film is 0, as the peers have it."""
    net = modules_only()
    with torch.no_grad():
        net[9].weight.mul_(20)
    recipe = Recipe(size=48, normalisation="unit")
    return net, wrap(net, class_names=("normal", "abnormal"), recipe=recipe)


def ours(method: str, **options: Any) -> np.ndarray:
    made = METHODS.make(method, layer=str(LAYER), **options)
    return explain(network()[1], IMAGES, [made], target="abnormal")[method].maps


def grad_cams(name: str) -> np.ndarray:
    """Return pytorch-grad-cam's maps before its ReLU and scaling."""
    peer = pytest.importorskip("pytorch_grad_cam")
    targets = importlib.import_module("pytorch_grad_cam.utils.model_targets")
    net, _ = network()
    with getattr(peer, name)(model=net, target_layers=[net[LAYER]]) as method:
        method.batch_size = 8
        chosen = [targets.ClassifierOutputTarget(1)] * len(IMAGES)
        kept: list[np.ndarray] = []
        get = method.get_cam_image
        method.get_cam_image = lambda *args, **more: kept.append(get(*args, **more)) or kept[-1]
        method(input_tensor=IMAGES.clone(), targets=chosen)
    return kept[0]


def torch_cams(name: str) -> np.ndarray:
    """Return torch-cam's maps, not normalised, one film at a time."""
    peer = pytest.importorskip("torchcam.methods")
    maps = []
    for image in IMAGES:
        net, _ = network()
        for part in net.modules():
            part.inplace = False
        with getattr(peer, name)(net, str(LAYER), input_shape=tuple(image.shape)) as method:
            scores = net(image[None].clone().requires_grad_(True))
            (found,) = method(1, scores, normalized=False)
            maps.append(found[0].detach().numpy())
    return np.stack(maps)


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("GradCAM", "grad-cam"),
        ("HiResCAM", "hirescam"),
        ("XGradCAM", "xgrad-cam"),
        ("LayerCAM", "layer-cam"),
    ],
)
def test_pytorch_grad_cam_agrees(name: str, method: str) -> None:
    assert distance(grad_cams(name), ours(method)) < 1e-4


@pytest.mark.parametrize(
    ("name", "method"), [("GradCAM", "grad-cam"), ("XGradCAM", "xgrad-cam"), ("LayerCAM", "layer-cam")]
)
def test_torch_cam_agrees(name: str, method: str) -> None:
    found, expected = torch_cams(name), ours(method)
    assert distance(np.clip(found, 0, None), np.clip(expected, 0, None)) < 1e-3


def test_score_cam_agrees_where_black_is_zero() -> None:
    assert distance(grad_cams("ScoreCAM"), ours("score-cam", channels=0)) < 1e-2  # their upsampling aligns corners
    assert distance(torch_cams("ScoreCAM"), ours("score-cam", channels=0)) < 1e-2


def test_ablation_cam_agrees_up_to_the_score_it_divides_by() -> None:
    scores = network()[1].logits(IMAGES)[:, 1].numpy()
    assert distance(grad_cams("AblationCAM") * scores[:, None, None], ours("ablation-cam")) < 1e-3


def expected_plus_plus() -> np.ndarray:
    return reference.gradient_cam_maps(
        "grad-cam++", reference.sequential_parts(network()[0], LAYER + 1), IMAGES, [1, 1]
    )


def test_grad_cam_plus_plus_differs_by_their_epsilon_and_their_sum() -> None:
    """Theirs adds 1e-6 to a denominator of squared gradients; torch-cam's sums f g^3 where the paper sums f."""
    expected = expected_plus_plus()
    assert distance(ours("grad-cam++"), expected) < 1e-4
    assert distance(grad_cams("GradCAMPlusPlus"), expected) > 0.05
    assert distance(torch_cams("GradCAMpp"), expected) > 0.05


def test_eigen_cam_differs_by_centring() -> None:
    parts = reference.sequential_parts(network()[0], LAYER + 1)
    expected = reference.eigen_cam_map(parts, IMAGES)
    assert distance(ours("eigen-cam"), expected) < 1e-3
    assert min(distance(grad_cams("EigenCAM") * sign, expected) for sign in (1, -1)) > 0.05
