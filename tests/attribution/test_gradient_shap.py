"""GradientSHAP: what is known of linear models, completeness in the mean, and seeds that know the film alone."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.small_networks import functional, hand_written, noise
from workbench.attribution import explain
from workbench.attribution.gradient_shap import GradientSHAP
from workbench.attribution.integrated_gradients import IntegratedGradients
from workbench.core.explanation import Explanation
from workbench.models.classifier import Classifier, wrap

NAMES = ("normal", "abnormal")
IMAGES = noise(2, 3, 24, 24)


def explained(classifier: Classifier, images: torch.Tensor = IMAGES, **options: Any) -> Explanation:
    return explain(classifier, images, [GradientSHAP(**options)], target="abnormal")["gradient-shap"]


def small() -> Classifier:
    return wrap(hand_written(functional), class_names=NAMES, input_size=24)


def test_a_linear_model_gives_weight_times_difference_from_the_mean_reference() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 2))
    classifier = wrap(net, class_names=NAMES, input_size=24)
    weights = net[1].weight[1].detach().view(3, 24, 24)
    black = classifier.recipe.normalise(torch.zeros(1, 1, 1))
    without_noise = (weights * (IMAGES - black)).sum(dim=1)
    np.testing.assert_allclose(explained(classifier, noise=0.0).maps, without_noise.numpy(), atol=1e-5)
    grey = 0.2 / np.sqrt(2 * np.pi)  # mean of normal noise cut off at 0
    reference = classifier.recipe.normalise(torch.full((1, 1, 1), grey))
    expected = (weights * (IMAGES - reference)).sum(dim=1).numpy()
    found = explained(classifier, noise=0.2, samples=400).maps
    assert np.abs(found - expected).mean() < 0.3 * np.abs(found - without_noise.numpy()).mean()


def test_without_noise_it_comes_to_integrated_gradients() -> None:
    classifier = small()
    expected = explain(classifier, IMAGES, [IntegratedGradients(steps=64)], target="abnormal")["integrated-gradients"]
    found = explained(classifier, noise=0.0, samples=300)
    np.testing.assert_allclose(found.maps, expected.maps, atol=0.03 * np.abs(expected.maps).max())
    assert np.abs(found.measures["completeness_error"]).max() < 1e-3


def test_the_error_of_completeness_is_stored_and_falls_with_samples() -> None:
    few, many = (explained(small(), samples=samples).measures["completeness_error"] for samples in (2, 200))
    assert np.abs(many).max() < 0.003
    assert np.abs(many).mean() < 0.5 * np.abs(few).mean()


def test_seeds_know_the_film_and_not_its_place() -> None:
    classifier = small()
    together = explained(classifier).maps
    np.testing.assert_allclose(explained(classifier, IMAGES[:1]).maps[0], together[0], rtol=1e-4, atol=1e-7)
    twins = explained(classifier, IMAGES[:1].expand(2, -1, -1, -1)).maps
    assert np.abs(twins[0] - twins[1]).max() > 0.01 * np.abs(twins[0]).max()
    assert np.abs(explained(classifier, seed=1).maps - together).max() > 0.01 * np.abs(together).max()


@pytest.mark.parametrize("samples", [2, 9])
def test_maps_have_the_films_size(samples: int) -> None:
    assert explained(small(), noise(1, 3, 24, 32), samples=samples).maps.shape == (1, 24, 32)
