"""Small networks written in the ways that people write them, with batch norms that do something."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import Tensor, nn
from torchvision.models import DenseNet, ResNet
from torchvision.models.resnet import BasicBlock

CHANNELS = 8


def settled(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """Return a network in evaluation mode whose weights and running statistics depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.running_mean, std=0.1)
                nn.init.uniform_(part.running_var, 0.5, 1.5)
                nn.init.normal_(part.weight, mean=1.0, std=0.2)
                nn.init.normal_(part.bias, std=0.2)
    return module.eval()


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Return standard normal noise that depends on ``seed`` alone."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class HandWritten(nn.Module):
    """Two convolutions, a linear head, and a forward pass that each test writes itself."""

    def __init__(self, passes: Callable[[Any, Tensor], Tensor], *, outputs: int = 2) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.relu = nn.ReLU()
        self.inplace_relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(CHANNELS, outputs)
        self.passes = passes

    def forward(self, images: Tensor) -> Tensor:
        return self.passes(self, images)

    def stem(self, images: Tensor) -> Tensor:
        """A rectified convolution and a max pool, so that the last pool is not the only one."""
        return F.max_pool2d(F.relu(self.first(images)), 2)


def hand_written(passes: Callable[[Any, Tensor], Tensor], *, outputs: int = 2) -> nn.Module:
    return settled(lambda: HandWritten(passes, outputs=outputs))


def functional(net: Any, images: Tensor) -> Tensor:
    features = F.relu(net.norm(net.second(net.stem(images))), inplace=True)
    return net.head(F.adaptive_avg_pool2d(features, 1).flatten(1))


def modules_only(*, outputs: int = 2, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Module:
    """Return a network in which every activation is a module of its own."""
    return settled(
        lambda: nn.Sequential(
            nn.Conv2d(3, CHANNELS, 3, padding=1),
            nn.BatchNorm2d(CHANNELS),
            activation(),
            nn.MaxPool2d(2),
            nn.Conv2d(CHANNELS, 12, 3, padding=1),
            nn.BatchNorm2d(12),
            activation(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(12, outputs),
        )
    )


def small_resnet(*, outputs: int = 2) -> nn.Module:
    """Return torchvision's ResNet with one block a stage."""
    return settled(lambda: ResNet(BasicBlock, [1, 1, 1, 1], num_classes=outputs))


def small_densenet(*, outputs: int = 2) -> nn.Module:
    """Return torchvision's DenseNet with four blocks, as DenseNet-121 has, of two layers each."""
    return settled(
        lambda: DenseNet(growth_rate=6, block_config=(2, 2, 2, 2), num_init_features=8, bn_size=2, num_classes=outputs)
    )


def small_vgg(*, outputs: int = 2) -> nn.Module:
    """Return a network with a hidden layer behind its pool, as VGG has."""
    return settled(
        lambda: nn.Sequential(
            nn.Conv2d(3, CHANNELS, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * CHANNELS, 10),
            nn.ReLU(inplace=True),
            nn.Linear(10, outputs),
        )
    )
