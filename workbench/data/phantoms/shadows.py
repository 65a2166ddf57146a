"""How far a ray runs through a body.

Projecting an ellipse is exact: seen along a direction, an ellipse with half-axes a and b has a half-width w with
``w**2 = (a cos)**2 + (b sin)**2``, and its longest chord along the rays is ``2 a b / w``. So one table of a few hundred
cross sections gives where the rays enter and leave a whole sweep, whatever the view; ellipsoids are exact anyhow. Where
parts of a body overlap, the rays enter at the first and leave at the last.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from workbench.data.phantoms.bodies import SAMPLES, Body, Camera, Cut, Lobe, Outline, Vector

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


@dataclass(frozen=True)
class Shadow:
    """What the rays meet of one body inside its patch of the film.

    Parameters
    ----------
    whole, core
        Path lengths through the whole body and through its core, less what is carved or cut away.
    span, core_span
        Where the rays enter and leave, as if nothing were carved or cut.
    along, aside_mm
        Coordinates of each pixel: share of the body's axis, and millimetres beside it.
    """

    patch: Patch
    whole: Paths
    core: Paths
    span: Span
    core_span: Span
    along: Paths
    aside_mm: Paths


@dataclass(frozen=True)
class _Sight:
    """A body as the camera sees it.

    Parameters
    ----------
    start, end
        Ends of the axis in film millimetres, with depth.
    length, seen_length
        Its length, and its length on the film.
    direction, middle
        Of the axis on the film.
    shares
        How much of ``side`` and of ``depth`` lies across the axis on the film.
    deep_shares
        How much of ``side`` and of ``depth`` lies along the rays.
    lean_share
        How much of ``side`` a slant can be seen by.
    """

    start: Vector
    end: Vector
    length: float
    seen_length: float
    direction: FilmPoint
    middle: FilmPoint
    shares: tuple[float, float]
    deep_shares: tuple[float, float]
    lean_share: float


def cast_shadow(body: Body, camera: Camera) -> Shadow | None:
    """Return the path lengths of all rays through a body, None where it lies outside the film."""
    sight = _sight(body, camera)
    patch = _patch(sight.middle, np.abs(sight.direction) * sight.seen_length * 0.55 + body.reach, camera)
    if patch is None:
        return None
    along, aside = _coordinates(patch, sight, camera.spacing_mm)
    shape = along.shape
    if body.outline is None:
        span, core_span = empty_span(shape), empty_span(shape)
    else:
        span, core_span = _swept(body, body.outline, sight, along, aside, camera)
    if body.lobes:
        _join_lobes(body, span, core_span, camera, patch)
    whole, core = span.length, core_span.length
    for lobe in body.carves:
        _carve(whole, span, _ellipsoid(body, lobe, 0.0, camera, patch), lobe.strength)
        _carve(core, core_span, _ellipsoid(body, lobe, lobe.shell, camera, patch), lobe.strength)
    np.minimum(core, whole, out=core)
    for cut in body.cuts:
        axis_depth = np.float32(sight.start[2]) + along * np.float32(sight.end[2] - sight.start[2])
        level = _level(cut, along * np.float32(sight.length), aside, sight)
        whole *= _kept(cut, level, aside, span, axis_depth, sight, camera.spacing_mm)
        core *= _kept(cut, level, aside, core_span, axis_depth, sight, camera.spacing_mm)
    return Shadow(patch, whole, core, span, core_span, along, aside)


def _sight(body: Body, camera: Camera) -> _Sight:
    start, end = camera.seen(body.start), camera.seen(body.end)
    axis = end - start
    length, run = math.hypot(*axis) or 1e-6, math.hypot(axis[0], axis[1]) or 1e-6
    direction = axis[:2] / run
    across = np.array([-direction[1], direction[0], 0.0]) @ camera.turn
    side_share, depth_share = float(across @ body.side), float(across @ body.depth)
    norm = math.hypot(side_share, depth_share) or 1.0
    shares = side_share / norm, depth_share / norm
    deep = camera.turn[2]
    hand = 1.0 if (deep @ body.depth) * shares[0] >= (deep @ body.side) * shares[1] else -1.0
    deep_shares = -hand * shares[1], hand * shares[0]
    seen_length = max(run, 0.3 * length)  # a bone seen end-on keeps some length
    return _Sight(
        start, end, length, seen_length, direction, (start[:2] + end[:2]) / 2, shares, deep_shares, side_share
    )


def _patch(middle: FilmPoint, spread: FilmPoint, camera: Camera) -> Patch | None:
    low = np.floor((middle - spread) / camera.spacing_mm - 1.0).astype(int)
    high = np.ceil((middle + spread) / camera.spacing_mm + 1.0).astype(int)
    height, width = camera.size
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), width), min(int(high[1]), height)
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def _coordinates(patch: Patch, sight: _Sight, spacing_mm: float) -> tuple[Paths, Paths]:
    """Return each pixel's share along the axis, from 0 to 1, and its millimetres beside it."""
    rows, columns = patch
    per_mm = sight.direction / sight.seen_length
    x = (np.arange(columns.start, columns.stop) + 0.5) * spacing_mm - sight.middle[0]
    y = ((np.arange(rows.start, rows.stop) + 0.5) * spacing_mm - sight.middle[1])[:, None]
    along = (x * per_mm[0] + 0.5).astype(np.float32) + (y * per_mm[1]).astype(np.float32)
    aside = (y * sight.direction[0]).astype(np.float32) - (x * sight.direction[1]).astype(np.float32)
    return along, aside


