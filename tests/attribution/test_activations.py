"""Layer activations: the most active maps of each stage, after the ReLU, in order of their mean."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from tests import references_attribution as reference
from tests.small_networks import modules_only, noise, settled
from workbench.attribution import explain
from workbench.attribution.activations import LayerActivations
from workbench.core.errors import MethodRefusedError, OptionError
from workbench.core.explanation import Activations
from workbench.models.classifier import wrap
from workbench.models.compact_densenet import compact_densenet

IMAGES = noise(3, 3, 64, 64)
NAMES = ("normal", "abnormal")


def test_stages_of_a_densenet_equal_the_reference() -> None:
    net = settled(lambda: compact_densenet(2))
    found = explain(wrap(net, class_names=NAMES, input_size=64), IMAGES, ["activations"], batch_size=2)["activations"]
    assert isinstance(found, Activations)
    hidden, expected = IMAGES.double(), []
    exact = reference.in_double(net).features
    with torch.no_grad():
        for name, part in exact.named_children():
            if name.startswith("transition"):
                expected.append(F.relu(part.norm(hidden)))
            hidden = part(hidden)
            if name == "relu0":
                expected.append(hidden)
    expected.append(F.relu(hidden))
    assert [stage.title for stage in found.stages] == ["first convolution", "stage 1", "stage 2", "stage 3"]
    for stage, features in zip(found.stages, expected, strict=True):
        maps, channels = reference.most_active(features.numpy(), 16)
        np.testing.assert_array_equal(stage.channels, channels)
        np.testing.assert_allclose(stage.maps, maps, rtol=1e-3, atol=1e-4)
        assert stage.maps.min() >= 0
        assert (np.diff(stage.maps.mean(axis=(2, 3)), axis=1) <= 1e-6).all()


def test_a_stage_of_fewer_channels_gives_all_of_them() -> None:
    found = explain(wrap(modules_only(), class_names=NAMES, input_size=64), IMAGES, [LayerActivations(count=10)])
    shapes = [stage.maps.shape for stage in found["activations"].stages]
    assert shapes == [(3, 8, 64, 64), (3, 10, 32, 32)]
    assert [sorted(row) for row in found["activations"].stages[0].channels.tolist()] == [list(range(8))] * 3


def test_two_counts_in_one_call_do_not_mix() -> None:
    methods = [LayerActivations(count=2), LayerActivations(count=3), "grad-cam"]
    found = explain(wrap(modules_only(), class_names=NAMES, input_size=64), IMAGES, methods)
    few, many = (found[label].stages[0] for label in ("activations", "activations-2"))
    assert few.maps.shape[1] == 2
    np.testing.assert_array_equal(few.maps, many.maps[:, :2])


@pytest.mark.parametrize("target", NAMES)
def test_by_contribution_the_maps_that_speak_most_for_the_class_come_first(target: str) -> None:
    net = modules_only()
    wanted = NAMES.index(target)
    method = LayerActivations(count=5, order="contribution")
    found = explain(wrap(net, class_names=NAMES, input_size=64), IMAGES, [method], target=target, batch_size=2)
    assert isinstance(found["activations"], Activations)
    for cut, stage in zip((3, 7), found["activations"].stages, strict=True):
        parts = reference.sequential_parts(net, cut)
        seen = reference.features_and_gradients(parts, IMAGES, [wanted] * len(IMAGES))
        for index, (features, gradient) in enumerate(seen):
            contributions = (features * gradient).mean(axis=(1, 2))
            np.testing.assert_array_equal(stage.channels[index], np.argsort(-contributions)[:5])
            np.testing.assert_allclose(stage.maps[index], features[stage.channels[index]], rtol=1e-3, atol=1e-4)


def test_another_order_chooses_other_maps() -> None:
    classifier = wrap(settled(lambda: compact_densenet(2)), class_names=NAMES, input_size=64)
    methods = ["activations", LayerActivations(order="contribution")]
    mean, contribution = explain(classifier, IMAGES, methods, target="abnormal").values()
    assert (mean.stages[-1].channels != contribution.stages[-1].channels).any()
    with pytest.raises(OptionError, match="order: 'largest' is not one of mean, contribution"):
        LayerActivations(order="largest")


def test_a_network_without_activations_is_refused() -> None:
    net = modules_only(activation=torch.nn.Identity)
    with pytest.raises(MethodRefusedError, match="no stage that ends in an activation; use grad-cam"):
        explain(wrap(net, class_names=NAMES, input_size=64), IMAGES, ["activations"])
    with pytest.raises(OptionError, match="count: 0 is below 1"):
        LayerActivations(count=0)
