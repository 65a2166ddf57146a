"""Slow, obvious float64 versions of occlusion, RISE and attention rollout, written from the papers."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from tests.references_attribution import in_double

Score = Callable[[Tensor], float]


def score_of(net: torch.nn.Module, wanted: int) -> Score:
    """Return the logit of one film (c, h, w) in double precision."""
    exact = in_double(net)

    def score(film: Tensor) -> float:
        with torch.no_grad():
            return float(exact(film[None].double())[0, wanted])

    return score


def occlusion_map(score: Score, film: Tensor, cover: Tensor, *, window: int, stride: int) -> np.ndarray:
    """Return for each pixel the mean score drop over the windows (in pixels) that cover it (Zeiler and Fergus 2014)."""
    height, width = film.shape[1:]
    total, count = np.zeros((height, width)), np.zeros((height, width))
    for top in range(0, height - window + 1, stride):
        for left in range(0, width - window + 1, stride):
            place = (slice(top, top + window), slice(left, left + window))
            covered = film.double().clone()
            covered[:, place[0], place[1]] = cover.double()[:, place[0], place[1]]
            total[place] += score(film) - score(covered)
            count[place] += 1
    return total / count


def rise_mask(cells: np.ndarray, shift: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Return one mask, pixel by pixel: bilinear between the centres of the cells, cut out at the shift."""
    grid = len(cells)
    mask = np.zeros(size)
    for y in range(size[0]):
        for x in range(size[1]):
            row = _between(y + shift[0], (grid + 1) * int(np.ceil(size[0] / grid)), grid)
            column = _between(x + shift[1], (grid + 1) * int(np.ceil(size[1] / grid)), grid)
            mask[y, x] = sum(cells[i, j] * u * v for i, u in row for j, v in column)
    return mask


def _between(place: int, pixels: int, cells: int) -> list[tuple[int, float]]:
    """Return the two cells between whose centres a pixel's centre lies, with their weights."""
    at = min(max((place + 0.5) * cells / pixels - 0.5, 0), cells - 1)
    low = int(at)
    return [(low, 1 - (at - low)), (min(low + 1, cells - 1), at - low)]


def rise_map(
    score: Score, film: Tensor, black: Tensor, masks: list[np.ndarray], *, seen_share: float, centred: bool
) -> tuple[np.ndarray, float]:
    """Return (1 / (p N)) sum of score times mask (Petsiuk et al. 2018, eq. 6), and the mean of its standard error."""
    scores = []
    for mask in masks:
        seen = torch.from_numpy(mask)
        scores.append(score(film.double() * seen + black.double() * (1 - seen)))
    taken_off = np.mean(scores) if centred else 0.0
    terms = np.stack([(one - taken_off) * mask / seen_share for one, mask in zip(scores, masks, strict=True)])
    return terms.mean(axis=0), float((terms.std(axis=0, ddof=1) / np.sqrt(len(terms))).mean())


def timm_attention(net: torch.nn.Module, images: Tensor) -> list[Tensor]:
    """Return the weights (n, heads, t, t) of each block of timm's ViT, its forward pass written out in float64."""
    exact = in_double(net)
    tokens = exact.patch_embed(images.double())
    tokens = torch.cat([exact.cls_token.expand(len(tokens), -1, -1), tokens], dim=1) + exact.pos_embed
    found = []
    for block in exact.blocks:
        heads, hidden = block.attn.num_heads, block.norm1(tokens)
        projected = block.attn.qkv(hidden).unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)
        mixed, weights = _attended(*projected)
        tokens = tokens + block.attn.proj(mixed)
        tokens = tokens + block.mlp(block.norm2(tokens))
        found.append(weights)
    return found


def torchvision_attention(net: torch.nn.Module, images: Tensor) -> list[Tensor]:
    """Return the weights (n, heads, t, t) of each block of torchvision's ViT, its forward written out in float64."""
    exact = in_double(net)
    tokens = exact.conv_proj(images.double()).flatten(2).transpose(1, 2)
    tokens = torch.cat([exact.class_token.expand(len(tokens), -1, -1), tokens], dim=1) + exact.encoder.pos_embedding
    found = []
    for block in exact.encoder.layers:
        attention, hidden = block.self_attention, block.ln_1(tokens)
        projected = hidden @ attention.in_proj_weight.T + attention.in_proj_bias
        projected = projected.unflatten(2, (3, attention.num_heads, -1)).permute(2, 0, 3, 1, 4)
        mixed, weights = _attended(*projected)
        tokens = tokens + attention.out_proj(mixed)
        tokens = tokens + block.mlp(block.ln_2(tokens))
        found.append(weights)
    return found


def _attended(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    scores = query @ key.transpose(2, 3) / query.shape[3] ** 0.5
    weights = scores.exp() / scores.exp().sum(dim=3, keepdim=True)
    return (weights @ value).transpose(1, 2).flatten(2), weights


def rollout(blocks: list[Tensor], rows: list[int], *, fuse: str, residual: float, discard: float) -> np.ndarray:
    """Return how much of each token reaches the mean of some rows (n, t) (Abnar and Zuidema 2020, section 3)."""
    fusions = {"mean": np.mean, "max": np.max, "min": np.min}
    shares = []
    for film in range(len(blocks[0])):
        product = np.eye(blocks[0].shape[2])
        for block in blocks:
            weights = fusions[fuse](block[film].detach().numpy(), axis=0)
            weakest = np.argsort(weights, axis=None)[: int(discard * weights.size)]
            weights.flat[weakest] = 0
            mixing = residual * np.eye(len(weights)) + (1 - residual) * weights
            product = mixing / mixing.sum(axis=1, keepdims=True) @ product
        shares.append(product[rows].mean(axis=0))
    return np.stack(shares)
