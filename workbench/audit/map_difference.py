"""Two models' maps of one film subtracted from each other."""

import numpy as np
from jaxtyping import Float32

from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.core.geometry import resample, scaling
from workbench.core.registry import unknown_name

SUBTRACTED = {"scaled": "each ÷ its greatest magnitude", "raw": "raw values"}
"""What can be subtracted, in words for titles."""
FINEST = 512
"""Pixels along the longer side of a difference; maps of more than that are rare, and a reader sees no more."""


def map_difference(
    first: Explanation, second: Explanation, *, subtracted: str = "scaled"
) -> Float32[np.ndarray, "h w"]:
    """Return the first map minus the second, signed, over the whole film.

    The units of a Grad-CAM are gradient times activation, and each network has its own: subtracted raw, the map of
    the network with the larger numbers wins everywhere, wherever either of them looks. So each map is divided by its
    own greatest magnitude first, which leaves signs, zeros and shapes as they are and puts both between -1 and 1: the
    difference says where the first looks *comparatively* more than the second, not by how much it is surer. Raw is
    right for two states of one network, whose units are the same.

    Parameters
    ----------
    first
        Explanation of one case.
    second
        Another of the same case.
    subtracted
        ``scaled`` (in [-2, 2]) or ``raw`` (in the maps' own units).

    Returns
    -------
    Float32[np.ndarray, "h w"]
        Both maps drawn bilinearly on one grid over the film: the film's own, at most :data:`FINEST` pixels long, but
        never coarser than the finer map. NaN where one of the networks was not shown the film. A map without any
        magnitude counts as zero.

    Raises
    ------
    OptionError
        The explanations are not of one and the same case.
    UnknownNameError
        ``subtracted`` is no such choice.
    """
    if subtracted not in SUBTRACTED:
        raise unknown_name("way to subtract", subtracted, SUBTRACTED)
    if len(first) != 1 or first.case_ids != second.case_ids or (first.film_sizes != second.film_sizes).any():
        raise OptionError(f"maps of {first.case_ids[:3]} and {second.case_ids[:3]} differ in films; wanted one film")
    size = _grid(first, second)
    a, b = (_drawn(each, size) / (_magnitude(each) if subtracted == "scaled" else 1.0) for each in (first, second))
    return np.asarray(a - b, dtype=np.float32)


def _grid(*explanations: Explanation) -> tuple[int, int]:
    """Return height and width of the common grid, with the film's proportions."""
    height, width = (int(side) for side in explanations[0].film_sizes[0])
    finest_map = max(max(each.maps.shape[1:]) for each in explanations)
    factor = min(1.0, max(FINEST, finest_map) / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def _drawn(explanation: Explanation, size: tuple[int, int]) -> np.ndarray:
    height, width = explanation.film_sizes[0]
    to_grid = scaling(size[1] / width, size[0] / height) @ explanation.to_film[0]
    reached = resample(np.ones_like(explanation.maps[0]), to_grid, size)
    return np.where(reached > 0, resample(explanation.maps[0], to_grid, size), np.nan)


def _magnitude(explanation: Explanation) -> float:
    return float(np.abs(explanation.maps[0]).max()) or 1.0
