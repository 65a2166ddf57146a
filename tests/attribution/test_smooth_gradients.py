"""SmoothGrad and VarGrad: float64 references under the same noise, known variances, seeds by film."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import references_attribution as reference
from tests.small_networks import functional, hand_written, modules_only, noise
from workbench.attribution import METHODS, explain
from workbench.attribution.smooth_gradients import SmoothGrad, VarGrad
from workbench.core.errors import OptionError
from workbench.core.seeding import derived_seed
from workbench.models.classifier import Classifier, wrap

IMAGES = noise(2, 3, 24, 24)


def wrapped(net: nn.Module) -> Classifier:
    return wrap(net, class_names=("normal", "abnormal"), input_size=24)


def maps(net: nn.Module, *methods: Any, images: Tensor = IMAGES) -> list[np.ndarray]:
    found = explain(wrapped(net), images, list(methods), target="abnormal")
    return [each.maps for each in found.values()]


def noisy(image: Tensor, film: str, *, samples: int, share: float, seed: int = 0) -> Tensor:
    """Return the noisy copies of a film; up to eight are drawn at once."""
    generator = torch.Generator().manual_seed(derived_seed(seed, film))
    return image + share * (image.max() - image.min()) * torch.randn((samples, *image.shape), generator=generator)


def test_mean_and_variance_of_the_gradient_equal_the_reference() -> None:
    net = modules_only()
    options = {"samples": 6, "noise": 0.2}
    smooth, variance = maps(net, SmoothGrad(**options), VarGrad(**options))
    for index, image in enumerate(IMAGES):
        gradients = reference.input_gradients(net, noisy(image, f"film-{index}", samples=6, share=0.2), wanted=1)
        for ours, theirs in ((smooth, gradients.mean(axis=0)), (variance, gradients.var(axis=0))):
            expected = theirs.sum(axis=0)
            np.testing.assert_allclose(ours[index], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_without_noise_it_is_the_gradient() -> None:
    smooth, variance, saliency = maps(hand_written(functional), SmoothGrad(noise=0), VarGrad(noise=0), "saliency")
    np.testing.assert_allclose(smooth, saliency, rtol=1e-4, atol=1e-6 * np.abs(saliency).max())
    assert variance.max() < 1e-9 * np.abs(saliency).max()


def test_with_noise_it_is_not() -> None:
    smooth, saliency = maps(hand_written(functional), SmoothGrad(), "saliency")
    assert np.abs(smooth - saliency).max() > 0.1 * np.abs(saliency).max()


def test_a_linear_models_gradient_has_no_variance() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 2))
    smooth, variance = maps(net, SmoothGrad(samples=16), VarGrad(samples=16))
    expected = net[1].weight[1].detach().reshape(3, 24, 24).sum(dim=0).numpy()
    np.testing.assert_allclose(smooth, np.stack([expected, expected]), rtol=1e-5, atol=1e-7)
    assert variance.max() < 1e-12


def test_the_noise_is_a_share_of_the_films_range() -> None:
    """Of half the sum of squares the gradient is the input itself: its variance is the noise's, film by film."""

    def squares(net: Any, images: Tensor) -> Tensor:
        half = images.square().sum(dim=(1, 2, 3)) / 2
        return torch.stack([-half, half], dim=1)

    images = noise(2, 3, 24, 24).clamp(-1, 1) * torch.tensor([1.0, 5.0])[:, None, None, None]
    (variance,) = maps(hand_written(squares), VarGrad(samples=400, noise=0.1), images=images)
    deviations = np.sqrt(variance.mean(axis=(1, 2)) / 3)
    np.testing.assert_allclose(deviations, [0.1 * 2, 0.1 * 10], rtol=0.01)


def test_the_noise_depends_on_the_seed_and_the_film_alone() -> None:
    net = modules_only()
    same, again, other = (maps(net, SmoothGrad(samples=4, seed=seed))[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(same, again)
    assert np.abs(same - other).max() > 0.01 * np.abs(same).max()
    twice = maps(net, SmoothGrad(samples=4), images=IMAGES[:1].expand(2, -1, -1, -1))[0]
    assert np.abs(twice[0] - twice[1]).max() > 0.01 * np.abs(twice).max()  # the same film under two names


@pytest.mark.parametrize("name", ["smoothgrad", "vargrad"])
def test_options_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match="samples: 1 is below 2"):
        METHODS.make(name, samples=1)
    with pytest.raises(OptionError, match=r"noise: 1\.5 is above 1"):
        METHODS.make(name, noise=1.5)
