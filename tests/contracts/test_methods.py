"""What every attribution method promises on every network: the registry is the list, nothing here names a method.

The big networks, and those of other libraries, are slow: the small ones are written in the ways that differ.
"""

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.module_state import state_of, unusual
from tests.small_networks import functional, hand_written, modules_only, noise, settled, small_resnet, small_vgg
from workbench.attribution import METHODS, explain
from workbench.attribution.methods import AbstractMethod
from workbench.core.errors import MethodRefusedError
from workbench.core.explanation import Activations, Explanation
from workbench.models.classifier import Classifier, wrap
from workbench.models.compact_densenet import compact_densenet
from workbench.models.zoo import ARCHITECTURES

NAMES = ("normal", "abnormal")
SIDES = {"MONAI's DenseNet121": 64}
"""Where the last layer would have a single place at 48."""


def side(name: str) -> int:
    return SIDES.get(name, 48)


def films(name: str) -> Tensor:
    return noise(3, 3, side(name), side(name))


QUICK: dict[str, dict[str, Any]] = {
    "ablation-cam": {"channels": 5},
    "gradient-shap": {"samples": 4},
    "integrated-gradients": {"steps": 8, "most_steps": 8},
    "kernel-shap": {"grid": 2, "samples": 8},
    "occlusion": {"window": 0.5, "stride": 0.25},
    "rise": {"masks": 16},
    "score-cam": {"channels": 5},
    "smoothgrad": {"samples": 4},
    "vargrad": {"samples": 4},
}
"""Options of methods that run the network often: fewer passes than by default."""


def quick(method: str) -> AbstractMethod:
    return METHODS.make(method, **QUICK.get(method, {}))


SMALL: dict[str, Callable[[], nn.Module]] = {
    "compact-densenet": lambda: settled(lambda: compact_densenet(2)),
    "hand-written": lambda: hand_written(functional),
    "one logit": lambda: hand_written(functional, outputs=1),
    "hidden layer": small_vgg,
    "SiLU": lambda: modules_only(activation=nn.SiLU),
}
BIG: dict[str, Callable[[], nn.Module]] = {
    "resnet": small_resnet,
    "squeezenet": lambda: settled(lambda: ARCHITECTURES.get("squeezenet1_0")(2)),
}


def foreign_networks() -> dict[str, Callable[[], nn.Module]]:
    """Return networks of other libraries, MONAI's where that is installed."""
    found: dict[str, Callable[[], nn.Module]] = {}
    timm = importlib.import_module("timm")
    for name, options in (("convnext_atto", {}), ("vit_tiny_patch16_224", {"img_size": 48})):
        found[f"timm's {name}"] = lambda name=name, options=options: settled(
            lambda: timm.create_model(name, num_classes=2, **options)
        )
    if importlib.util.find_spec("monai"):
        nets = importlib.import_module("monai.networks.nets")
        about = {"spatial_dims": 2, "in_channels": 3, "out_channels": 2}
        found["MONAI's DenseNet121"] = lambda: settled(lambda: nets.DenseNet121(**about))
    return found


FOREIGN = foreign_networks()
NETWORKS = {**SMALL, **BIG, **FOREIGN}
FOR_RELUS = ("deconvolution", "guided-backprop", "guided-grad-cam", "lrp")
REFUSALS = {
    ("cam", "hidden layer"),
    *((method, "SiLU") for method in FOR_RELUS),
    *((method, "timm's convnext_atto") for method in (*FOR_RELUS, "cam", "deeplift")),
    *((method, "timm's vit_tiny_patch16_224") for method in (*FOR_RELUS, "activations", "cam", "deeplift")),
    *(("attention-rollout", name) for name in NETWORKS if "vit" not in name),
}
"""Every other pair must work, so that no method can pass by refusing."""


@cache
def classifier(name: str) -> Classifier:
    return wrap(NETWORKS[name](), class_names=NAMES, input_size=side(name))


