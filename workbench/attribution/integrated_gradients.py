"""Integrated gradients: the path from a reference film to the film is divided where completeness is missed."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from workbench.attribution.methods import METHODS, OwnMethod
from workbench.attribution.score_model import ScoreModel
from workbench.core.options import option
from workbench.passes.single_pass import Seen

POINTS = 8
"""Points of the Gauss-Legendre quadrature on each part of the path: one forward and backward pass of so many images."""


@METHODS.register("integrated-gradients")
@dataclass(frozen=True)
class IntegratedGradients(OwnMethod):
    """Integrated gradients (Sundararajan et al., ICML 2017, eq. 1) from a reference film, summed over channels.

    Complete: the map sums to score(film) - score(reference). What each part of the path must add up to is known, the
    difference of the scores at its ends; while all of it misses by more than the tolerance, the part that misses most
    is halved. So points gather where the score changes at once, as it often does next to black, where a uniform grid
    of many times the points does worse. ``steps`` says how many it took.
    """

    steps: int = option(32, "points on the path to begin with, in eights", low=8, high=1000)
    most_steps: int = option(256, "points after which the path is divided no further", low=8, high=10000)
    tolerance: float = option(0.004, "how far the map's sum may be from the difference of scores", low=0.0)
    baseline: str = option(
        "black", "the reference film: black, or the film's own mean everywhere", choices=("black", "mean")
    )

    @override
    def attribute(self, score_model: ScoreModel, seen: Seen) -> Float[Tensor, "n hm wm"]:
        black = score_model.black.to(seen.images).expand_as(seen.images)
        means = seen.images.mean(dim=(2, 3), keepdim=True).expand_as(seen.images)
        starts = black if self.baseline == "black" else means
        found = [
            self._integrated(_Path(score_model, index, start, film))
            for index, (start, film) in enumerate(zip(starts, seen.images, strict=True))
        ]
        maps, missed, steps = zip(*found, strict=True)
        score_model.kept[self, "completeness_error"] = torch.tensor(missed)
        score_model.kept[self, "steps"] = torch.tensor(steps, dtype=torch.float32)
        return torch.stack(maps)

    @override
    def measures(
        self, score_model: ScoreModel, seen: Seen, maps: Float[Tensor, "n hm wm"]
    ) -> dict[str, Float[Tensor, " n"]]:
        return {name: score_model.kept[self, name] for name in ("completeness_error", "steps")}

    def _integrated(self, path: "_Path") -> tuple[Float[Tensor, "h w"], float, int]:
        """Return the map, how far its sum is from the difference of the scores, and how many points that took."""
        parts = path.parts(torch.linspace(0, 1, self.steps // POINTS + 1, dtype=torch.float64).tolist())
        steps = POINTS * len(parts)
        while abs(sum(part.missed for part in parts)) > self.tolerance and steps + 2 * POINTS <= self.most_steps:
            worst = parts.pop(max(range(len(parts)), key=lambda place: abs(parts[place].missed)))
            parts += path.parts([worst.low, (worst.low + worst.high) / 2, worst.high])
            steps += 2 * POINTS
        return torch.stack([part.integral for part in parts]).sum(dim=0), sum(part.missed for part in parts), steps


@dataclass(frozen=True)
class _Part:
    """A part of a path, in shares of its length, and the integral there, summed over channels."""

    low: float
    high: float
    integral: Float[Tensor, "h w"]
    missed: float
    """The integral's sum less the difference of the scores at both ends."""


class _Path:
    """The straight line from a reference to a film."""

    def __init__(
        self, score_model: ScoreModel, index: int, start: Float[Tensor, "c h w"], film: Float[Tensor, "c h w"]
    ) -> None:
        self.score_model = score_model
        self.index = index
        self.start = start
        self.change = film - start

    def parts(self, ends: list[float]) -> list[_Part]:
        """Integrate from each end to the next."""
        with torch.no_grad():
            scores = self.score_model(self._points(ends), self._films(len(ends))).double().diff().tolist()
        return [self._part(low, high, step) for (low, high), step in zip(pairwise(ends), scores, strict=True)]

    def _part(self, low: float, high: float, difference: float) -> _Part:
        nodes, weights = np.polynomial.legendre.leggauss(POINTS)
        gradients = self.score_model.gradients(
            self._points((low + (high - low) * (nodes + 1) / 2).tolist()), self._films(POINTS)
        )
        weighted = torch.einsum("mchw,m->chw", gradients, torch.from_numpy(weights * (high - low) / 2).to(gradients))
        integral = (self.change * weighted).sum(dim=0)
        return _Part(low, high, integral, integral.sum(dtype=torch.float64).item() - difference)

    def _points(self, places: list[float]) -> Float[Tensor, "m c h w"]:
        shares = torch.tensor(places, dtype=torch.float64).to(self.change)
        return self.start + shares[:, None, None, None] * self.change

    def _films(self, count: int) -> Tensor:
        return torch.full((count,), self.index, device=self.change.device)
