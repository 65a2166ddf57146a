"""What is wrong with a bone: fractures, hardware and worn joints, put into a patient's arm."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from workbench.core.seeding import derived_generator
from workbench.data.phantoms.anatomy import FINGER_NAMES, bone
from workbench.data.phantoms.bodies import Body, Cut, Vector, egg, rod

SHARD = rod(1.0, 0.3, flat=0.6, cap=0.2)
"""A splinter of cortical bone one millimetre thick."""
METAL_DENSITY = 2.2
"""Attenuation of steel per millimetre."""


@dataclass(frozen=True)
class Site:
    """Where on a bone something may be wrong, as shares of its length, and which metal surgeons put there."""

    bone: str
    low: float
    high: float
    implants: tuple[str, ...] = ("plate",)


@dataclass(frozen=True)
class Abnormality:
    """The bones as they are now, the metal among them, and where a reader should look.

    Parameters
    ----------
    places
        Spheres (centre, radius in millimetres) around the evidence; metal is evidence by itself.
    """

    bones: tuple[Body, ...]
    metals: tuple[Body, ...] = ()
    places: tuple[tuple[Vector, float], ...] = ()


SITES: dict[str, tuple[Site, ...]] = {
    "elbow": (
        Site("humerus", 0.84, 0.91),
        Site("radius", 0.06, 0.13),
        Site("ulna", 0.13, 0.20, ("plate", "wires")),
    ),
    "finger": (
        Site("index phalanx 1", 0.25, 0.75, ("wires", "plate")),
        Site("index phalanx 2", 0.25, 0.7, ("wires",)),
        Site("middle phalanx 1", 0.3, 0.7, ("wires", "plate")),
    ),
    "forearm": (Site("radius", 0.4, 0.78), Site("ulna", 0.4, 0.78)),
    "hand": (
        *(Site(f"{name} metacarpal", 0.3, 0.8, ("plate", "wires")) for name in FINGER_NAMES[1:]),
        *(Site(f"{name} phalanx 1", 0.25, 0.7, ("wires", "plate")) for name in FINGER_NAMES[1:]),
    ),
    "humerus": (Site("humerus", 0.25, 0.6, ("plate", "nail")),),
    "shoulder": (
        Site("humerus", 0.10, 0.20, ("plate", "nail", "prosthesis")),
        Site("clavicle", 0.45, 0.75, ("plate",)),
    ),
    "wrist": (Site("radius", 0.88, 0.945, ("plate", "wires")), Site("ulna", 0.88, 0.93, ("plate", "wires"))),
}
JOINTS: dict[str, tuple[tuple[str, int], ...]] = {
    "elbow": (("humerus", 1), ("radius", 0)),
    "finger": (("index phalanx 1", 1), ("index phalanx 1", 0), ("middle phalanx 1", 1)),
    "forearm": (("radius", 1),),
    "hand": (*((f"{name} phalanx 1", 1) for name in FINGER_NAMES[1:]), ("thumb metacarpal", 0)),
    "humerus": (("humerus", 0),),
    "shoulder": (("humerus", 0),),
    "wrist": (("radius", 1), ("thumb metacarpal", 0)),
}
"""Joint surfaces that wear, as (bone, end)."""


def afflict(bones: tuple[Body, ...], body_part: str, *, kind: str, difficulty: float, seed: int) -> Abnormality:
    """Return the bones with an abnormality of a kind; the same seed has it at the same place in every view."""
    generator = derived_generator(seed, "abnormality", kind)
    severity = (1.0 - 0.75 * difficulty) * float(generator.uniform(0.85, 1.15))
    return _KINDS[kind](bones, body_part, severity, generator)


def _normal(bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator) -> Abnormality:
    del body_part, severity, generator
    return Abnormality(bones)


def _fracture(bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator) -> Abnormality:
    sites = SITES[body_part]
    site = sites[int(generator.integers(len(sites)))]
    both = generator.random() < 0.4 and body_part == "forearm"
    chosen = {each.bone: each for each in (sites if both else (site,))}
    fractured: list[Body] = []
    places: list[tuple[Vector, float]] = []
    for body in bones:
        if body.name not in chosen:
            fractured.append(body)
            continue
        at = chosen[body.name]
        fragments, place = _fragments(body, float(generator.uniform(at.low, at.high)), severity, generator)
        fractured += fragments
        places.append(place)
    return Abnormality(tuple(fractured), (), tuple(places))


def _fragments(
    body: Body, share: float, severity: float, generator: np.random.Generator
) -> tuple[list[Body], tuple[Vector, float]]:
    """Return the two fragments of a bone, each turned about its own joint, and where they part."""
    half_width = body.half_width(share)
    aside = _oblique(body, generator)
    arms = body.length_mm * share, body.length_mm * (1.0 - share)
    bow = np.tan(np.radians(severity * generator.uniform(9, 24))) * arms[0] * arms[1] / sum(arms)
    bow = min(float(bow), 1.5 * half_width)
    step = severity * min(half_width, 8.0) * generator.uniform(0.6, 1.4) * generator.choice([-1, 1])
    shattered = generator.random() < 0.75
    gap_mm = severity * min(half_width, 10.0) * generator.uniform(*((1.2, 2.4) if shattered else (0.5, 1.1)))
    side_slope, depth_slope = map(float, generator.uniform(-0.6, 0.6, size=2))
    teeth = np.convolve(generator.normal(0.0, 0.14 * half_width, size=50), (0.3, 0.4, 0.3), "valid").astype(np.float32)
    at = share * body.length_mm
    start_cut = Cut(at - gap_mm / 2, side_slope, depth_slope, teeth, -1)
    end_cut = Cut(at + gap_mm / 2, side_slope, depth_slope, teeth, 1)
    near, far = aside * (bow + step / 2), aside * (bow - step / 2)
    fragments = [
        replace(body, end=body.end + near / share, cut=start_cut),
        replace(body, start=body.start + far / (1.0 - share), cut=end_cut),
    ]
    place = body.point(share) + aside * bow
    if shattered:
        fragments += _shards(body, place, half_width, gap_mm, generator)
    return fragments, (place, 1.15 * half_width + abs(step) / 2 + gap_mm / 2)


def _shards(body: Body, place: Vector, half_width: float, gap_mm: float, generator: np.random.Generator) -> list[Body]:
    """Return the pieces between the fragments of a comminuted fracture, strewn in and around the gap."""
    axis = (body.end - body.start) / body.length_mm
    shards, size = [], min(half_width, 10.0)
    for _ in range(int(generator.integers(5, 10))):
        along, side, depth = generator.uniform(-1.0, 1.0, size=3) * (0.6 * gap_mm, 1.2 * half_width, 1.2 * half_width)
        middle = place + along * axis + side * body.side + depth * body.depth
        tilt = axis + generator.normal(0.0, 0.9, size=3)
        reach = tilt / np.linalg.norm(tilt) * size * generator.uniform(0.25, 0.55)
        shard = bone("shard", middle - reach, middle + reach, SHARD, girth=float(size * generator.uniform(0.18, 0.32)))
        shards.append(replace(shard, shell_density=2.0 * body.shell_density, core_density=2.0 * body.shell_density))
    return shards


def _oblique(body: Body, generator: np.random.Generator) -> Vector:
    """Return a direction aside that neither a frontal nor a lateral film sees end-on."""
    angle = np.radians(generator.uniform(25, 65))
    signs = generator.choice([-1, 1], size=2)
    return signs[0] * np.cos(angle) * body.side + signs[1] * np.sin(angle) * body.depth


def _hardware(bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator) -> Abnormality:
    del severity  # metal is as dense in hard cases as in easy ones
    sites = SITES[body_part]
    site = sites[int(generator.integers(len(sites)))]
    implant = site.implants[int(generator.integers(len(site.implants)))]
    body = next(each for each in bones if each.name == site.bone)
    share = float(generator.uniform(site.low, site.high))
    return Abnormality(bones, tuple(_IMPLANTS[implant](body, share, generator)))


def _metal(
    start: Vector, end: Vector, radius: float, *, facing: Vector | None = None, flat: float = 1.0, cap: float = 0.04
) -> Body:
    body = bone("metal", start, end, rod(radius, flat=flat, cap=cap))
    body = replace(body, shell_density=METAL_DENSITY, core_density=METAL_DENSITY, texture=0.0)
    if facing is None:
        return body
    axis = (end - start) / np.linalg.norm(end - start)
    return replace(body, depth=facing, side=np.cross(axis, facing))


def _plate(body: Body, share: float, generator: np.random.Generator) -> list[Body]:
    """Return a plate on the bone's surface with screws through both cortices."""
    half_width = min(body.half_width(share), 12.0)
    half_length = min(half_width * generator.uniform(3.6, 5.2), 0.4 * body.length_mm) / body.length_mm
    low, high = max(share - half_length, 0.03), min(share + half_length, 0.97)
    aside = _oblique(body, generator)
    start, end = (body.point(at) + aside * (body.half_width(at) * 0.98 + 0.8) for at in (low, high))
    breadth = max(0.5 * half_width, 2.2)
    bodies = [_metal(start, end, breadth, facing=aside, flat=max(0.16 * half_width, 0.9) / breadth)]
    for at in np.linspace(0.06, 0.94, int(generator.integers(4, 8))):
        head = start + at * (end - start)
        depth = 2.0 * body.half_width(low + at * (high - low)) * generator.uniform(0.95, 1.15)
        bodies.append(_metal(head + aside * 1.2, head - aside * depth, max(0.18 * half_width, 1.0)))
    return bodies


