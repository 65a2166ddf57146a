"""LRP equals the rules written out with explicit matrices, and loses nothing but what biases keep."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from tests import references_relevance as reference
from tests.module_state import state_of, unusual
from tests.small_networks import hand_written, noise, settled, small_densenet, small_resnet
from workbench.core.errors import MethodRefusedError
from workbench.passes.relevance import Relevance, relevance
from workbench.passes.relevance_rules import COMPOSITES, Composite, composite
from workbench.passes.single_pass import Chosen, Seen

LOW, HIGH = (torch.full((1, 3, 1, 1), bound, dtype=torch.float64) for bound in (-4.0, 4.5))
COEFFICIENTS = torch.tensor([[-1.0, 1.0]], dtype=torch.float64)
SIDE = 12


def branching(*, inplace: bool = False) -> nn.Sequential:
    """Return a network with batch norms on both sides of its layers and the branches of ResNet and DenseNet."""
    return settled(
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=inplace),
            nn.MaxPool2d(3, 2, 1),
            reference.Residual([nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)], [nn.Conv2d(4, 4, 1, bias=False)]),
            nn.ReLU(inplace=inplace),
            reference.Dense([nn.BatchNorm2d(4), nn.ReLU(inplace=inplace), nn.Conv2d(4, 3, 3, padding=1)]),
            nn.AvgPool2d(2),
            nn.BatchNorm2d(7),
            nn.ReLU(inplace=inplace),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(7, 5),
            nn.ReLU(inplace=inplace),
            nn.Linear(5, 2),
        )
    ).double()


def rules(name: str) -> Composite:
    return composite(name, epsilon=1e-6, gamma=0.25, low=LOW, high=HIGH)


def seen_of(net: nn.Module, images: Tensor) -> Seen:
    with torch.no_grad():
        logits = net(images)
    chosen = Chosen(torch.ones(len(images), dtype=torch.int64), COEFFICIENTS.to(images).expand(len(images), -1))
    return Seen(images, logits, chosen, {}, {}, {})


def found(net: nn.Module, images: Tensor, name: str = "epsilon-plus-flat") -> Relevance:
    return relevance(net, seen_of(net, images), rules(name))


@pytest.mark.parametrize("name", COMPOSITES)
def test_relevance_equals_the_explicit_shares(name: str) -> None:
    net, images = branching(), noise(2, 3, SIDE, SIDE).double()
    ours = found(net, images, name).maps
    for image, one in zip(images, ours, strict=True):
        start = (COEFFICIENTS * net(image[None])).detach()
        wanted = reference.lrp(list(net), image[None], start, name, (LOW, HIGH))
        torch.testing.assert_close(one[None], wanted, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("name", COMPOSITES)
@pytest.mark.parametrize("build", [branching, small_resnet, small_densenet])
def test_score_is_relevance_and_what_biases_kept(build: Callable[[], nn.Module], name: str) -> None:
    net, images = build().double(), noise(2, 3, 32, 32).double()
    result, scores = found(net, images, name), seen_of(net, images).scores
    torch.testing.assert_close(result.maps.sum(dim=(1, 2, 3)) + result.kept, scores, rtol=1e-10, atol=1e-12)
    assert result.kept.abs().min() > 1e-6


def test_without_biases_and_epsilon_all_of_the_score_arrives() -> None:
    net = settled(
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(100, 2, bias=False)
        )
    ).double()
    images = noise(2, 3, SIDE, SIDE).double()
    maps = relevance(net, seen_of(net, images), composite("epsilon", epsilon=1e-9, gamma=0, low=LOW, high=HIGH)).maps
    torch.testing.assert_close(maps.sum(dim=(1, 2, 3)), seen_of(net, images).scores, rtol=1e-6, atol=1e-9)


def test_a_linear_model_gives_input_times_weight() -> None:
    net = settled(lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2))).double()
    images = noise(2, 3, SIDE, SIDE).double()
    for image, ours in zip(images, found(net, images, "epsilon").maps, strict=True):
        shares = torch.stack([row.view_as(image) * image for row in net[1].weight.detach()])
        torch.testing.assert_close(ours, shares[1] - shares[0], rtol=1e-4, atol=2e-6)


def test_a_batch_norm_is_merged_with_the_layer_before_it_and_only_with_that() -> None:
    images = noise(2, 3, SIDE, SIDE).double()
    apart = hand_written(lambda net, x: net.head(F.relu(net.norm(net.second(F.relu(net.first(x))))).mean((2, 3))))
    apart = apart.double()

    def merged(net: Any, x: Tensor) -> Tensor:
        scale = net.norm.weight / (net.norm.running_var + net.norm.eps).sqrt()
        weight = net.second.weight * scale[:, None, None, None]
        bias = (net.second.bias - net.norm.running_mean) * scale + net.norm.bias
        return net.head(F.relu(F.conv2d(F.relu(net.first(x)), weight, bias, padding=1)).mean((2, 3)))

    torch.testing.assert_close(found(apart, images).maps, found(hand_written(merged).double(), images).maps)

    def separated(net: Any, x: Tensor) -> Tensor:
        return net.head(F.relu(net.norm(net.second(F.relu(net.first(x))) * 1.0)).mean((2, 3)))

    alone = found(hand_written(separated).double(), images).maps
    assert (alone - found(apart, images).maps).abs().max() > 0.01 * alone.abs().max()


def test_a_batch_norm_behind_something_written_on_is_not_merged() -> None:
    def written(net: Any, x: Tensor) -> Tensor:
        hidden = net.second(F.relu(net.first(x)))
        hidden.add_(0.5)
        return net.head(F.relu(net.norm(hidden)).mean((2, 3)))

    net, images = hand_written(written).double(), noise(2, 3, SIDE, SIDE).double()
    result = found(net, images)
    torch.testing.assert_close(result.maps.sum(dim=(1, 2, 3)) + result.kept, seen_of(net, images).scores)


def test_writes_in_place_change_nothing() -> None:
    images = noise(2, 3, SIDE, SIDE).double()
    torch.testing.assert_close(found(branching(inplace=True), images).maps, found(branching(), images).maps)

    def added(net: Any, x: Tensor) -> Tensor:
        hidden = F.relu(net.first(x))
        branch = net.second(hidden)
        branch += hidden
        branch.relu_()
        return net.head(branch.mean((2, 3)))

    def outside(net: Any, x: Tensor) -> Tensor:
        hidden = F.relu(net.first(x))
        return net.head(F.relu(net.second(hidden) + hidden).mean((2, 3)))

    ours, wanted = (found(hand_written(each).double(), images).maps for each in (added, outside))
    torch.testing.assert_close(ours, wanted)


def test_a_sum_of_a_tensor_with_itself_is_shared_once() -> None:
    twice = hand_written(lambda net, x: net.head(F.relu(net.first(x) + net.first(x)).mean((2, 3))))
    result, images = found(twice.double(), noise(2, 3, SIDE, SIDE).double()), noise(2, 3, SIDE, SIDE).double()
    torch.testing.assert_close(result.maps.sum(dim=(1, 2, 3)) + result.kept, seen_of(twice, images).scores)


def test_scaling_of_the_pixels_in_front_changes_nothing() -> None:
    """A pixel that the network's own normalisation maps to nearly 0 must not blow up."""
    images = noise(2, 3, SIDE, SIDE).double()
    images[:, :, 3:6] = 1e-9
    plain = hand_written(lambda net, x: net.head(F.relu(net.first(x)).mean((2, 3)))).double()
    scaled = hand_written(lambda net, x: net.head(F.relu(net.first((x - 0.5) / 0.25)).mean((2, 3)))).double()
    torch.testing.assert_close(found(scaled, images * 0.25 + 0.5).maps, found(plain, images).maps)
    with pytest.raises(MethodRefusedError, match="use lrp with composite='epsilon-plus-flat'"):
        found(scaled, images, "epsilon-gamma-box")


