"""GradientSHAP: gradients at random points between dark, noisy films and the film."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, OwnMethod
from workbench.attribution.perturbing import chunks
from workbench.attribution.score_model import ScoreModel
from workbench.core.options import option
from workbench.passes.single_pass import Seen


@METHODS.register("gradient-shap")
@dataclass(frozen=True)
class GradientSHAP(OwnMethod):
    """GradientSHAP, or expected gradients (Lundberg and Lee, NIPS 2017; Erion et al., 2021, eq. 3), over channels.

    The mean over random references x0 and random shares a of (x - x0) times the gradient at x0 + a (x - x0). A
    reference is a black film with grey noise, cut off at black and white: other films of the batch would make a map
    depend on its company. The shares are drawn one from each of as many equal parts of the path as there are samples,
    so that few samples cover it; each is uniform over its part.

    Complete in the mean: ``completeness_error`` is the map's sum less score(film) - mean score of the references drawn.
    Noise and shares depend on the seed and the film's id alone.
    """

    samples: int = option(32, "references for each film", low=2, high=1000)
    noise: float = option(0.1, "deviation of the references' noise; 1 is white", low=0.0, high=1.0)
    seed: int = option(0, "of the noise and the places on the path")

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        found = [self._sampled(score_model, film, index) for index, film in enumerate(seen.images)]
        score_model.kept[self] = seen.scores - torch.stack([score for _, score in found])
        return torch.stack([shown for shown, _ in found])

    @override
    def measures(
        self, score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n hm wm"]
    ) -> dict[str, Float[Tensor, " n"]]:
        return {"completeness_error": maps.sum(dim=(1, 2)) - score_model.kept[self]}

    def _sampled(
        self, score_model: ScoreModel, film: Float[Tensor, "c h w"], index: int
    ) -> tuple[Float[Tensor, "h w"], Float[Tensor, ""]]:
        """Return a film's map and the mean score of its references."""
        generator = score_model.generator(index, self.seed)
        shares = ((torch.arange(self.samples) + torch.rand(self.samples, generator=generator)) / self.samples).to(film)
        total, score = film.new_zeros(film.shape[1:]), film.new_zeros(())
        for some in chunks(self.samples):
            references = self._references(score_model, film, len(some), generator)
            change = film - references
            which = torch.full((len(some),), index, device=film.device)
            gradients = score_model.gradients(references + shares[some, None, None, None] * change, which)
            total += (change * gradients).sum(dim=(0, 1)) / self.samples
            with torch.no_grad():
                score += score_model(references, which).sum() / self.samples
        return total, score

    def _references(
        self, score_model: ScoreModel, film: Float[Tensor, "c h w"], count: int, generator: torch.Generator
    ) -> Float[Tensor, "m c h w"]:
        """Draw them one by one, so that they do not depend on how many are drawn together."""
        grey = torch.stack([torch.randn(film.shape[1:], generator=generator) for _ in range(count)])
        black, white = score_model.black.to(film), score_model.white.to(film)
        return black + (white - black) * (self.noise * grey).clamp(0, 1).to(film)[:, None]
