"""Worn joints (narrow, dense, with spurs and cysts) and joints that have given way."""

from dataclasses import replace

import numpy as np

from workbench.data.phantoms.bodies import Body, Lobe, Vector
from workbench.data.phantoms.fractures import oblique_direction
from workbench.data.phantoms.frames import crossed
from workbench.data.phantoms.patient import bone
from workbench.data.phantoms.sites import JOINTS, SLIPS, Abnormality, named, swapped


def degenerated(
    bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator
) -> Abnormality:
    """Return bones with a worn joint: less gap, dense surfaces, spurs at the margins, small cysts under them."""
    joints = JOINTS[body_part]
    joint = joints[int(generator.integers(len(joints)))]
    body = named(bones, joint.bone)
    if body_part in ("shoulder", "humerus"):
        worn, place, axis, half_width = _worn_shoulder(body, severity, generator)
    else:
        worn, place, axis, half_width = _worn_end(body, joint.end, joint.gap_mm, severity, generator)
    changes = {body.name: worn}
    if "phalanx" in joint.partner:
        partner = named(bones, joint.partner)
        changes[joint.partner] = _worn_end(partner, 0, 0.2 * joint.gap_mm, severity, generator)[0]
    added = [_sclerosis(place + axis * depth * half_width, axis, body, half_width, severity) for depth in (-0.16, 0.10)]
    added = added if joint.partner != "ulna" else added[:1]
    return Abnormality((*swapped(bones, changes), *added), (), ((place, 1.25 * half_width + 3.0),))


def _worn_end(
    body: Body, end: int, gap_mm: float, severity: float, generator: np.random.Generator
) -> tuple[Body, Vector, Vector, float]:
    """Return a bone grown into its joint, where that joint is, the axis that points there, and the end's half-width."""
    half_width = min(body.half_width(abs(end - 0.06)), 20.0)
    axis = body.axis if end else -body.axis
    growth = axis * min(0.9, 0.2 + 0.75 * severity) * gap_mm
    grown = replace(body, end=body.end + growth) if end else replace(body, start=body.start + growth)
    spurs, cysts = [], []
    for side, depth in ((1.0, 0.0), (-1.0, 0.0), (0.6, 0.7), (-0.6, -0.7)):
        size = half_width * severity * float(generator.uniform(0.16, 0.42))
        along = abs(end - (0.4 * size + 0.8) / body.length_mm)
        reach = half_width * 0.92
        lean = 35.0 * side * (1.0 if end else -1.0)
        spurs.append(_knob(body, (along, side * reach, depth * reach), (0.75 * size, 1.1 * size, 0.7 * size), lean))
    for _ in range(int(generator.integers(0, 3))):
        size = half_width * severity * float(generator.uniform(0.12, 0.2))
        aside = generator.uniform(-0.5, 0.5, size=2) * half_width
        along = abs(end - (2.0 * size + 1.0) / body.length_mm)
        cysts.append(Lobe(along, float(aside[0]), float(aside[1]), size, size, size, 0.5, strength=0.9))
    grown = replace(grown, lobes=(*grown.lobes, *spurs), carves=(*grown.carves, *cysts))
    return grown, body.point(float(end)), axis, half_width


def _worn_shoulder(body: Body, severity: float, generator: np.random.Generator) -> tuple[Body, Vector, Vector, float]:
    """Return a humerus whose head lies against the glenoid, with the beard-like spur below it."""
    head = body.lobes[0]
    moved = replace(head, side_mm=head.side_mm + 3.2 * severity, half_along=head.half_along - 1.5 * severity)
    size = severity * float(generator.uniform(4.0, 8.0))
    spur = _knob(body, (0.148, head.side_mm + 12.0, 0.0), (0.9 * size, 1.2 * size, 1.2 * size), 40.0)
    side = body.side
    place = body.centre_of(head) + side * head.half_side * body.girth
    return replace(body, lobes=(moved, *body.lobes[1:], spur)), place, side, 15.0


def _knob(body: Body, place: tuple[float, float, float], halves: tuple[float, float, float], tilt_deg: float) -> Lobe:
    """Return a spur; sizes in real millimetres, whatever the girth of the bone."""
    along, side, depth = place
    half_side, half_along, half_depth = (max(half, 0.3) / body.girth for half in halves)
    return Lobe(along, side / body.girth, depth / body.girth, half_side, half_along, half_depth, 0.5, tilt_deg=tilt_deg)


def _sclerosis(centre: Vector, axis: Vector, body: Body, half_width: float, severity: float) -> Body:
    """Return a lens of dense bone under a joint's surface."""
    reach = axis * 0.30 * half_width
    lens = Lobe(0.5, 0.0, 0.0, 0.85 * half_width, 0.30 * half_width, 0.80 * half_width)
    dense = 0.42 * (0.25 + severity) / (1.6 * half_width)
    side = _square_to(axis, body.side)
    return replace(
        bone("sclerosis", centre - reach, centre + reach, None),
        side=side,
        depth=crossed(axis, side),
        lobes=(lens,),
        shell_density=dense,
        core_density=dense,
        texture=1.2,
    )


def _square_to(axis: Vector, towards: Vector) -> Vector:
    side = towards - (towards @ axis) * axis
    if np.linalg.norm(side) < 0.1:
        side = np.array([axis[1], -axis[0], 0.0]) + 1e-3
        side -= (side @ axis) * axis
    return side / np.linalg.norm(side)


def subluxated(bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator) -> Abnormality:
    """Return bones of which one, with all that hangs on it, has slipped out of its joint."""
    slips = SLIPS[body_part]
    slip = slips[int(generator.integers(len(slips)))]
    first = named(bones, slip.moved[0])
    direction = np.array(slip.direction)
    if not direction.any():
        direction = oblique_direction(first, generator) - 0.35 * first.axis
    offset = direction / np.linalg.norm(direction) * slip.reach_mm * severity * float(generator.uniform(0.6, 1.0))
    changes = {}
    for name in slip.moved:
        body = named(bones, name)
        start = body.start + (0.0 if slip.pinned and slip.end == 1 else 1.0) * offset
        end = body.end + (0.0 if slip.pinned and slip.end == 0 else 1.0) * offset
        changes[name] = replace(body, start=start, end=end)
    moved = changes[first.name]
    half_width = min(first.half_width(abs(slip.end - 0.05)), 24.0)
    middle = (first.point(float(slip.end)) + moved.point(float(slip.end))) / 2
    return Abnormality(swapped(bones, changes), (), ((middle, 1.2 * half_width + float(np.linalg.norm(offset)) / 2),))
