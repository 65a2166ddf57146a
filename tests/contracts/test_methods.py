"""What every attribution method promises on every network: the registry is the list, nothing here names a method."""

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
from workbench.core.errors import MethodRefusedError
from workbench.core.explanation import Activations, Explanation
from workbench.models.classifier import wrap
from workbench.models.compact_densenet import compact_densenet
from workbench.models.zoo import ARCHITECTURES

NAMES = ("normal", "abnormal")
SIDE = 64
IMAGES = noise(3, 3, SIDE, SIDE)


def from_timm(name: str) -> nn.Module:
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed")
    import timm

    return settled(lambda: timm.create_model(name, num_classes=2))


def from_monai() -> nn.Module:
    if importlib.util.find_spec("monai") is None:
        pytest.skip("MONAI is not installed")
    from monai.networks.nets import DenseNet121

    return settled(lambda: DenseNet121(spatial_dims=2, in_channels=3, out_channels=2))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "compact-densenet": lambda: settled(lambda: compact_densenet(2)),
    "resnet": small_resnet,
    "squeezenet": lambda: settled(lambda: ARCHITECTURES.get("squeezenet1_0")(2)),
    "hand-written": lambda: hand_written(functional),
    "one logit": lambda: hand_written(functional, outputs=1),
    "hidden layer": small_vgg,
    "SiLU": lambda: modules_only(activation=nn.SiLU),
    "timm's ConvNeXt": lambda: from_timm("convnext_atto"),
    "MONAI's DenseNet": from_monai,
}
REFUSALS = {("cam", "hidden layer"), ("guided-backprop", "SiLU"), ("activations", "SiLU")}
"""Every other pair must work, so that no method can pass by refusing; a network we did not write may be refused."""


def explained(method: str, name: str, images: Tensor = IMAGES, **more: Any) -> Explanation | Activations:
    classifier = wrap(NETWORKS[name](), class_names=NAMES, input_size=SIDE)
    try:
        return explain(classifier, images, [method], **more)[method]
    except MethodRefusedError as refusal:
        assert "\n" not in str(refusal)
        if (method, name) in REFUSALS or name.startswith(("timm", "MONAI")):
            pytest.skip(f"refused, as it should be: {refusal}")
        raise


def arrays_of(found: Explanation | Activations) -> list[np.ndarray]:
    return [found.maps] if isinstance(found, Explanation) else [stage.maps for stage in found.stages]


pairs = pytest.mark.parametrize(("method", "name"), [(method, name) for method in METHODS for name in NETWORKS])


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
    together = arrays_of(explained(method, name, target="abnormal"))
    alone = arrays_of(explained(method, name, target="abnormal", batch_size=1))
    turned = arrays_of(explained(method, name, IMAGES.flip(0), target="abnormal", batch_size=2))
    for ours, theirs, backwards in zip(together, alone, turned, strict=True):
        scale = np.abs(ours).max()
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * scale)
        np.testing.assert_allclose(ours, backwards[::-1], rtol=1e-3, atol=1e-4 * scale)


@pairs
def test_the_same_call_gives_the_same_map(method: str, name: str) -> None:
    first, second = (arrays_of(explained(method, name)) for _ in range(2))
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pairs
@pytest.mark.parametrize("gradients", [True, False])
def test_the_network_is_left_as_found(method: str, name: str, gradients: bool) -> None:
    net = unusual(NETWORKS[name]())
    images = IMAGES.clone()
    with torch.set_grad_enabled(gradients):
        before = state_of(net)
        try:
            explain(wrap(net, class_names=NAMES, input_size=SIDE), images, [method])
        except MethodRefusedError:
            assert (method, name) in REFUSALS or name.startswith(("timm", "MONAI"))
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
    try:
        explain(classifier, IMAGES, [method], batch_size=2)
    except FuseError:
        pass
    else:
        pytest.fail("the fuse did not blow")
    assert state_of(net) == before


def test_every_method_is_tried() -> None:
    assert {"cam", "grad-cam", "guided-backprop", "integrated-gradients", "activations"} <= set(METHODS)
    assert {method for method, _ in REFUSALS} <= set(METHODS)
    assert {name for _, name in REFUSALS} <= set(NETWORKS)
