"""Every method of the CAM family and every gradient against float64, on the networks that people use."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from tests import references_attribution as reference
from tests.small_networks import noise, settled
from workbench.attribution import explain
from workbench.attribution.methods import AbstractMethod
from workbench.attribution.scored_cams import AblationCAM, ScoreCAM
from workbench.models.classifier import wrap

pytestmark = pytest.mark.slow
NETWORKS: dict[str, tuple[int, Callable[[nn.Module], reference.Parted]]] = {
    "densenet121": (64, reference.densenet_parts),
    "resnet18": (64, reference.resnet_parts),
    "inception_v3": (139, reference.inception_parts),
    "vgg16_bn": (64, reference.vgg_parts),
}
"""Side of the film, and how the network is taken apart."""


@pytest.fixture(scope="module", params=NETWORKS)
def network(request: pytest.FixtureRequest) -> tuple[str, nn.Module, reference.Parted]:
    name = request.param
    options = {"init_weights": False} if name == "inception_v3" else {}
    net = settled(lambda: torchvision.models.get_model(name, weights=None, num_classes=2, **options))
    return name, net, NETWORKS[name][1](net)


def test_every_map_equals_the_reference(network: tuple[str, nn.Module, reference.Parted]) -> None:
    name, net, parts = network
    side = NETWORKS[name][0]
    images = noise(1, 3, side, side)
    classifier = wrap(net, class_names=("normal", "abnormal"), input_size=side)
    expected = {label: reference.gradient_cam_maps(label, parts, images, [1]) for label in reference.GRADIENT_CAMS}
    gradients = reference.input_gradients(net, images, wanted=1)
    black = classifier.recipe.normalise(torch.zeros(1, 1, 1))
    expected |= {
        "saliency": gradients.sum(axis=1),
        "input-x-gradient": (gradients * images.numpy()).sum(axis=1),
        "guided-backprop": reference.guided_backprop_map(net, images, [1]),
        "deconvolution": reference.deconvolution_map(net, images, [1]),
        "eigen-cam": reference.eigen_cam_map(parts, images),
        "score-cam": reference.score_cam_map(net, parts, images, black, [1], 3),
    }
    methods: list[str | AbstractMethod] = [label for label in expected if label != "score-cam"]
    methods.append(ScoreCAM(channels=3))
    if parts.head is not None:  # else each of the channels costs three large linear layers
        expected["cam"] = reference.cam_map(parts, images, [1])
        expected["ablation-cam"] = reference.ablation_cam_map(parts, images, [1])
        methods += ["cam", AblationCAM()]
    found = explain(classifier, images, methods, target="abnormal")
    for label, wanted in expected.items():
        assert np.abs(wanted).max() > 0, label
        distance = np.linalg.norm(found[label].maps - wanted) / np.linalg.norm(wanted)
        assert distance < 1e-2, label  # a ReLU at 0 up to rounding may open in one precision alone; most are at 1e-6
