"""Layer activations: the feature maps of each stage that matter most, the DenseNet paper's way to look inside."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, AbstractMethod
from workbench.core.errors import MethodRefusedError
from workbench.core.options import option
from workbench.models.classifier import Classifier
from workbench.passes.single_pass import Needs, Seen

Ranked = tuple[Float[Tensor, "n m h w"], Int[Tensor, "n m"]]
"""A layer's foremost maps of each film, and which channels they are."""


@dataclass(frozen=True)
class TopMaps:
    """Takes a layer's maps (n, c, h, w) to its ``count`` most active ones, by mean activation."""

    count: int

    def __call__(self, features: Float[Tensor, "n c h w"]) -> Ranked:
        """Return the maps from most to less active."""
        return top_maps(features, features.mean(dim=(2, 3)), count=self.count)


@METHODS.register("activations")
@dataclass(frozen=True)
class LayerActivations(AbstractMethod):
    """The most active maps of the first convolution and of each stage's end, after their activation.

    The layer-wise interpretation of the paper ``densenet-interpretation``. "Most activated" is not defined there: here
    it is the mean over the map, of the activation; or of activation times gradient, which is the map's contribution to
    the score to first order, the largest first.
    """

    count: int = option(16, "maps per stage", low=1, high=256)
    order: str = option("mean", "by mean activation, or by contribution to the score", choices=("mean", "contribution"))

    @override
    def check(self, classifier: Classifier) -> None:
        if not classifier.layers.stages:
            raise MethodRefusedError(
                f"activations: {classifier.architecture} has no stage that ends in an activation; use grad-cam"
            )

    @override
    def needs(self, classifier: Classifier) -> Needs:
        taps = frozenset(stage.tap for stage in classifier.layers.stages)
        if self.order == "contribution":
            return Needs(gradients=taps)
        return Needs(reductions=frozenset((tap, TopMaps(self.count)) for tap in taps))

    def stages(self, seen: Seen, classifier: Classifier) -> list[Ranked]:
        """Return the top maps of every stage."""
        taps = [stage.tap for stage in classifier.layers.stages]
        if self.order == "mean":
            return [seen.reductions[tap, TopMaps(self.count)] for tap in taps]
        return [self._contributing(seen.activations[tap], seen.gradients[tap]) for tap in taps]

    def _contributing(self, features: Float[Tensor, "n c h w"], gradients: Float[Tensor, "n c h w"]) -> Ranked:
        return top_maps(features, (features * gradients).mean(dim=(2, 3)), count=self.count)


def top_maps(features: Float[Tensor, "n c h w"], weights: Float[Tensor, "n c"], *, count: int) -> Ranked:
    """Return the maps of the largest weights, all of them where there are fewer than ``count``."""
    channels = weights.topk(min(count, features.shape[1]), dim=1).indices
    rows = torch.arange(len(features), device=features.device)[:, None]
    return features[rows, channels].float().cpu(), channels.cpu()
