"""DeepLIFT as a method: complete, from a black film, and refused where it would be wrong."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from captum.attr import DeepLift as Captums
from torch import nn
from torchvision.models import get_model

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
from workbench.core.errors import MethodRefusedError
from workbench.core.explanation import Explanation
from workbench.models.classifier import wrap

NAMES = ("normal", "abnormal")
IMAGES = noise(2, 3, 48, 48)
SMALL = {
    "functional": lambda: hand_written(functional),
    "one logit": lambda: hand_written(functional, outputs=1),
    "vgg": small_vgg,
    "resnet": small_resnet,
    "densenet": small_densenet,
    "SiLU": lambda: modules_only(activation=nn.SiLU),
    "GELU": lambda: modules_only(activation=nn.GELU),
}


def explained(net: nn.Module, images: torch.Tensor = IMAGES, *, target: str = "abnormal") -> Explanation:
    return explain(wrap(net, class_names=NAMES, input_size=images.shape[-1]), images, ["deeplift"], target=target)[
        "deeplift"
    ]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("target", ["abnormal", "normal - abnormal"])
def test_maps_are_complete_and_say_so(name: str, target: str) -> None:
    net = SMALL[name]()
    classifier = wrap(net, class_names=NAMES, input_size=48)
    found = explained(net, target=target)
    black = classifier.recipe.normalise(torch.zeros(1, 48, 48))
    with torch.no_grad():
        film, dark = net(IMAGES).double(), net(black).double()
    against = -1.0 if target == "normal - abnormal" else 1.0
    if film.shape[1] == 1:
        scores = [against * z[:, 0] for z in (film, dark)]
    else:
        scores = [z[:, 0] - z[:, 1] if against < 0 else z[:, 1] for z in (film, dark)]
    wanted = (scores[0] - scores[1]).numpy()
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(found.maps.sum(axis=(1, 2)), wanted, atol=1e-5 * (1 + np.abs(wanted).max()))
    assert np.abs(found.measures["completeness_error"]).max() < 0.003


def test_a_linear_model_is_explained_exactly() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 2))
    images = noise(2, 3, 24, 24)
    black = wrap(net, class_names=NAMES, input_size=24).recipe.normalise(torch.zeros(1, 1, 1))
    expected = (net[1].weight[1].detach().view(3, 24, 24) * (images - black)).sum(dim=1)
    np.testing.assert_allclose(explained(net, images).maps, expected.numpy(), atol=1e-5)


@pytest.mark.filterwarnings("ignore:Setting forward, backward hooks and attributes on non-linear:UserWarning")
def test_it_equals_captums_where_every_relu_is_a_module_of_its_own() -> None:
    """No max pool: Captum gives its difference to the film's own maximum, even where both films are nearly alike."""
    layers = [part for part in modules_only() if not isinstance(part, nn.MaxPool2d)]
    net = nn.Sequential(*layers[:3], nn.AvgPool2d(2), *layers[3:])
    black = wrap(net, class_names=NAMES, input_size=48).recipe.normalise(torch.zeros(1, 1, 1)).expand_as(IMAGES)
    ends = [each.clone().requires_grad_(True) for each in (IMAGES, black)]
    expected = Captums(net).attribute(*ends, target=1).sum(dim=1).detach().numpy()
    np.testing.assert_allclose(explained(net).maps, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_a_map_does_not_depend_on_its_company() -> None:
    net = small_densenet()
    alone = [explained(net, image[None]).maps[0] for image in IMAGES]
    np.testing.assert_allclose(explained(net).maps, np.stack(alone), rtol=1e-3, atol=1e-6)


def scripted() -> nn.Module:
    return torch.jit.script(modules_only())


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (scripted, "TorchScript"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 48 * 48, 4), nn.GLU()), "GLU"),
        (lambda: nn.Sequential(nn.Flatten(), nn.LayerNorm(3 * 48 * 48), nn.Linear(3 * 48 * 48, 2)), "layer_norm"),
    ],
)
def test_refusals_name_a_method_that_works(build: Callable[[], nn.Module], reason: str) -> None:
    with pytest.raises(MethodRefusedError, match=f"deeplift.*{reason}.*use integrated-gradients"):
        explained(build())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["densenet121", "resnet18", "vgg16_bn", "inception_v3", "mobilenet_v2"])
def test_the_big_networks_work(name: str) -> None:
    net = settled(lambda: get_model(name, weights=None, num_classes=2, **_quick(name)))
    found = explained(net, noise(1, 3, 80, 80))
    assert np.isfinite(found.maps).all()
    largest = np.abs(found.maps).sum(axis=(1, 2))
    assert (np.abs(found.measures["completeness_error"]) < 1e-4 * (1 + largest)).all()


def _quick(name: str) -> dict[str, bool]:
    return {"init_weights": False} if name == "inception_v3" else {}
