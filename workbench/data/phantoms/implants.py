"""Metal that surgeons leave: plates and screws, wires, nails, and replaced joints."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from workbench.data.phantoms.bodies import Body, Cut, Vector, egg, outline, rod
from workbench.data.phantoms.fractures import oblique_direction
from workbench.data.phantoms.frames import crossed
from workbench.data.phantoms.patient import bone
from workbench.data.phantoms.sites import SITES, Abnormality, Site, named, swapped

STEEL, TITANIUM = 1.1, 0.5
"""Attenuation per millimetre."""
THREAD = outline(
    tuple((k / 40, 0.0, 1.0 if k % 2 else 0.72, 0.0, 1.0 if k % 2 else 0.72, 0.0) for k in range(41)), (0.0, 0.12)
)
"""The outline of a screw's threaded shaft, 1 mm thick in radius."""


def implanted(bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator) -> Abnormality:
    """Return bones with metal in them; hard cases have little of it, and of the lighter metal."""
    sites = SITES[body_part]
    site = sites[int(generator.integers(len(sites)))]
    implant = site.implants[int(generator.integers(len(site.implants)))]
    if severity < 0.45:  # what remains after a removal, or never was more
        implant = "screws" if generator.random() < 0.6 or "wires" not in site.implants else "wires"
    body = named(bones, site.bone)
    metals, changed = _IMPLANTS[implant](body, site, min(severity, 1.0), generator)
    density = STEEL if generator.random() < severity else TITANIUM
    metals = [replace(metal, shell_density=density, core_density=density) for metal in metals]
    return Abnormality(swapped(bones, {body.name: changed}) if changed is not body else bones, tuple(metals))


Implant = tuple[list[Body], Body]
"""Pieces of metal, and the bone as it is with them."""


def _metal(
    start: Vector, end: Vector, radius: float, *, facing: Vector | None = None, flat: float = 1.0, cap: float = 0.04
) -> Body:
    body = replace(bone("metal", start, end, rod(radius, flat=flat, cap=cap)), texture=0.0)
    if facing is None:
        return body
    axis = (end - start) / np.linalg.norm(end - start)
    facing = facing - (facing @ axis) * axis
    facing = facing / np.linalg.norm(facing)
    return replace(body, depth=facing, side=crossed(axis, facing))


def _screw(head: Vector, direction: Vector, length_mm: float, radius: float) -> list[Body]:
    """Return the threaded shaft and the head of a screw."""
    shaft = replace(bone("metal", head, head + direction * length_mm, THREAD), girth=radius, texture=0.0)
    top = _metal(head - direction * 0.9 * radius, head + direction * 0.9 * radius, 1.75 * radius, cap=0.3)
    return [shaft, top]


def _share(site: Site, generator: np.random.Generator) -> float:
    return float(generator.uniform(site.low, site.high))


def _plate(body: Body, site: Site, severity: float, generator: np.random.Generator) -> Implant:
    """Return a plate on the bone's surface with screws through both cortices; it is waisted between its holes."""
    del severity  # a plate is never small
    share = _share(site, generator)
    half_width = min(body.half_width(share), 11.0)
    half_length = min(half_width * generator.uniform(3.2, 5.2), 0.38 * body.length_mm) / body.length_mm
    low, high = max(share - half_length, 0.04), min(share + half_length, 0.96)
    aside = oblique_direction(body, generator)
    start, end = (body.point(at) + aside * (body.half_width(at) * 0.98 + 0.8) for at in (low, high))
    holes = int(generator.integers(4, 8))
    breadth, thickness = max(0.46 * half_width, 2.2), max(0.15 * half_width, 0.8)
    stations = []
    for hole in range(2 * holes + 1):
        half = breadth * (1.0 if hole % 2 else 0.8)
        stations.append((hole / (2 * holes), 0.0, half, 0.0, thickness, 0.0))
    plate = replace(_metal(start, end, breadth, facing=aside), outline=outline(tuple(stations), (0.03, 0.03)))
    metals = [plate]
    run = end - start
    for hole in range(holes):
        if holes > 4 and generator.random() < 0.15:
            continue
        at = (hole + 0.5) / holes
        depth = 2.0 * body.half_width(low + at * (high - low)) * generator.uniform(0.95, 1.15)
        lean = -aside + 0.06 * float(generator.normal()) * body.axis
        metals += _screw(
            start + at * run + aside * 0.8, lean / np.linalg.norm(lean), depth, max(0.16 * half_width, 0.9)
        )
    return metals, body


def _screws(body: Body, site: Site, severity: float, generator: np.random.Generator) -> Implant:
    """Return one to three screws across the bone and nothing else."""
    share, metals = _share(site, generator), []
    half_width = body.half_width(share)
    aside = oblique_direction(body, generator)
    count = 1 + int(generator.integers(0, 3)) * (severity > 0.4)
    for index in range(count):
        at = share + (index - (count - 1) / 2) * 1.1 * min(half_width, 9.0) / body.length_mm
        direction = -aside + 0.35 * float(generator.normal()) * body.axis
        direction = direction / np.linalg.norm(direction)
        reach = body.half_width(at)
        radius = max(0.13 * min(half_width, 9.0), 0.75) * (0.75 + 0.35 * severity)
        metals += _screw(body.point(at) - direction * reach, direction, 2.0 * reach * (0.5 + 0.5 * severity), radius)
    return metals, body