@cache
def explained(method: str, name: str, batch_size: int = 8) -> Explanation | Activations:
    return explain(classifier(name), films(name), [quick(method)], target="abnormal", batch_size=batch_size)[method]


def arrays_of(found: Explanation | Activations) -> list[np.ndarray]:
    return [found.maps] if isinstance(found, Explanation) else [stage.maps for stage in found.stages]


ALL = [(method, name) for method in METHODS for name in NETWORKS]


def marks_of(name: str) -> Any:
    return () if name in SMALL else pytest.mark.slow


pairs = pytest.mark.parametrize(
    ("method", "name"), [pytest.param(*pair, marks=marks_of(pair[1])) for pair in ALL if pair not in REFUSALS]
)


@pytest.mark.parametrize(
    ("method", "name"), [pytest.param(*pair, marks=marks_of(pair[1])) for pair in sorted(REFUSALS)]
)
def test_a_refusal_is_one_line_that_names_another_method(method: str, name: str) -> None:
    with pytest.raises(MethodRefusedError, match=method) as caught:
        explained(method, name)
    assert "\n" not in str(caught.value)
    assert any(f"use {other}" in str(caught.value) for other in METHODS)


@pairs
def test_one_finite_map_per_image(method: str, name: str) -> None:
    found = explained(method, name)
    assert found.method == method
    assert len(found) == len(found.to_film) == len(found.film_sizes) == 3
    for maps in arrays_of(found):
        assert maps.dtype == np.float32
        assert len(maps) == 3
        assert np.isfinite(maps).all()
        assert maps.std() > 0
    if isinstance(found, Explanation):
        assert found.maps.ndim == 3
        assert found.on_film(2).shape == (side(name), side(name))
        assert found.targets.tolist() == [1, 1, 1]


@pairs
def test_three_together_equal_three_alone(method: str, name: str) -> None:
    together, alone = (arrays_of(explained(method, name, batch_size)) for batch_size in (8, 1))
    # XGrad-CAM divides by a channel's sum, which nearly vanishes where features have both signs, as ConvNeXt's have
    share = 1e-2 if (method, name) == ("xgrad-cam", "timm's convnext_atto") else 1e-3
    for ours, theirs in zip(together, alone, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=share, atol=share / 10 * np.abs(ours).max())


@pairs
def test_the_network_is_left_as_found(method: str, name: str) -> None:
    net = unusual(NETWORKS[name]())
    model, images = wrap(net, class_names=NAMES, input_size=side(name)), films(name)[:2]
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            before = state_of(net)
            explain(model, images, [quick(method)])
            assert state_of(net) == before
    assert torch.equal(images, films(name)[:2])
    assert not images.requires_grad


class FuseError(Exception):
    pass


class Fuse(nn.Module):
    """Blows in the middle of the forward pass once it is armed, after as many calls as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.left: int | None = None

    def forward(self, hidden: Tensor) -> Tensor:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise FuseError
        return hidden


@pytest.mark.parametrize("method", [each for each in METHODS if (each, "hand-written") not in REFUSALS])
@pytest.mark.parametrize("calls", [0, 1])
def test_the_network_is_left_as_found_after_an_error_in_its_forward(method: str, calls: int) -> None:
    """With one call left, the common pass succeeds: a method that runs the network itself meets the error later."""
    layers = list(modules_only())
    fuse = Fuse()
    net = nn.Sequential(*layers[:7], fuse, *layers[7:])
    unusual(net)
    model = wrap(net, class_names=NAMES, input_size=48)
    assert model.layers.linear_head == "10"
    before = state_of(net)
    fuse.left = calls
    with pytest.raises(FuseError):
        explain(model, noise(3, 3, 48, 48), [quick(method)], batch_size=2)
    assert state_of(net) == before


def test_refusals_and_options_are_of_real_methods_and_networks() -> None:
    assert {method for method, _ in REFUSALS} | set(QUICK) <= set(METHODS)
    assert {name for _, name in REFUSALS} | set(SIDES) <= {*NETWORKS, "MONAI's DenseNet121"}
