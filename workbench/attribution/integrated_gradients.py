"""Integrated gradients, run by Captum."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, OwnMethod
from workbench.core.options import option
from workbench.models.classifier import Classifier


@METHODS.register("integrated-gradients")
@dataclass(frozen=True)
class IntegratedGradients(OwnMethod):
    """Integrated gradients (Sundararajan et al., ICML 2017, eq. 1) from a black film, summed over channels.

    Complete up to the quadrature: the map sums to score(film) - score(black film).
    """

    steps: int = option(32, "points of the Gauss-Legendre quadrature", low=2, high=1000)

    @override
    def attribute(
        self, classifier: Classifier, images: Float[Tensor, "n c h w"], classes: Int[Tensor, " n"]
    ) -> Float[Tensor, "n hm wm"]:
        from captum.attr import IntegratedGradients as Integrator  # costs a second to import

        def score(inputs: Tensor, chosen: Tensor) -> Tensor:
            return classifier.head.score(classifier.module(inputs), chosen)

        black = classifier.recipe.normalise(torch.zeros((1, 1, 1), device=images.device)).to(images)
        maps = Integrator(score).attribute(
            images,
            baselines=black.expand_as(images),
            additional_forward_args=(classes,),
            n_steps=self.steps,
            internal_batch_size=max(8, len(images)),
        )
        return maps.sum(dim=1)