def _wires(body: Body, site: Site, severity: float, generator: np.random.Generator) -> Implant:
    """Return one to three Kirschner wires that cross near a place, their ends bent over outside the bone."""
    share = _share(site, generator)
    half_width, aside = body.half_width(share), oblique_direction(body, generator)
    wires = []
    radius = float(np.clip(0.11 * half_width, 0.62, 1.0)) * (0.7 + 0.4 * severity)
    for index in range(1 + int(severity > 0.4) + int(generator.integers(2))):
        lean = (-1) ** index * generator.uniform(0.25, 0.6)
        direction = body.axis + lean * aside
        direction /= np.linalg.norm(direction)
        middle = body.point(share) + body.axis * half_width * generator.uniform(-0.6, 0.6)
        reach = half_width * generator.uniform(2.2, 3.6, size=2) * (0.55 + 0.45 * severity)
        tip, tail = middle - direction * reach[0], middle + direction * reach[1]
        wires.append(_metal(tip, tail, radius, cap=0.01))
        if generator.random() < 0.6:
            wires.append(_metal(tail, tail + (body.depth - 0.4 * aside) * 5.0 * radius, radius, cap=0.1))
    return wires, body


def _nail(body: Body, site: Site, severity: float, generator: np.random.Generator) -> Implant:
    """Return a nail in the marrow cavity, locked by screws at both ends, wherever on the bone it was needed."""
    del site
    half_width = body.half_width(0.55)
    low, high = 0.05, float(generator.uniform(0.78, 0.88))
    stations = [body.point(at) for at in np.linspace(low, high, 5)]
    radius = 0.42 * half_width * (0.7 + 0.3 * severity)
    metals = [_metal(a, b + (b - a) * 0.02, radius, cap=0.02) for a, b in pairwise(stations)]
    for at in (low + 0.05, low + 0.1, high - 0.06, high - 0.02):
        aside = body.side * 1.05 * body.half_width(at)
        metals += _screw(body.point(at) - aside, body.side, 2.1 * body.half_width(at), 0.15 * half_width)
    return metals, body


def _prosthesis(body: Body, site: Site, severity: float, generator: np.random.Generator) -> Implant:
    """Return a metal head of the shoulder with its stem in the shaft, the natural head sawn off."""
    del site, severity
    head = body.lobes[0]
    radius = float(generator.uniform(20.0, 23.0)) * body.girth
    middle = body.centre_of(head)
    tilt = body.side * 0.7 - body.axis * 0.7
    cup = _metal(middle - tilt * 0.35 * radius, middle + tilt * 0.9 * radius, 0.95 * radius, cap=0.55)
    stem = _metal(middle - tilt * 0.2 * radius, body.point(0.42), 0.5 * body.half_width(0.4), cap=0.08)
    sawn = replace(body, cuts=(Cut(0.085 * body.length_mm, -0.7, 0.0, np.zeros(8, dtype=np.float32), 1),))
    return [cup, stem], sawn


def _head(body: Body, site: Site, severity: float, generator: np.random.Generator) -> Implant:
    """Return a metal end of a forearm bone on a stem, the natural end sawn off."""
    del severity
    end = int(site.low > 0.5)
    inner = 0.075 if end == 0 else 0.93
    inward = body.axis if end == 0 else -body.axis
    radius = body.half_width(abs(end - 0.03)) * float(generator.uniform(0.95, 1.05))
    face, neck = body.point(float(end)), body.point(inner)
    disc = _metal(face, face + inward * 0.85 * radius, radius, cap=0.2)
    post = _metal(face + inward * 0.8 * radius, neck, 0.55 * radius, cap=0.02)
    stem = _metal(neck, neck + inward * 2.6 * radius, 0.36 * radius, cap=0.06)
    keep = 1 if end == 0 else -1
    sawn = replace(body, cuts=(Cut(inner * body.length_mm, 0.0, 0.0, np.zeros(8, dtype=np.float32), keep),))
    return [disc, post, stem], sawn


def _joint(body: Body, site: Site, severity: float, generator: np.random.Generator) -> Implant:
    """Return the stem and the round head of a replaced knuckle."""
    del site, severity
    radius = body.half_width(0.94) * float(generator.uniform(0.9, 1.0))
    tip = body.point(0.985)
    middle = tip - body.axis * 0.75 * radius
    ball = bone("metal", middle + body.axis * radius, middle - body.axis * radius, egg(radius, radius))
    stem = _metal(middle, body.point(0.45), 0.34 * radius, cap=0.1)
    sawn = replace(body, cuts=(Cut(0.88 * body.length_mm, 0.0, 0.0, np.zeros(8, dtype=np.float32), -1),))
    beyond = _metal(tip + body.axis * 1.2, tip + body.axis * 2.4 * radius, 0.36 * radius, cap=0.1)
    dish = _metal(tip + body.axis * 0.8, tip + body.axis * 2.4, 0.85 * radius, cap=0.2)
    return [replace(ball, texture=0.0), stem, dish, beyond], sawn


_IMPLANTS: dict[str, Callable[[Body, Site, float, np.random.Generator], Implant]] = {
    "plate": _plate,
    "screws": _screws,
    "wires": _wires,
    "nail": _nail,
    "prosthesis": _prosthesis,
    "head": _head,
    "joint": _joint,
}