def test_a_convolution_that_makes_the_outputs_follows_the_dense_rule() -> None:
    def build() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        ).double()

    net, images = settled(build), noise(2, 3, SIDE, SIDE).double()
    dense = settled(
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        ).double()
    )
    dense[4].load_state_dict({"weight": net[2].weight.detach().flatten(1), "bias": net[2].bias.detach()})
    as_head = relevance(net, seen_of(net, images), rules("epsilon-plus"), head="2").maps
    as_convolution = relevance(net, seen_of(net, images), rules("epsilon-plus")).maps
    total = found(dense, images, "epsilon-plus").maps.sum(dim=(1, 2, 3))
    torch.testing.assert_close(as_head.sum(dim=(1, 2, 3)), total, rtol=0.5, atol=0.5)
    assert (as_head - as_convolution).abs().max() > 0.01 * as_head.abs().max()


@pytest.mark.parametrize("activation", [nn.SiLU, nn.GELU, nn.Sigmoid])
def test_what_does_not_rise_through_zero_is_refused(activation: Callable[[], nn.Module]) -> None:
    net = nn.Sequential(nn.Conv2d(3, 2, 3), activation(), nn.Flatten(), nn.Linear(2 * 100, 2)).double()
    with pytest.raises(MethodRefusedError, match=r"lrp has no rule for .*; use integrated-gradients"):
        found(net, noise(1, 3, SIDE, SIDE).double())


def test_gates_are_refused() -> None:
    gated = hand_written(lambda net, x: net.head((F.relu(net.first(x)) * F.relu(net.first(x)).mean()).mean((2, 3))))
    with pytest.raises(MethodRefusedError, match=r"Tensor\.mul of 2 tensors that depend on the image"):
        found(gated, noise(2, 3, SIDE, SIDE))


def test_the_network_is_left_as_found() -> None:
    net, images = unusual(branching()), noise(2, 3, SIDE, SIDE).double()
    seen, before = seen_of(net, images), state_of(net)
    relevance(net, seen, rules("epsilon-plus"))
    assert state_of(net) == before
