"""LRP as a method: the composites, what goes with each map, refusals; and zennit's maps, where its layers are ours."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from tests.small_networks import functional, hand_written, modules_only, noise, settled, small_resnet, small_vgg
from workbench.attribution import explain
from workbench.attribution.lrp import LRP
from workbench.core.errors import MethodRefusedError, OptionError
from workbench.core.explanation import Explanation
from workbench.models.classifier import wrap
from workbench.passes.relevance_rules import COMPOSITES

NAMES = ("normal", "abnormal")
IMAGES = noise(2, 3, 48, 48)


def explained(net: nn.Module, images: Tensor = IMAGES, *, target: str = "abnormal", **options: Any) -> Explanation:
    classifier = wrap(net, class_names=NAMES, input_size=images.shape[-1])
    return explain(classifier, images, [LRP(**options)], target=target)["lrp"]


@pytest.mark.parametrize("name", COMPOSITES)
@pytest.mark.parametrize("build", [small_vgg, small_resnet, lambda: hand_written(functional, outputs=1)])
def test_score_is_the_map_and_what_biases_kept(build: Callable[[], nn.Module], name: str) -> None:
    net = build()
    found = explained(net, composite=name)
    with torch.no_grad():
        scores = net(IMAGES)[:, -1].double().numpy()
    kept = found.measures["kept_by_biases"]
    np.testing.assert_allclose(found.maps.sum(axis=(1, 2), dtype=np.float64) + kept, scores, atol=1e-5)
    assert np.abs(found.measures["conservation_error"]).max() < 1e-5


def test_composites_differ() -> None:
    maps = {name: explained(small_vgg(), composite=name).maps for name in COMPOSITES}
    for name, one in maps.items():
        for other, another in maps.items():
            assert name == other or np.abs(one - another).max() > 0.01 * np.abs(one).max(), (name, other)


def test_epsilon_and_gamma_count() -> None:
    def largest(**options: Any) -> float:
        return float(np.abs(explained(small_resnet(), **options).maps).sum())

    assert largest(composite="epsilon", epsilon=1.0) < 0.5 * largest(composite="epsilon")
    box = {"composite": "epsilon-gamma-box"}
    assert abs(largest(**box, gamma=0.0) - largest(**box, gamma=10.0)) > 0.01 * largest(**box, gamma=0.0)


def test_the_difference_of_two_classes_is_explained() -> None:
    net = small_vgg()
    difference, one, other = (
        explained(net, target=target, composite="epsilon").maps for target in ("abnormal - normal", *NAMES[::-1])
    )
    np.testing.assert_allclose(difference, one - other, rtol=1e-3, atol=1e-5 * np.abs(one).max())


@pytest.mark.parametrize(
    ("activation", "name"), [(nn.SiLU, "SiLU"), (nn.GELU, "GELU"), (nn.Sigmoid, "sigmoid"), (nn.Softplus, "Softplus")]
)
def test_what_does_not_rise_through_zero_is_refused(activation: Callable[[], nn.Module], name: str) -> None:
    with pytest.raises(MethodRefusedError, match=rf"lrp .*Sequential uses {name}; use integrated-gradients"):
        explained(modules_only(activation=activation))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_script_modules_are_refused() -> None:
    with pytest.raises(MethodRefusedError, match=r"TorchScript.*; use integrated-gradients"):
        explained(torch.jit.script(modules_only()))


def test_an_unknown_composite_is_refused() -> None:
    with pytest.raises(OptionError, match=r"LRP\.composite: 'alpha2-beta1' is not one of epsilon-plus-flat"):
        LRP(composite="alpha2-beta1")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["densenet121", "resnet18", "vgg16_bn", "inception_v3", "mobilenet_v2"])
def test_the_big_networks_lose_nothing(name: str) -> None:
    options = {"init_weights": False} if name == "inception_v3" else {}
    net = settled(lambda: get_model(name, weights=None, num_classes=2, **options))
    found = explained(net, noise(1, 3, 80, 80))
    assert np.isfinite(found.maps).all()
    flows = 1 + np.abs(found.maps).sum(axis=(1, 2))
    assert (np.abs(found.measures["conservation_error"]) < 1e-4 * flows).all()


def slim_vgg(name: str) -> nn.Module:
    """Return a VGG with a dense part a hundred times smaller, or most of the test's time would go to its weights."""
    net = get_model(name, weights=None, init_weights=False)
    net.avgpool = nn.AdaptiveAvgPool2d(2)
    net.classifier = nn.Sequential(nn.Linear(4 * 512, 64), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(64, 2))
    return net


def zennits(net: nn.Module, name: str, images: Tensor, canonizers: list[Any]) -> np.ndarray:
    """Return zennit's relevance of the logit of class 1, from its own size down."""
    from zennit.attribution import Gradient
    from zennit.composites import EpsilonGammaBox, EpsilonPlus, EpsilonPlusFlat

    recipe = wrap(net, class_names=NAMES, input_size=images.shape[-1]).recipe
    low, high = (recipe.normalise(torch.full((1, 1, 1), bound)).double() for bound in (0.0, 1.0))
    composites = {
        "epsilon-plus-flat": lambda: EpsilonPlusFlat(canonizers=canonizers),
        "epsilon-plus": lambda: EpsilonPlus(canonizers=canonizers),
        "epsilon-gamma-box": lambda: EpsilonGammaBox(low=low, high=high, canonizers=canonizers),
    }
    with Gradient(net, composites[name]()) as attributor:
        return attributor(images, lambda out: out * torch.eye(2).to(out)[1])[1].sum(dim=1).detach().numpy()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("zennit") is None, reason="zennit is not installed")
@pytest.mark.parametrize("composite", ["epsilon-plus-flat", "epsilon-plus", "epsilon-gamma-box"])
@pytest.mark.parametrize("name", ["vgg11", "vgg11_bn", "resnet"])
def test_maps_equal_zennits(name: str, composite: str) -> None:
    from zennit.canonizers import SequentialMergeBatchNorm
    from zennit.torchvision import ResNetCanonizer

    images = noise(1, 3, 48, 48).double().clamp(-1.7, 2.0)
    net = (small_resnet() if name == "resnet" else settled(lambda: slim_vgg(name))).double()
    ours = explained(net, images, composite=composite).maps
    canonizer = ResNetCanonizer() if name == "resnet" else SequentialMergeBatchNorm()
    expected = zennits(net, composite, images, [canonizer])
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