def _wires(body: Body, share: float, generator: np.random.Generator) -> list[Body]:
    """Return two or three Kirschner wires that cross near a place, their ends standing out of the skin."""
    half_width, axis = body.half_width(share), (body.end - body.start) / body.length_mm
    aside = _oblique(body, generator)
    wires = []
    for index in range(int(generator.integers(2, 4))):
        lean = (-1) ** index * generator.uniform(0.25, 0.6)
        direction = axis + lean * aside
        direction /= np.linalg.norm(direction)
        middle = body.point(share) + axis * half_width * generator.uniform(-0.6, 0.6)
        reach = half_width * generator.uniform(2.6, 4.0, size=2)
        wires.append(_metal(middle - direction * reach[0], middle + direction * reach[1], max(0.2 * half_width, 1.0)))
    return wires


def _nail(body: Body, share: float, generator: np.random.Generator) -> list[Body]:
    """Return a nail in the marrow cavity, locked by screws at both ends, wherever on the bone it was needed."""
    del share
    half_width = body.half_width(0.55)
    low, high = 0.04, float(generator.uniform(0.8, 0.9))
    bodies = [_metal(body.point(low), body.point(high), 0.42 * half_width)]
    for at in (low + 0.05, low + 0.1, high - 0.06, high - 0.02):
        aside = body.side * 1.1 * body.half_width(at)
        bodies.append(_metal(body.point(at) - aside, body.point(at) + aside, 0.16 * half_width))
    return bodies


