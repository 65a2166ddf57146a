"""Where on a film there is room for a flag, a line of text or a logo."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from workbench.core.arrays import FilmPixels

MARGIN = 0.075
"""Share of each side that is kept free for frames: no flag lies there."""


@dataclass(frozen=True)
class Place:
    """A rectangle on a film: its centre, and half its sides in pixels."""

    row: int
    column: int
    half_height: int
    half_width: int

    @property
    def centre(self) -> Float[np.ndarray, "2"]:
        """Its centre as (x, y)."""
        return np.array([self.column + 0.5, self.row + 0.5])

    @property
    def pixels(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        top, left = max(self.row - self.half_height, 0), max(self.column - self.half_width, 0)
        return slice(top, self.row + self.half_height + 1), slice(left, self.column + self.half_width + 1)


def free_place(
    crowding: FilmPixels,
    reach: tuple[float, float],
    generator: np.random.Generator,
    *,
    taken: tuple[Place, ...] = (),
    margin: float = MARGIN,
) -> Place:
    """Return one of the places where something would cover least.

    Parameters
    ----------
    crowding
        (h, w), 0 on bare background, more where it would be worse to cover the film.
    reach
        Half the height and half the width that it needs, in pixels.
    generator
        Chooses among equally good places.
    taken
        Where other things lie already, or would lie.
    margin
        Share of each side that stays free.

    Returns
    -------
    Place
        Wholly on the film; smaller than asked for where the film is.
    """
    from scipy.ndimage import uniform_filter

    size = np.array(crowding.shape)
    half = np.minimum(np.ceil(reach).astype(int), (size - 1) // 2)
    if taken:
        crowding = crowding.copy()
        for each in taken:
            crowding[each.pixels] += 50.0
    mean = uniform_filter(crowding, tuple(2 * half + 1), mode="nearest")
    edge = np.minimum(np.maximum(half, np.rint(margin * size).astype(int) + half), (size - 1) // 2)
    inner = mean[edge[0] : size[0] - edge[0], edge[1] : size[1] - edge[1]]
    free = np.flatnonzero(inner <= inner.min() + 1e-3)
    row, column = np.unravel_index(int(free[int(generator.integers(free.size))]), inner.shape)
    return Place(int(row + edge[0]), int(column + edge[1]), int(half[0]), int(half[1]))
