"""Architectures by name: torchvision's, some of timm's, and the compact DenseNet of the demo.

Each is a function from the number of outputs to a network with random weights that returns logits (n, outputs) in
training too: without auxiliary heads, and without a ReLU behind the class scores.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torchvision
from torch import nn
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from workbench.core.registry import Registry
from workbench.models.asu_vgg16 import AsuVgg16
from workbench.models.compact_densenet import compact_densenet

ARCHITECTURES: Registry[nn.Module] = Registry("architecture")
"""Name -> function from the number of outputs to a network with random weights."""

TORCHVISION = tuple(torchvision.models.list_models(module=torchvision.models))
"""Every image classifier that torchvision has, by its names."""
TIMM = (
    *("inception_v4", "inception_resnet_v2", "legacy_xception", "xception41", "xception65"),
    *("nasnetalarge", "pnasnet5large", "resnetv2_50", "resnetv2_101", "resnetv2_152", "mobilenetv1_100"),
)
"""Networks of timm that torchvision lacks, by timm's names; any other of timm's is wrapped or adopted."""
CONVOLUTIONS_OF = {"asu-vgg16": "vgg16"}
"""Network with a head of its own -> the one whose ImageNet weights its convolutions take."""
WITHOUT_AUXILIARY_HEADS = {"aux_logits": False, "init_weights": True, "transform_input": True}
"""``transform_input`` is what torchvision sets with its weights: they want another normalisation than ImageNet's."""
SPECIAL = {"inception_v3": WITHOUT_AUXILIARY_HEADS, "googlenet": WITHOUT_AUXILIARY_HEADS}

PAPER_NETWORKS: dict[str, dict[str, str]] = {
    "densenet-interpretation": {"DenseNet 169": "densenet169"},
    "murad": {
        **{f"DenseNet {depth}": f"densenet{depth}" for depth in (121, 161, 169, 201)},
        "Inception V3": "inception_v3",
        "MobileNet V2": "mobilenet_v2",
        **{f"ResNet {depth}": f"resnet{depth}" for depth in (34, 50, 101, 152)},
        "ResNext 50": "resnext50_32x4d",
        "ResNext 101": "resnext101_32x8d",
        **{f"VGG {depth}": f"vgg{depth}" for depth in (16, 19)},
        **{f"VGG {depth} with BN": f"vgg{depth}_bn" for depth in (11, 13, 16, 19)},
    },
    "kalm": {"ResNet18": "resnet18", "InceptionV4": "inception_v4", "VGG16": "vgg16"},
    "asu": {
        "VGG16": "asu-vgg16",
        "ResNet50": "resnet50",
        "DenseNet169": "densenet169",
        "InceptionV3": "inception_v3",
        "NASNet": "nasnetalarge",
    },
    "learn-to-zoom": {"VGG19": "vgg19", "ResNet152": "resnet152"},
}
"""Paper -> network as its tables call it -> architecture that stands for it here."""
STANDS_IN = {
    (
        "asu",
        "NASNet",
    ): "Keras's pretrained NASNet of unnamed size, at 224 px probably NASNet-Mobile; timm has the large",
    ("asu", "VGG16"): "the paper gives no share of dropout and no slope of its leaky ReLU; 0.5 and 0.01 here",
    ("kalm", "VGG16"): "with torchvision's own head; KALM's is global average pooling and one linear layer",
    ("murad", "ResNext 101"): "the paper does not say which; 32x8d is the one torchvision had",
}
"""What differs, where the network is not the paper's own."""


def _torchvision(name: str, outputs: int) -> nn.Module:
    module = torchvision.models.get_model(name, weights=None, **SPECIAL.get(name, {}))
    if name.startswith("squeezenet"):  # its ReLU after the class scores would forbid a negative logit
        module.classifier[2] = nn.Identity()
    replace_head(module, outputs)
    return module


def _timm(name: str, outputs: int) -> nn.Module:
    import timm  # seconds, which the others need not wait for

    return timm.create_model(name, pretrained=False, num_classes=outputs)


ARCHITECTURES.register("compact-densenet")(compact_densenet)
ARCHITECTURES.register("asu-vgg16")(AsuVgg16)
for _name in TORCHVISION:
    ARCHITECTURES.register(_name)(partial(_torchvision, _name))
for _name in TIMM:
    ARCHITECTURES.register(_name)(partial(_timm, _name))


def head_name(module: nn.Module) -> str:
    """Return the name of a network's last layer: linear, or SqueezeNet's 1x1 convolution."""
    return [name for name, part in module.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)][-1]


def replace_head(module: nn.Module, outputs: int) -> None:
    """Put a fresh last layer with ``outputs`` outputs in place of a network's own."""
    name = head_name(module)
    last, parent = module.get_submodule(name), module.get_submodule(name.rpartition(".")[0])
    if isinstance(last, nn.Conv2d):
        fresh: nn.Conv2d | nn.Linear = nn.Conv2d(last.in_channels, outputs, kernel_size=1)
        nn.init.normal_(fresh.weight, std=0.01)  # as torchvision does for this layer; the default starts far from 0
        nn.init.zeros_(fresh.get_parameter("bias"))
    else:
        fresh = nn.Linear(last.get_parameter("weight").shape[1], outputs, bias=last.bias is not None)
    setattr(parent, name.rpartition(".")[2], fresh)


class _NumbersOnCpu(TorchFunctionMode):
    """Makes ranges on the CPU, which some networks turn into sizes while they are built."""

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        on_cpu = {"device": "cpu"} if func in {torch.arange, torch.linspace, torch.tensor} else {}
        return func(*args, **{**(kwargs or {}), **on_cpu})


def weightless(build: Callable[[], nn.Module]) -> nn.Module:
    """Return a network on the ``meta`` device: no weights, no memory, for a look at the layers of a large one."""
    with torch.device("meta"), _NumbersOnCpu():
        return build().eval().to("meta")
