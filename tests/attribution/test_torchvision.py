"""The CAM family and the guided methods on every convolutional network of torchvision, with random weights."""

from contextlib import ExitStack
from unittest import mock

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from tests import references_attribution as reference
from tests.small_networks import noise
from workbench.attribution import METHODS, explain
from workbench.attribution.methods import AbstractMethod
from workbench.attribution.scored_cams import AblationCAM, ScoreCAM
from workbench.core.errors import MethodRefusedError
from workbench.models.classifier import Classifier, wrap

pytestmark = pytest.mark.slow
TRANSFORMERS = ("vit", "swin", "maxvit")
OTHER_ACTIVATIONS = ("convnext", "efficientnet", "mobilenet_v3")
"""GELU, SiLU and Hardswish: the guided methods refuse."""
NO_CAM = ("alexnet", "vgg", "mobilenet_v3", "convnext", "squeezenet")
"""More than one linear layer behind the pool, a norm, or SqueezeNet's ReLU of the class scores."""
NAMES = [
    name for name in torchvision.models.list_models(module=torchvision.models) if not name.startswith(TRANSFORMERS)
]
CAMS = ("grad-cam", "grad-cam++", "hirescam", "xgrad-cam", "layer-cam", "eigen-cam")
GUIDED = ("guided-backprop", "deconvolution", "guided-grad-cam")
REFERENCE_PARAMETERS = 50e6
"""Of larger networks there is no reference in double precision: it takes seconds and gigabytes."""


def filled(name: str) -> nn.Module:
    """Return a network whose weights are cheap to draw and keep the signal's size."""
    with ExitStack() as stack:
        for init in ("kaiming_normal_", "kaiming_uniform_", "trunc_normal_", "normal_", "uniform_", "xavier_uniform_"):
            stack.enter_context(mock.patch.object(nn.init, init, lambda tensor, *_, **__: tensor))
        options = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}  # else they warn
        net = torchvision.models.get_model(name, weights=None, num_classes=2, **options)
    generator = torch.Generator().manual_seed(0)
    for part in net.modules():
        for parameter in part.parameters(recurse=False):
            bound = (6 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1
            parameter.data.uniform_(-bound, bound, generator=generator)
        if isinstance(part, nn.BatchNorm2d | nn.LayerNorm):
            part.weight.data += 1
    return net.eval()


def small_classifier(name: str) -> tuple[Classifier, torch.Tensor]:
    """Return a classifier of the smallest input of which the last layer still has several places, and such a film."""
    side = {"alexnet": 127, "inception_v3": 107}.get(name, 64)
    return wrap(filled(name), class_names=("normal", "abnormal"), input_size=side), noise(1, 3, side, side)


@pytest.mark.parametrize("name", NAMES)
def test_every_map(name: str) -> None:
    classifier, images = small_classifier(name)
    methods: list[str | AbstractMethod] = [*CAMS, ScoreCAM(channels=2), AblationCAM(channels=64)]
    methods += [] if name.startswith(NO_CAM) else ["cam"]
    methods += [] if name.startswith(OTHER_ACTIVATIONS) else GUIDED
    found = {label: each.maps for label, each in explain(classifier, images, methods, target="abnormal").items()}
    for label, maps in found.items():
        assert np.isfinite(maps).all(), label
        if label == "guided-grad-cam" and found["grad-cam"].max() <= 0:  # then nothing speaks for the class
            assert not maps.any()
        else:
            assert np.ptp(maps) > 0, label
    if "cam" in found:
        for label in ("grad-cam", "hirescam"):
            scale = np.abs(found["cam"]).max()
            np.testing.assert_allclose(found[label] * found[label].size, found["cam"], rtol=1e-3, atol=1e-4 * scale)
    if "guided-backprop" in found and classifier.parameter_count < REFERENCE_PARAMETERS:
        for label, exact in (
            ("guided-backprop", reference.guided_backprop_map),
            ("deconvolution", reference.deconvolution_map),
        ):
            expected = exact(classifier.module, images, [1])
            distance = np.linalg.norm(found[label] - expected) / np.linalg.norm(expected)
            assert distance < 1e-2, label  # a ReLU at 0 up to rounding may open in one precision alone


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in NAMES
        if name.startswith(OTHER_ACTIVATIONS) and name.endswith(("tiny", "b0", "v2_s", "v3_small"))
    ],
)
@pytest.mark.parametrize("method", GUIDED)
def test_other_activations_are_refused(name: str, method: str) -> None:
    with pytest.raises(
        MethodRefusedError, match=f"{method} is defined for ReLUs.* use grad-cam or integrated-gradients"
    ):
        METHODS.make(method).check(small_classifier(name)[0])


@pytest.mark.parametrize("name", ["alexnet", "vgg11", "squeezenet1_1", "mobilenet_v3_small"])
def test_networks_without_a_cam_are_told_to_use_grad_cam(name: str) -> None:
    with pytest.raises(MethodRefusedError, match="use grad-cam"):
        METHODS.make("cam").check(small_classifier(name)[0])
