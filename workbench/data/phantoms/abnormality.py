"""What is wrong with a bone, put into a patient's arm."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from workbench.core.seeding import derived_generator
from workbench.data.phantoms.bodies import Body, Lobe
from workbench.data.phantoms.fractures import fractured
from workbench.data.phantoms.implants import implanted
from workbench.data.phantoms.joints import degenerated, subluxated
from workbench.data.phantoms.sites import SITES, Abnormality, named, swapped


def afflict(bones: tuple[Body, ...], body_part: str, *, kind: str, difficulty: float, seed: int) -> Abnormality:
    """Return the bones with an abnormality of a kind; the same seed has it at the same place in every view."""
    generator = derived_generator(seed, "abnormality", kind)
    severity = (1.0 - 0.85 * difficulty) * float(generator.uniform(0.85, 1.15))
    return _KINDS[kind](bones, body_part, severity, generator)


def _normal(bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator) -> Abnormality:
    del body_part, severity, generator
    return Abnormality(bones)


def _lesioned(bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator) -> Abnormality:
    """Return bones of which one has lost substance: in one lobed hole, with or without a rim, or as if moth-eaten."""
    sites = SITES[body_part]
    site = sites[int(generator.integers(len(sites)))]
    body = named(bones, site.bone)
    share = float(generator.uniform(site.low, site.high))
    half_width = min(body.half_width(share), 16.0) / body.girth
    moth_eaten = generator.random() < 0.3
    eat = _moth_holes if moth_eaten else _round_hole
    holes, radius = eat(share, half_width, severity, body, generator)
    eaten = replace(body, carves=(*body.carves, *holes))
    return Abnormality(swapped(bones, {body.name: eaten}), (), ((body.point(share), radius * body.girth),))


def _round_hole(
    share: float, half_width: float, severity: float, body: Body, generator: np.random.Generator
) -> tuple[list[Lobe], float]:
    radius = half_width * (0.28 + 0.52 * severity) * float(generator.uniform(0.9, 1.15))
    rim = float(generator.choice((0.0, 0.7)))
    aside = _aside(half_width, radius, generator)
    centre = body.point(share) - body.start
    side, depth = (float(centre @ axis) / body.girth for axis in (body.side, body.depth))
    third, fourth, stretch, tilt = generator.uniform(-1.0, 1.0, size=4)
    hole = Lobe(
        share,
        side + aside[0],
        depth + aside[1],
        radius,
        radius * (1.5 + 0.4 * float(stretch)),
        radius,
        rim,
        tilt_deg=20.0 * float(tilt),
        strength=min(0.3 + 0.6 * severity, 0.92),
        uneven=(0.16 * float(third), 0.16 * float(fourth), 0.06),
    )
    return [hole], 1.8 * radius + 2.0


def _aside(half_width: float, radius: float, generator: np.random.Generator) -> tuple[float, float]:
    """Return how far beside the bone's middle a hole lies: where it reaches the cortex from within."""
    angle = generator.uniform(0.0, 2.0 * np.pi)
    reach = max(half_width - 0.75 * radius, 0.0)
    return float(reach * np.cos(angle)), float(reach * np.sin(angle))


def _moth_holes(
    share: float, half_width: float, severity: float, body: Body, generator: np.random.Generator
) -> tuple[list[Lobe], float]:
    spread = half_width * (0.7 + 0.5 * severity)
    centre = body.point(share) - body.start
    side, depth = (float(centre @ axis) / body.girth for axis in (body.side, body.depth))
    holes = []
    for _ in range(int(8 + 10 * min(severity, 1.0))):
        angle, along = generator.uniform(0.0, 2.0 * np.pi), float(generator.normal(0.0, 0.6))
        place = share + along * spread / body.length_mm
        ring = half_width * float(generator.uniform(0.3, 0.95))
        size = half_width * (0.10 + 0.14 * severity) * float(generator.uniform(0.7, 1.4))
        x, z = side + ring * float(np.cos(angle)), depth + ring * float(np.sin(angle))
        holes.append(Lobe(place, x, z, size, 1.4 * size, size, 0.0, strength=0.9))
    return holes, 1.5 * spread + 1.0


_KINDS: dict[str, Callable[[tuple[Body, ...], str, float, np.random.Generator], Abnormality]] = {
    "normal": _normal,
    "fracture": fractured,
    "hardware": implanted,
    "degenerative": degenerated,
    "subluxation": subluxated,
    "lesion": _lesioned,
}
