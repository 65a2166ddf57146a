"""Occlusion: the float64 definition, what is known of a model that reads one patch, and where the map lies."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import references_perturbing as reference
from tests.small_networks import functional, hand_written, noise, small_densenet
from workbench.attribution import explain
from workbench.attribution.occlusion import Occlusion
from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap

NAMES = ("normal", "abnormal")
SIDE = 40
UNIT = Recipe(size=SIDE, normalisation="unit")


def occluded(classifier: Classifier, images: Tensor, **options: object) -> Explanation:
    found = explain(classifier, images, [Occlusion(**options)], target="abnormal")["occlusion"]
    assert isinstance(found, Explanation)
    return found


class OnePatch(nn.Module):
    """Reads the mean of one patch; its score is a whole number for films of whole numbers of 64ths."""

    def __init__(self, rows: slice, columns: slice) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns

    def forward(self, images: Tensor) -> Tensor:
        seen = images[:, 0, self.rows, self.columns].sum(dim=(1, 2))
        return torch.stack([torch.zeros_like(seen), seen], dim=1)


@pytest.mark.parametrize("build", [lambda: hand_written(functional), small_densenet])
@pytest.mark.parametrize("shape", [(SIDE, SIDE), (SIDE, 56)])
def test_the_map_equals_the_definition(build, shape: tuple[int, int]) -> None:
    net, images = build(), noise(2, 3, *shape)
    classifier = wrap(net, class_names=NAMES, input_size=SIDE)
    found = occluded(classifier, images, window=0.4, stride=0.2).maps
    assert found.shape == (2, shape[0] // 8, shape[1] // 8)
    black = classifier.recipe.normalise(torch.zeros(1, 1, 1))[0].expand_as(images[0])
    for film, ours in zip(images, found, strict=True):
        expected = reference.occlusion_map(reference.score_of(net, 1), film, black, window=16, stride=8)
        pixels = ours.repeat(8, axis=0).repeat(8, axis=1)
        np.testing.assert_allclose(pixels, expected, atol=2e-4 * np.abs(expected).max())


def test_a_model_that_reads_one_cell_has_a_map_that_is_known_to_the_last_digit() -> None:
    images = torch.randint(1, 9, (1, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(0)).float()
    net = OnePatch(slice(16, 20), slice(24, 28))  # cell 4, 6 of ten
    classifier = wrap(net, class_names=NAMES, recipe=UNIT)
    found = occluded(classifier, images, window=0.1, stride=0.1).maps[0]
    expected = np.zeros((10, 10), dtype=np.float32)
    expected[4, 6] = images[0, 0, 16:20, 24:28].sum()
    assert np.array_equal(found, expected)


def test_a_window_of_two_cells_gives_the_share_of_windows_that_cover_the_patch() -> None:
    images = torch.ones(1, 3, SIDE, SIDE)
    classifier = wrap(OnePatch(slice(16, 20), slice(0, 4)), class_names=NAMES, recipe=UNIT)
    found = occluded(classifier, images, window=0.2, stride=0.1).maps[0]
    expected = np.zeros((10, 10), dtype=np.float32)
    # both windows in which the first column lies cover the patch, or one of the two below each other that cover it
    expected[3:6, 0] = np.array([0.5, 1, 0.5]) * 16
    expected[3:6, 1] = expected[3:6, 0] / 2
    assert np.array_equal(found, expected)


def test_the_mean_covers_nothing_where_a_film_is_flat_and_a_blur_keeps_what_is_coarse() -> None:
    flat, ramp = torch.full((1, 3, SIDE, SIDE), 0.7), torch.linspace(0, 1, SIDE).expand(1, 3, SIDE, SIDE).clone()
    classifier = wrap(OnePatch(slice(0, SIDE), slice(0, SIDE)), class_names=NAMES, recipe=UNIT)
    assert np.abs(occluded(classifier, flat, baseline="mean").maps).max() < 1e-3
    drops = {name: np.abs(occluded(classifier, ramp, baseline=name).maps).max() for name in ("black", "mean", "blur")}
    assert drops["blur"] < 0.2 * drops["mean"] < 0.2 * drops["black"]


def test_the_evidence_lies_where_it_is_on_the_film() -> None:
    """Upright and the right way round, also on inputs that no number of cells divides."""
    images = torch.zeros(1, 3, 50, 70)
    images[..., 5:10, 50:60] = 1
    classifier = wrap(OnePatch(slice(0, 50), slice(0, 70)), class_names=NAMES, recipe=UNIT)
    film = occluded(classifier, images, window=0.1, stride=0.1).on_film(0)
    assert film.shape == (50, 70)
    row, column = np.unravel_index(film.argmax(), film.shape)
    assert 5 <= row < 10
    assert 50 <= column < 60
    assert film[:, :40].max() == film[20:].max() == 0


def test_one_window_over_the_whole_film_is_one_cell() -> None:
    classifier = wrap(OnePatch(slice(0, 2), slice(0, 2)), class_names=NAMES, recipe=UNIT)
    assert occluded(classifier, torch.ones(1, 3, SIDE, SIDE), window=1.0, stride=1.0).maps.tolist() == [[[4.0]]]


def test_a_stride_wider_than_the_window_is_refused() -> None:
    with pytest.raises(OptionError, match=r"Occlusion\.stride: 0\.3 leaves gaps between windows of 0\.2"):
        Occlusion(window=0.2, stride=0.3)