def _swept(body: Body, shape: Outline, sight: _Sight, along: Paths, aside: Paths, camera: Camera) -> tuple[Span, Span]:
    """Return where the rays enter and leave a sweep of ellipses, and its core."""
    table = _projected(
        shape, np.float32(body.girth), sight, max(1, round(camera.spacing_mm / sight.seen_length * SAMPLES))
    )
    leant = along
    if body.slant != (0.0, 0.0):
        leant = along + _lean(body.slant, along) * aside * np.float32(sight.lean_share / sight.length)
    sections = table.shape[1]
    place = leant * np.float32(SAMPLES - 1) + np.float32((sections - SAMPLES) / 2 + 0.5)
    index = place.astype(np.int32)
    inside = (place >= 0.0) & (index < sections)
    centre, half, chord, core_half, core_chord, depth, tilt = table.take(index, axis=1, mode="clip")
    offset = aside - centre
    stretch = np.float32(sight.length / sight.seen_length)
    middle = depth + tilt * offset
    middle += np.float32(sight.start[2]) + along * np.float32(sight.end[2] - sight.start[2])
    spans = []
    for width, reach in ((half, chord), (core_half, core_chord)):
        share = np.float32(1.0) - (offset / width) ** 2
        chords = stretch * reach * np.sqrt(np.maximum(share, np.float32(0.0)))
        chords[~(inside & (share > 0.0))] = -NOWHERE
        spans.append(Span(middle - chords, middle + chords))
    return spans[0], spans[1]


