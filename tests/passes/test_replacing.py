"""Another tensor at a layer: where it lands, how many rows it may have, and that nothing is left behind."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor

from tests.module_state import state_of, unusual
from tests.small_networks import functional, hand_written, modules_only, noise
from workbench.passes.layers import Tap
from workbench.passes.replacing import logits_with

IMAGES = noise(3, 3, 20, 20)


def reused(net: Any, images: Tensor) -> Tensor:
    hidden = F.max_pool2d(net.relu(net.first(images)), 2)
    return net.head(net.pool(net.relu(net.second(hidden))).flatten(1))


def statement(net: Any, images: Tensor) -> Tensor:
    features = net.norm(net.second(net.stem(images)))
    features.relu_()
    return net.head(features.mean((2, 3)))


@pytest.mark.parametrize(
    ("passes", "tap"),
    [
        (functional, Tap("norm", relu=True)),
        (statement, Tap("norm", relu=True)),
        (reused, Tap("relu", call=1)),
    ],
)
def test_the_layer_has_the_new_tensor(passes: Any, tap: Tap) -> None:
    net = hand_written(passes)
    found = logits_with(net, IMAGES, tap, change=torch.ones_like)
    expected = net.head(torch.ones(3, 8))
    torch.testing.assert_close(found, expected)


def test_an_earlier_call_is_another_tensor() -> None:
    net = hand_written(reused)
    found = logits_with(net, IMAGES, Tap("relu"), change=torch.zeros_like)
    expected = net.head(net.pool(net.relu(net.second(torch.zeros(3, 8, 10, 10)))).flatten(1))
    torch.testing.assert_close(found, expected)


def test_the_unrectified_output_is_another_tensor_than_its_relu() -> None:
    net = hand_written(functional)
    negative = logits_with(net, IMAGES, Tap("norm"), change=lambda tensor: -torch.ones_like(tensor))
    torch.testing.assert_close(negative, net.head(torch.zeros(3, 8)))
    negative = logits_with(net, IMAGES, Tap("norm", relu=True), change=lambda tensor: -torch.ones_like(tensor))
    torch.testing.assert_close(negative, net.head(-torch.ones(3, 8)))


def test_it_may_have_more_rows_than_images() -> None:
    net = modules_only()
    found = logits_with(
        net, IMAGES[:1], Tap("6"), change=lambda tensor: tensor * torch.arange(5.0)[:, None, None, None]
    )
    clean = net(IMAGES[:1]) - net[9].bias
    torch.testing.assert_close(found, clean * torch.arange(5.0)[:, None] + net[9].bias)


class Refused(Exception):  # noqa: N818 - not one that anything else raises
    pass


def test_the_network_is_left_as_found() -> None:
    net = unusual(hand_written(functional))
    before = state_of(net)
    logits_with(net, IMAGES, Tap("norm", relu=True), change=torch.zeros_like)
    assert state_of(net) == before

    def refuse(tensor: Tensor) -> Tensor:
        raise Refused

    with pytest.raises(Refused):
        logits_with(net, IMAGES, Tap("norm"), change=refuse)
    assert state_of(net) == before
