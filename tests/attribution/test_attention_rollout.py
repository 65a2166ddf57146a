"""Attention rollout: the float64 formula on a forward pass written out, which tokens count, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests import references_perturbing as reference
from tests.small_networks import functional, hand_written, noise, settled
from tests.small_transformers import timm_vit, torchvision_vit
from workbench.attribution import explain
from workbench.attribution.attention_rollout import AttentionRollout
from workbench.core.errors import MethodRefusedError
from workbench.core.explanation import Explanation
from workbench.models.classifier import wrap

NAMES = ("normal", "abnormal")
SIDE = 32
IMAGES = noise(2, 3, SIDE, SIDE)


def explained(
    net: nn.Module, images: torch.Tensor = IMAGES, *, target: str = "abnormal", **options: Any
) -> Explanation:
    classifier = wrap(net, class_names=NAMES, input_size=SIDE)
    found = explain(classifier, images, [AttentionRollout(**options)], target=target)["attention-rollout"]
    assert isinstance(found, Explanation)
    return found


@pytest.mark.parametrize("options", [{}, {"heads": "max", "residual": 0.2}, {"heads": "min", "discard": 0.3}])
@pytest.mark.parametrize(
    ("build", "exact"),
    [(timm_vit, reference.timm_attention), (torchvision_vit, reference.torchvision_attention)],
    ids=["timm", "torchvision"],
)
def test_the_map_equals_the_formula(build: Callable, exact: Callable, options: dict) -> None:
    net = build()
    about = {"fuse": options.get("heads", "mean"), "residual": 0.5, "discard": 0.0} | options
    about.pop("heads", None)
    expected = reference.rollout(exact(net, IMAGES), [0], **about)[:, 1:].reshape(2, 4, 4)
    found = explained(net, **options).maps
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert expected.std() > 0.1 * expected.mean()  # not flat


def test_where_patches_are_averaged_their_rows_are() -> None:
    net = timm_vit(global_pool="avg")
    expected = reference.rollout(
        reference.timm_attention(net, IMAGES), list(range(1, 17)), fuse="mean", residual=0.5, discard=0.0
    )
    np.testing.assert_allclose(explained(net).maps, expected[:, 1:].reshape(2, 4, 4), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("deit_tiny_distilled_patch16_224", 2), ("vit_small_patch14_reg4_dinov2", 5), ("beit_base_patch16_224", 1)],
)
def test_tokens_in_front_have_no_place(name: str, prefix: int) -> None:
    import timm

    about = {"img_size": SIDE, "patch_size": 8, "depth": 2, "embed_dim": 24, "num_heads": 3, "num_classes": 2}
    net = settled(lambda: timm.create_model(name, **about))
    assert net.num_prefix_tokens == prefix
    maps = explained(net).maps
    assert maps.shape == (2, 4, 4)
    sums = maps.sum(axis=(1, 2))
    assert (sums > 0.3).all()
    assert (sums < 1).all()  # the rest flows from the tokens in front


def test_attention_that_pools_is_the_row_that_is_read() -> None:
    maps = explained(timm_vit(global_pool="map", class_token=False)).maps
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), 1, atol=1e-5)
    assert maps.std() > 0.01


def test_without_a_residual_one_block_of_even_attention_is_flat() -> None:
    net = timm_vit(depth=1)
    with torch.no_grad():
        net.blocks[0].attn.qkv.weight.zero_()
        net.blocks[0].attn.qkv.bias.zero_()
    np.testing.assert_allclose(explained(net, residual=0.0).maps, 1 / 17, rtol=1e-5)


def test_the_map_does_not_depend_on_the_class_and_says_so() -> None:
    net = timm_vit()
    first, second = explained(net, target="normal"), explained(net, target="abnormal")
    assert np.array_equal(first.maps, second.maps)
    assert first.provenance["class_specific"] is False


def test_films_that_are_not_square_have_a_grid_that_is_not() -> None:
    found = explained(timm_vit(dynamic_img_size=True), noise(1, 3, SIDE, 48))
    assert found.maps.shape == (1, 4, 6)
    assert found.on_film(0).shape == (SIDE, 48)


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("swin_tiny_patch4_window7_224", {"depths": (1, 1, 1, 1)}, "no such tokens"),
        ("cait_xxs24_224", {"depth": 1}, "attention of 1 tokens on 17"),
        ("levit_128s", {}, "attention of 4 tokens on 16"),
        ("mixer_s32_224", {}, "none that can be seen"),
    ],
)
def test_attention_that_is_not_of_all_tokens_is_refused(name: str, options: dict, why: str) -> None:
    import timm

    net = timm.create_model(name, img_size=64, num_classes=2, **options).eval()
    classifier = wrap(net, class_names=NAMES, input_size=64)
    with pytest.raises(MethodRefusedError, match=f"{why}.*; use grad-cam or occlusion") as caught:
        explain(classifier, noise(1, 3, 64, 64), ["attention-rollout"])
    assert "\n" not in str(caught.value)


def test_a_network_without_attention_is_refused_before_it_runs() -> None:
    with pytest.raises(MethodRefusedError, match=r"HandWritten has no such tokens; use grad-cam or occlusion"):
        AttentionRollout().check(wrap(hand_written(functional), class_names=NAMES, input_size=SIDE))
