"""Integrated gradients, run by Captum."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.completeness import completeness_error
from workbench.attribution.methods import METHODS, OwnMethod
from workbench.attribution.score_model import ScoreModel
from workbench.core.options import option
from workbench.passes.single_pass import Seen


@METHODS.register("integrated-gradients")
@dataclass(frozen=True)
class IntegratedGradients(OwnMethod):
    """Integrated gradients (Sundararajan et al., ICML 2017, eq. 1) from a black film, summed over channels.

    Complete up to the quadrature: the map sums to score(film) - score(black film).
    """

    steps: int = option(32, "points of the Gauss-Legendre quadrature", low=2, high=1000)

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        from captum.attr import IntegratedGradients as Integrator  # costs a second to import

        films = torch.arange(len(seen.images), device=seen.images.device)
        maps = Integrator(score_model).attribute(
            seen.images,
            baselines=score_model.black.expand_as(seen.images),
            additional_forward_args=(films,),
            n_steps=self.steps,
            internal_batch_size=max(8, len(seen.images)),
        )
        return maps.sum(dim=1)

    @override
    def measures(
        self, score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n hm wm"]
    ) -> dict[str, Float[Tensor, " n"]]:
        return {"completeness_error": completeness_error(score_model, seen, maps)}
