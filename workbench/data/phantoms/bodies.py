"""Tapered, curved three-dimensional bodies and how far a ray runs through them.

A body is a straight axis with elliptic cross sections whose centre and half-axes change along it. Projecting an
ellipse is exact: seen along a direction, an ellipse with half-axes a and b has a half-width w with
``w**2 = (a cos)**2 + (b sin)**2`` and its longest chord along the rays is ``2 a b / w``. So one table of a few
hundred cross sections gives the path lengths of a whole bone, whatever the view.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float, Float32

SAMPLES = 384
"""Cross sections in a body's table."""

Vector = Float[np.ndarray, "3"]
"""A point or direction (x, y, z) in millimetres; x and y as on the film, z along the rays."""
Matrix = Float[np.ndarray, "3 3"]
Paths = Float32[np.ndarray, "h w"]
"""Lengths of the rays inside a body, in millimetres."""
Sections = Float32[np.ndarray, " s"]
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
    side_core, depth_core
        Half-axes of what the denser outer layer holds: marrow within cortical bone, muscle within fat.
    """

    side_centre: Sections
    side_half: Sections
    depth_centre: Sections
    depth_half: Sections
    side_core: Sections
    depth_core: Sections

    @cached_property
    def reach(self) -> float:
        """Farthest that the body gets from its axis."""
        side = np.abs(self.side_centre) + self.side_half
        return float((side + np.abs(self.depth_centre) + self.depth_half).max())


@lru_cache(maxsize=256)
def outline(
    stations: tuple[tuple[float, ...], ...], caps: tuple[float, float] = (0.05, 0.05), plate: float = 0.012
) -> Outline:
    """Return the smooth outline through a few stations, closed at both ends.

    Parameters
    ----------
    stations
        Rows (share of the length, side centre, side half, depth centre, depth half, shell), from 0 to 1.
    caps
        Share of the length over which each end closes; 0.5 gives an egg, 0 an open end.
    plate
        Thickness of the shell at the ends, as a share of the length.

    Returns
    -------
    Outline
        Cached: the same stations give the same object.
    """
    from scipy.interpolate import PchipInterpolator

    places = np.linspace(0.0, 1.0, SAMPLES)
    table = np.array(stations, dtype=float)
    side_centre, side_half, depth_centre, depth_half, shell = PchipInterpolator(table[:, 0], table[:, 1:])(places).T
    closing = _cap(places, caps[0]) * _cap(1.0 - places, caps[1])
    side_half, depth_half = side_half * closing, depth_half * closing
    step = round(plate * SAMPLES)
    cores = (np.maximum(_narrowed(half, step) - shell, 0.0) for half in (side_half, depth_half))
    columns = (side_centre, side_half, depth_centre, depth_half, *cores)
    return Outline(*(column.astype(np.float32) for column in columns))


def _narrowed(half: Float[np.ndarray, " s"], step: int) -> Float[np.ndarray, " s"]:
    """Return the smallest half-axis within ``step`` sections, 0 beyond the ends: the shell closes the ends too."""
    if step == 0:
        return half
    padded = np.pad(half, step)
    return np.minimum(np.minimum(padded[: -2 * step], padded[2 * step :]), half)


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
    power = 2.4 if length < 0.08 else 2.0
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
    hollow
        How much of the core is missing in the middle of the shaft, where a long bone holds marrow only.
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
    hollow: float = 0.0
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
    along, aside_mm
        Coordinates of each pixel: share of the body's axis, and millimetres beside it.
    """

    patch: Patch
    whole: Paths
    core: Paths
    along: Paths
    aside_mm: Paths


