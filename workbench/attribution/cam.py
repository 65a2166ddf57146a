"""Class activation maps: sums of the explained layer's maps with the weights of a linear head."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import override

from workbench.attribution.methods import METHODS, SharedMethod, explained_tap
from workbench.core.errors import MethodRefusedError
from workbench.models.classifier import Classifier
from workbench.passes.single_pass import Needs, Seen

CAM_TOLERANCE = 1e-3
"""How far mean(CAM) + bias may be from the score, relative to 1 + |score|; float32 gives about 1e-6."""


@METHODS.register("cam")
@dataclass(frozen=True)
class CAM(SharedMethod):
    """Class activation mapping (Zhou et al., CVPR 2016, eq. 2): M(x, y) = sum_c w_c f_c(x, y).

    f is the tensor that is pooled, after its activation; w are the class's weights of the linear layer behind the pool.
    The bias is left out, so mean(M) + bias = score, which is verified in single precision. Signed: the papers show it
    without a last ReLU.
    """

    @override
    def check(self, classifier: Classifier) -> None:
        if classifier.layers.linear_head is None:
            raise MethodRefusedError(
                f"cam needs one linear layer right behind global average pooling, which {classifier.architecture} "
                "does not have; use grad-cam"
            )

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(activations=frozenset({explained_tap(classifier, "")}))

    @override
    def combine(self, seen: Seen, classifier: Classifier) -> Float[Tensor, "n hm wm"]:
        weight, bias = _linear_head(classifier)
        coefficients = seen.chosen.coefficients.to(weight)
        features = seen.activations[explained_tap(classifier, "")]
        maps = torch.einsum("nchw,nc->nhw", features, coefficients @ weight)
        if torch.is_autocast_enabled(features.device.type):
            return maps  # half precision has not the digits, and a pass in single precision came first
        rebuilt = maps.mean(dim=(1, 2)) + coefficients @ bias
        if not torch.allclose(rebuilt, seen.scores.to(rebuilt), rtol=CAM_TOLERANCE, atol=CAM_TOLERANCE):
            raise MethodRefusedError(
                f"cam: the mean of the map and the bias give {rebuilt[0]:.4g}, the score is {seen.scores[0]:.4g}: "
                f"{classifier.architecture} does more than pool and weigh; use grad-cam"
            )
        return maps

    @override
    def provenance(self, classifier: Classifier) -> dict[str, Any]:
        return {"options": {}, "layer": str(explained_tap(classifier, ""))}


def _linear_head(classifier: Classifier) -> tuple[Tensor, Tensor]:
    """Return weight (o, c) and bias (o) of the linear layer or 1x1 convolution that makes the outputs."""
    part = classifier.module.get_submodule(classifier.layers.linear_head or "")
    if not isinstance(part, nn.Linear | nn.Conv2d):
        raise MethodRefusedError(f"cam: {classifier.layers.linear_head} is not linear; use grad-cam")
    weight = part.weight.detach().flatten(1)
    bias = part.bias.detach() if part.bias is not None else weight.new_zeros(len(weight))
    return weight, bias