def _projected(shape: Outline, girth: np.float32, sight: _Sight, blurred: int) -> Float32[np.ndarray, "7 s"]:
    """Return by cross section, as seen on the film: centre, half-width, half-chord, the core's, depth and tilt.

    Tilt is how much deeper the middle of a chord lies per millimetre aside. Each is a mean over the ``blurred``
    sections that one pixel covers, so that blunt ends have no stairs.
    """
    side_share, depth_share = np.float32(sight.shares[0]), np.float32(sight.shares[1])
    centre = girth * (shape.side_centre * side_share + shape.depth_centre * depth_share)
    side_deep, depth_deep = np.float32(sight.deep_shares[0]), np.float32(sight.deep_shares[1])
    depth = girth * (shape.side_centre * side_deep + shape.depth_centre * depth_deep)
    rows = []
    for side, deep in ((shape.side_half, shape.depth_half), (shape.side_core, shape.depth_core)):
        half = girth * np.sqrt((side * side_share) ** 2 + (deep * depth_share) ** 2) + np.float32(1e-6)
        rows += [half, girth * girth * side * deep / half]
    turned = shape.side_half**2 * (side_share * side_deep) + shape.depth_half**2 * (depth_share * depth_deep)
    rows = [centre, *rows, depth, girth * girth * turned / rows[0] ** 2]
    if blurred == 1:
        return np.stack(rows)
    window, before = np.full(blurred, 1.0 / blurred, dtype=np.float32), blurred // 2
    ends = (before, blurred - 1 - before)
    open_rows = {0, 5, 6}  # centres go on beyond the ends, widths do not
    return np.stack(
        [np.pad(row, ends, mode="edge") if i in open_rows else np.convolve(row, window) for i, row in enumerate(rows)]
    )


def _lean(slant: tuple[float, float], along: Paths) -> Paths:
    """Return the slant by place: full at the ends, none from a fifth of the length on."""
    start = np.clip(1.0 - along * 5.0, 0.0, 1.0) * np.float32(slant[0])
    return start + np.clip(along * 5.0 - 4.0, 0.0, 1.0) * np.float32(slant[1])


def _ellipsoid(body: Body, lobe: Lobe, grown_mm: float, camera: Camera, patch: Patch) -> tuple[Span, Patch] | None:
    """Return the span of an ellipsoid and the part of ``patch`` that it covers, None where it covers none."""
    halves = camera.turn @ np.stack([body.side, body.axis, body.depth], axis=1) @ lobe.frame(body.girth, grown_mm)
    spread = halves @ halves.T
    x, y, z = camera.seen(body.centre_of(lobe))
    limits = _patch(np.array([x, y]), np.sqrt(np.diag(spread)[:2]), camera)
    inner = _within(limits, patch) if limits else None
    if inner is None:
        return None
    inverse, coupling = np.linalg.inv(spread[:2, :2]), spread[:2, 2]
    reach = math.sqrt(max(spread[2, 2] - coupling @ inverse @ coupling, 1e-9))
    slope = inverse @ coupling
    columns = np.arange(inner[1].start + patch[1].start, inner[1].stop + patch[1].start)
    rows = np.arange(inner[0].start + patch[0].start, inner[0].stop + patch[0].start)
    across = ((columns + 0.5) * camera.spacing_mm - x).astype(np.float32)
    down = ((rows + 0.5) * camera.spacing_mm - y).astype(np.float32)[:, None]
    share = np.float32(1.0) - np.float32(inverse[0, 0]) * across**2 - np.float32(inverse[1, 1]) * down**2
    share -= np.float32(2.0 * inverse[0, 1]) * across * down
    if lobe.uneven:
        share += _unevenness(
            lobe, across / np.float32(math.sqrt(spread[0, 0])), down / np.float32(math.sqrt(spread[1, 1]))
        )
    middle = np.float32(slope[0]) * across + (np.float32(slope[1]) * down + np.float32(z))
    chord = np.float32(reach) * np.sqrt(np.maximum(share, np.float32(0.0)))
    chord[share <= 0.0] = -NOWHERE
    return Span(middle - chord, middle + chord), inner


