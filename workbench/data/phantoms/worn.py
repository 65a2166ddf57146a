"""What a patient wears on the film: a cast, a ring, a bracelet. None of it knows the label."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from workbench.core.arrays import FilmPixels
from workbench.core.seeding import derived_generator, derived_seed
from workbench.data.phantoms.anatomy import Arm
from workbench.data.phantoms.bodies import SAMPLES, Body, Camera, Cut, Lobe, Outline, Vector, egg
from workbench.data.phantoms.frames import crossed
from workbench.data.phantoms.options import PhantomOptions
from workbench.data.phantoms.patient import bone
from workbench.data.phantoms.projection import project_bones
from workbench.data.phantoms.shadows import cast_shadow
from workbench.data.phantoms.sites import named
from workbench.data.phantoms.textures import grain_at

GOLD, GLASS = 1.6, 0.09
"""Attenuation per millimetre."""
CAST_LIMBS: dict[str, tuple[tuple[str, float, float], ...]] = {
    # stretches of soft tissue in plaster, and between which shares of their length
    "elbow": (("forearm", 0.0, 0.92), ("upper arm", 0.0, 0.42)),
    "finger": (("forearm", 0.3, 1.0), ("palm", 0.0, 0.82), ("index phalanx 1", 0.0, 0.9)),
    "forearm": (("forearm", 0.12, 1.0), ("palm", 0.0, 0.7)),
    "hand": (("forearm", 0.3, 1.0), ("palm", 0.0, 0.74)),
    "humerus": (("upper arm", 0.12, 0.72),),
    "shoulder": (("upper arm", 0.1, 0.66),),
    "wrist": (("forearm", 0.3, 1.0), ("palm", 0.0, 0.7)),
}
BRACELETS = {"forearm": ("forearm", 0.84), "wrist": ("forearm", 0.82), "elbow": ("forearm", 0.28)}
"""Where a bracelet sits: the stretch of soft tissue, and the share of its length; elsewhere high on the upper arm."""


@dataclass(frozen=True)
class _Band:
    """Where a ring or a bracelet sits: its middle, the axis of the limb, and the limb's half-axes there."""

    middle: Vector
    limb: Body
    side_mm: float
    depth_mm: float

    def point(self, angle: float, tilt: float) -> Vector:
        """Return the place on the limb at an angle; ``tilt`` says how far along the axis it sags, in millimetres."""
        around = np.cos(angle) * self.side_mm * self.limb.side + np.sin(angle) * self.depth_mm * self.limb.depth
        return self.middle + around + tilt * np.cos(angle - 1.0) * self.limb.axis


def worn_layers(options: PhantomOptions, arm: Arm, camera: Camera, seed: int) -> dict[str, FilmPixels]:
    """Return the attenuation (height, width) of what is worn, by the name of its mask."""
    layers: dict[str, FilmPixels] = {}
    if options.cast:
        layers["cast"] = _cast(options.body_part, arm, camera, seed)
    if options.ring:
        generator = derived_generator(seed, "ring")
        if options.body_part in ("finger", "hand"):
            bodies = _ring(options.body_part, arm, generator)
        else:
            bodies = _bracelet(options.body_part, arm, generator)
        layers["ring"] = project_bones(bodies, camera, seed)
    return layers


def _cast(body_part: str, arm: Arm, camera: Camera, seed: int) -> FilmPixels:
    """Return a shell of plaster or glass fibre around a limb, of uneven thickness, with frayed ends."""
    generator = derived_generator(seed, "cast")
    density, thickness_mm = ((0.026, 6.5), (0.021, 4.5))[int(generator.integers(2))]
    layer = np.zeros(camera.size, dtype=np.float32)
    for name, low, high in CAST_LIMBS[body_part]:
        shell = _plastered(named((*arm.tissues, *arm.digits), name), low, high, thickness_mm, generator)
        if shadow := cast_shadow(shell, camera):
            along_mm = shadow.along * np.float32(shell.length_mm)
            key = derived_seed(seed, "cast", name)
            grain = grain_at("plaster", along_mm, shadow.aside_mm, camera.spacing_mm, key)
            path = (shadow.whole - shadow.core) * np.float32(density) * (1.0 + np.float32(0.14) * grain)
            np.maximum(layer[shadow.patch], path, out=layer[shadow.patch])
    return layer


