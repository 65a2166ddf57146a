"""Broken bones: a jagged gap, a step and an angle between the fragments, sometimes a wedge or an impaction."""

from dataclasses import dataclass, replace

import numpy as np

from workbench.data.phantoms.bodies import Body, Cut, Sections, Vector
from workbench.data.phantoms.sites import SITES, Abnormality

TEETH = 64
"""Length of a fracture line's jags, in millimetres; then they repeat."""
PATTERNS = {"transverse": (0.0, 0.3), "oblique": (0.5, 1.0), "spiral": (1.2, 1.9)}
"""How far a fracture climbs along the bone per millimetre aside, at least and at most."""


@dataclass(frozen=True)
class _Break:
    """How a bone breaks: where, along which plane, and how far the fragments part, step and lean."""

    at_mm: float
    slopes: tuple[float, float]
    teeth: Sections
    gap_mm: float
    shift: Vector
    wedge_mm: float

    def cut(self, keep: int, beyond_mm: float = 0.0, *, mirrored: bool = False) -> Cut:
        sign = -1.0 if mirrored else 1.0
        at = self.at_mm + beyond_mm + keep * self.gap_mm / 2
        return Cut(at, sign * self.slopes[0], sign * self.slopes[1], self.teeth, keep)


def fractured(bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator) -> Abnormality:
    """Return bones of which one is broken, in a forearm sometimes both."""
    sites = SITES[body_part]
    site = sites[int(generator.integers(len(sites)))]
    both = body_part == "forearm" and generator.random() < 0.4
    chosen = {each.bone: each for each in (sites if both else (site,))}
    fragments: list[Body] = []
    places: list[tuple[Vector, float]] = []
    for body in bones:
        if body.name not in chosen:
            continue
        at = chosen[body.name]
        share = float(generator.uniform(at.low, at.high))
        found = _break(body, share, severity, generator)
        fragments += _fragments(body, share, found, generator)
        places.append((body.point(share), 1.1 * body.half_width(share) + float(np.linalg.norm(found.shift)) / 2 + 2.0))
    whole = tuple(body for body in bones if body.name not in chosen)
    return Abnormality((*whole, *fragments), (), tuple(places))


def _break(body: Body, share: float, severity: float, generator: np.random.Generator) -> _Break:
    half_width = min(body.half_width(share), 14.0)
    room = min(share, 1.0 - share) * body.length_mm
    shaft = room > 3.0 * half_width
    patterns = ("transverse", "oblique", "spiral") if shaft else ("transverse", "oblique")
    pattern = patterns[int(generator.integers(len(patterns)))]
    climb, angle = generator.uniform(*PATTERNS[pattern]), generator.uniform(0.0, 2.0 * np.pi)
    impacted = pattern == "transverse" and generator.random() < 0.3
    gap = severity * generator.uniform(0.8, 2.2) * min(1.0, 0.4 + half_width / 14.0)
    step = severity * min(half_width, 9.0) * generator.uniform(0.35, 1.1)
    bow = np.tan(np.radians(severity * generator.uniform(4.0, 18.0))) * min(room, 40.0)
    wedge = (
        half_width * generator.uniform(0.8, 1.4)
        if severity > 0.5 and shaft and climb > 0.4 and generator.random() < 0.5
        else 0.0
    )
    return _Break(
        at_mm=share * body.length_mm,
        slopes=(float(climb * np.cos(angle)), float(climb * np.sin(angle))),
        teeth=_teeth(half_width, generator) * np.float32(0.35 + 0.5 * severity),
        gap_mm=float(-1.2 * gap if impacted else gap + 0.2),
        shift=oblique_direction(body, generator) * float(step + 0.5 * bow),
        wedge_mm=float(wedge),
    )


def _teeth(half_width: float, generator: np.random.Generator) -> Sections:
    """Return the jags of a fracture line: long waves, and small teeth on them."""
    places = np.arange(TEETH) * (2.0 * np.pi / TEETH)
    teeth = 0.22 * np.clip(generator.normal(size=TEETH), -2.0, 2.0)
    for wave in range(2, 12):
        size = 0.10 * half_width / wave**0.5
        teeth += size * float(np.clip(generator.normal(), -2, 2)) * np.sin(wave * places + generator.uniform(0, 6.28))
    return teeth.astype(np.float32)


def _fragments(body: Body, share: float, found: _Break, generator: np.random.Generator) -> list[Body]:
    """Return the fragments: each turns about its own joint; in a short one all of the displacement shows."""
    near_share = 0.0 if share > 0.75 else 1.0 if share < 0.25 else 0.5
    near, far = found.shift * near_share, -found.shift * (1.0 - near_share)
    upper = replace(body, end=body.end + near / share, cuts=(found.cut(-1),))
    lower = replace(body, start=body.start + far / (1.0 - share), cuts=(found.cut(1),))
    if not found.wedge_mm:
        return [upper, lower]
    beyond = found.cut(1, found.wedge_mm, mirrored=True)
    lower = replace(lower, cuts=(*lower.cuts, beyond))
    aside = oblique_direction(body, generator) * float(generator.uniform(0.1, 0.35) * body.half_width(share))
    within = found.cut(-1, found.wedge_mm, mirrored=True)
    wedge = replace(lower, start=lower.start + aside, end=lower.end + aside, cuts=(found.cut(1), within))
    return [upper, lower, wedge]


def oblique_direction(body: Body, generator: np.random.Generator) -> Vector:
    """Return a direction aside that neither a frontal nor a lateral film sees end-on."""
    angle = np.radians(generator.uniform(25, 65))
    signs = generator.choice([-1, 1], size=2)
    return signs[0] * np.cos(angle) * body.side + signs[1] * np.sin(angle) * body.depth