def _join_lobes(body: Body, span: Span, core_span: Span, camera: Camera, patch: Patch) -> None:
    """Join a body's lobes to its sweep; within them the shell is a coat on the whole, so that no walls part them."""
    coat_mm, size_mm = (np.zeros(span.near.shape, dtype=np.float32) for _ in range(2))
    for lobe in body.lobes:
        if part := _ellipsoid(body, lobe, 0.0, camera, patch):
            span.join(*part)
            met = part[0].far > part[0].near
            coat_mm[part[1]][met] = lobe.shell
            size_mm[part[1]][met] = body.girth * min(lobe.half_side, lobe.half_along, lobe.half_depth)
    rows, columns = np.flatnonzero(coat_mm.any(axis=1)), np.flatnonzero(coat_mm.any(axis=0))
    if not rows.size:
        return
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    wall, length, thin = coat_mm[box], span.length, size_mm[box]
    slant = slanted(length, camera.spacing_mm)[box]
    length = length[box]
    # Where a lobe merely rises from the bone, its rim is no wall: only towards the outline may the coat lie edge-on.
    edge = np.clip((np.float32(1.6) * thin - length) / np.maximum(np.float32(0.5) * thin, np.float32(0.1)), 0.0, 1.0)
    slant = np.minimum(slant, np.float32(1.6) + np.float32(10.0) * edge)
    coat = coat_of(length, slant, wall)
    deeper = (wall > 0) & (length - 2 * coat > core_span.length[box])
    np.copyto(core_span.near[box], span.near[box] + coat, where=deeper)
    np.copyto(core_span.far[box], span.far[box] - coat, where=deeper)


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


def _unevenness(lobe: Lobe, across: Float32[np.ndarray, " w"], down: Float32[np.ndarray, "h 1"]) -> Paths:
    """Return what makes an ellipsoid's outline a bit three- and four-cornered: harmonic polynomials."""
    third, fourth, square = map(np.float32, lobe.uneven)
    a, b = across * across, down * down
    bumps = third * across * (a - 3 * b) + fourth * down * (b - 3 * a)
    return bumps - square * (a * a - 6 * a * b + b * b)


def _within(limits: Patch, patch: Patch) -> Patch | None:
    """Return the part of ``patch`` within ``limits``, in the patch's own rows and columns."""
    inner = []
    for limit, outer in zip(limits, patch, strict=True):
        low, high = max(limit.start, outer.start), min(limit.stop, outer.stop)
        if low >= high:
            return None
        inner.append(slice(low - outer.start, high - outer.start))
    return inner[0], inner[1]


def _carve(path: Paths, span: Span, hollow: tuple[Span, Patch] | None, strength: float) -> None:
    """Take from the path lengths what a hollow has of them."""
    if hollow is not None:
        gone, patch = hollow
        left = path[patch] - np.float32(strength) * span.overlap(gone, patch)
        path[patch] = np.maximum(left, np.float32(0.0))


def _level(cut: Cut, along_mm: Paths, aside: Paths, sight: _Sight) -> Paths:
    """Return how far beyond the cut's plane each pixel lies along the axis, at the depth of the axis."""
    slope = cut.side_slope * sight.shares[0] + cut.depth_slope * sight.shares[1]
    return along_mm - np.float32(cut.along_mm) - np.float32(slope) * aside


def _kept(
    cut: Cut, level: Paths, aside: Paths, span: Span, axis_depth: Paths, sight: _Sight, spacing_mm: float
) -> Paths:
    """Return the share of each ray on the kept side of a cut; near and far wall break along teeth of their own."""
    hidden = np.float32(cut.side_slope * sight.deep_shares[0] + cut.depth_slope * sight.deep_shares[1])
    tooth = np.floor(aside).astype(np.int32)
    between = aside - tooth
    ends = []
    for wall, turn in ((span.near, 0), (span.far, cut.teeth.size // 2)):
        jags = (1.0 - between) * cut.teeth.take(tooth + turn, mode="wrap")
        jags += between * cut.teeth.take(tooth + turn + 1, mode="wrap")
        ends.append(np.float32(cut.keep) * (level - hidden * (wall - axis_depth) - jags))
    soft = np.float32(spacing_mm / 2)
    kept = (np.maximum(*ends) + soft) / (np.abs(ends[0] - ends[1]) + 2 * soft)
    return np.clip(kept, 0.0, 1.0).astype(np.float32)
