"""Frames: the rectangle, the border or both that a scanner or a console leaves around a film."""

import numpy as np

from workbench.core.arrays import FilmMask
from workbench.data.phantoms.ink import Paint

STYLES = ("line", "border", "both")


def frame_paint(size: tuple[int, int], generator: np.random.Generator) -> Paint:
    """Return a random frame as paint on a film of ``size`` (height, width)."""
    height, width = size
    style = STYLES[int(generator.integers(3))]
    left, top, right, bottom = (
        round(s * float(generator.uniform(0.012, 0.045))) for s in (width, height, width, height)
    )
    inside = np.zeros(size, dtype=bool)
    inside[top : height - bottom, left : width - right] = True
    opacity, shade = np.zeros(size, dtype=np.float32), np.zeros(size, dtype=np.float32)
    grey, bright = generator.uniform(0.25, 0.7), generator.uniform(0.6, 0.85)
    if style != "line":
        opacity[~inside], shade[~inside] = 1.0, grey
    if style != "border":
        rim = _rim(inside, max(1, round(height / 176)))
        opacity[rim], shade[rim] = 1.0, bright
    return Paint(opacity, shade)


def _rim(inside: FilmMask, thickness: int) -> FilmMask:
    from scipy.ndimage import binary_erosion

    return inside & ~binary_erosion(inside, iterations=thickness, border_value=1)
