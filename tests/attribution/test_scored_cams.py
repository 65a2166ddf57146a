"""Score-CAM and Ablation-CAM: float64 references, known cases, and how often the network runs."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from tests import references_attribution as reference
from tests.small_networks import functional, hand_written, modules_only, noise, settled, small_densenet, small_vgg
from workbench.attribution import METHODS, explain
from workbench.attribution.scored_cams import AblationCAM, ScoreCAM
from workbench.core.errors import OptionError
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap
from workbench.models.zoo import ARCHITECTURES

NAMES = ("normal", "abnormal")
IMAGES = noise(2, 3, 48, 48)


def wrapped(net: nn.Module, **more: Any) -> Classifier:
    return wrap(net, class_names=NAMES, recipe=Recipe(size=48, **more))


def maps(classifier: Classifier, method: Any, images: Tensor = IMAGES, target: str = "abnormal") -> np.ndarray:
    (found,) = explain(classifier, images, [method], target=target).values()
    return found.maps


def assert_alike(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.abs(theirs).max() > 0
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())


PARTED = {
    "functional": (lambda: hand_written(functional), reference.functional_parts),
    "hidden layer": (small_vgg, lambda net: reference.sequential_parts(net, 2)),
    "modules": (modules_only, lambda net: reference.sequential_parts(net, 7)),
}


@pytest.mark.parametrize("name", PARTED)
@pytest.mark.parametrize("channels", [3, 0])
def test_score_cam_equals_the_reference(name: str, channels: int) -> None:
    build, part = PARTED[name]
    net = build()
    with torch.no_grad():
        list(net.parameters())[-2].mul_(20)  # of the head: else the softmax hardly tells the channels apart
    classifier = wrapped(net, normalisation="imagenet")
    black = classifier.recipe.normalise(torch.zeros(1, 1, 1))
    expected = reference.score_cam_map(net, part(net), IMAGES, black, [1, 1], channels or 99)
    assert_alike(maps(classifier, ScoreCAM(channels=channels)), expected)


def test_score_cam_of_maps_that_are_no_masks() -> None:
    """One map is the same everywhere, the other shows the film's left half: all weight falls on the one that varies."""

    def halves(net: Any, images: Tensor) -> Tensor:
        left = torch.zeros_like(images[:, :2])
        left[:, 0, :, :24], left[:, 1] = 1, 5
        return F.pad(F.adaptive_avg_pool2d(net.relu(left), 1).flatten(1), (0, 0)) @ torch.eye(2) + images.mean()

    found = maps(wrapped(hand_written(halves)), ScoreCAM())
    np.testing.assert_allclose(found[:, :, :24], 1, atol=1e-6)
    np.testing.assert_allclose(found[:, :, 24:], 0, atol=1e-6)


@pytest.mark.parametrize("name", PARTED)
@pytest.mark.parametrize("target", NAMES)
def test_ablation_cam_equals_the_reference(name: str, target: str) -> None:
    build, part = PARTED[name]
    net = build()
    expected = reference.ablation_cam_map(part(net), IMAGES, [NAMES.index(target)] * 2)
    assert_alike(maps(wrapped(net), AblationCAM(), target=target), expected)


@pytest.mark.parametrize("name", ["compact-densenet", "squeezenet1_0", "mobilenet_v2"])
def test_behind_pool_and_linear_head_ablation_is_known(name: str) -> None:
    """Without f_c the score loses w_c mean(f_c), so M = sum of w_c mean(f_c) f_c."""
    classifier = wrap(settled(lambda: ARCHITECTURES.get(name)(2)), class_names=NAMES, input_size=64)
    images = noise(2, 3, 64, 64)
    weight = classifier.module.get_submodule(classifier.layers.linear_head).weight.detach().flatten(1)[1]
    features = {}
    tap = classifier.layers.explained
    with torch.no_grad():
        handle = classifier.module.get_submodule(tap.module).register_forward_hook(
            lambda _part, _inputs, out: features.update(found=out.clamp_min(0) if tap.relu else out)
        )
        classifier.logits(images)
        handle.remove()
    found = features["found"].double()
    expected = torch.einsum("c,nc,nchw->nhw", weight.double(), found.mean(dim=(2, 3)), found).numpy()
    assert_alike(maps(classifier, AblationCAM(), images), expected)


