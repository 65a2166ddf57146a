"""KernelSHAP over the cells of a grid, run by Captum."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import override

from workbench.attribution.completeness import completeness_error
from workbench.attribution.methods import METHODS, OwnMethod
from workbench.attribution.perturbing import CHUNK
from workbench.attribution.score_model import ScoreModel
from workbench.core.options import option
from workbench.passes.single_pass import Seen


@METHODS.register("kernel-shap")
@dataclass(frozen=True)
class KernelSHAP(OwnMethod):
    """KernelSHAP (Lundberg and Lee, NeurIPS 2017, theorem 2): the Shapley values of the cells of a grid.

    Each cell is a player that is there or black. Coalitions are drawn by the Shapley kernel, and a linear model of the
    scores is fitted to them: exact for a network that adds up over cells, an estimate otherwise. A map has one number
    a cell, and sums to score(film) - score(black film) up to the fit; ``completeness_error`` says how far it is off.

    Costs a forward pass a sample.
    """

    grid: int = option(7, "cells along each side", low=2, high=64)
    samples: int = option(256, "coalitions drawn; fewer than cells leave the fit open", low=8, high=100_000)
    seed: int = option(0, "of the coalitions, together with the film's id", low=0)

    uses_gradients = False

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        return torch.stack([self._values(score_model, seen.images, index) for index in range(len(seen.images))])

    @override
    def measures(
        self, score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n hm wm"]
    ) -> dict[str, Float[Tensor, " n"]]:
        return {"completeness_error": completeness_error(score_model, seen, maps)}

    def _values(self, score_model: ScoreModel, images: Float[Tensor, "n c h w"], index: int) -> Float[Tensor, "hm wm"]:
        from captum.attr import KernelShap  # costs a second to import

        def score(some: Tensor) -> Tensor:
            return score_model(some, torch.full((len(some),), index, device=some.device))

        image = images[index : index + 1]
        cells = self._cells(image)
        seed = score_model.generator(index, self.seed).initial_seed()
        with torch.random.fork_rng(devices=[]), torch.no_grad():  # Captum draws from torch's own generator
            torch.manual_seed(seed)
            found = KernelShap(score).attribute(
                image,
                baselines=score_model.black,
                feature_mask=cells,
                n_samples=self.samples,
                perturbations_per_eval=CHUNK,
                return_input_shape=False,
            )
        return found.reshape(self.grid, self.grid)

    def _cells(self, image: Float[Tensor, "1 c h w"]) -> Int[Tensor, "1 1 h w"]:
        """Return the number of the cell in which the centre of each pixel lies."""
        row, column = (
            ((torch.arange(pixels, device=image.device) + 0.5) * self.grid / pixels).long()
            for pixels in image.shape[2:]
        )
        return (row[:, None] * self.grid + column)[None, None]