def cast_shadow(body: Body, camera: Camera) -> Shadow | None:
    """Return the path lengths of all rays through a body, None where it lies outside the film."""
    start, end = camera.seen(body.start), camera.seen(body.end)
    axis = end - start
    length, run = math.hypot(*axis) or 1e-6, math.hypot(axis[0], axis[1]) or 1e-6
    seen_length = max(run, 0.3 * length)  # a bone seen end-on keeps some length
    direction = axis[:2] / run
    middle = (start[:2] + end[:2]) / 2
    patch = _patch(middle, direction * seen_length / 2, body.girth * body.outline.reach, camera)
    if patch is None:
        return None
    across = np.array([-direction[1], direction[0], 0.0]) @ camera.turn
    side_share, depth_share = float(across @ body.side), float(across @ body.depth)
    norm = math.hypot(side_share, depth_share) or 1.0
    shares = side_share / norm, depth_share / norm
    along, aside = _coordinates(patch, middle, direction / seen_length, camera.spacing_mm)
    aside *= np.float32(seen_length)
    if body.slant != (0.0, 0.0):
        along = along + _lean(body.slant, along) * aside * np.float32(side_share / length)
    blurred = max(1, round(camera.spacing_mm / seen_length * SAMPLES))
    whole, core = _chords(_projected(body, shares, blurred), along, aside, length / seen_length)
    if body.cut is not None:
        kept = _kept(body.cut, along * length, aside, shares, camera.spacing_mm)
        whole, core = whole * kept, core * kept
    return Shadow(patch, whole, core, along, aside)


def _coordinates(patch: Patch, middle: np.ndarray, per_mm: np.ndarray, spacing_mm: float) -> tuple[Paths, Paths]:
    """Return each pixel's share along the axis, from 0 to 1, and the same measure across it."""
    rows, columns = patch
    x = (np.arange(columns.start, columns.stop) + 0.5) * spacing_mm - middle[0]
    y = ((np.arange(rows.start, rows.stop) + 0.5) * spacing_mm - middle[1])[:, None]
    along = (x * per_mm[0] + 0.5).astype(np.float32) + (y * per_mm[1]).astype(np.float32)
    return along, (y * per_mm[0]).astype(np.float32) - (x * per_mm[1]).astype(np.float32)


def _projected(body: Body, shares: tuple[float, float], blurred: int) -> Float32[np.ndarray, "5 s"]:
    """Return centre, half-width, half-chord, and the core's, by cross section as seen on the film.

    Each is a mean over the ``blurred`` sections that one pixel covers, so that blunt ends have no stairs.
    """
    shape, girth = body.outline, np.float32(body.girth)
    side_share, depth_share = np.float32(shares[0]), np.float32(shares[1])
    centre = girth * (shape.side_centre * side_share + shape.depth_centre * depth_share)
    rows = [np.pad(centre, (blurred // 2, blurred - 1 - blurred // 2), mode="edge") if blurred > 1 else centre]
    window = np.full(blurred, 1.0 / blurred, dtype=np.float32)
    for side, depth in ((shape.side_half, shape.depth_half), (shape.side_core, shape.depth_core)):
        half = girth * np.sqrt((side * side_share) ** 2 + (depth * depth_share) ** 2) + np.float32(1e-6)
        chord = girth * girth * side * depth / half
        rows += [np.convolve(half, window), np.convolve(chord, window)] if blurred > 1 else [half, chord]
    return np.stack(rows)


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
    sections = table.shape[1]
    place = along * np.float32(SAMPLES - 1) + np.float32((sections - SAMPLES) / 2 + 0.5)
    index = place.astype(np.int32)
    inside = (place >= 0.0) & (index < sections)
    centre, half, chord, core_half, core_chord = table.take(index, axis=1, mode="clip")
    offset = aside - centre
    twice = np.where(inside, np.float32(2.0 * stretch), np.float32(0.0))
    whole = twice * chord * np.sqrt(np.maximum(1.0 - (offset / half) ** 2, 0.0))
    core = twice * core_chord * np.sqrt(np.maximum(1.0 - (offset / core_half) ** 2, 0.0))
    return whole, np.minimum(core, whole)


def _kept(cut: Cut, along_mm: Paths, aside: Paths, shares: tuple[float, float], spacing_mm: float) -> Paths:
    """Return the share of each ray on the kept side; a plane oblique to the rays gives a blurred line."""
    slope = cut.side_slope * shares[0] + cut.depth_slope * shares[1]
    hidden = abs(cut.depth_slope * shares[0] - cut.side_slope * shares[1])
    tooth = np.floor(aside).astype(np.int32)
    between = aside - tooth
    jags = (1.0 - between) * cut.teeth.take(tooth, mode="wrap") + between * cut.teeth.take(tooth + 1, mode="wrap")
    beyond = np.float32(cut.keep) * (along_mm - np.float32(cut.along_mm) - np.float32(slope) * aside - jags)
    return np.clip(beyond / np.float32(spacing_mm * (1.0 + 2.0 * hidden)) + 0.5, 0.0, 1.0).astype(np.float32)
