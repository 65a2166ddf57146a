"""Tapered, curved three-dimensional bodies and how far a ray runs through them.

A body is a straight axis with elliptic cross sections whose centre and half-axes change along it. Projecting an
ellipse is exact: seen along a direction, an ellipse with half-axes a and b has a half-width w with
``w**2 = (a cos)**2 + (b sin)**2`` and its longest chord along the rays is ``2 a b / w``. So one table of about a
hundred cross sections gives the path lengths of a whole bone, whatever the view.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

SAMPLES = 128
"""Cross sections in a body's table."""

Vector = Float[np.ndarray, "3"]
"""A point or direction (x, y, z) in millimetres; x and y as on the film, z along the rays."""
Matrix = Float[np.ndarray, "3 3"]
Paths = Float32[np.ndarray, "h w"]
"""Lengths of the rays inside a body, in millimetres."""
Sections = Float32[np.ndarray, "s"]
Patch = tuple[slice, slice]
"""Rows and columns of the film that a body may touch."""


@dataclass(frozen=True)
class Outline:
    """The cross sections of a body at :data:`SAMPLES` places from its start to its end, in millimetres.

    Parameters
    ----------
    side_centre, depth_centre
        Where the centre lies beside the axis.
    side_half, depth_half
        Half-axes of the ellipse.
    shell
        Thickness of the denser outer layer (cortical bone, or skin and fat around muscle).
    """

    side_centre: Sections
    side_half: Sections
    depth_centre: Sections
    depth_half: Sections
    shell: Sections


@lru_cache(maxsize=256)
def outline(stations: tuple[tuple[float, ...], ...], caps: tuple[float, float] = (0.05, 0.05)) -> Outline:
    """Return the smooth outline through a few stations, closed at both ends.

    Parameters
    ----------
    stations
        Rows (share of the length, side centre, side half, depth centre, depth half, shell), from 0 to 1.
    caps
        Share of the length over which each end closes; 0.5 gives an egg, 0 an open end.
    """
    from scipy.interpolate import PchipInterpolator

    places = np.linspace(0.0, 1.0, SAMPLES)
    table = np.array(stations, dtype=float)
    side_centre, side_half, depth_centre, depth_half, shell = PchipInterpolator(table[:, 0], table[:, 1:])(places).T
    closing = _cap(places, caps[0]) * _cap(1.0 - places, caps[1])
    columns = (side_centre, side_half * closing, depth_centre, depth_half * closing, shell)
    return Outline(*(column.astype(np.float32) for column in columns))


def rod(radius: float, shell: float = 0.0, *, flat: float = 1.0, cap: float = 0.03) -> Outline:
    """Return the outline of a straight rod; ``flat`` is its depth as a share of its breadth."""
    row = (0.0, radius, 0.0, radius * flat, shell)
    return outline(((0.0, *row), (1.0, *row)), (cap, cap))


def egg(side_half: float, depth_half: float, shell: float = 0.0) -> Outline:
    """Return the outline of an ellipsoid."""
    row = (0.0, side_half, 0.0, depth_half, shell)
    return outline(((0.0, *row), (1.0, *row)), (0.5, 0.5))


def _cap(distance: np.ndarray, length: float) -> np.ndarray:
    """Close an end: a superellipse from 0 at the tip to 1 at ``length``, blunter than a circle."""
    if length <= 0:
        return np.ones_like(distance)
    power = 2.4 if length < 0.4 else 2.0
    return (1.0 - np.clip(1.0 - distance / length, 0.0, 1.0) ** power) ** (1.0 / power)


@dataclass(frozen=True)
class Cut:
    """A jagged plane across a body, of which one side is kept: a fracture seen from one fragment.

    Parameters
    ----------
    along_mm
        Where the plane meets the axis, measured from the start.
    side_slope, depth_slope
        How far the plane climbs along the axis per millimetre aside.
    teeth
        Jags of the line in millimetres, one a millimetre aside (wrapped around).
    keep
        -1 keeps what lies towards the start, +1 what lies towards the end.
    """

    along_mm: float
    side_slope: float
    depth_slope: float
    teeth: Sections
    keep: int


