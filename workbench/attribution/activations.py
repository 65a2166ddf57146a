"""Layer activations: the most active feature maps of each stage, the DenseNet paper's way to look inside."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, AbstractMethod
from workbench.core.errors import MethodRefusedError
from workbench.core.options import option
from workbench.models.classifier import Classifier
from workbench.passes.single_pass import Needs


@dataclass(frozen=True)
class TopMaps:
    """Takes a layer's maps (n, c, h, w) to its ``count`` most active ones, by mean activation."""

    count: int

    def __call__(self, features: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "n m h w"], Int[Tensor, "n m"]]:
        """Return the maps from most to less active, and which channels they are."""
        channels = features.mean(dim=(2, 3)).topk(min(self.count, features.shape[1]), dim=1).indices
        rows = torch.arange(len(features), device=features.device)[:, None]
        return features[rows, channels].float().cpu(), channels.cpu()


@METHODS.register("activations")
@dataclass(frozen=True)
class LayerActivations(AbstractMethod):
    """The most active maps of the first convolution and of each stage's end, after their activation.

    The layer-wise interpretation of the paper ``densenet-interpretation``. "Most activated" is not defined there: here
    it is the mean over the map.
    """

    count: int = option(16, "maps per stage", low=1, high=256)

    @override
    def check(self, classifier: Classifier) -> None:
        if not classifier.layers.stages:
            raise MethodRefusedError(f"{classifier.architecture} has no stage that ends in an activation; use grad-cam")

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(reductions=frozenset((stage.tap, TopMaps(self.count)) for stage in classifier.layers.stages))
