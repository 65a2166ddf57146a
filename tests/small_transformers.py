"""Small vision transformers of timm and torchvision, with three blocks of two heads on a grid of 4 x 4 patches."""

from typing import Any

import torch
from torch import nn
from torchvision.models import VisionTransformer

from tests.small_networks import settled


def timm_vit(**options: Any) -> Any:
    """Return timm's VisionTransformer for 32 px; weights large enough that its attention is not flat."""
    import timm

    about = {"img_size": 32, "patch_size": 8, "depth": 3, "num_heads": 2, "embed_dim": 16, "num_classes": 2}
    return settled(lambda: _sharpened(timm.models.VisionTransformer(**(about | options))))


def torchvision_vit() -> Any:
    """Return torchvision's VisionTransformer for 32 px."""
    about = {"image_size": 32, "patch_size": 8, "num_layers": 3, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}
    return settled(lambda: _sharpened(VisionTransformer(num_classes=2, **about)))


def _sharpened(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.4)
    return net
