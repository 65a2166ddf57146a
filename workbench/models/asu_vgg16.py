"""VGG16 with the head of the per-body-part paper (``asu``)."""

import torch.nn.functional as F  # noqa: N812 - torch's own convention
import torchvision
from torch import Tensor, nn
from typing_extensions import override

CHANNELS = 512


class AsuVgg16(nn.Module):
    """VGG16's convolutions, then batch norm, global average pooling, dropout, leaky ReLU and a linear layer.

    The paper gives the order and no numbers; dropout 0.5 and slope 0.01 are torch's defaults. The convolutions keep
    torchvision's names, so that ImageNet weights of VGG16 fit. The leaky ReLU stands behind the pool: the class
    activation map weighs a channel by the linear weight times the slope at its mean, so CAM is not exact here and
    Grad-CAM, which takes the slope from the gradient, is.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.features = torchvision.models.vgg16(weights=None).features
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(CHANNELS, outputs)

    @override
    def forward(self, images: Tensor) -> Tensor:
        pooled = self.norm(self.features(images)).mean(dim=(2, 3))
        return self.classifier(F.leaky_relu(self.dropout(pooled)))
