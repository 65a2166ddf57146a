"""Ink: strokes and plates as how much of each pixel they cover, and paint that is laid over a film."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from workbench.core.arrays import FilmPixels
from workbench.data.phantoms.rendering import quantised

Points = Float[np.ndarray, "_ 2"]
"""Corners (x, y) of a stroke's middle line or of a plate, in pixels or in heights of a letter."""
Point = Float[np.ndarray, "2"]
Turn = Float[np.ndarray, "2 2"]
"""Matrix that mirrors, scales and turns points."""


@dataclass(frozen=True)
class Paint:
    """Something laid over a film.

    What it makes of a pixel depends on that pixel alone, never on its neighbours. So whatever lies below or above it,
    a film with it and one without differ inside its mask and nowhere else.

    Parameters
    ----------
    opacity
        (h, w), 0 where nothing is laid.
    shade
        (h, w), brightness of the paint itself.
    """

    opacity: FilmPixels
    shade: FilmPixels

    def over(self, pixels: FilmPixels) -> FilmPixels:
        """Return the film with the paint on it, in the grey levels of a PNG."""
        return quantised(pixels + self.opacity * (self.shade - pixels))


def stroke_cover(size: tuple[int, int], strokes: Iterable[Points], thickness_px: float) -> FilmPixels:
    """Return how much (0..1) of each pixel of a film of ``size`` (height, width) the strokes cover.

    A stroke has round ends; one of two equal points is a dot. What lies outside the film is left out.
    """
    cover = np.zeros(size, dtype=np.float32)
    reach = thickness_px / 2 + 1.0
    for points in strokes:
        for start, end in pairwise(points):
            low = np.maximum(np.floor(np.minimum(start, end) - reach), 0).astype(int)
            high = np.maximum(np.ceil(np.maximum(start, end) + reach), 0).astype(int)
            patch = (slice(low[1], high[1]), slice(low[0], high[0]))
            seen = cover[patch]
            x = np.arange(low[0], low[0] + seen.shape[1]) + 0.5
            y = (np.arange(low[1], low[1] + seen.shape[0]) + 0.5)[:, None]
            inside = np.clip(thickness_px / 2 - _distance(x, y, start, end) + 0.5, 0.0, 1.0)
            np.maximum(seen, inside, out=seen, casting="same_kind")
    return cover


def plate_cover(size: tuple[int, int], corners: Points) -> FilmPixels:
    """Return how much (0..1) of each pixel a convex plate covers; its corners run clockwise on the film."""
    x, y = np.arange(size[1], dtype=np.float32) + 0.5, (np.arange(size[0], dtype=np.float32) + 0.5)[:, None]
    inside = np.full(size, np.inf, dtype=np.float32)
    for start, end in pairwise((*corners, corners[0])):
        along = (end - start) / max(float(np.hypot(*(end - start))), 1e-9)
        inward = np.float32(along[0]) * (y - np.float32(start[1])) - np.float32(along[1]) * (x - np.float32(start[0]))
        inside = np.minimum(inside, inward)
    return np.clip(inside + np.float32(0.5), 0.0, 1.0)


def placed(strokes: Iterable[Points], place: Point, *, turn: Turn) -> list[Points]:
    """Return strokes turned about the origin and then moved to a place."""
    return [points @ turn.T + place for points in strokes]


def turned_by(angle_deg: float, *, scale: float = 1.0, mirrored: bool = False) -> Turn:
    """Return the matrix that mirrors (left for right), scales and turns, counter-clockwise on the film."""
    c, s = scale * np.cos(np.radians(angle_deg)), scale * np.sin(np.radians(angle_deg))
    return np.array([[c, s], [-s, c]]) @ np.diag([-1.0 if mirrored else 1.0, 1.0])


def bounds(strokes: Sequence[Points]) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) of the strokes' middle lines."""
    x, y = np.concatenate(strokes).T
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def ring(radius: float, corners: int = 32) -> Points:
    """Return a closed circle around the origin, clockwise on the film; with four corners, a square on its tip."""
    angles = np.linspace(0.0, 2.0 * np.pi, corners + 1)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    """Return a closed rectangle, clockwise on the film."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], dtype=float)


def _distance(
    x: Float[np.ndarray, " w"], y: Float[np.ndarray, "h 1"], start: Point, end: Point
) -> Float[np.ndarray, "h w"]:
    """Return how far each pixel lies from a stroke's middle line."""
    run = end - start
    share = np.clip(((x - start[0]) * run[0] + (y - start[1]) * run[1]) / max(float(run @ run), 1e-9), 0.0, 1.0)
    return np.hypot(x - start[0] - share * run[0], y - start[1] - share * run[1])
