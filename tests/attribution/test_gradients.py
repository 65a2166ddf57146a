"""Guided backprop equals the float64 reference everywhere, and Captum's where every ReLU is a module."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import GuidedBackprop as Captums
from torch import Tensor, nn

from tests import references_attribution as reference
from tests.small_networks import functional, hand_written, modules_only, noise, small_densenet, small_resnet, small_vgg
from workbench.attribution import explain
from workbench.core.errors import MethodRefusedError
from workbench.models.classifier import wrap

IMAGES = noise(2, 3, 48, 48)
CLASSES = [1, 1]


def reused(net: Any, images: Tensor) -> Tensor:
    return net.head(net.pool(net.relu(net.norm(net.second(net.relu(net.first(images)))))).flatten(1))


def in_place(net: Any, images: Tensor) -> Tensor:
    return net.head(net.pool(net.inplace_relu(net.norm(net.second(net.inplace_relu(net.first(images)))))).flatten(1))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "modules": modules_only,
    "modules in place": lambda: modules_only(activation=lambda: nn.ReLU(inplace=True)),
    "vgg": small_vgg,
    "functional": lambda: hand_written(functional),
    "reused": lambda: hand_written(reused),
    "in place": lambda: hand_written(in_place),
    "resnet": small_resnet,
    "densenet": small_densenet,
}


def ours(net: nn.Module, images: Tensor = IMAGES) -> np.ndarray:
    classifier = wrap(net, class_names=("normal", "abnormal"), input_size=images.shape[-1])
    return explain(classifier, images, ["guided-backprop"], target="abnormal")["guided-backprop"].maps


def captums(net: nn.Module) -> np.ndarray:
    images = IMAGES.clone().requires_grad_(True)
    return Captums(net).attribute(images, target=1).sum(dim=1).detach().numpy()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_map_equals_the_reference(name: str) -> None:
    net = NETWORKS[name]()
    expected = reference.guided_backprop_map(net, IMAGES, CLASSES)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(ours(net), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations:UserWarning")
@pytest.mark.parametrize("name", ["modules", "vgg"])
def test_it_equals_captums_where_every_relu_is_a_module(name: str) -> None:
    net = NETWORKS[name]()
    expected = captums(net)
    np.testing.assert_allclose(ours(net), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations:UserWarning")
@pytest.mark.parametrize("name", ["functional", "densenet"])
def test_captum_misses_relus_that_are_functions(name: str) -> None:
    """The negative control: were the two equal, the comparison with the reference would show nothing."""
    net = NETWORKS[name]()
    expected = reference.guided_backprop_map(net, IMAGES, CLASSES)
    assert np.abs(captums(net) - expected).max() > 0.01 * np.abs(expected).max()
    assert np.abs(ours(net) - expected).max() < 1e-3 * np.abs(expected).max()


def test_it_is_not_the_plain_gradient() -> None:
    net = NETWORKS["functional"]()
    images = IMAGES.clone().requires_grad_(True)
    (plain,) = torch.autograd.grad(net(images)[:, 1].sum(), images)
    plain = plain.sum(dim=1).numpy()
    assert np.abs(ours(net) - plain).max() > 0.1 * np.abs(plain).max()


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        (nn.SiLU, "SiLU"),
        (nn.GELU, "GELU"),
        (nn.LeakyReLU, "leaky ReLU"),
        (nn.Hardtanh, "Hardtanh"),
        (nn.RReLU, "RReLU"),
    ],
)
def test_networks_of_other_nonlinearities_are_refused(activation: Callable[[], nn.Module], name: str) -> None:
    with pytest.raises(MethodRefusedError, match=f"Sequential uses {name}; use grad-cam or integrated-gradients"):
        ours(modules_only(activation=activation))


def test_every_spelling_of_relu_gives_the_same_map() -> None:
    def spelt(relu: Callable[[Tensor], Tensor]) -> np.ndarray:
        return ours(hand_written(lambda net, x: net.head(relu(net.norm(net.second(relu(net.first(x))))).mean((2, 3)))))

    wanted = spelt(nn.functional.relu)
    spellings = [torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, lambda x: x.clamp(min=0), lambda x: x.clip_(0)]
    for spelling in [*spellings, lambda x: torch.clamp_min(x, 0), lambda x: nn.functional.threshold(x, 0.0, 0.0)]:
        np.testing.assert_allclose(spelt(spelling), wanted, rtol=1e-4, atol=1e-7)


def test_a_clamp_to_the_inputs_range_is_no_relu() -> None:
    images = noise(2, 3, 48, 48).abs().clamp(0.01, 0.99)
    plain = hand_written(functional)
    clamped = hand_written(lambda net, x: functional(net, x.clamp(0, 1)))
    np.testing.assert_allclose(ours(clamped, images), ours(plain, images), rtol=1e-5, atol=1e-8)
