"""Grad-CAM and its kin against float64 references, and what must hold exactly."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import references_attribution as reference
from tests.small_networks import functional, hand_written, modules_only, noise, small_densenet, small_resnet, small_vgg
from workbench.attribution import METHODS, explain
from workbench.attribution.gradient_cams import GradCAMPlusPlus, LayerCAM, XGradCAM
from workbench.models.classifier import Classifier, wrap

IMAGES = noise(2, 3, 64, 64)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[nn.Module], reference.Parted]]] = {
    "densenet": (small_densenet, reference.densenet_parts),
    "functional": (lambda: hand_written(functional), reference.functional_parts),
    "hidden layer": (small_vgg, lambda net: reference.sequential_parts(net, 2)),
    "resnet": (small_resnet, reference.resnet_parts),
}


def wrapped(net: nn.Module) -> Classifier:
    return wrap(net, class_names=("normal", "abnormal"), input_size=64)


def assert_alike(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.abs(theirs).max() > 0
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("name", NETWORKS)
def test_maps_equal_the_reference(name: str) -> None:
    build, part = NETWORKS[name]
    net = build()
    found = explain(wrapped(net), IMAGES, list(reference.GRADIENT_CAMS), target="abnormal")
    for method in reference.GRADIENT_CAMS:
        assert_alike(found[method].maps, reference.gradient_cam_maps(method, part(net), IMAGES, [1, 1]))


@pytest.mark.parametrize("method", reference.GRADIENT_CAMS)
@pytest.mark.parametrize("layer", [2, 4])
def test_maps_at_a_named_layer_equal_the_reference(method: str, layer: int) -> None:
    """Layer 2 is rectified and shallow; layer 4 is a convolution, whose features have both signs."""
    net = modules_only()
    found = explain(wrapped(net), IMAGES, [METHODS.make(method, layer=str(layer))], target="normal")[method]
    assert_alike(
        found.maps, reference.gradient_cam_maps(method, reference.sequential_parts(net, layer + 1), IMAGES, [0, 0])
    )
    assert found.provenance["layer"] == str(layer)
    assert found.provenance["options"] == {"layer": str(layer)}


def test_behind_global_average_pooling_three_are_the_cam() -> None:
    found = explain(wrapped(small_densenet()), IMAGES, ["cam", "grad-cam", "hirescam", "xgrad-cam"], target="abnormal")
    cells = found["cam"].maps[0].size
    for method in ("grad-cam", "hirescam", "xgrad-cam"):
        assert_alike(cells * found[method].maps, found["cam"].maps)


def test_behind_a_hidden_layer_they_all_differ() -> None:
    """The negative control of the test before: the formulas are different ones."""
    found = explain(wrapped(small_vgg()), IMAGES, list(reference.GRADIENT_CAMS), target="abnormal")
    maps = [each.maps / np.abs(each.maps).max() for each in found.values()]
    for index, ours in enumerate(maps):
        for theirs in maps[index + 1 :]:
            assert np.abs(ours - theirs).max() > 0.01


def test_hirescam_and_xgrad_cam_sum_to_gradient_times_features() -> None:
    """Of a network without biases behind the layer, which is linear piece by piece, that is the score itself."""
    net = small_vgg()
    with torch.no_grad():
        for part in net[3:]:
            if isinstance(part, nn.Linear):
                part.bias.zero_()
    model = wrapped(net)
    found = explain(model, IMAGES, ["hirescam", "xgrad-cam", "grad-cam"], target="abnormal")
    scores = model.logits(IMAGES)[:, 1].numpy()
    for method in ("hirescam", "xgrad-cam"):
        np.testing.assert_allclose(found[method].maps.sum(axis=(1, 2)), scores, rtol=1e-4, atol=1e-6)
    assert np.abs(found["grad-cam"].maps.sum(axis=(1, 2)) - scores).max() > 1e-3


def test_the_closed_form_of_grad_cam_plus_plus_is_that_of_the_exponential_score() -> None:
    """Eq. 10 with second and third derivatives of exp(score) by autograd, where all weights are summed with relu."""
    net = modules_only()
    parts = reference.sequential_parts(net, 3)
    features = parts.spatial(IMAGES[:1].double())[:, :, :4, :4].detach().requires_grad_(True)

    def exponential(values: Tensor) -> Tensor:
        return parts.tail(values)[0, 1].exp()

    total = np.zeros((4, 4))
    for c in range(features.shape[1]):
        weight = 0.0
        for y, x in np.ndindex(4, 4):
            orders, value = [], exponential(features)
            for _ in range(3):
                value = torch.autograd.grad(value, features, create_graph=True)[0][0, c, y, x]
                orders.append(value.item())
            first, second, third = orders
            if first > 0:
                alpha = second / (2 * second + features[0, c].sum().item() * third)
                weight += alpha * first / exponential(features).item()  # the factor that our weights leave out
        total += weight * features[0, c].detach().numpy()
    (gradient,) = torch.autograd.grad(parts.tail(features)[0, 1], features)
    assert_alike(GradCAMPlusPlus().weighted(features.detach(), gradient)[0].numpy(), total)


@pytest.mark.parametrize("method", [GradCAMPlusPlus(), XGradCAM(), LayerCAM()])
def test_dead_maps_and_tiny_gradients_make_no_nonsense(method: Any) -> None:
    features = noise(1, 4, 5, 5).abs()
    features[0, 0] = 0
    gradients = noise(1, 4, 5, 5, seed=1)
    whole = method.weighted(features, gradients)
    assert torch.isfinite(whole).all()
    tiny = method.weighted(features, gradients * 1e-18)  # the square underflows in single precision
    factor = 2 if isinstance(method, GradCAMPlusPlus) else 1
    expected = method.weighted(features.double(), gradients.double() * 1e-18)
    torch.testing.assert_close(tiny.double(), expected, rtol=1e-4, atol=0)
    assert tiny.abs().max() > 1e-19 / factor


def test_of_grad_cam_plus_plus_and_layer_cam_nothing_speaks_against_a_class() -> None:
    found = explain(
        wrapped(small_resnet()), IMAGES, ["grad-cam++", "layer-cam", "hirescam"], target=("normal", "abnormal")
    )
    for target in ("normal", "abnormal"):
        assert found[f"grad-cam++ [{target}]"].maps.min() >= 0
        assert found[f"layer-cam [{target}]"].maps.min() >= 0
    assert min(found[f"hirescam [{target}]"].maps.min() for target in ("normal", "abnormal")) < 0
