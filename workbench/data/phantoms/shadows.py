"""How far a ray runs through a body.

Projecting an ellipse is exact: seen along a direction, an ellipse with half-axes a and b has a half-width w with
``w**2 = (a cos)**2 + (b sin)**2``, and its longest chord along the rays is ``2 a b / w``. So one table of a few hundred
cross sections gives where the rays enter and leave a whole sweep, whatever the view; ellipsoids are exact anyhow. Where
parts of a body overlap, the rays enter at the first and leave at the last.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from workbench.data.phantoms.bodies import SAMPLES, Body, Camera, Cut, Outline, Vector
from workbench.data.phantoms.lobes import carve_lobe, join_lobes
from workbench.data.phantoms.spans import NOWHERE, FilmPoint, Patch, Paths, Span, empty_span, film_patch


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
    patch = film_patch(sight.middle, np.abs(sight.direction) * sight.seen_length * 0.55 + body.reach, camera)
    if patch is None:
        return None
    along, aside = _coordinates(patch, sight, camera.spacing_mm)
    shape = along.shape
    if body.outline is None:
        span, core_span = empty_span(shape), empty_span(shape)
    else:
        span, core_span = _swept(body, body.outline, sight, along, aside, camera)
    if body.lobes:
        join_lobes(body, span, core_span, camera, patch)
    whole, core = span.length, core_span.length
    for lobe in body.carves:
        carve_lobe(whole, span, body, lobe, camera, patch)
        carve_lobe(core, core_span, body, lobe, camera, patch, grown_mm=lobe.shell)
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


def _projected(shape: Outline, girth: np.float32, sight: _Sight, blurred: int) -> Float32[np.ndarray, "7 b"]:
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
    table = np.stack(rows)
    return table if blurred == 1 else _blurred(table, blurred)


def _blurred(table: Float32[np.ndarray, "7 s"], blurred: int) -> Float32[np.ndarray, "7 b"]:
    """Return running means of the widths, 0 beyond the ends; centres, depth and tilt go on there as they were."""
    sections, before = table.shape[1], blurred // 2
    smooth = np.empty((7, sections + blurred - 1), dtype=np.float32)
    on_axis, widths = [0, 5, 6], slice(1, 5)
    smooth[on_axis, before : before + sections] = table[on_axis]
    smooth[on_axis, :before] = table[on_axis, :1]
    smooth[on_axis, before + sections :] = table[on_axis, -1:]
    sums = np.zeros((4, sections + 2 * blurred - 1))
    np.cumsum(table[widths], axis=1, dtype=float, out=sums[:, blurred : blurred + sections])
    sums[:, blurred + sections :] = sums[:, blurred + sections - 1 : blurred + sections]
    smooth[widths] = (sums[:, blurred:] - sums[:, :-blurred]) / blurred
    return smooth


def _lean(slant: tuple[float, float], along: Paths) -> Paths:
    """Return the slant by place: full at the ends, none from a fifth of the length on."""
    start = np.clip(1.0 - along * 5.0, 0.0, 1.0) * np.float32(slant[0])
    return start + np.clip(along * 5.0 - 4.0, 0.0, 1.0) * np.float32(slant[1])


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
