"""CAM and Grad-CAM against float64 references, and what must hold exactly."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import references_attribution as reference
from tests.small_networks import (
    functional,
    hand_written,
    modules_only,
    noise,
    settled,
    small_densenet,
    small_resnet,
    small_vgg,
)
from workbench.attribution import explain
from workbench.attribution.gradient_cams import GradCAM
from workbench.core.errors import MethodRefusedError, ModelError
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap
from workbench.models.compact_densenet import compact_densenet
from workbench.models.zoo import build_classifier

IMAGES = noise(3, 3, 64, 64)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[nn.Module], reference.Parted]]] = {
    "compact-densenet": (lambda: settled(lambda: compact_densenet(2)), reference.densenet_parts),
    "densenet of four blocks": (small_densenet, reference.densenet_parts),
    "resnet": (small_resnet, reference.resnet_parts),
    "functional": (lambda: hand_written(functional), reference.functional_parts),
    "modules": (modules_only, lambda net: reference.sequential_parts(net, 7)),
}


def wrapped(net: nn.Module, **more: Any) -> Classifier:
    return wrap(net, class_names=("normal", "abnormal"), input_size=64, **more)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("wanted", [0, 1])
def test_maps_equal_the_reference(name: str, wanted: int) -> None:
    build, part = NETWORKS[name]
    net = build()
    found = explain(wrapped(net), IMAGES, ["cam", "grad-cam"], target=("normal", "abnormal")[wanted])
    parts, classes = part(net), [wanted] * len(IMAGES)
    cam = reference.cam_map(parts, IMAGES, classes)
    np.testing.assert_allclose(found["cam"].maps, cam, rtol=1e-3, atol=1e-4 * np.abs(cam).max())
    grad_cam = reference.grad_cam_map(parts, IMAGES, classes)
    np.testing.assert_allclose(found["grad-cam"].maps, grad_cam, rtol=1e-3, atol=1e-4 * np.abs(grad_cam).max())
    assert (found["cam"].maps < 0).any() or (found["cam"].maps > 0).all()
    cells = found["cam"].maps[0].size  # behind global average pooling the two differ by the number of cells
    np.testing.assert_allclose(found["cam"].maps, cells * found["grad-cam"].maps, rtol=1e-3, atol=1e-4)


def test_maps_are_signed() -> None:
    found = explain(wrapped(small_resnet()), IMAGES, ["cam"], target="abnormal")["cam"]
    other = explain(wrapped(small_resnet()), IMAGES, ["cam"], target="normal")["cam"]
    assert min(found.maps.min(), other.maps.min()) < 0 < max(found.maps.max(), other.maps.max())


def test_grad_cam_behind_a_hidden_layer_equals_the_reference() -> None:
    net = small_vgg()
    found = explain(wrapped(net), IMAGES, ["grad-cam"], target="abnormal")["grad-cam"]
    assert found.provenance["layer"] == "1"
    expected = reference.grad_cam_map(reference.sequential_parts(net, 2), IMAGES, [1, 1, 1])
    np.testing.assert_allclose(found.maps, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("layer", [2, 4])
def test_grad_cam_at_a_named_layer_equals_the_reference(layer: int) -> None:
    net = modules_only()
    found = explain(wrapped(net), IMAGES, [GradCAM(layer=str(layer))], target="abnormal")["grad-cam"]
    expected = reference.grad_cam_map(reference.sequential_parts(net, layer + 1), IMAGES, [1, 1, 1])
    np.testing.assert_allclose(found.maps, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert found.provenance["options"] == {"layer": str(layer)}


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("wanted", ["normal", "abnormal"])
@pytest.mark.parametrize("name", ["compact-densenet", "squeezenet1_0", "mobilenet_v2"])
def test_mean_of_the_cam_and_bias_are_the_score(head: str, wanted: str, name: str) -> None:
    classifier = build_classifier(name, head=head, recipe=Recipe(size=64), seed=1)
    found = explain(classifier, IMAGES, ["cam"], target=wanted)["cam"]
    linear = classifier.module.get_submodule(classifier.layers.linear_head)
    logits = classifier.logits(IMAGES)
    classes = torch.full((3,), ("normal", "abnormal").index(wanted))
    bias = classifier.head.coefficients(classes) @ linear.bias.detach()
    scores = classifier.head.score(logits, classes)
    np.testing.assert_allclose(found.maps.mean(axis=(1, 2)) + bias.numpy(), scores.numpy(), rtol=1e-4, atol=1e-5)


def test_a_single_logits_two_classes_have_opposite_maps() -> None:
    classifier = wrapped(modules_only(outputs=1))
    for name in ("cam", "grad-cam"):
        normal, abnormal = (explain(classifier, IMAGES, [name], target=each)[name] for each in classifier.class_names)
        np.testing.assert_allclose(normal.maps, -abnormal.maps, rtol=1e-5, atol=1e-7)
        assert np.abs(normal.maps).max() > 0
    turned = wrapped(modules_only(outputs=1), positive=("normal",))
    np.testing.assert_allclose(explain(turned, IMAGES, ["cam"], target="normal")["cam"].maps,
                               explain(classifier, IMAGES, ["cam"], target="abnormal")["cam"].maps)  # fmt: skip


def test_the_map_of_a_linear_model_is_known() -> None:
    """Weights (2, 3) on channels that the input itself gives: the map is w . x, whatever the implementation."""
    net = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(3)[:, :, None, None])
        net[3].weight.copy_(torch.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]]))
    images = noise(2, 3, 64, 64)
    found = explain(wrapped(net), images, ["cam", "grad-cam"], target="abnormal")
    expected = -images[:, 0] + 0.5 * images[:, 1] + 4 * images[:, 2]
    np.testing.assert_allclose(found["cam"].maps, expected.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["grad-cam"].maps, expected.numpy() / 64**2, rtol=1e-4, atol=1e-8)


def test_cam_refuses_vgg_and_names_grad_cam() -> None:
    with pytest.raises(MethodRefusedError, match=r"right behind global average pooling.*use grad-cam") as caught:
        explain(wrapped(small_vgg()), IMAGES, ["cam"])
    assert "\n" not in str(caught.value)


def squared(net: Any, images: Tensor) -> Tensor:
    return net.head(torch.relu(net.second(net.stem(images))).mean((2, 3)) ** 2)


def max_pooled(net: Any, images: Tensor) -> Tensor:
    return net.head(torch.relu(net.second(net.stem(images))).amax((2, 3)))


def tempered(net: Any, images: Tensor) -> Tensor:
    return 3 * functional(net, images)


@pytest.mark.parametrize("passes", [squared, max_pooled, tempered])
def test_cam_refuses_a_network_that_does_more_than_pool_and_weigh(passes: Any) -> None:
    net = hand_written(passes)
    with torch.no_grad():
        net.head.weight.mul_(10)
    with pytest.raises(MethodRefusedError, match=r"right behind global average pooling.*use grad-cam"):
        explain(wrapped(net), IMAGES, ["cam"])
    assert np.isfinite(explain(wrapped(net), IMAGES, ["grad-cam"])["grad-cam"].maps).all()


def test_a_pooled_sum_is_refused_but_a_named_layer_is_not() -> None:
    net = hand_written(lambda net, x: net.head(torch.relu(net.second(net.stem(x)) + net.stem(x)).mean((2, 3))))
    with pytest.raises(MethodRefusedError, match="no layer before its pool that can be named"):
        explain(wrapped(net), IMAGES, ["grad-cam"])
    assert explain(wrapped(net), IMAGES, [GradCAM(layer="second")])["grad-cam"].maps.shape == (3, 32, 32)


def test_an_unknown_layer_is_one_line() -> None:
    with pytest.raises(ModelError, match="no layer is called 'sekond'; did you mean 'second'"):
        explain(wrapped(hand_written(functional)), IMAGES, [GradCAM(layer="sekond")])
