"""Frames around a film: the rectangle or border of a scanner, shields at an edge, the collimation, also tilted ones."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool

from workbench.core.arrays import Box, FilmMask, FilmPixels
from workbench.core.geometry import translation
from workbench.imaging.placing import Placed

SIDE = 320
"""Longer side, in pixels, of the reduced film on which edges are looked for."""
MAX_DEPTH = 0.3
"""Share of the film, from each side, in which a frame may end."""
MAX_TILT = 0.14
"""Slope of the most tilted edge, some 8 degrees."""
MIN_STEP = 0.02
"""Least step of grey across the edge of a frame."""
MIN_SHARPNESS = 0.6
"""Share of a wide step (9 px) that lies within 2 px: all of it at a frame, a quarter at a limb's edge."""
MIN_COVER = 0.6
"""Share of a side along which the step must be there, always of one sign; more by the share of the film outside."""
MAX_SPREAD = 0.15
"""Most that the grey just outside may vary along the edge (from its 2nd to its 8th decile)."""
REACH = 4
"""Pixels to either side over which a step is wide."""
SHIELD_STEP = 0.25
"""Least fall of grey from a shield to the film, over the wide step."""
SIDES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class FrameFound:
    """A frame, in film pixels.

    Parameters
    ----------
    box
        The largest upright box between the inner edges: (left, top, right, bottom).
    mask
        (h, w), True on and outside the frame's inner edges, which may be tilted.
    sides
        On which there is a frame.
    """

    box: Box
    mask: FilmMask = field(hash=False)
    sides: tuple[str, ...]


def find_frame(pixels: FilmPixels) -> FrameFound | None:
    """Find the frame or collimation border of a film.

    On each side the innermost straight line is taken, in the outer 30 % and up to 8 degrees tilted, across which the
    grey changes sharply and with the same sign along most of the side.

    Parameters
    ----------
    pixels
        (h, w) in 0..1.

    Returns
    -------
    FrameFound or None
        None where no side has a frame.
    """
    height, width = pixels.shape
    film = _reduced(pixels)
    rows, columns = np.arange(height)[:, None] + 0.5, np.arange(width)[None] + 0.5
    mask = np.zeros((height, width), dtype=bool)
    edges = dict(zip(SIDES, (0.0, 0.0, float(width), float(height)), strict=True))
    found = []
    for side in SIDES:
        line = _inner_edge(_seen_from(film, side))
        if line is None:
            continue
        found.append(side)
        depth_scale, along_scale = _scales(film.shape, (height, width), side)
        along = rows if side in ("left", "right") else columns
        depth = (line[0] + line[1] * along / along_scale) * depth_scale
        across = columns if side in ("left", "right") else rows
        far = side in ("right", "bottom")
        length = width if side == "right" else height
        mask |= (length - across < depth) if far else (across < depth)
        deepest = float(np.ceil(depth.max()))
        edges[side] = length - deepest if far else deepest
    if not found:
        return None
    left, top, right, bottom = (int(edges[side]) for side in SIDES)
    return FrameFound((left, top, max(right, left + 1), max(bottom, top + 1)), mask, tuple(found))


def without_frame(film: FilmPixels) -> Placed:
    """Return the film cropped to the inside of its frame, as it is where there is none."""
    found = find_frame(film)
    if found is None:
        return film, np.eye(3)
    left, top, right, bottom = found.box
    return np.ascontiguousarray(film[top:bottom, left:right]), translation(left, top)


def _reduced(pixels: FilmPixels) -> np.ndarray:
    """Return the film with its longer side at most SIDE, each pixel the mean of those it stands for."""
    from PIL import Image

    height, width = pixels.shape
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), dtype=np.float32)


def _seen_from(film: np.ndarray, side: str) -> np.ndarray:
    """Return the film with this side at the top: rows run inwards, columns as they did along the side."""
    upright = film.T if side in ("left", "right") else film
    return upright[::-1] if side in ("right", "bottom") else upright


def _scales(reduced: tuple[int, ...], size: tuple[int, int], side: str) -> tuple[float, float]:
    """Return film pixels per reduced pixel, inwards from a side and along it."""
    y_scale, x_scale = size[0] / reduced[0], size[1] / reduced[1]
    return (x_scale, y_scale) if side in ("left", "right") else (y_scale, x_scale)


def _inner_edge(film: np.ndarray) -> tuple[float, float] | None:
    """Return depth at the first column, and slope, of the innermost edge of a frame along the top."""
    height, width = film.shape
    deepest = int(height * MAX_DEPTH)
    if deepest < 2 or width < 16:
        return None
    *sharp, soft = _steps(film, min(height, deepest + int(np.ceil(MAX_TILT * width / 2))))
    hard = max((line for line in (_innermost(film, each, deepest) for each in sharp) if line), default=None)
    shield = _innermost(film, soft, deepest)
    line = hard if shield is None or (hard is not None and hard[0] >= shield[0] - REACH) else shield
    if line is None:
        return None
    row, slope = line
    return row + 1.5 - slope * width / 2, slope


def _innermost(film: np.ndarray, steps: Bool[np.ndarray, "r w"], deepest: int) -> tuple[int, float] | None:
    """Return row at the middle column, and slope, of the innermost line that runs along steps and has a flat outside.

    Parameters
    ----------
    film
        Seen from the side in question.
    steps
        Where the grey changes from row to row.
    deepest
        Row at which the search ends.

    Returns
    -------
    tuple or None
        None where no line does; among lines that end in the same row the one with most steps.
    """
    height, width = film.shape
    columns = np.arange(width // 20, width - width // 20)  # corners belong to the other sides
    needed = MIN_COVER + np.arange(deepest) / height
    best = (-1, 0.0, 0.0)
    for slope in np.linspace(-MAX_TILT, MAX_TILT, 2 * int(np.ceil(MAX_TILT * width / 2)) + 1):
        shift = np.rint(slope * (columns - width / 2)).astype(int)
        rows = np.clip(np.arange(deepest)[:, None] + shift, 0, len(steps) - 1)
        cover = steps[rows, columns].mean(axis=1)
        for row in np.flatnonzero(cover >= needed)[::-1]:
            if (row, cover[row]) <= best[:2]:
                break
            outside = film[np.clip(rows[row] - 1, 0, None), columns]
            if np.ptp(np.quantile(outside, (0.2, 0.8))) <= MAX_SPREAD:
                best = (int(row), float(cover[row]), float(slope))
                break
    return (best[0], best[2]) if best[0] >= 0 else None


def _steps(film: np.ndarray, depth: int) -> tuple[Bool[np.ndarray, "r w"], ...]:
    """Return where, going inwards, the grey rises sharply, where it falls sharply, and where it falls a lot.

    The last is the blurred and wavy edge of a shield, bright outside; no limb against air looks so.
    """
    padded = np.pad(film, ((REACH, REACH + 1), (0, 0)), mode="edge")
    rows = np.arange(REACH, REACH + depth)
    step = padded[rows + 1] - padded[rows - 1]
    wide = padded[rows + REACH + 1] - padded[rows - REACH]
    sharp = (np.abs(step) >= MIN_STEP) & (np.abs(step) >= MIN_SHARPNESS * np.abs(wide))
    return sharp & (step > 0), sharp & (step < 0), wide <= -SHIELD_STEP
