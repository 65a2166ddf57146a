"""KernelSHAP: exact on models that add up, near the brute-force Shapley values on one that does not."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.small_networks import functional, hand_written, noise
from workbench.attribution import explain
from workbench.attribution.kernel_shap import KernelSHAP
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap

NAMES = ("normal", "abnormal")
RECIPE = Recipe(size=16, channels=1, normalisation="unit")
IMAGES = noise(3, 1, 16, 16).abs() / 4


class OfCells(nn.Module):
    """A function of the sums of the four quarters of a film."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        cells = images[:, 0].unfold(1, 8, 8).unfold(2, 8, 8).sum(dim=(-1, -2)).flatten(1)
        score = self.function(cells)
        return torch.stack([-score, score], dim=1)


def wrapped(function: Any) -> Classifier:
    return wrap(OfCells(function), class_names=NAMES, recipe=RECIPE)


def shapley_values(function: Any, cells: np.ndarray) -> np.ndarray:
    """Return the mean gain of each of four players over all 24 orders."""
    values = np.zeros(4)
    orders = list(permutations(range(4)))
    for order in orders:
        there = np.zeros(4)
        before = float(function(torch.from_numpy(there)[None])[0])
        for player in order:
            there[player] = cells[player]
            after = float(function(torch.from_numpy(there)[None])[0])
            values[player] += (after - before) / len(orders)
            before = after
    return values


def found(function: Any, **options: Any) -> Any:
    return explain(wrapped(function), IMAGES, [KernelSHAP(grid=2, **options)], target="abnormal")["kernel-shap"]


def quarters(index: int) -> np.ndarray:
    return IMAGES[index, 0].reshape(2, 8, 2, 8).sum(dim=(1, 3)).flatten().double().numpy()


def test_a_model_that_adds_up_is_told_exactly() -> None:
    weights = torch.tensor([1.0, -2.0, 0.0, 0.5])
    result = found(lambda cells: cells @ weights.to(cells))
    for index in range(3):
        np.testing.assert_allclose(result.maps[index].ravel(), quarters(index) * weights.numpy(), rtol=1e-3, atol=1e-3)
    assert np.abs(result.measures["completeness_error"]).max() < 1e-2


def test_a_product_is_shared_as_the_brute_force_shares_it() -> None:
    """Two cells that only work together share what they give; covering either alone would take all of it."""

    def product(cells: Tensor) -> Tensor:
        return cells[:, 0] * cells[:, 3] / 10

    result = found(product, samples=2000)
    for index in range(3):
        wanted = shapley_values(product, quarters(index))
        assert wanted[0] == pytest.approx(wanted[3])
        np.testing.assert_allclose(result.maps[index].ravel(), wanted, atol=0.1 * np.abs(wanted).max())


def test_the_seed_and_the_film_decide_the_coalitions_and_nothing_else() -> None:
    model = wrap(hand_written(functional), class_names=NAMES, input_size=16)
    images = noise(3, 3, 16, 16)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()

    def maps(**options: Any) -> np.ndarray:
        return explain(model, images, [KernelSHAP(grid=4, samples=24, **options)])["kernel-shap"].maps

    np.testing.assert_array_equal(maps(), maps())
    assert np.abs(maps() - maps(seed=1)).max() > 0
    assert torch.equal(torch.random.get_rng_state(), before)
