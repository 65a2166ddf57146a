"""Bones, metal and soft tissue as bodies in space.

A body is a tapered, curved sweep of ellipses, with ellipsoids joined to it and others carved out of it, and sometimes a
fracture across it. All of it lies in the frame of the body (side, axis, depth), so whoever moves a bone moves its knobs
and hollows too.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float, Float32

SAMPLES = 768
"""Cross sections in an outline."""

Vector = Float[np.ndarray, "3"]
"""A point or direction (x, y, z) in millimetres; x and y as on the film, z along the rays."""
Matrix = Float[np.ndarray, "3 3"]
Sections = Float32[np.ndarray, " s"]


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
        return float(np.hypot(side, np.abs(self.depth_centre) + self.depth_half).max())


@lru_cache(maxsize=512)
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


def _cap(places: Float[np.ndarray, " s"], share: float) -> Float[np.ndarray, " s"]:
    """Return a quarter ellipse that rises from 0 at the end to 1 at ``share`` of the length."""
    if share <= 0:
        return np.ones_like(places)
    near = np.clip(places / share, 0.0, 1.0)
    return np.sqrt(1.0 - (1.0 - near) ** 2)


def rod(radius: float, shell: float = 0.0, *, flat: float = 1.0, cap: float = 0.03) -> Outline:
    """Return the outline of a straight rod; ``flat`` is its depth as a share of its breadth."""
    row = (0.0, radius, 0.0, radius * flat, shell)
    return outline(((0.0, *row), (1.0, *row)), (cap, cap))


def egg(side_half: float, depth_half: float, shell: float = 0.0) -> Outline:
    """Return the outline of an ellipsoid."""
    row = (0.0, side_half, 0.0, depth_half, shell)
    return outline(((0.0, *row), (1.0, *row)), (0.5, 0.5), 0.0)


@dataclass(frozen=True)
class Lobe:
    """An ellipsoid in the frame of a body: a knob joined to it, or a hollow carved out of it.

    Parameters
    ----------
    along
        Where its centre lies, as a share of the body's length; may be below 0 or above 1.
    side_mm, depth_mm
        Where its centre lies beside the axis.
    half_side, half_along, half_depth
        Half-axes in millimetres.
    shell
        Thickness of the dense layer on it; of a hollow, around it.
    tilt_deg, lean_deg
        Turns from the axis towards side, and from the axis towards depth.
    strength
        Of a hollow: the share of the substance that is gone.
    uneven
        How three-cornered its outline is (along two directions), and how square; empty for a plain ellipsoid.
    """

    along: float
    side_mm: float
    depth_mm: float
    half_side: float
    half_along: float
    half_depth: float
    shell: float = 1.1
    tilt_deg: float = 0.0
    lean_deg: float = 0.0
    strength: float = 1.0
    uneven: tuple[float, ...] = ()

    def frame(self, girth: float, grown_mm: float) -> Matrix:
        """Return its three half-axes as columns (side, along, depth), grown by some millimetres."""
        halves = np.array([self.half_side, self.half_along, self.half_depth]) * girth + grown_mm
        tilt, lean = np.radians(self.tilt_deg), np.radians(self.lean_deg)
        tilted = np.array([[np.cos(tilt), np.sin(tilt), 0], [-np.sin(tilt), np.cos(tilt), 0], [0, 0, 1.0]])
        leant = np.array([[1.0, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
        return (tilted @ leant) * np.maximum(halves, 0.05)


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
        Jags of the line in millimetres, one a millimetre aside (wrapped around). The far wall of the bone breaks
        along other teeth than the near one: it takes them from half a turn on.
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
    outline
        The sweep along the axis; None for a body of lobes only.
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
    lobes, carves
        Ellipsoids joined to the sweep, and ellipsoids carved out of the whole.
    cuts
        Fractures across it.
    """

    name: str
    start: Vector
    end: Vector
    side: Vector
    depth: Vector
    outline: Outline | None
    shell_density: float
    core_density: float
    girth: float = 1.0
    slant: tuple[float, float] = (0.0, 0.0)
    texture: float = 0.0
    hollow: float = 0.0
    lobes: tuple[Lobe, ...] = ()
    carves: tuple[Lobe, ...] = ()
    cuts: tuple[Cut, ...] = ()

    def point(self, share: float) -> Vector:
        """Return the centre of the cross section at a share of the length."""
        on_axis = self.start + share * (self.end - self.start)
        if self.outline is None:
            return on_axis
        index = round(min(max(share, 0.0), 1.0) * (SAMPLES - 1))
        aside = self.side * self.outline.side_centre[index] + self.depth * self.outline.depth_centre[index]
        return on_axis + self.girth * aside

    def centre_of(self, lobe: Lobe) -> Vector:
        """Return where a lobe's centre lies in space."""
        on_axis = self.start + lobe.along * (self.end - self.start)
        return on_axis + self.girth * (lobe.side_mm * self.side + lobe.depth_mm * self.depth)

    def half_width(self, share: float) -> float:
        """Return the mean half-axis of the cross section at a share of the length, in millimetres."""
        if self.outline is None:
            return self.girth * max((lobe.half_side + lobe.half_depth) / 2 for lobe in self.lobes)
        index = round(min(max(share, 0.0), 1.0) * (SAMPLES - 1))
        return float(self.girth * (self.outline.side_half[index] + self.outline.depth_half[index]) / 2)

    @cached_property
    def length_mm(self) -> float:
        """Length of the axis."""
        return float(np.linalg.norm(self.end - self.start))

    @cached_property
    def axis(self) -> Vector:
        """Unit vector from start to end."""
        return (self.end - self.start) / self.length_mm

    @cached_property
    def frame(self) -> Matrix:
        """Side, axis and depth as columns."""
        return np.array([self.side, self.axis, self.depth]).T

    @cached_property
    def reach(self) -> float:
        """Farthest that the body gets from its axis, or beyond its ends."""
        far = [self.outline.reach] if self.outline else [0.0]
        for lobe in self.lobes:
            biggest = max(lobe.half_side, lobe.half_along, lobe.half_depth)
            far.append(float(np.hypot(lobe.side_mm, lobe.depth_mm)) + biggest)
        return self.girth * max(far)


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
