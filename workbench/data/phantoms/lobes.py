"""Ellipsoids that are joined to a body or carved out of it; their path lengths are exact in any direction."""

import math

import numpy as np
from jaxtyping import Float32

from workbench.data.phantoms.bodies import Body, Camera, Lobe
from workbench.data.phantoms.spans import NOWHERE, Patch, Paths, Span, coat_of, film_patch, slanted


def join_lobes(body: Body, span: Span, core_span: Span, camera: Camera, patch: Patch) -> None:
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


def carve_lobe(
    path: Paths, span: Span, body: Body, lobe: Lobe, camera: Camera, patch: Patch, *, grown_mm: float = 0.0
) -> None:
    """Take from the path lengths what a hollow, grown by some millimetres, has of them."""
    if hollow := _ellipsoid(body, lobe, grown_mm, camera, patch):
        gone, inner = hollow
        left = path[inner] - np.float32(lobe.strength) * span.overlap(gone, inner)
        path[inner] = np.maximum(left, np.float32(0.0))


def _ellipsoid(body: Body, lobe: Lobe, grown_mm: float, camera: Camera, patch: Patch) -> tuple[Span, Patch] | None:
    """Return the span of an ellipsoid and the part of ``patch`` that it covers, None where it covers none."""
    halves = camera.turn @ body.frame @ lobe.frame(body.girth, grown_mm)
    spread = halves @ halves.T
    x, y, z = camera.seen(body.centre_of(lobe))
    limits = film_patch(np.array([x, y]), np.sqrt(np.diag(spread)[:2]), camera)
    inner = _within(limits, patch) if limits else None
    if inner is None:
        return None
    (xx, xy, xz), (_, yy, yz), (_, _, zz) = spread.tolist()
    inverse = np.array([[yy, -xy], [-xy, xx]]) / (xx * yy - xy * xy)
    slope = inverse @ (xz, yz)
    reach = math.sqrt(max(zz - xz * slope[0] - yz * slope[1], 1e-9))
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
