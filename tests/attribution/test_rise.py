"""RISE: the float64 formula on the same masks, masks that are what the paper says, and an error that is the error."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import references_perturbing as reference
from tests.small_networks import functional, hand_written, noise
from workbench.attribution import explain
from workbench.attribution.rise import RISE, random_masks
from workbench.core.explanation import Explanation
from workbench.core.seeding import derived_seed
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap

NAMES = ("normal", "abnormal")
SIDE = 24
UNIT = Recipe(size=SIDE, normalisation="unit")
ALL = torch.arange


def explained(classifier: Classifier, images: Tensor, method: RISE, **more: object) -> Explanation:
    found = explain(classifier, images, [method], target="abnormal", **more)["rise"]
    assert isinstance(found, Explanation)
    return found


def masks_of(count: int, size: tuple[int, int] = (SIDE, SIDE), *, grid: int = 5, seed: int = 0, share: float = 0.5):
    generator = torch.Generator().manual_seed(seed)
    return random_masks(count, size, grid=grid, seen_share=share, generator=generator)


def linear(weights: Tensor) -> nn.Module:
    net = nn.Sequential(nn.Flatten(), nn.Linear(weights.numel(), 2))
    with torch.no_grad():
        net[1].weight.zero_()
        net[1].weight[1] = weights.flatten()
    return net


@pytest.mark.parametrize("size", [(SIDE, SIDE), (23, 31)])
def test_masks_are_bilinear_between_cells_and_shifted(size: tuple[int, int]) -> None:
    masks = masks_of(6, size)
    drawn = masks(ALL(6)).numpy()
    assert drawn.shape == (6, *size)
    for index in range(6):
        cells, shift = masks.cells[index, 0].numpy(), tuple(masks.shifts[index].tolist())
        np.testing.assert_allclose(drawn[index], reference.rise_mask(cells, shift, size), atol=1e-5)


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_every_place_is_seen_equally_often(share: float) -> None:
    """So that dividing by p makes the sum over masks a mean, without bias at the edges."""
    drawn = masks_of(4000, share=share)(ALL(4000))
    error = (share * (1 - share) / 4000) ** 0.5  # of a place that is 0 or 1; smaller in between
    assert drawn.min() >= 0
    assert drawn.max() <= 1 + 1e-6
    assert (drawn.mean(dim=0) - share).abs().max() < 5 * error
    assert set(masks_of(4000).shifts.flatten().tolist()) == set(range(5))  # a cell is 5 px


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("size", [(SIDE, SIDE), (SIDE, 32)])
def test_the_map_and_its_error_equal_the_formula_on_the_same_masks(size: tuple[int, int], *, centred: bool) -> None:
    net, images = hand_written(functional), noise(2, 3, *size)
    classifier = wrap(net, class_names=NAMES, input_size=SIDE)
    found = explained(classifier, images, RISE(masks=20, grid=4, seen_share=0.4, centred=centred, seed=3))
    black = classifier.recipe.normalise(torch.zeros(1, 1, 1))[0].expand_as(images[0])
    for index, film in enumerate(images):
        drawn = masks_of(20, size, grid=4, seed=derived_seed(3, f"film-{index}"), share=0.4)
        masks = [
            reference.rise_mask(drawn.cells[each, 0].numpy(), tuple(drawn.shifts[each].tolist()), size)
            for each in range(20)
        ]
        expected, error = reference.rise_map(
            reference.score_of(net, 1), film, black, masks, seen_share=0.4, centred=centred
        )
        np.testing.assert_allclose(found.maps[index], expected, atol=2e-4 * np.abs(expected).max())
        assert found.measures["standard_error"][index] == pytest.approx(error, rel=1e-3)


def test_the_map_of_a_linear_model_is_known_within_its_error() -> None:
    """M = sum_j w_j x_j cov(m_j, m) / p where w are the weights and x the film over black."""
    size = SIDE
    weights = torch.zeros(3, size, size)
    weights[0, 4:8, 14:18] = 1.0
    classifier = wrap(linear(weights), class_names=NAMES, recipe=UNIT)
    images = torch.ones(1, 3, size, size)
    found = explained(classifier, images, RISE(masks=4000, grid=5))
    drawn = masks_of(20000, seed=99)(ALL(20000)).double().flatten(1)
    evidence = drawn @ weights.sum(dim=0).double().flatten()
    expected = ((evidence - evidence.mean())[:, None] * drawn).mean(dim=0).reshape(size, size) / 0.5
    away = np.abs(found.maps[0] - expected.numpy())
    error = found.measures["standard_error"][0]
    assert 0.2 * error < away.mean() < 2 * error
    row, column = np.unravel_index(found.maps[0].argmax(), (size, size))
    assert 3 <= row <= 8
    assert 13 <= column <= 18


def test_the_paper_s_map_has_the_same_differences_and_more_noise() -> None:
    net = hand_written(functional)
    with torch.no_grad():
        net.head.bias += 5  # tells nothing about any place
    classifier, images = wrap(net, class_names=NAMES, input_size=SIDE), noise(1, 3, SIDE, SIDE)
    ours, papers = (explained(classifier, images, RISE(masks=200, centred=each)) for each in (True, False))
    assert papers.maps.min() > 3
    assert np.abs(ours.maps).max() < 0.5
    assert papers.measures["standard_error"] > 10 * ours.measures["standard_error"]


def test_the_masks_depend_on_the_film_and_the_seed_alone() -> None:
    classifier, images = wrap(hand_written(functional), class_names=NAMES, input_size=SIDE), noise(3, 3, SIDE, SIDE)
    same = images[:1].expand(3, -1, -1, -1)
    maps = explained(classifier, images, RISE(masks=16)).maps
    assert np.array_equal(maps, explained(classifier, images, RISE(masks=16), batch_size=1).maps)
    assert not np.array_equal(maps, explained(classifier, images, RISE(masks=16, seed=1)).maps)
    first, second, _ = explained(classifier, same, RISE(masks=16)).maps
    assert not np.array_equal(first, second)
