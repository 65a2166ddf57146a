"""Tiles of grain: trabeculae in spongy bone, streaks of muscle and fat, mottle of plaster; looked up in millimetres."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

from workbench.core.seeding import derived_generator

TILE = 512
"""Side of a tile in grains; a power of two."""
GRAIN_MM = 0.3
"""Side of the finest grain."""
Tile = Float32[np.ndarray, "t t"]
Field = Float32[np.ndarray, "h w"]


def grain_at(kind: str, along_mm: Field, aside_mm: Field, spacing_mm: float, key: int) -> Field:
    """Return the pattern (mean 0, standard deviation 1) at places beside an axis.

    Parameters
    ----------
    kind
        ``trabeculae`` or ``streaks`` (both run along the axis), or ``plaster``.
    along_mm
        The places along the axis, (h, w).
    aside_mm
        The places beside it, (h, w).
    spacing_mm
        Side of a pixel: coarser pixels see a pattern averaged over them.
    key
        Where in the endless pattern to start; one number a body.

    Returns
    -------
    Field
        (h, w).
    """
    level = min(max(round(float(np.log2(max(spacing_mm, GRAIN_MM) / GRAIN_MM))), 0), 3)
    tile, per_mm = _tile(kind, level), np.float32(1.0 / (GRAIN_MM * 2**level))
    down, across = divmod(key % TILE**2, TILE)
    rows = (along_mm * per_mm + np.float32(down + 8 * TILE)).astype(np.int32)
    columns = (aside_mm * per_mm + np.float32(across + 8 * TILE)).astype(np.int32)
    side = tile.shape[0] - 1
    rows &= side
    columns &= side
    rows *= side + 1
    return tile.ravel().take(rows + columns)


@lru_cache(maxsize=16)
def _tile(kind: str, level: int) -> Tile:
    if level == 0:
        pattern = _PATTERNS[kind]()
        return (np.clip((pattern - pattern.mean()) / pattern.std(), -3.0, 3.0)).astype(np.float32)
    finer = _tile(kind, level - 1)
    return (finer[::2, ::2] + finer[1::2, ::2] + finer[::2, 1::2] + finer[1::2, 1::2]) / np.float32(4.0)


def _smooth(white: Float[np.ndarray, "t t"], down: float, across: float) -> Float[np.ndarray, "t t"]:
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(white, (down, across), mode="wrap")
    return smooth / smooth.std()


def _trabeculae() -> Float[np.ndarray, "t t"]:
    """Return a net of thin struts, most of them along the bone, denser in some places than in others."""
    generator = derived_generator("trabeculae")
    white = generator.normal(size=(4, TILE, TILE))
    long, cross, fine = _smooth(white[0], 6.0, 1.3), _smooth(white[1], 1.5, 3.0), _smooth(white[2], 0.8, 0.8)
    struts = -np.sqrt(np.abs(long)) - 0.55 * np.sqrt(np.abs(cross)) + 0.12 * fine
    return struts + 0.25 * _smooth(white[3], 14.0, 9.0)


def _streaks() -> Float[np.ndarray, "t t"]:
    """Return long, soft bands, as fat leaves them between bundles of muscle, with fine grain in them."""
    generator = derived_generator("streaks")
    white = generator.normal(size=(3, TILE, TILE))
    broad, narrow = _smooth(white[0], 70.0, 7.0), _smooth(white[1], 40.0, 2.5)
    return broad + 0.55 * narrow + 0.25 * _smooth(white[2], 3.0, 2.0)


def _plaster() -> Float[np.ndarray, "t t"]:
    """Return turns of a bandage that cross each other, and lumps."""
    generator = derived_generator("plaster")
    places = np.arange(TILE)
    turns = np.zeros((TILE, TILE))
    for slope, count in ((0.25, 8), (-0.3125, 10)):
        phase = (places[:, None] + slope * places[None, :]) * count / TILE
        wide = phase + 0.15 * _smooth(generator.normal(size=(TILE, TILE)), 30.0, 30.0)
        turns += (wide % 1.0 < 0.3) * 1.0
    white = generator.normal(size=(2, TILE, TILE))
    return _smooth(turns, 2.0, 2.0) + 1.2 * _smooth(white[0], 20.0, 20.0) + 0.6 * _smooth(white[1], 4.0, 4.0)


_PATTERNS = {"trabeculae": _trabeculae, "streaks": _streaks, "plaster": _plaster}