def _prosthesis(body: Body, share: float, generator: np.random.Generator) -> list[Body]:
    """Return a metal head with its stem in the shaft."""
    del share
    radius = float(generator.uniform(20.0, 23.0))
    reach = (body.end - body.start) / body.length_mm * radius
    head, neck = body.point(0.07) + body.side * 3.0, body.point(0.1) + body.side * 4.0
    ball = replace(_metal(head - reach, head + reach, radius), outline=egg(radius, radius))
    return [ball, _metal(neck, body.point(0.42), 0.5 * body.half_width(0.4), cap=0.1)]


def _degenerative(
    bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator
) -> Abnormality:
    """Return bones with a worn joint: dense surfaces, spurs at the margins, hardly any gap."""
    joints = JOINTS[body_part]
    name, end = joints[int(generator.integers(len(joints)))]
    body = next(each for each in bones if each.name == name)
    share = 0.97 if end else 0.03
    half_width, sign = body.half_width(abs(end - 0.05)), 1 if end else -1
    axis = sign * (body.end - body.start) / body.length_mm
    middle = body.point(share)
    added = [_sclerosis(middle - axis * 0.2 * half_width, axis, body, half_width, severity)]
    for aside in (body.side, -body.side, 0.7 * (body.side + body.depth), 0.7 * (body.depth - body.side)):
        size = (0.4 + 0.6 * severity) * half_width * float(generator.uniform(0.25, 0.5))
        root = middle + aside * half_width * 0.8 - axis * size
        tip = root + aside * size * 1.5 + axis * size * 1.7
        added.append(bone("spur", root, tip, rod(0.45 * size, 0.7, cap=0.45)))
    return Abnormality((*bones, *added), (), ((middle, 1.6 * half_width),))


def _sclerosis(centre: Vector, axis: Vector, body: Body, half_width: float, severity: float) -> Body:
    """Return a lens of dense bone under a joint's surface."""
    dense, reach = 0.55 * (0.4 + severity) / half_width, axis * 0.35 * half_width
    lens = bone("sclerosis", centre - reach, centre + reach, egg(0.9 * half_width, 0.9 * half_width))
    return replace(lens, side=body.side, depth=body.depth, shell_density=dense, core_density=dense, texture=0.5)


def _subluxation(
    bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator
) -> Abnormality:
    """Return bones of which one has slipped beside its neighbour."""
    joints = JOINTS[body_part]
    name, end = joints[int(generator.integers(len(joints)))]
    body = next(each for each in bones if each.name == name)
    slip = _oblique(body, generator) * severity * min(body.half_width(abs(end - 0.05)), 12.0)
    ends = {"end": body.end + slip} if end else {"start": body.start + slip}
    moved = replace(body, **ends)
    place = moved.point(0.97 if end else 0.03)
    return Abnormality(tuple(moved if each is body else each for each in bones), (), ((place, 12.0),))


def _lesion(bones: tuple[Body, ...], body_part: str, severity: float, generator: np.random.Generator) -> Abnormality:
    """Return bones of which one has lost substance in a round place."""
    sites = SITES[body_part]
    site = sites[int(generator.integers(len(sites)))]
    body = next(each for each in bones if each.name == site.bone)
    place, radius = body.point(float(generator.uniform(site.low, site.high))), 0.7 * body.half_width(0.5)
    reach = (body.end - body.start) / body.length_mm * radius
    loss = -0.6 * severity * body.core_density
    hole = bone("lesion", place - reach, place + reach, egg(radius, radius), shell_density=loss, core_density=loss)
    return Abnormality((*bones, hole), (), ((place, 1.2 * radius),))


_KINDS: dict[str, Callable[[tuple[Body, ...], str, float, np.random.Generator], Abnormality]] = {
    "normal": _normal,
    "fracture": _fracture,
    "hardware": _hardware,
    "degenerative": _degenerative,
    "subluxation": _subluxation,
    "lesion": _lesion,
}
_IMPLANTS: dict[str, Callable[[Body, float, np.random.Generator], list[Body]]] = {
    "plate": _plate,
    "wires": _wires,
    "nail": _nail,
    "prosthesis": _prosthesis,
}
