"""What every attribution method promises on every network: the registry is the list, nothing here names a method."""

import contextlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.module_state import state_of, unusual
from tests.small_networks import functional, hand_written, modules_only, noise, settled, small_resnet, small_vgg
from workbench.attribution import METHODS, explain
from workbench.attribution.methods import AbstractMethod
from workbench.attribution.occlusion import Occlusion
from workbench.attribution.rise import RISE
from workbench.core.errors import MethodRefusedError
from workbench.core.explanation import Activations, Explanation
from workbench.imaging.films import Film
from workbench.models.classifier import wrap
from workbench.models.compact_densenet import compact_densenet
from workbench.models.zoo import ARCHITECTURES

NAMES = ("normal", "abnormal")
SIDE = 48
IMAGES = noise(3, 3, SIDE, SIDE)
FILMS = [Film(f"case-{index}", grey.sigmoid().numpy) for index, grey in enumerate(noise(3, SIDE, SIDE, seed=1))]
"""The same ids in any order: random methods are seeded by them."""


def foreign_networks() -> dict[str, Callable[[], nn.Module]]:
    """Return networks of libraries that this project does not need, where they are installed."""
    found: dict[str, Callable[[], nn.Module]] = {}
    if importlib.util.find_spec("timm"):
        timm = importlib.import_module("timm")
        for name, options in (("convnext_atto", {}), ("vit_tiny_patch16_224", {"img_size": SIDE})):
            found[f"timm's {name}"] = lambda name=name, options=options: settled(
                lambda: timm.create_model(name, num_classes=2, **options)
            )
    if importlib.util.find_spec("monai"):
        nets = importlib.import_module("monai.networks.nets")
        about = {"spatial_dims": 2, "in_channels": 3, "out_channels": 2}
        found["MONAI's DenseNet121"] = lambda: settled(lambda: nets.DenseNet121(**about))
    return found


FOREIGN = foreign_networks()
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "compact-densenet": lambda: settled(lambda: compact_densenet(2)),
    "resnet": small_resnet,
    "squeezenet": lambda: settled(lambda: ARCHITECTURES.get("squeezenet1_0")(2)),
    "hand-written": lambda: hand_written(functional),
    "one logit": lambda: hand_written(functional, outputs=1),
    "hidden layer": small_vgg,
    "SiLU": lambda: modules_only(activation=nn.SiLU),
    **FOREIGN,
}
REFUSALS = {("cam", "hidden layer"), ("guided-backprop", "SiLU")}
"""Every other pair must work, so that no method can pass by refusing; a network we did not write may be refused."""


QUICK: dict[str, AbstractMethod] = {"occlusion": Occlusion(window=0.5, stride=0.25), "rise": RISE(masks=16)}
"""Fewer forward passes than by default."""


def explained(method: str, name: str, films: Any = IMAGES, **more: Any) -> Explanation | Activations:
    classifier = wrap(NETWORKS[name](), class_names=NAMES, input_size=SIDE)
    try:
        return explain(classifier, films, [QUICK.get(method, method)], **more)[method]
    except MethodRefusedError as refusal:
        if name in FOREIGN:
            pytest.skip(f"refused: {refusal}")
        raise


def arrays_of(found: Explanation | Activations) -> list[np.ndarray]:
    return [found.maps] if isinstance(found, Explanation) else [stage.maps for stage in found.stages]


ALL = [(method, name) for method in METHODS for name in NETWORKS]
pairs = pytest.mark.parametrize(("method", "name"), [pair for pair in ALL if pair not in REFUSALS])


@pytest.mark.parametrize(("method", "name"), sorted(REFUSALS))
def test_a_refusal_is_one_line_that_names_another_method(method: str, name: str) -> None:
    with pytest.raises(MethodRefusedError, match=f"{method}|ReLU") as caught:
        explained(method, name)
    assert "\n" not in str(caught.value)
    assert any(f"use {other}" in str(caught.value) for other in METHODS)


@pairs
def test_one_finite_map_per_image(method: str, name: str) -> None:
    found = explained(method, name)
    assert found.method == method
    assert len(found) == len(found.to_film) == len(found.film_sizes) == len(IMAGES)
    for maps in arrays_of(found):
        assert maps.dtype == np.float32
        assert len(maps) == len(IMAGES)
        assert np.isfinite(maps).all()
        assert maps.std() > 0
    if isinstance(found, Explanation):
        assert found.maps.ndim == 3
        assert found.on_film(2).shape == (SIDE, SIDE)
        assert set(found.targets.tolist()) <= {0, 1}


@pairs
def test_three_together_equal_three_alone(method: str, name: str) -> None:
    together = arrays_of(explained(method, name, FILMS, target="abnormal"))
    alone = arrays_of(explained(method, name, FILMS, target="abnormal", batch_size=1))
    turned = arrays_of(explained(method, name, FILMS[::-1], target="abnormal", batch_size=2))
    for ours, theirs, backwards in zip(together, alone, turned, strict=True):
        scale = np.abs(ours).max()
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * scale)
        np.testing.assert_allclose(ours, backwards[::-1], rtol=1e-3, atol=1e-4 * scale)


@pairs
def test_the_network_is_left_as_found(method: str, name: str) -> None:
    net = unusual(NETWORKS[name]())
    images = IMAGES.clone()
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            before = state_of(net)
            with contextlib.suppress(MethodRefusedError) if name in FOREIGN else contextlib.nullcontext():
                explain(
                    wrap(net, class_names=NAMES, input_size=SIDE), images, [QUICK.get(method, method)], batch_size=2
                )
            assert state_of(net) == before
    assert torch.equal(images, IMAGES)
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


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("calls", [0, 1])
def test_the_network_is_left_as_found_after_an_error_in_its_forward(method: str, calls: int) -> None:
    """With one call left, the common pass succeeds: a method that runs the network itself meets the error later."""
    layers = list(modules_only())
    fuse = Fuse()
    net = nn.Sequential(*layers[:7], fuse, *layers[7:])
    unusual(net)
    classifier = wrap(net, class_names=NAMES, input_size=SIDE)
    assert classifier.layers.linear_head == "10"
    before = state_of(net)
    fuse.left = calls
    with pytest.raises(FuseError):
        explain(classifier, IMAGES, [QUICK.get(method, method)], batch_size=2)
    assert state_of(net) == before


def test_refusals_are_of_real_methods_and_networks() -> None:
    assert {method for method, _ in REFUSALS} <= set(METHODS)
    assert {name for _, name in REFUSALS} <= set(NETWORKS)
