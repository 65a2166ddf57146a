"""What somebody puts beside the anatomy: flags with a letter, and frames. Neither knows the label."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from workbench.core.arrays import FilmMask, FilmPixels

LARGEST_FLAG = 0.015
"""No flag covers more of the film than this share."""
MARGIN = 0.075
"""Share of each side that is kept free for frames: no flag lies there, so that a frame never moves a flag."""

Strokes = tuple[tuple[tuple[float, float], ...], ...]

_BOWL = tuple((0.28 + 0.3 * float(np.sin(t)), 0.27 - 0.27 * float(np.cos(t))) for t in np.linspace(0.0, np.pi, 7))
LETTERS: dict[str, tuple[Strokes, ...]] = {
    # families: plain, with serifs, narrow and pointed, joined from straight pieces
    "L": (
        (((0.0, 0.0), (0.0, 1.0), (0.6, 1.0)),),
        (((0.08, 0.0), (0.08, 1.0), (0.62, 1.0), (0.62, 0.82)), ((-0.1, 0.0), (0.26, 0.0)), ((-0.1, 1.0), (0.1, 1.0))),
        (((0.0, 0.0), (0.04, 0.9), (0.12, 1.0), (0.45, 0.96)),),
        (((0.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (0.7, 1.0))),
    ),
    "R": (
        (((0.0, 1.0), (0.0, 0.0), *_BOWL, (0.0, 0.54)), ((0.26, 0.54), (0.62, 1.0))),
        (
            ((0.06, 1.0), (0.06, 0.0), *_BOWL, (0.06, 0.54)),
            ((0.28, 0.54), (0.56, 1.0), (0.74, 1.0)),
            ((-0.12, 1.0), (0.24, 1.0)),
            ((-0.12, 0.0), (0.1, 0.0)),
        ),
        (((0.0, 1.0), (0.04, 0.0), (0.42, 0.12), (0.44, 0.36), (0.04, 0.5), (0.5, 1.0)),),
        (((0.0, 1.0), (0.0, 0.0), (0.6, 0.0), (0.6, 0.5), (0.0, 0.5)), ((0.2, 0.5), (0.65, 1.0))),
    ),
}
STYLES = ("plain", "outlined", "plate", "ringed")


@dataclass(frozen=True)
class Flag:
    """One flag, sized in pixels; angle in degrees, opacity and brightness in 0..1."""

    letter: str
    family: int
    style: str
    height_px: float
    stroke_px: float
    angle_deg: float
    mirrored: bool
    opacity: float
    brightness: float

    @property
    def reach_px(self) -> int:
        """Half the side of the square that the flag needs."""
        return int(np.ceil(0.72 * self.height_px * (1.35 if self.style != "plain" else 1.0) + self.stroke_px)) + 1


def draw_flag_design(letter: str, size: tuple[int, int], generator: np.random.Generator) -> Flag:
    """Return a random flag for a film of ``size`` (height, width)."""
    scale = float(np.sqrt(size[0] * size[1]))
    style = STYLES[int(generator.choice(4, p=(0.55, 0.15, 0.18, 0.12)))]
    height = scale * float(generator.uniform(0.082, 0.112) if style == "plain" else generator.uniform(0.062, 0.076))
    angle = float(
        generator.normal(0.0, 7.0) + generator.choice([0, 90, -90, 25, -25], p=(0.76, 0.06, 0.06, 0.06, 0.06))
    )
    return Flag(
        letter=letter,
        family=int(generator.integers(len(LETTERS[letter]))),
        style=style,
        height_px=height,
        stroke_px=max(height * float(generator.uniform(0.17, 0.24)), 1.9),
        angle_deg=angle,
        mirrored=bool(generator.random() < 0.15),
        opacity=float(generator.uniform(0.8, 0.88) if generator.random() < 0.3 else 1.0),
        brightness=float(generator.uniform(0.80, 0.92)),
    )


def put_flag(pixels: FilmPixels, crowding: FilmPixels, letter: str, generator: np.random.Generator) -> FilmPixels:
    """Return the film with a flag where it is least crowded; ``crowding`` is 0 on bare background."""
    height, width = pixels.shape
    flag = draw_flag_design(letter, (height, width), generator)
    row, column = _free_place(crowding, flag.reach_px, generator)
    reach = flag.reach_px
    patch = (slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1))
    letter_cover, plate_cover = _covers(flag)
    flagged = pixels.copy()
    under = flagged[patch]
    cut_out = plate_cover * (1.0 - 0.9 * letter_cover)
    cover = cut_out if flag.style == "plate" else np.maximum(letter_cover, plate_cover)
    cover = np.float32(flag.opacity) * np.where(cover > 0.05, cover, 0.0)
    flagged[patch] = under + cover * (flag.brightness - under)
    return flagged.astype(np.float32)


def _free_place(crowding: FilmPixels, reach: int, generator: np.random.Generator) -> tuple[int, int]:
    """Return a row and column around which a square of ``reach`` is free, or the least crowded one."""
    from scipy.ndimage import uniform_filter

    height, width = crowding.shape
    mean = uniform_filter(crowding, 2 * reach + 1, mode="nearest")
    top, left = max(reach, round(MARGIN * height) + reach), max(reach, round(MARGIN * width) + reach)
    inner = mean[top : height - top, left : width - left]
    free = np.flatnonzero(inner <= inner.min() + 1e-3)
    row, column = np.unravel_index(int(free[int(generator.integers(free.size))]), inner.shape)
    return int(row) + top, int(column) + left


def _covers(flag: Flag) -> tuple[Float[np.ndarray, "p p"], Float[np.ndarray, "p p"]]:
    """Return how much of each pixel of the flag's square the letter and its box or ring cover."""
    reach = flag.reach_px
    across = np.arange(-reach, reach + 1, dtype=float)
    c, s = np.cos(np.radians(flag.angle_deg)), np.sin(np.radians(flag.angle_deg))
    x, y = c * across + s * across[:, None], c * across[:, None] - s * across
    if flag.mirrored:
        x = -x
    distance = np.full(x.shape, np.inf)
    for line in LETTERS[flag.letter][flag.family]:
        points = [((px - 0.3) * flag.height_px, (py - 0.5) * flag.height_px) for px, py in line]
        for start, end in pairwise(points):
            distance = np.minimum(distance, _distance(x, y, start, end))
    letter = np.clip(flag.stroke_px / 2 - distance + 0.5, 0.0, 1.0)
    return letter, _box_cover(flag, x, y)


