"""Marks on a film: outlines of masks, boxes, and an arrow at the evidence."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import Stroke, withStroke

from workbench.core.arrays import Box
from workbench.core.errors import OptionError
from workbench.imaging.regions import mask_box
from workbench.plots.sheet import FONTS, check_pixels, check_same_size
from workbench.plots.theme import ARROW, OTHER_MARK

Point = tuple[float, float]
"""(x, y) in film pixels."""

DIRECTIONS = 16
LENGTHS = (0.17, 0.13, 0.10, 0.07, 0.05)
"""Shares of the film's diagonal, the longest that fits is taken."""
GAP = 0.012
"""Between the arrow's tip and the box, as a share of the diagonal."""
MARGIN = 0.01
"""Between the arrow's tail and the edge of the film, likewise."""
RIM = 0.7
"""Of an outline: how far dark stands out on each side of the line, in points."""


def outline(axes: Axes, mask: np.ndarray, colour: str = OTHER_MARK, *, label: str = "", width: float = 1.3) -> None:
    """Draw the edge of a mask (h, w) in film pixels, with a dark rim so that it shows on bone and on air.

    Where the mask ends with the film, the line lies beside the film's edge, with all its width inside.

    Parameters
    ----------
    axes
        Axes that count film pixels, as ``show_film`` leaves them.
    mask
        True inside; an empty one draws nothing.
    colour
        Of the line.
    label
        Short words above the mask, below where the film ends above it, inside where it ends below too.
    width
        Of the line, in points.
    """
    box = mask_box(mask)
    if box is None:
        return
    left, top, right, bottom = box
    # A rim of zeros closes the line where the mask touches the edge of the film.
    framed = np.pad(mask[top:bottom, left:right].astype(np.float32), 1)
    columns, rows = np.arange(left - 0.5, right + 1), np.arange(top - 0.5, bottom + 1)
    lines = axes.contour(columns, rows, framed, levels=[0.5], colors=[colour], linewidths=width)
    lines.set_path_effects([Stroke(linewidth=width + 2 * RIM, foreground="black", alpha=0.75), Stroke()])
    across, down = _film_pixels(axes, width / 2 + RIM)
    for path in lines.get_paths():
        path.vertices = np.clip(path.vertices, (across, down), (mask.shape[1] - across, mask.shape[0] - down))
    if label:
        _name(axes, label, box=box, colour=colour, film_size=(mask.shape[0], mask.shape[1]))


def _film_pixels(axes: Axes, points: float) -> tuple[float, float]:
    """Return how many film pixels so many points are, across and down."""
    inches = axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return points / 72 * abs(right - left) / inches[0], points / 72 * abs(top - bottom) / inches[1]


def _name(axes: Axes, label: str, *, box: Box, colour: str, film_size: tuple[int, int]) -> None:
    left, top, right, bottom = box
    height, width = film_size
    above, below = top > 0.08 * height, bottom < 0.92 * height
    side = "left" if left < width / 3 else "right" if right > width * 2 / 3 else "center"
    x = {"left": left, "right": right, "center": (left + right) / 2}[side]
    words = axes.annotate(
        label,
        (min(max(x, 0.01 * width), 0.99 * width), bottom if below and not above else top),
        xytext=(0, 3 if above else -3),  # a mask as high as the film is named inside
        textcoords="offset points",
        ha=side,
        va="bottom" if above else "top",
        fontsize=6.5,
        color=colour,
        family=FONTS,
        parse_math=False,
    )
    words.set_path_effects([withStroke(linewidth=1.8, foreground="black", alpha=0.85)])


def arrow_at(axes: Axes, target: Box | np.ndarray, *, pixels: np.ndarray, colour: str = ARROW) -> None:
    """Draw an arrow that points at a box or mask from the side where the film is emptiest."""
    tail, tip = arrow_ends(target, pixels)
    arrow = axes.annotate(
        "",
        xy=tip,
        xytext=tail,
        arrowprops={
            "arrowstyle": "simple,head_length=0.62,head_width=0.62,tail_width=0.2",
            "mutation_scale": 16,
            "shrinkA": 0,
            "shrinkB": 0,
            "facecolor": colour,
            "edgecolor": "white",
            "linewidth": 0.7,
        },
    )
    arrow.set_clip_on(True)


def arrow_ends(target: Box | np.ndarray, pixels: np.ndarray) -> tuple[Point, Point]:
    """Return where an arrow at a box or mask starts and where its tip is.

    Of 16 directions the one is taken whose shaft crosses the least light (bone hides an arrow, and an arrow bone); the
    tip stops just outside the box. An arrow that has no room outside points from the box's own edge at its centre.

    Parameters
    ----------
    target
        (left, top, right, bottom), or a mask (h, w) whose tight box is taken.
    pixels
        The film (h, w).

    Returns
    -------
    tuple[Point, Point]
        Tail and tip, both inside the film.

    Raises
    ------
    OptionError
        The target is empty or lies outside the film.
    """
    box = _box_inside(target, pixels)
    height, width = pixels.shape
    diagonal = math.hypot(height, width)
    for length in LENGTHS:
        shafts = [
            _shaft(box, 2 * math.pi * turn / DIRECTIONS, length * diagonal, diagonal) for turn in range(DIRECTIONS)
        ]
        inside = [ends for ends in shafts if _is_inside(ends[0], pixels.shape, MARGIN * diagonal)]
        if inside:
            return min(inside, key=lambda ends: _light_along(ends, pixels))
    left, top, right, bottom = box
    middle = ((left + right) / 2, (top + bottom) / 2)
    return (left + (right - left) * 0.2, top + (bottom - top) * 0.2), middle


def _box_inside(target: Box | np.ndarray, pixels: np.ndarray) -> Box:
    check_pixels(pixels)
    if isinstance(target, np.ndarray):
        check_same_size(target, pixels, "mask")
    box = mask_box(target) if isinstance(target, np.ndarray) else target
    if box is None:
        raise OptionError("an arrow cannot point at an empty mask; leave it out")
    left, top, right, bottom = box
    height, width = pixels.shape
    inside = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if not (inside[0] < inside[2] and inside[1] < inside[3]):
        raise OptionError(f"box {box} does not lie on a film of {width} x {height} pixels (left, top, right, bottom)")
    return inside


def _shaft(box: Box, angle: float, length: float, diagonal: float) -> tuple[Point, Point]:
    left, top, right, bottom = box
    x, y = (left + right) / 2, (top + bottom) / 2
    dx, dy = math.cos(angle), math.sin(angle)
    # Where the ray from the centre leaves the box.
    across = (right - left) / 2 / abs(dx) if abs(dx) > 1e-9 else math.inf
    along = (bottom - top) / 2 / abs(dy) if abs(dy) > 1e-9 else math.inf
    start = min(across, along) + GAP * diagonal
    return (x + dx * (start + length), y + dy * (start + length)), (x + dx * start, y + dy * start)


def _is_inside(point: Point, film_size: tuple[int, ...], margin: float) -> bool:
    x, y = point
    return margin <= x <= film_size[1] - margin and margin <= y <= film_size[0] - margin


def _light_along(ends: tuple[Point, Point], pixels: np.ndarray) -> float:
    (x0, y0), (x1, y1) = ends
    steps = np.linspace(0, 1, 40)
    columns = (x0 + (x1 - x0) * steps).astype(int).clip(0, pixels.shape[1] - 1)
    rows = (y0 + (y1 - y0) * steps).astype(int).clip(0, pixels.shape[0] - 1)
    return float(pixels[rows, columns].mean())
