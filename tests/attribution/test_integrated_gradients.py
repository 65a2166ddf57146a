"""Integrated gradients: the float64 path integral, completeness, and what is known of a linear model."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests import references_attribution as reference
from tests.small_networks import functional, hand_written, modules_only, noise, small_densenet, small_resnet
from workbench.attribution import explain
from workbench.attribution.integrated_gradients import IntegratedGradients
from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.imaging.recipes import Recipe
from workbench.models.classifier import Classifier, wrap

NAMES = ("normal", "abnormal")
IMAGES = noise(2, 3, 24, 24)


def maps(
    classifier: Classifier, images: torch.Tensor = IMAGES, *, steps: int = 64, target: str = "abnormal"
) -> np.ndarray:
    return explain(classifier, images, [IntegratedGradients(steps=steps)], target=target)["integrated-gradients"].maps


def black(classifier: Classifier, images: torch.Tensor) -> torch.Tensor:
    size = classifier.recipe.size
    return classifier.recipe.normalise(torch.zeros(1, size, size))[..., :1, :1].expand_as(images)


@pytest.mark.parametrize("normalisation", ["imagenet", "unit"])
def test_the_map_equals_the_path_integral(normalisation: str) -> None:
    net = modules_only()
    classifier = wrap(net, class_names=NAMES, recipe=Recipe(size=24, normalisation=normalisation))
    expected = reference.integrated_gradients_map(net, IMAGES, black(classifier, IMAGES), [1, 1])
    np.testing.assert_allclose(maps(classifier, steps=300), expected, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("target", NAMES)
def test_the_map_sums_to_the_difference_of_scores(outputs: int, target: str) -> None:
    classifier = wrap(hand_written(functional, outputs=outputs), class_names=NAMES, input_size=24)
    classes = torch.full((2,), NAMES.index(target))
    film, dark = (classifier.head.score(classifier.logits(x), classes) for x in (IMAGES, black(classifier, IMAGES)))
    wanted = (film - dark).numpy()
    found = maps(classifier, steps=256, target=target).sum(axis=(1, 2))
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(found, wanted, atol=0.02 * np.abs(wanted).max())


def test_films_that_are_not_square_start_from_black_too() -> None:
    images = noise(2, 3, 24, 36)
    classifier = wrap(modules_only(), class_names=NAMES, input_size=24)
    film, dark = (classifier.logits(x)[:, 1] for x in (images, black(classifier, images)))
    np.testing.assert_allclose(maps(classifier, images, steps=256).sum(axis=(1, 2)), (film - dark).numpy(), atol=0.01)


def test_a_linear_model_needs_eight_points() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 2))
    classifier = wrap(net, class_names=NAMES, input_size=24)
    weights = net[1].weight[1].detach().reshape(3, 24, 24)
    expected = (weights * (IMAGES - black(classifier, IMAGES))).sum(dim=1)
    np.testing.assert_allclose(maps(classifier, steps=8), expected.numpy(), atol=1e-5)


def test_steps_out_of_range_are_refused() -> None:
    with pytest.raises(OptionError, match=r"IntegratedGradients\.steps: 1 is below 8"):
        IntegratedGradients(steps=1)


class Sudden(nn.Module):
    """Changes its score within a hundredth of the way from black."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(noise(3, 24, 24) / 50)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        light = ((images - BLACK) * self.weights.abs()).sum(dim=(1, 2, 3))
        return torch.stack([-torch.tanh(light), 8 * torch.tanh(light)], dim=1)


BLACK = wrap(modules_only(), class_names=NAMES, input_size=24).recipe.normalise(torch.zeros(1, 1, 1))


@pytest.mark.parametrize("build", [Sudden, modules_only, small_resnet, small_densenet])
@pytest.mark.parametrize("baseline", ["black", "mean"])
def test_the_default_is_complete(build: Callable[[], nn.Module], baseline: str) -> None:
    images = BLACK + 4 * noise(2, 3, 48, 48).abs()
    images = images[..., :24, :24] if build is Sudden else images
    classifier = wrap(build(), class_names=NAMES, input_size=images.shape[-1])
    found = explain(classifier, images, [IntegratedGradients(baseline=baseline)], target="abnormal")
    start = BLACK.expand_as(images) if baseline == "black" else images.mean((2, 3), keepdim=True).expand_as(images)
    film, reference_film = (classifier.logits(x)[:, 1].numpy() for x in (images, start))
    result = found["integrated-gradients"]
    missed = result.maps.sum(axis=(1, 2), dtype=np.float64) - (film - reference_film)
    assert np.abs(missed).max() < 0.005
    np.testing.assert_allclose(result.measures["completeness_error"], missed, atol=1e-4)


def test_points_gather_where_the_score_changes() -> None:
    """The negative control: the points to begin with are not enough, and as many on a uniform grid are not either."""
    classifier = wrap(Sudden(), class_names=NAMES, input_size=24)
    images = BLACK + 4 * noise(2, 3, 24, 24).abs()

    def found(**options: Any) -> Explanation:
        return explain(classifier, images, [IntegratedGradients(**options)], target="abnormal")["integrated-gradients"]

    divided = found()
    steps = int(divided.measures["steps"].max())
    assert 32 < steps <= 256
    uniform = found(steps=steps, most_steps=steps)
    assert (
        np.abs(uniform.measures["completeness_error"]).max() > 10 * np.abs(divided.measures["completeness_error"]).max()
    )
    assert found(most_steps=32).measures["steps"].tolist() == [32, 32]