def statement(net: Any, images: Tensor) -> Tensor:
    features = net.norm(net.second(net.stem(images)))
    features.relu_()
    return net.head(features.mean((2, 3)))


def joined(net: Any, images: Tensor) -> Tensor:
    hidden = net.stem(images)
    both = torch.cat([F.relu(net.second(hidden)), hidden], dim=1)
    return net.head(both.mean((2, 3))[:, :8] + both.mean((2, 3))[:, 8:] ** 2)


def counted_by_hand(net: Any, images: Tensor) -> Tensor:
    count = len(images)
    return net.head(F.relu(net.second(net.stem(images))).reshape(count, 8, -1).mean(2))


@pytest.mark.parametrize("passes", [statement, joined, counted_by_hand])
def test_where_the_batch_cannot_grow_at_the_layer_the_whole_network_runs(passes: Any) -> None:
    net = hand_written(passes)
    layer = "norm+relu" if passes is statement else "second+relu"
    classifier, found = wrapped(net), []
    tap = classifier.layers.tap(layer)
    for n in range(len(IMAGES)):
        with torch.no_grad():
            hidden = net.stem(IMAGES[n : n + 1])
            features = F.relu(net.norm(net.second(hidden)) if passes is statement else net.second(hidden))
            total = torch.zeros(features.shape[2:])
            for c in range(8):
                part = net.get_submodule(tap.module)
                handle = part.register_forward_hook(
                    lambda _part, _inputs, out, c=c: out.index_fill(1, torch.tensor([c]), 0)
                )
                total += (net(IMAGES[n : n + 1])[0, 1] * -1) * features[0, c]
                handle.remove()
                total += net(IMAGES[n : n + 1])[0, 1] * features[0, c]
            found.append(total.numpy())
    assert_alike(maps(classifier, AblationCAM(layer=layer)), np.stack(found))


class Counting(nn.Module):
    """Counts the films that go through."""

    def __init__(self, count: int = 0) -> None:
        super().__init__()
        self.count = count

    def forward(self, images: Tensor) -> Tensor:
        self.count += len(images)
        return images


def test_ablation_runs_only_what_follows_the_layer() -> None:
    before, behind = Counting(), Counting()
    layers = list(modules_only())
    net = nn.Sequential(before, *layers[:9], behind, layers[9])
    classifier = wrapped(net)
    assert str(classifier.layers.explained) == "7"
    maps(classifier, "grad-cam")  # what is found out about a network once
    before.count = behind.count = 0
    maps(classifier, AblationCAM())
    assert before.count == 2 + 2 * 2  # the common pass; to see whether the batch may grow, and the ablations
    assert behind.count == 2 + 2 * (2 + 12 + 1)


def test_channels_limit_the_cost() -> None:
    counting = Counting()
    net = nn.Sequential(counting, *modules_only())
    classifier = wrapped(net)
    maps(classifier, "grad-cam")  # what is found out about a network once
    costs = []
    for channels in (1, 9):
        counting.count = 0
        maps(classifier, ScoreCAM(channels=channels))
        costs.append(counting.count)
    assert costs[1] - costs[0] == 2 * 8


def test_the_most_active_channels_are_tried() -> None:
    net = small_vgg()
    few, order = maps(wrapped(net), AblationCAM(channels=1)), []
    for image in IMAGES:
        features = net[:2](image[None])[0]
        order.append(features[features.mean(dim=(1, 2)).argmax()].detach().numpy())
    for found, feature in zip(few, order, strict=True):
        assert abs(np.corrcoef(found.ravel(), feature.ravel())[0, 1]) > 0.9999


@pytest.mark.parametrize("name", ["score-cam", "ablation-cam"])
def test_a_negative_number_of_channels_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="channels: -1 is below 0"):
        METHODS.make(name, channels=-1)


def test_in_a_densenet_every_named_layer_works() -> None:
    """Inside a dense block the batch cannot grow, for the layer's tensor is joined with earlier ones."""
    net = settled(small_densenet)
    classifier = wrap(net, class_names=NAMES, input_size=64)
    for tap in list(classifier.layers.taps)[::5]:
        found = maps(classifier, AblationCAM(layer=str(tap), channels=2), noise(1, 3, 64, 64))
        assert np.isfinite(found).all()
