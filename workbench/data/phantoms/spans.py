"""Where rays enter and leave things, pixel by pixel."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from workbench.data.phantoms.bodies import Camera

Paths = Float32[np.ndarray, "h w"]
"""Lengths of the rays inside a body, or depths, in millimetres."""
FilmPoint = Float[np.ndarray, "2"]
"""A point or direction (x, y) on the film, in millimetres."""
Patch = tuple[slice, slice]
"""Rows and columns of the film that a body may touch."""
NOWHERE = np.float32(1e6)
"""Depth at which a ray enters what it does not meet; it leaves at minus that."""


@dataclass(frozen=True)
class Span:
    """Depths at which the rays enter and leave."""

    near: Paths
    far: Paths

    @property
    def length(self) -> Paths:
        """Path length, 0 where a ray meets nothing."""
        return np.maximum(self.far - self.near, np.float32(0.0))

    def join(self, other: "Span", patch: Patch) -> None:
        """Take in the span of another part, which covers ``patch`` only."""
        np.minimum(self.near[patch], other.near, out=self.near[patch])
        np.maximum(self.far[patch], other.far, out=self.far[patch])

    def gap(self, other: "Span", patch: Patch) -> Paths:
        """Return the length of nothing between this and another part, where the rays meet both."""
        between = np.maximum(self.near[patch], other.near) - np.minimum(self.far[patch], other.far)
        return np.where(between < NOWHERE / 2, np.maximum(between, np.float32(0.0)), np.float32(0.0))

    def overlap(self, other: "Span", patch: Patch) -> Paths:
        """Return the length that another part, which covers ``patch`` only, has in common with this."""
        shared = np.minimum(self.far[patch], other.far) - np.maximum(self.near[patch], other.near)
        return np.maximum(shared, np.float32(0.0))


def empty_span(shape: tuple[int, int]) -> Span:
    """Return the span of nothing."""
    return Span(np.full(shape, NOWHERE), np.full(shape, -NOWHERE))


def film_patch(middle: FilmPoint, spread: FilmPoint, camera: Camera) -> Patch | None:
    """Return the rows and columns within ``spread`` of a place, None where they lie outside the film."""
    low = np.floor((middle - spread) / camera.spacing_mm - 1.0).astype(int)
    high = np.ceil((middle + spread) / camera.spacing_mm + 1.0).astype(int)
    height, width = camera.size
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def coat_of(length: Paths, slant: Paths, thickness_mm: Paths | np.float32) -> Paths:
    """Return the path through one wall of a coat; exact for balls and tubes.

    With half a path l and a slant s, the radius is s l, and a ball whose radius is less by t has half a path
    sqrt(l^2 - 2 t s l + t^2).
    """
    half = np.float32(0.5) * length
    inner = half * (half - np.float32(2.0) * thickness_mm * slant) + thickness_mm * thickness_mm
    return half - np.sqrt(np.maximum(inner, np.float32(0.0)))


def slanted(whole: Paths, spacing_mm: float) -> Paths:
    """Return by what factor a thin coat on a body is longer along the rays than it is thick, at most 12."""
    half = whole * np.float32(0.5 / spacing_mm)
    down, across = np.zeros_like(half), np.zeros_like(half)
    down[1:-1] = (half[2:] - half[:-2]) * np.float32(0.5)
    across[:, 1:-1] = (half[:, 2:] - half[:, :-2]) * np.float32(0.5)
    return np.minimum(np.sqrt(1.0 + down * down + across * across), np.float32(12.0))
