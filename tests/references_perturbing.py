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