def _distance(x: np.ndarray, y: np.ndarray, start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """Return how far each pixel lies from a stroke's middle line."""
    run = np.subtract(end, start)
    share = np.clip(((x - start[0]) * run[0] + (y - start[1]) * run[1]) / max(float(run @ run), 1e-9), 0.0, 1.0)
    return np.hypot(x - start[0] - share * run[0], y - start[1] - share * run[1])


def _box_cover(flag: Flag, x: np.ndarray, y: np.ndarray) -> Float[np.ndarray, "p p"]:
    half = 0.72 * flag.height_px + 0.5
    if flag.style == "plain":
        return np.zeros_like(x)
    if flag.style == "ringed":
        return np.clip(0.7 - np.abs(np.hypot(x, y) - 1.2 * half), 0.0, 1.0)
    edge = np.maximum(np.abs(x), np.abs(y)) - half
    return np.clip(0.5 - edge, 0.0, 1.0) if flag.style == "plate" else np.clip(0.9 - np.abs(edge), 0.0, 1.0)


def put_frame(pixels: FilmPixels, generator: np.random.Generator) -> FilmPixels:
    """Return the film with a bright rectangle, a grey border or both around it."""
    height, width = pixels.shape
    style = ("line", "border", "both")[int(generator.integers(3))]
    left, top, right, bottom = (
        round(s * float(generator.uniform(0.012, 0.045))) for s in (width, height, width, height)
    )
    inside = np.zeros(pixels.shape, dtype=bool)
    inside[top : height - bottom, left : width - right] = True
    framed = pixels.copy()
    grey, bright = generator.uniform(0.25, 0.7), generator.uniform(0.6, 0.85)
    if style != "line":
        framed[~inside] = grey
    if style != "border":
        framed[_rim(inside, max(1, round(height / 176)))] = bright
    return framed


def _rim(inside: FilmMask, thickness: int) -> FilmMask:
    from scipy.ndimage import binary_erosion

    return inside & ~binary_erosion(inside, iterations=thickness, border_value=1)
