"""DeepLIFT equals multipliers written out layer by layer, however a network is written, and adds up exactly."""

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
from workbench.passes.rescale_rule import rescaled_contributions
from workbench.passes.single_pass import Chosen, Seen

BLACK = torch.full((1, 3, 1, 1), -1.5, dtype=torch.float64)
COEFFICIENTS = torch.tensor([[-1.0, 1.0]], dtype=torch.float64)


def branching() -> nn.Sequential:
    """Return a network with overlapping max pools and the branches of ResNet and DenseNet, in double precision."""
    return settled(
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
            reference.Residual([nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)], [nn.Identity()]),
            nn.ReLU(),
            reference.Dense([nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1)]),
            nn.AvgPool2d(2),
            nn.BatchNorm2d(7),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(7, 5),
            nn.ReLU(),
            nn.Linear(5, 2),
        )
    ).double()


def seen_of(net: nn.Module, images: Tensor) -> Seen:
    with torch.no_grad():
        logits = net(images)
    chosen = Chosen(torch.ones(len(images), dtype=torch.int64), COEFFICIENTS.to(images).expand(len(images), -1))
    return Seen(images, logits, chosen, {}, {}, {})


def contributions(net: nn.Module, images: Tensor) -> Tensor:
    return rescaled_contributions(net, seen_of(net, images), BLACK)


def differences(net: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        change = net(images) - net(BLACK.to(images).expand_as(images[:1]))
    return change @ COEFFICIENTS[0].to(images)


@pytest.mark.parametrize(
    ("build", "side"), [(branching, 12), (lambda: small_resnet().double(), 16), (lambda: small_densenet().double(), 32)]
)
def test_contributions_equal_the_layerwise_multipliers(build: Callable[[], nn.Module], side: int) -> None:
    net, images = build(), noise(2, 3, side, side).double()
    found = contributions(net, images)
    parts = reference.parts_of(net)
    for image, ours in zip(images, found, strict=True):
        wanted = reference.deep_lift(parts, image[None], BLACK.expand(1, 3, side, side), COEFFICIENTS)
        torch.testing.assert_close(ours[None], wanted, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.sum(dim=(1, 2, 3)), differences(net, images), rtol=1e-10, atol=1e-12)


def test_it_is_not_input_times_gradient() -> None:
    """The negative control: a rule that changed nothing would be as complete on a linear network."""
    net, images = branching(), noise(2, 3, 12, 12).double().requires_grad_(True)
    (gradient,) = torch.autograd.grad((net(images) @ COEFFICIENTS[0]).sum(), images)
    plain = gradient * (images - BLACK)
    assert (plain.sum(dim=(1, 2, 3)) - differences(net, images)).abs().min() > 1e-3
    assert (contributions(net, images.detach()) - plain).abs().max() > 0.05 * plain.abs().max()


def reused(net: Any, images: Tensor) -> Tensor:
    return net.head(net.pool(net.relu(net.norm(net.second(net.relu(net.first(images)))))).flatten(1))


def in_place(net: Any, images: Tensor) -> Tensor:
    hidden = net.inplace_relu(net.first(images))
    return net.head(F.relu_(net.norm(net.second(hidden))).mean((2, 3)))


def unused_result(net: Any, images: Tensor) -> Tensor:
    hidden = net.first(images)
    hidden.relu_()
    hidden = net.norm(net.second(hidden))
    torch.clamp_(hidden, min=0)
    return net.head(hidden.mean((2, 3)))


@pytest.mark.parametrize("passes", [in_place, unused_result])
def test_functions_and_writes_in_place_are_seen_like_modules(passes: Callable[[Any, Tensor], Tensor]) -> None:
    images = noise(2, 3, 12, 12).double()
    wanted = contributions(hand_written(reused).double(), images)
    torch.testing.assert_close(contributions(hand_written(passes).double(), images), wanted, rtol=1e-10, atol=1e-13)


def smooth(activation: nn.Module) -> nn.Module:
    return settled(
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), activation, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
        )
    )