@dataclass(frozen=True)
class Body:
    """One bone, piece of metal or stretch of soft tissue in space.

    Parameters
    ----------
    start, end
        Ends of the axis.
    side, depth
        Unit vectors that the half-axes of the cross sections lie along.
    shell_density, core_density
        Attenuation per millimetre of the outer layer and of what it holds.
    girth
        Factor on every cross section, but not on the length.
    slant
        How far each end (start, end) leans towards ``side``, per millimetre aside.
    texture
        Strength of the trabecular pattern in the core.
    """

    name: str
    start: Vector
    end: Vector
    side: Vector
    depth: Vector
    outline: Outline
    shell_density: float
    core_density: float
    girth: float = 1.0
    slant: tuple[float, float] = (0.0, 0.0)
    texture: float = 0.0
    cut: Cut | None = None

    def point(self, share: float) -> Vector:
        """Return the centre of the cross section at a share of the length."""
        index = round(share * (SAMPLES - 1))
        aside = self.side * self.outline.side_centre[index] + self.depth * self.outline.depth_centre[index]
        return self.start + share * (self.end - self.start) + self.girth * aside

    def half_width(self, share: float) -> float:
        """Return the mean half-axis of the cross section at a share of the length, in millimetres."""
        index = round(share * (SAMPLES - 1))
        return float(self.girth * (self.outline.side_half[index] + self.outline.depth_half[index]) / 2)

    @property
    def length_mm(self) -> float:
        """Length of the axis."""
        return float(np.linalg.norm(self.end - self.start))


@dataclass(frozen=True)
class Camera:
    """Where the film stands: takes millimetres of the body to millimetres on the film, z along the rays.

    Parameters
    ----------
    turn
        Rotation (and mirroring) of space.
    origin
        The point of the body that falls on ``shift_mm`` from the middle of the film.
    spacing_mm
        Side of a pixel.
    size
        Height and width of the film in pixels.
    """

    turn: Matrix
    origin: Vector
    shift_mm: tuple[float, float]
    spacing_mm: float
    size: tuple[int, int]

    def seen(self, point: Vector) -> Vector:
        """Return a point in film millimetres from the film's upper left corner."""
        height, width = self.size
        middle = np.array(
            [width / 2 * self.spacing_mm + self.shift_mm[0], height / 2 * self.spacing_mm + self.shift_mm[1], 0]
        )
        return self.turn @ (point - self.origin) + middle


@dataclass(frozen=True)
class Shadow:
    """What the rays meet of one body inside its patch of the film.

    Parameters
    ----------
    whole, core
        Path lengths through the whole body and through its core.
    along_mm, aside_mm
        Coordinates of each pixel along the body's axis and beside it.
    """

    patch: Patch
    whole: Paths
    core: Paths
    along_mm: Paths
    aside_mm: Paths


def cast_shadow(body: Body, camera: Camera) -> Shadow | None:
    """Return the path lengths of all rays through a body, None where it lies outside the film."""
    start, end = camera.seen(body.start), camera.seen(body.end)
    axis = end - start
    length = max(float(np.linalg.norm(axis)), 1e-6)
    seen_length = max(float(np.hypot(axis[0], axis[1])), 0.3 * length)  # a bone seen end-on keeps some length
    direction = axis[:2] / max(float(np.hypot(axis[0], axis[1])), 1e-6)
    across = np.array([-direction[1], direction[0], 0.0])
    side_share, depth_share = float(across @ camera.turn @ body.side), float(across @ camera.turn @ body.depth)
    norm = np.hypot(side_share, depth_share) or 1.0
    table = _projected(body, side_share / norm, depth_share / norm, length)
    reach = float(np.abs(table[0]).max() + table[1].max())
    middle = (start[:2] + end[:2]) / 2
    patch = _patch(middle, direction * seen_length / 2, reach, camera)
    if patch is None:
        return None
    rows, columns = patch
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) * camera.spacing_mm - middle[0]
    y = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * camera.spacing_mm - middle[1])[:, None]
    along = ((x * direction[0] + y * direction[1]) / seen_length + 0.5).astype(np.float32)
    aside = (y * direction[0] - x * direction[1]).astype(np.float32)
    if body.slant != (0.0, 0.0):
        along = along + _lean(body.slant, along) * aside * np.float32(side_share / length)
    whole, core = _chords(table, along, aside, length / seen_length)
    if body.cut is not None:
        kept = _kept(body.cut, along * length, aside, (side_share / norm, depth_share / norm), camera.spacing_mm)
        whole, core = whole * kept, core * kept
    return Shadow(patch, whole, core, along * np.float32(length), aside)


