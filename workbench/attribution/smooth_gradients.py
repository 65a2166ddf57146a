"""The gradient at many noisy copies of a film: its mean and its variance."""

from abc import abstractmethod
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


@dataclass(frozen=True)
class NoisyGradients(OwnMethod):
    """What makes a map of a film's gradients under noise.

    The noise is normal, independent in every number of the input, its standard deviation a share of the film's range,
    highest less lowest value. It depends on the seed and the film's id alone.
    """

    samples: int = option(32, "noisy copies of each film, a forward and backward pass each", low=2, high=1000)
    noise: float = option(0.15, "standard deviation of the noise, as a share of the film's range", low=0.0, high=1.0)
    seed: int = option(0, "of the noise")

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        return torch.stack([self._map(score_model, image, index) for index, image in enumerate(seen.images)])

    @abstractmethod
    def summary(self, mean: Float[Tensor, "c h w"], mean_square: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
        """Return what is shown of the gradients' means."""

    def _map(self, score_model: ScoreModel, image: Float[Tensor, "c h w"], index: int) -> Float[Tensor, "h w"]:
        generator = score_model.generator(index, self.seed)
        deviation = self.noise * (image.max() - image.min())
        mean, mean_square = (torch.zeros_like(image, dtype=torch.float64) for _ in range(2))
        for some in chunks(self.samples):
            noise = torch.randn((len(some), *image.shape), generator=generator).to(image)
            which = torch.full((len(some),), index, device=image.device)
            gradients = score_model.gradients(image + deviation * noise, which).double()
            mean += gradients.sum(dim=0) / self.samples
            mean_square += gradients.square().sum(dim=0) / self.samples
        return self.summary(mean, mean_square).sum(dim=0)


@METHODS.register("smoothgrad")
@dataclass(frozen=True)
class SmoothGrad(NoisyGradients):
    """SmoothGrad (Smilkov et al., arXiv:1706.03825, section 3): the mean gradient over noisy copies of the film.

    The signed sum over channels, as in ``saliency``, which it is without noise.
    """

    @override
    def summary(self, mean: Float[Tensor, "c h w"], mean_square: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
        return mean


@METHODS.register("vargrad")
@dataclass(frozen=True)
class VarGrad(NoisyGradients):
    """VarGrad (Adebayo et al., ICLR workshop 2018): the variance of the gradient over noisy copies of the film.

    Of each number of the input, divided by the number of copies, summed over channels. Never negative: it shows where
    the gradient is unsteady, and says nothing for or against the class.
    """

    @override
    def summary(self, mean: Float[Tensor, "c h w"], mean_square: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
        return (mean_square - mean.square()).clamp_min(0)