@pytest.mark.parametrize(
    "activation",
    [
        *(nn.SiLU, nn.GELU, nn.Tanh, nn.Sigmoid, nn.ELU, nn.LeakyReLU, nn.PReLU, nn.Softplus, nn.Hardswish, nn.ReLU6),
        *(nn.Mish, nn.Hardsigmoid, nn.Softsign, nn.Hardtanh, nn.CELU, nn.SELU),
    ],
)
def test_every_nonlinearity_of_one_number_is_covered(activation: Callable[[], nn.Module]) -> None:
    net = smooth(activation()).double()
    images = 3 * noise(2, 3, 8, 8).double()
    images[0, :, :5] = BLACK[0]  # where nothing differs, the slope is the derivative
    found = contributions(net, images)
    torch.testing.assert_close(found.sum(dim=(1, 2, 3)), differences(net, images), rtol=1e-9, atol=1e-9)
    for image, ours in zip(images, found, strict=True):
        wanted = reference.deep_lift(list(net), image[None], BLACK.expand(1, 3, 8, 8), COEFFICIENTS)
        torch.testing.assert_close(ours[None], wanted, rtol=1e-6, atol=1e-9)


def test_tiny_differences_do_not_blow_up_in_single_precision() -> None:
    net, black = smooth(nn.SiLU()), BLACK.float().expand(1, 3, 8, 8)
    images = black + 1e-6 * noise(1, 3, 8, 8)
    found = rescaled_contributions(net, seen_of(net, images), black[..., :1, :1])
    exact = net.double()
    wanted = rescaled_contributions(exact, seen_of(exact, images.double()), BLACK)
    torch.testing.assert_close(found.double(), wanted, rtol=0.01, atol=1e-9)


@pytest.mark.parametrize(
    ("passes", "what"),
    [
        (lambda net, x: net.head((net.first(x) * net.first(x).sigmoid()).mean((2, 3))), "Tensor.mul of 2 tensors"),
        (lambda net, x: net.head(F.layer_norm(net.first(x), [12, 12]).mean((2, 3))), "layer_norm of one tensor"),
        (lambda net, x: net.head(net.first(x).mean((2, 3)).softmax(1)), "Tensor.softmax of one tensor"),
        (lambda net, x: net.head((net.first(x) / net.second(net.first(x))).mean((2, 3))), "Tensor.div of 2 tensors"),
        (lambda net, x: net.head(1 / net.first(x).mean((2, 3))), "__rtruediv__ of one tensor"),
        (lambda net, x: net.head(net.first(x).amax((2, 3))), "Tensor.amax of one tensor"),
    ],
)
def test_what_no_rule_covers_is_refused(passes: Callable[[Any, Tensor], Tensor], what: str) -> None:
    with pytest.raises(MethodRefusedError, match=f"deeplift has no rule for .*{what}.*; use integrated-gradients"):
        contributions(hand_written(passes), noise(2, 3, 12, 12))


def test_statistics_of_the_batch_are_refused() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2, track_running_stats=False), nn.Flatten(), nn.Linear(200, 2)
    )
    with pytest.raises(MethodRefusedError, match="batch_norm"):
        contributions(net.eval(), noise(2, 3, 12, 12))


def test_a_network_that_answers_differently_each_time_is_refused() -> None:
    net = hand_written(lambda net, x: reused(net, x + torch.rand(1)))
    with pytest.raises(MethodRefusedError, match=r"logits differ by .* from one pass to the next"):
        contributions(net, noise(2, 3, 12, 12))


def test_the_network_is_left_as_found() -> None:
    net, images = unusual(branching()), noise(2, 3, 12, 12).double()
    seen, before = seen_of(net, images), state_of(net)
    with torch.no_grad():
        rescaled_contributions(net, seen, BLACK)
    assert state_of(net) | {"gradients": True} == before