def _projected(body: Body, side_share: float, depth_share: float, length: float) -> Float32[np.ndarray, "5 s"]:
    """Return centre, half-width, half-chord, and half-width and half-chord of the core, by cross section."""
    shape, girth = body.outline, np.float32(body.girth)
    centre = girth * (shape.side_centre * np.float32(side_share) + shape.depth_centre * np.float32(depth_share))
    side, depth = girth * shape.side_half, girth * shape.depth_half
    shell = girth * shape.shell
    step = max(1, round(float(shell[0] + shell[-1]) / 2 / length * SAMPLES))
    core_side, core_depth = (np.maximum(_narrowed(half, step) - shell, 0.0) for half in (side, depth))
    rows = [centre]
    for a, b in ((side, depth), (core_side, core_depth)):
        half = np.sqrt((a * side_share) ** 2 + (b * depth_share) ** 2) + 1e-6
        rows += [half, a * b / half]
    return np.stack(rows).astype(np.float32)


def _narrowed(half: Sections, step: int) -> Sections:
    """Return the smallest half-axis within ``step`` sections, 0 beyond the ends: the shell closes the ends too."""
    padded = np.pad(half, step)
    return np.minimum(np.minimum(padded[: -2 * step], padded[2 * step :]), half)


def _patch(middle: np.ndarray, arm: np.ndarray, reach: float, camera: Camera) -> Patch | None:
    spread = np.abs(arm) * 1.1 + reach + camera.spacing_mm
    low = np.floor((middle - spread) / camera.spacing_mm).astype(int)
    high = np.ceil((middle + spread) / camera.spacing_mm).astype(int)
    height, width = camera.size
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def _lean(slant: tuple[float, float], along: Paths) -> Paths:
    """Return the slant by place: full at the ends, none from a fifth of the length on."""
    start = np.clip(1.0 - along * 5.0, 0.0, 1.0) * np.float32(slant[0])
    return start + np.clip(along * 5.0 - 4.0, 0.0, 1.0) * np.float32(slant[1])


def _chords(table: Float32[np.ndarray, "5 s"], along: Paths, aside: Paths, stretch: float) -> tuple[Paths, Paths]:
    inside = (along >= 0.0) & (along <= 1.0)
    index = np.where(inside, along * np.float32(SAMPLES - 1) + np.float32(0.5), 0.0).astype(np.intp)
    centre, half, chord, core_half, core_chord = (row.take(index) for row in table)
    offset = aside - centre
    twice = np.where(inside, np.float32(2.0 * stretch), np.float32(0.0))
    whole = twice * chord * np.sqrt(np.maximum(1.0 - (offset / half) ** 2, 0.0))
    core = twice * core_chord * np.sqrt(np.maximum(1.0 - (offset / core_half) ** 2, 0.0))
    return whole, np.minimum(core, whole)


def _kept(cut: Cut, along_mm: Paths, aside: Paths, shares: tuple[float, float], spacing_mm: float) -> Paths:
    """Return the share of each ray on the kept side; a plane oblique to the rays gives a blurred line."""
    slope = cut.side_slope * shares[0] + cut.depth_slope * shares[1]
    hidden = abs(cut.depth_slope * shares[0] - cut.side_slope * shares[1])
    jags = cut.teeth.take(np.rint(aside).astype(np.intp), mode="wrap")
    beyond = along_mm - np.float32(cut.along_mm) - np.float32(slope) * aside - jags
    return np.clip(
        np.float32(cut.keep) * beyond / np.float32(spacing_mm * (1.0 + 2.0 * hidden)) + 0.5, 0.0, 1.0
    ).astype(np.float32)
