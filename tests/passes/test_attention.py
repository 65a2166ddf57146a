"""Opened attention: the weights that the fused kernels use, outputs that stay, and nothing left behind."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn

from tests import references_perturbing as reference
from tests.module_state import state_of, unusual
from tests.small_networks import noise, settled
from tests.small_transformers import timm_vit, torchvision_vit
from workbench.core.errors import ModelError
from workbench.passes.attention import AttentionPass, attention_pass, attention_weights
from workbench.passes.layers import Tap, find_layers

SIDE = 32
IMAGES = noise(3, 3, SIDE, SIDE)
BOTH = pytest.mark.parametrize(
    ("build", "exact"),
    [(timm_vit, reference.timm_attention), (torchvision_vit, reference.torchvision_attention)],
    ids=["timm", "torchvision"],
)


def opened(net: nn.Module, images: Tensor = IMAGES) -> tuple[AttentionPass, list[Tensor]]:
    found: list[Tensor] = []
    *_, last = find_layers(net, (3, SIDE, SIDE)).taps
    return attention_pass(net, images, found.append, last=last), found


@BOTH
def test_the_weights_are_those_of_the_forward_pass_written_out(build: Callable, exact: Callable) -> None:
    net = build()
    _, found = opened(net)
    expected = exact(net, IMAGES)
    assert len(found) == len(expected) == 3
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-5)


@BOTH
def test_the_outputs_stay_and_the_network_is_left_as_found(build: Callable, exact: Callable) -> None:
    net = build()
    with torch.no_grad():
        expected = net(IMAGES)
    unusual(net)
    before = state_of(net)
    passed, _ = opened(net)
    torch.testing.assert_close(passed.logits, expected, rtol=1e-4, atol=1e-5)
    assert state_of(net) == before


def test_attention_that_is_written_out_gives_the_same_weights() -> None:
    fused = timm_vit()
    written = timm_vit()
    for block in written.blocks:
        assert block.attn.fused_attn
        block.attn.fused_attn = False
    for ours, theirs in zip(opened(fused)[1], opened(written)[1], strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_class_token_is_read_or_all_patches_are() -> None:
    token, average = opened(timm_vit())[0], opened(timm_vit(global_pool="avg"))[0]
    assert token.grid == average.grid == (4, 4)
    assert token.read.tolist() == [[True] + [False] * 16] * 3
    assert average.read.tolist() == [[False] + [True] * 16] * 3


def test_the_grid_is_that_of_the_images_given() -> None:
    net = timm_vit(dynamic_img_size=True)
    passed, found = opened(net, noise(2, 3, SIDE, 48))
    assert passed.grid == (4, 6)
    assert found[0].shape == (2, 2, 25, 25)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 0.3},
        {"is_causal": True},
        {"attn_mask": noise(5, 5, seed=4)},
        {"attn_mask": noise(5, 5, seed=4) > -1.5},
        {"enable_gqa": True},
    ],
    ids=lambda options: ",".join(options) or "plain",
)
def test_the_weights_times_the_values_are_what_the_fused_kernel_gives(options: dict) -> None:
    heads = 2 if options.get("enable_gqa") else 4
    query, key, value = noise(2, 4, 5, 8), noise(2, heads, 5, 8, seed=1), noise(2, heads, 5, 8, seed=2)
    weights = attention_weights(query, key, value, **options)
    expected = F.scaled_dot_product_attention(query, key, value, **options)
    value = value.repeat_interleave(4 // heads, dim=1)
    torch.testing.assert_close(weights @ value, expected, rtol=1e-4, atol=1e-5)


def test_a_network_that_asks_for_the_weights_gets_them_averaged_over_the_heads_as_always() -> None:
    attention = settled(lambda: nn.MultiheadAttention(8, 2, batch_first=True))

    class Asking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.attention = nn.Conv2d(3, 8, 8, 8), attention
            self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 2)

        def forward(self, images: Tensor) -> Tensor:
            tokens = self.patches(images).flatten(2).transpose(1, 2)
            mixed, weights = self.attention(tokens, tokens, tokens)
            assert weights.shape == (len(images), 16, 16)
            return self.head(self.norm(mixed).mean(dim=1))

    net = settled(Asking)
    with torch.no_grad():
        expected = net(IMAGES)
    torch.testing.assert_close(opened(net)[0].logits, expected, rtol=1e-4, atol=1e-5)


def test_a_layer_that_is_not_reached_is_an_error_and_leaves_no_hook() -> None:
    net = timm_vit()
    before = state_of(net)
    with pytest.raises(ModelError, match="did not reach layer 'norm#3'"):
        attention_pass(net, IMAGES, lambda _: None, last=Tap("norm", call=3))
    assert state_of(net) == before
