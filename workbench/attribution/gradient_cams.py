"""Sums of a layer's maps f_c, weighed by the score's gradient g_c there: Grad-CAM and its kin.

Maps are signed, before the paper's last ReLU. Behind global average pooling and one linear layer the gradient is the
same everywhere, so that Grad-CAM, HiResCAM and XGrad-CAM all are the CAM over the number of cells.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, LayerMethod, SharedMethod
from workbench.models.classifier import Classifier
from workbench.passes.single_pass import Needs, Seen


@dataclass(frozen=True)
class GradientCAM(LayerMethod, SharedMethod):
    """What makes a map of a layer's features and the score's gradient there."""

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(gradients=frozenset({self.tap(classifier)}))

    @override
    def combine(self, seen: Seen, classifier: Classifier) -> Float[Tensor, "n hm wm"]:
        tap = self.tap(classifier)
        return self.weighted(seen.activations[tap], seen.gradients[tap])

    @abstractmethod
    def weighted(self, features: Float[Tensor, "n d hm wm"], gradients: Tensor) -> Float[Tensor, "n hm wm"]:
        """Return the weighted sum over the channels."""


@METHODS.register("grad-cam")
@dataclass(frozen=True)
class GradCAM(GradientCAM):
    """Gradient-weighted class activation mapping (Selvaraju et al., ICCV 2017, eq. 1 and 2).

    M = sum_c a_c f_c with a_c the mean of the score's gradient over the map f_c.
    """

    @override
    def weighted(self, features: Float[Tensor, "n d hm wm"], gradients: Tensor) -> Float[Tensor, "n hm wm"]:
        return _weighted_sum(features, gradients.mean(dim=(2, 3)))


@METHODS.register("grad-cam++")
@dataclass(frozen=True)
class GradCAMPlusPlus(GradientCAM):
    """Grad-CAM++ (Chattopadhyay et al., WACV 2018), with the closed form of its weights (eq. 19).

    M = sum_c w_c f_c with w_c = sum over places of a_c relu(g_c) and a_c = g_c^2 / (2 g_c^2 + g_c^3 sum f_c). The
    paper's weights hold second and third derivatives of Y; eq. 19 takes Y = exp(score), whose derivatives are powers of
    g because the network is linear in its features nearly everywhere. The factor exp(score), which it shares by a whole
    film, is left out of w: it overflows, and changes no picture.

    For rectified layers: where features are negative enough for a denominator to vanish, a weight has a pole (0 there).
    """

    @override
    def weighted(self, features: Float[Tensor, "n d hm wm"], gradients: Tensor) -> Float[Tensor, "n hm wm"]:
        positive = gradients.clamp_min(0)  # no other counts, so that g^2 cancels: gradients may be as small as 1e-20
        denominator = 2 + positive * features.sum(dim=(2, 3), keepdim=True)
        weights = torch.where(denominator == 0, 0, positive / denominator)
        return _weighted_sum(features, weights.sum(dim=(2, 3)))


@METHODS.register("hirescam")
@dataclass(frozen=True)
class HiResCAM(GradientCAM):
    """HiResCAM (Draelos and Carin, arXiv:2011.08891, section 3): M = sum_c g_c f_c, place by place.

    Of the network's last layers it is faithful: where only one linear layer follows, mapped or pooled, the map sums to
    the score less its bias.
    """

    @override
    def weighted(self, features: Float[Tensor, "n d hm wm"], gradients: Tensor) -> Float[Tensor, "n hm wm"]:
        return (features * gradients).sum(dim=1)


@METHODS.register("xgrad-cam")
@dataclass(frozen=True)
class XGradCAM(GradientCAM):
    """Axiom-based Grad-CAM (Fu et al., BMVC 2020): M = sum_c w_c f_c, w_c = sum of g_c f_c over sum of f_c.

    The map sums to what HiResCAM sums to, the paper's conservation. A map that sums to 0 has no weight; for rectified
    layers, on others the weights have poles.
    """

    @override
    def weighted(self, features: Float[Tensor, "n d hm wm"], gradients: Tensor) -> Float[Tensor, "n hm wm"]:
        totals = features.sum(dim=(2, 3))
        weights = torch.where(totals == 0, 0, (gradients * features).sum(dim=(2, 3)) / totals)
        return _weighted_sum(features, weights)


@METHODS.register("layer-cam")
@dataclass(frozen=True)
class LayerCAM(GradientCAM):
    """LayerCAM (Jiang et al., IEEE TIP 30, 2021): M = sum_c relu(g_c) f_c, place by place.

    Made for shallow layers too, where a mean gradient says little: name one by ``layer``.
    """

    @override
    def weighted(self, features: Float[Tensor, "n d hm wm"], gradients: Tensor) -> Float[Tensor, "n hm wm"]:
        return (features * gradients.clamp_min(0)).sum(dim=1)


def _weighted_sum(features: Float[Tensor, "n d hm wm"], weights: Float[Tensor, "n d"]) -> Float[Tensor, "n hm wm"]:
    return torch.einsum("nchw,nc->nhw", features, weights)
