"""The order of axes in memory: another one only where it is taken and changes nothing but rounding."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.module_state import state_of, unusual
from tests.small_networks import functional, hand_written, noise, small_resnet
from workbench.attribution import METHODS, explain
from workbench.core.explanation import Explanation
from workbench.models.classifier import wrap
from workbench.passes.memory_formats import fast_format

SHAPE = (3, 32, 32)


class Flat(nn.Module):
    """A network that views its features as one row, which strides of channels last do not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4 * 32 * 32, 2)

    def forward(self, images: Tensor) -> Tensor:
        features = torch.relu(self.first(images))
        return self.head(features.view(len(features), -1))


class Strided(nn.Module):
    """A network that reads memory instead of values: it takes any format and gives another answer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(32, 2)

    def forward(self, images: Tensor) -> Tensor:
        features = torch.relu(self.first(images))
        return self.head(features.as_strided((len(features), 32), (features.stride(0), 1)))


class Dense(nn.Module):
    """A network without convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(images.mean(dim=(2, 3)))


@pytest.mark.parametrize(
    ("net", "wanted"),
    [
        (small_resnet, torch.channels_last),
        (Flat, torch.contiguous_format),
        (Strided, torch.contiguous_format),
        (Dense, torch.contiguous_format),
    ],
)
def test_a_network_gets_what_it_takes(net: type[nn.Module], wanted: torch.memory_format) -> None:
    module = unusual(net())
    before = state_of(module)
    assert fast_format(module, SHAPE) is wanted
    assert state_of(module) == before


def test_a_network_that_views_its_features_is_explained_as_ever() -> None:
    found = explain(wrap(Flat(), class_names=("a", "b"), input_size=32), noise(2, *SHAPE), ["grad-cam"])["grad-cam"]
    assert isinstance(found, Explanation)
    assert np.isfinite(found.maps).all()


@pytest.mark.parametrize("method", [each for each in METHODS if each != "attention-rollout"])  # of transformers
def test_maps_are_the_same_but_for_rounding(method: str) -> None:
    images = noise(2, *SHAPE)
    model, plain = (wrap(hand_written(functional), class_names=("a", "b"), input_size=32) for _ in range(2))
    plain.module.load_state_dict(model.module.state_dict())
    assert model.memory_format is torch.channels_last
    plain.__dict__["memory_format"] = torch.contiguous_format  # what the cached property would have found
    ours, theirs = (explain(each, images, [method], target="b")[method] for each in (model, plain))
    for name in [each for each in theirs.arrays if not each.startswith("measure-")]:  # those are rounding themselves
        values = theirs.arrays[name]
        scale = np.abs(values).max() if values.size else 1
        np.testing.assert_allclose(ours.arrays[name], values, rtol=1e-3, atol=1e-4 * scale, err_msg=name)
