"""Eigen-CAM: the float64 reference, no class, and the sign."""

import numpy as np
import torch
from torch import nn

from tests import references_attribution as reference
from tests.small_networks import functional, hand_written, modules_only, noise, small_densenet
from workbench.attribution import explain
from workbench.attribution.eigen_cam import EigenCAM
from workbench.core.explanation import Explanation
from workbench.models.classifier import wrap

IMAGES = noise(3, 3, 64, 64)


def explained(net: nn.Module, method: EigenCAM | None = None, target: str = "abnormal") -> Explanation:
    classifier = wrap(net, class_names=("normal", "abnormal"), input_size=64)
    return explain(classifier, IMAGES, [method or EigenCAM()], target=target)["eigen-cam"]


def assert_alike(ours: np.ndarray, theirs: np.ndarray) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())


def test_maps_equal_the_reference() -> None:
    for net, part in ((small_densenet(), reference.densenet_parts),
                      (hand_written(functional), reference.functional_parts)):  # fmt: skip
        assert_alike(explained(net).maps, reference.eigen_cam_map(part(net), IMAGES))


def test_at_a_layer_of_both_signs_its_sum_is_not_negative() -> None:
    net = modules_only()
    found = explained(net, EigenCAM(layer="4"))
    assert_alike(found.maps, reference.eigen_cam_map(reference.sequential_parts(net, 5), IMAGES))
    assert (found.maps.sum(axis=(1, 2)) >= 0).all()
    assert found.maps.min() < 0


def test_the_class_plays_no_part() -> None:
    net = small_densenet()
    np.testing.assert_array_equal(explained(net, target="normal").maps, explained(net, target="abnormal").maps)
    assert explained(net).provenance["class_specific"] is False


def test_features_of_one_pattern_give_that_pattern() -> None:
    """Channels of 1, 2 and 2 times the film: its first singular value is 3 times the film's norm."""
    net = nn.Sequential(
        nn.Conv2d(3, 3, 1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
    )
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 0, 0], [2, 0, 0], [2, 0, 0]])[:, :, None, None])
    expected = 3 * IMAGES[:, 0].clamp_min(0)
    np.testing.assert_allclose(explained(net).maps, expected.numpy(), rtol=1e-4, atol=1e-4)
