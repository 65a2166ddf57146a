"""Gradients at the input equal the float64 references everywhere, and Captum's where every ReLU is a module."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop, GuidedGradCam
from torch import Tensor, nn
from torchvision.models import get_model

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
from workbench.attribution.gradients import GuidedGradCAM
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


def ours(net: nn.Module, images: Tensor = IMAGES, method: str = "guided-backprop") -> np.ndarray:
    classifier = wrap(net, class_names=("normal", "abnormal"), input_size=images.shape[-1])
    return explain(classifier, images, [method], target="abnormal")[method].maps


def assert_alike(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


REFERENCES = {"guided-backprop": reference.guided_backprop_map, "deconvolution": reference.deconvolution_map}
CAPTUM = {"guided-backprop": GuidedBackprop, "deconvolution": Deconvolution}


def captums(method: str, net: nn.Module, images: Tensor = IMAGES) -> np.ndarray:
    images = images.clone().requires_grad_(True)
    return CAPTUM[method](net).attribute(images, target=1).sum(dim=1).detach().numpy()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", REFERENCES)
def test_the_map_equals_the_reference(method: str, name: str) -> None:
    net = NETWORKS[name]()
    assert_alike(ours(net, method=method), REFERENCES[method](net, IMAGES, CLASSES))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_plain_gradient_and_its_product_with_the_input_equal_the_reference(name: str) -> None:
    net = NETWORKS[name]()
    gradients = reference.input_gradients(net, IMAGES, wanted=1)
    assert_alike(ours(net, method="saliency"), gradients.sum(axis=1))
    assert_alike(ours(net, method="input-x-gradient"), (gradients * IMAGES.numpy()).sum(axis=1))


captum_hooks = pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations:UserWarning")


@captum_hooks
@pytest.mark.parametrize("name", ["modules", "vgg"])
@pytest.mark.parametrize("method", CAPTUM)
def test_it_equals_captums_where_every_relu_is_a_module(method: str, name: str) -> None:
    net = NETWORKS[name]()
    assert_alike(ours(net, method=method), captums(method, net))


@captum_hooks
@pytest.mark.parametrize("name", ["functional", "densenet"])
@pytest.mark.parametrize("method", CAPTUM)
def test_captum_misses_relus_that_are_functions(method: str, name: str) -> None:
    """The negative control: were the two equal, the comparison with the reference would show nothing."""
    net = NETWORKS[name]()
    expected = REFERENCES[method](net, IMAGES, CLASSES)
    assert np.abs(captums(method, net) - expected).max() > 0.01 * np.abs(expected).max()
    assert np.abs(ours(net, method=method) - expected).max() < 1e-3 * np.abs(expected).max()


@captum_hooks
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "all_modules"), [("resnet18", True), ("vgg16_bn", True), ("densenet121", False), ("inception_v3", False)]
)
def test_the_big_networks_equal_the_references_and_captum_only_where_every_relu_is_a_module(
    name: str, all_modules: bool
) -> None:
    options = {} if name in {"resnet18", "densenet121"} else {"init_weights": False}  # a minute faster
    net = settled(lambda: get_model(name, weights=None, num_classes=2, **options)).double()  # no ReLU close to its edge
    images = noise(1, 3, 96, 96).double()
    for method, wanted in REFERENCES.items():
        expected = wanted(net, images, [1])
        assert_alike(ours(net, images, method), expected)
        distance = np.abs(captums(method, net, images) - expected).max() / np.abs(expected).max()
        assert distance < 1e-3 if all_modules else distance > 0.01


@captum_hooks
def test_guided_grad_cam_equals_captums_with_bilinear_interpolation() -> None:
    net = modules_only()
    images = IMAGES.clone().requires_grad_(True)
    expected = GuidedGradCam(net, net[6]).attribute(images, target=1, interpolate_mode="bilinear")
    assert_alike(ours(net, method="guided-grad-cam"), expected.sum(dim=1).detach().numpy())


def test_guided_grad_cam_is_nothing_where_grad_cam_is_negative() -> None:
    net = NETWORKS["vgg"]()
    found, cam, guided = (ours(net, method=name) for name in ("guided-grad-cam", "grad-cam", "guided-backprop"))
    assert_alike(found, np.clip(cam, 0, None) * guided)  # the layer has the input's own size
    assert (cam < 0).any()
    assert (found[cam < 0] == 0).all()


def test_guided_grad_cam_at_a_named_layer() -> None:
    net = modules_only()
    classifier = wrap(net, class_names=("normal", "abnormal"), input_size=48)
    found = explain(classifier, IMAGES, [GuidedGradCAM(layer="2")], target="abnormal")["guided-grad-cam"]
    parts = reference.sequential_parts(net, 3)
    cam = np.clip(reference.grad_cam_map(parts, IMAGES, CLASSES), 0, None)
    assert_alike(found.maps, cam * reference.guided_backprop_map(net, IMAGES, CLASSES))
    assert found.provenance["layer"] == "2"


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
@pytest.mark.parametrize("method", ["guided-backprop", "deconvolution", "guided-grad-cam"])
def test_networks_of_other_nonlinearities_are_refused(
    activation: Callable[[], nn.Module], name: str, method: str
) -> None:
    message = f"{method} is defined for ReLUs, Sequential uses {name}; use grad-cam or integrated-gradients"
    with pytest.raises(MethodRefusedError, match=message):
        ours(modules_only(activation=activation), method=method)


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_script_modules_are_refused() -> None:
    net = nn.Sequential(
        torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())), *modules_only()[7:9], nn.Linear(4, 2)
    )
    with pytest.raises(
        MethodRefusedError, match="TorchScript, whose ReLUs cannot be reached; use integrated-gradients"
    ):
        ours(net)


def gated(net: Any, images: Tensor) -> Tensor:
    features = nn.functional.relu(net.second(net.stem(images)))
    return net.head((features * features.mean((2, 3), keepdim=True).sigmoid()).mean((2, 3)))


def test_a_gate_beside_relus_is_passed_with_its_plain_gradient() -> None:
    net = hand_written(gated)
    for method, expected in REFERENCES.items():
        assert_alike(ours(net, method=method), expected(net, IMAGES, CLASSES))


def test_where_sigmoids_are_all_there_is_it_is_refused() -> None:
    with pytest.raises(MethodRefusedError, match="uses sigmoid"):
        ours(modules_only(activation=nn.Sigmoid))


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