def _plastered(limb: Body, low: float, high: float, thickness_mm: float, generator: np.random.Generator) -> Body:
    """Return the shell around a limb; its core is the padded limb."""
    shape = limb.outline or egg(10.0, 10.0)
    places = np.linspace(0.0, 1.0, SAMPLES)
    waves = np.array([_waves(places, generator) for _ in range(4)])
    padding = np.float32(2.0 / limb.girth)
    halves = [
        half + padding + 0.5 * wave for half, wave in zip((shape.side_half, shape.depth_half), waves, strict=False)
    ]
    thick = [thickness_mm / limb.girth * (1.0 + 0.3 * wave) for wave in waves[2:]]
    columns = (shape.side_centre, halves[0] + thick[0], shape.depth_centre, halves[1] + thick[1], halves[0], halves[1])
    grown = Outline(*(column.astype(np.float32) for column in columns))
    teeth = (0.8 * np.clip(generator.normal(size=64), -2.0, 2.0)).astype(np.float32)
    slopes = generator.uniform(-0.15, 0.15, size=4)
    cuts = (
        Cut(low * limb.length_mm, float(slopes[0]), float(slopes[1]), teeth, 1),
        Cut(high * limb.length_mm, float(slopes[2]), float(slopes[3]), teeth, -1),
    )
    return replace(limb, name="cast", outline=grown, cuts=cuts if low > 0 else cuts[1:])


def _waves(places: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return a smooth random course along a limb, within about -2 and 2."""
    sizes, phases = generator.uniform(0.2, 0.7, size=5), generator.uniform(0.0, 2.0 * np.pi, size=5)
    return np.sum([sizes[k] * np.sin((k + 1.5) * 6.0 * places + phases[k]) for k in range(5)], axis=0)


def _band(limb: Body, share: float, gap_mm: float) -> _Band:
    shape = limb.outline or egg(10.0, 10.0)
    at = round(share * (SAMPLES - 1))
    side, depth = (limb.girth * float(half[at]) + gap_mm for half in (shape.side_half, shape.depth_half))
    return _Band(limb.point(share), limb, side, depth)


def _ring(body_part: str, arm: Arm, generator: np.random.Generator) -> list[Body]:
    """Return a finger ring, with or without a stone."""
    names = ("index", "middle") if body_part == "finger" else ("index", "middle", "ring", "ring", "ring", "little")
    finger = names[int(generator.integers(len(names)))]
    band = _band(named(arm.digits, f"{finger} phalanx 1"), float(generator.uniform(0.5, 0.68)), 0.4)
    height = float(generator.uniform(1.2, 3.2))
    bodies = _hoop(band, 28, 0.6, height, float(generator.uniform(-1.0, 1.0)))
    if generator.random() < 0.3:
        stone = band.point(float(generator.uniform(1.0, 2.2)), 0.0)
        reach = band.limb.axis * 2.2
        bodies.append(_solid(stone - reach, stone + reach, egg(2.0, 2.0), 0.6))
    return bodies


def _bracelet(body_part: str, arm: Arm, generator: np.random.Generator) -> list[Body]:
    """Return a bangle that sags a little, or a string of glass beads."""
    name, share = BRACELETS.get(body_part, ("upper arm", 0.62))
    band = _band(named((*arm.tissues, *arm.digits), name), share + float(generator.uniform(-0.02, 0.02)), 2.0)
    tilt = float(generator.uniform(-12.0, 12.0))
    if generator.random() < 0.6:
        return _hoop(band, 48, float(generator.uniform(0.9, 1.6)), float(generator.uniform(1.2, 3.5)), tilt)
    count = int(2.0 * np.pi * max(band.side_mm, band.depth_mm) / 7.0)
    beads = []
    for angle in np.linspace(0.0, 2.0 * np.pi, count, endpoint=False):
        middle, reach = band.point(float(angle), tilt), band.limb.axis * 3.0
        beads.append(_solid(middle - reach, middle + reach, egg(3.0, 3.0), GLASS))
    return beads


def _hoop(band: _Band, count: int, thickness_mm: float, height_mm: float, tilt: float) -> list[Body]:
    """Return a band of metal around a limb as a chain of ellipsoids so close that they make one."""
    places = [band.point(float(angle), tilt) for angle in np.linspace(0.0, 2.0 * np.pi, count + 1)]
    links = []
    for start, end in pairwise(places):
        out = crossed(end - start, band.limb.axis)
        step = float(np.linalg.norm(end - start))
        link = Lobe(0.5, 0.0, 0.0, thickness_mm, 1.3 * step, height_mm)
        body = replace(_solid(start, end, None, 0.6 * GOLD), lobes=(link,))
        links.append(replace(body, side=out / np.linalg.norm(out), depth=band.limb.axis))
    return links


def _solid(start: Vector, end: Vector, shape: Outline | None, density: float) -> Body:
    return replace(bone("worn", start, end, shape), shell_density=density, core_density=density, texture=0.0)
