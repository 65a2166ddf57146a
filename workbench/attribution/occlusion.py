"""Occlusion: how far the score falls when a window of the film is covered."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, OwnMethod
from workbench.attribution.perturbing import perturbed_scores
from workbench.attribution.score_model import ScoreModel
from workbench.core.errors import OptionError
from workbench.core.options import option
from workbench.passes.single_pass import Seen

BLUR = 4
"""A blurred film is smoothed by a Gaussian a fourth as wide as a window, as in :func:`workbench.imaging.edits.blur`."""


@METHODS.register("occlusion")
@dataclass(frozen=True)
class Occlusion(OwnMethod):
    """Occlusion (Zeiler and Fergus, ECCV 2014, section 4.2): M(x, y) = mean of score(film) - score(film covered).

    The mean runs over the windows that cover the place. The input is cut into cells as large as the stride; a window is
    so many whole cells, and a map has one number a cell: within a cell every pixel is covered by the same windows.
    Positive where the film speaks for the class. What a map sums to means nothing.

    Costs a forward pass for each window: 81 by default, for a square film of any size.
    """

    window: float = option(
        0.2, "side of the square window, as a share of the input's shorter side", low=0.001, high=1.0
    )
    stride: float = option(
        0.1, "step from window to window, a share too; the window is so many whole steps", low=0.001, high=1.0
    )
    baseline: str = option(
        "black", "what covers: black, the film's mean, or the film blurred", choices=("black", "mean", "blur")
    )

    uses_gradients = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stride > self.window:
            raise OptionError(f"Occlusion.stride: {self.stride} leaves gaps between windows of {self.window}")

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        cells = self.cells(seen.images.shape[2], seen.images.shape[3])
        rows, columns = (self._windows(count, min(cells)) for count in cells)
        height, width = seen.images.shape[2:]
        tall, wide = rows[:, _cell_of(height, cells[0])], columns[:, _cell_of(width, cells[1])]
        covers = self._covers(score_model, seen.images)

        def covered(film: int, which: Int[Tensor, " m"]) -> Float[Tensor, "m c h w"]:
            row, column = which // len(columns), which % len(columns)
            inside = (tall[row, :, None] & wide[column, None, :])[:, None].to(seen.images.device)
            return torch.where(inside, covers[film], seen.images[film])

        found = perturbed_scores(score_model, seen.images, covered, count=len(rows) * len(columns))
        drops = (found.clean[:, None] - found.scores).double().reshape(-1, len(rows), len(columns))
        rows, columns = (windows.double().to(drops.device) for windows in (rows, columns))
        return (rows.T @ drops @ columns) / torch.outer(rows.sum(dim=0), columns.sum(dim=0))

    def cells(self, height: int, width: int) -> tuple[int, int]:
        """Return how many cells, about square, an input of this size has along its height and width."""
        side = max(1.0, self.stride * min(height, width))
        return max(1, round(height / side)), max(1, round(width / side))

    def _windows(self, cells: int, fewest: int) -> Bool[Tensor, "r cells"]:
        """Return which cells of a line each window covers; ``fewest`` are those of the shorter side."""
        span = min(fewest, max(1, int(self.window / self.stride + 0.5)))
        return torch.ones(cells - span + 1, cells).triu().tril(span - 1).bool()

    def _covers(self, score_model: ScoreModel, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        if self.baseline == "black":
            return score_model.black.expand_as(images)
        if self.baseline == "mean":
            return images.mean(dim=(2, 3), keepdim=True).expand_as(images)
        return _blurred(images, self.window * min(images.shape[2:]) / BLUR)


def _cell_of(pixels: int, cells: int) -> Int[Tensor, " pixels"]:
    """Return the cell in which the centre of each pixel of a line lies."""
    return ((torch.arange(pixels) + 0.5) * cells / pixels).long()


def _blurred(images: Float[Tensor, "n c h w"], sigma_px: float) -> Float[Tensor, "n c h w"]:
    from scipy.ndimage import gaussian_filter  # costs 0.1 s to import

    smooth = gaussian_filter(images.double().cpu().numpy(), sigma=(0, 0, sigma_px, sigma_px), mode="nearest")
    return torch.from_numpy(smooth).to(images)
