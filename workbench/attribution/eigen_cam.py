"""Eigen-CAM: what a layer's features have most in common, whatever the class."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, LayerMethod, SharedMethod
from workbench.models.classifier import Classifier
from workbench.passes.single_pass import Needs, Seen


@METHODS.register("eigen-cam")
@dataclass(frozen=True)
class EigenCAM(LayerMethod, SharedMethod):
    """Eigen-CAM (Muhammad and Yeasin, IJCNN 2020): the features projected on their first right singular vector.

    With the features of a film as a matrix O (places, channels) = U S V', M = O v_1 = s_1 u_1, not centred, as in the
    paper. The score plays no part, so the map is the same for every class: it shows where features are strong, not what
    speaks for the class. A singular vector has no sign; here the map's sum is not negative.
    """

    @override
    def needs(self, classifier: Classifier) -> Needs:
        return Needs(activations=frozenset({self.tap(classifier)}))

    @override
    def combine(self, seen: Seen, classifier: Classifier) -> Float[Tensor, "n hm wm"]:
        features = seen.activations[self.tap(classifier)]
        places, strengths, _ = torch.linalg.svd(features.flatten(2).transpose(1, 2), full_matrices=False)
        maps = places[:, :, 0] * strengths[:, :1]
        signs = torch.where(maps.sum(dim=1) < 0, -1, 1)
        return (maps * signs[:, None]).unflatten(1, features.shape[2:])

    @override
    def provenance(self, classifier: Classifier) -> dict[str, Any]:
        return super().provenance(classifier) | {"class_specific": False}
