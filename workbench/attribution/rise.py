"""RISE: the mean score of films seen through random masks, for each place over the masks that show it."""

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, OwnMethod
from workbench.attribution.perturbing import chunks, perturbed_scores
from workbench.attribution.score_model import ScoreModel
from workbench.core.options import option
from workbench.passes.single_pass import Seen


@dataclass(frozen=True)
class Masks:
    """Random smooth masks of one film (Petsiuk et al. 2018, section 3.2), kept as what they are drawn from.

    Parameters
    ----------
    cells
        (m, 1, s, s) of 0 and 1, spread over a little more than the film.
    shifts
        (m, 2) how far down and to the right the film begins in that, below the size of a cell.
    size
        Height and width of the film.
    """

    cells: Float[Tensor, "m 1 s s"]
    shifts: Int[Tensor, "m 2"]
    size: tuple[int, int]

    def __call__(self, which: Int[Tensor, " b"]) -> Float[Tensor, "b h w"]:
        """Return some of the masks, from 0 hidden to 1 seen; at every place their expectation is the share seen."""
        grid = self.cells.shape[-1]
        tall, wide = (grid + 1) * -(-self.size[0] // grid), (grid + 1) * -(-self.size[1] // grid)
        large = F.interpolate(self.cells[which], size=(tall, wide), mode="bilinear", align_corners=False)[:, 0]
        corners = self.shifts[which].tolist()
        height, width = self.size
        return torch.stack(
            [mask[top : top + height, left : left + width] for mask, (top, left) in zip(large, corners, strict=True)]
        )


def random_masks(
    count: int,
    size: tuple[int, int],
    *,
    grid: int,
    seen_share: float,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
) -> Masks:
    """Draw masks for a film of this height and width: on the CPU, so that they are the same on every device."""
    cells = (torch.rand((count, 1, grid, grid), generator=generator) < seen_share).float().to(device)
    shifts = [torch.randint(-(-side // grid), (count,), generator=generator) for side in size]
    return Masks(cells, torch.stack(shifts, dim=1), size)


@METHODS.register("rise")
@dataclass(frozen=True)
class RISE(OwnMethod):
    """RISE (Petsiuk et al., BMVC 2018, eq. 6): M = sum over N masks m of score(film seen through m) m / (p N).

    What a mask hides fades to black. By default the mean score of the masked films is taken off before the sum: M is
    then 0 where a place makes no difference, has less noise, and does not change when a number is added to all logits.
    Without that M is the paper's estimate of the score if the place is seen, which says little of a signed score.

    Unbiased, not exact: ``standard_error`` (mean over the map) is given with each map and falls with the root of N. The
    masks depend on the seed and the film's id alone. Costs N forward passes; the paper takes 4000 to 8000.
    """

    masks: int = option(1000, "random masks, a forward pass each", low=2, high=100_000)
    grid: int = option(7, "cells of a mask along each side", low=2, high=64)
    seen_share: float = option(0.5, "probability that a cell is seen, p of the paper", low=0.01, high=0.99)
    centred: bool = option(True, "take off the mean score of the masked films; the paper does not")
    seed: int = option(0, "of the masks")

    uses_gradients = False

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        height, width = seen.images.shape[2:]
        of_films = [
            random_masks(
                self.masks,
                (height, width),
                grid=self.grid,
                seen_share=self.seen_share,
                generator=score_model.generator(index, self.seed),
                device=seen.images.device,
            )
            for index in range(len(seen.images))
        ]
        variants = partial(_seen_through, seen.images, score_model.black, of_films)
        scores = perturbed_scores(score_model, seen.images, variants, count=self.masks).scores.double()
        pairs = [self._map(each, masks) for each, masks in zip(scores, of_films, strict=True)]
        score_model.kept[self] = torch.stack([error for _, error in pairs])
        return torch.stack([found for found, _ in pairs])

    @override
    def measures(
        self, score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n hm wm"]
    ) -> dict[str, Float[Tensor, " n"]]:
        return {"standard_error": score_model.kept[self]}

    def _map(self, scores: Float[Tensor, " v"], masks: Masks) -> tuple[Float[Tensor, "h w"], Float[Tensor, ""]]:
        """Return the map of one film and the mean of its standard error."""
        weights = (scores - scores.mean() if self.centred else scores) / self.seen_share
        total, squares = (torch.zeros(masks.size, dtype=torch.float64, device=scores.device) for _ in range(2))
        for which in chunks(self.masks, scores.device):
            drawn = masks(which).double()
            total += torch.einsum("m,mhw->hw", weights[which], drawn)
            squares += torch.einsum("m,mhw->hw", weights[which].square(), drawn.square())
        mean = total / self.masks
        variance = (squares / self.masks - mean.square()).clamp_min(0)
        return mean, (variance / (self.masks - 1)).sqrt().mean()


def _seen_through(
    images: Float[Tensor, "n c h w"],
    black: Float[Tensor, "1 c 1 1"],
    of_films: list[Masks],
    film: int,
    which: Int[Tensor, " b"],
) -> Float[Tensor, "b c h w"]:
    """Return a film through some of its masks."""
    return torch.lerp(black, images[film], of_films[film](which)[:, None].to(images.dtype))
