"""What makes a patient: how stout, how dense, and how each bone differs from the average one."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from workbench.core.seeding import derived_generator
from workbench.data.phantoms.bodies import SAMPLES, Body, Lobe, Outline, Vector
from workbench.data.phantoms.frames import frame_of, vector

BONE_SHELL, BONE_CORE = 0.115, 0.021
"""Attenuation of cortical and of spongy bone per millimetre, beyond the soft tissue that it displaces."""
Knob = tuple[float, ...]
"""An ellipsoid: centre (x, y, z), half-axes (x, y, z) in millimetres, tilt in the frontal plane in degrees."""
KNOTS = 12
"""Places along a bone at which its surface differs from the average one."""


class Patient:
    """Factors and irregularities of one patient, drawn by name: the same whatever is shown of them."""

    def __init__(self, seed: int) -> None:
        generator = derived_generator(seed, "anatomy")
        self.seed = seed
        self.girth = float(np.clip(generator.normal(1.0, 0.06), 0.85, 1.15))
        self.density = float(np.clip(generator.normal(1.0, 0.10), 0.75, 1.25))
        self.stoutness = float(np.clip(generator.normal(1.0, 0.10), 0.8, 1.25))
        self.spread = float(generator.normal(1.0, 0.12))
        self.cortex = float(np.clip(generator.normal(1.0, 0.15), 0.65, 1.3))

    def bone(self, name: str, start: Vector, end: Vector, shape: Outline | None, **changes: object) -> Body:
        """Return a bone as this patient has it."""
        generator = derived_generator(self.seed, "bone", name)
        shell, girth, slant = np.clip(generator.normal(size=3), -2.0, 2.0)
        body = bone(name, start, end, _weathered(shape, self.cortex, generator) if shape else None, **changes)
        return replace(
            body,
            girth=body.girth * self.girth * (1.0 + 0.04 * float(girth)),
            slant=(body.slant[0] + 0.03 * float(slant), body.slant[1] - 0.03 * float(slant)),
            shell_density=body.shell_density * self.density * (1.0 + 0.04 * float(shell)),
            core_density=body.core_density * self.density,
        )

    def pebble(self, name: str, knobs: Sequence[Knob], hollow: Knob | None = None, **changes: object) -> Body:
        """Return a bone made of ellipsoids only (centre, half-axes, tilt in the frontal plane), not quite even ones."""
        generator = derived_generator(self.seed, "pebble", name)
        x, y, z, _, reach, _, _ = knobs[0]
        start, end = vector(x, y + reach, z), vector(x, y - reach, z)
        lobes = [replace(_lobe(knob, knobs[0]), uneven=_uneven(generator)) for knob in knobs]
        carves = (_lobe(hollow, knobs[0]),) if hollow else ()
        body = self.bone(name, start, end, None, lobes=tuple(lobes), carves=carves, **changes)
        return replace(body, slant=(0.0, 0.0))


def _uneven(generator: np.random.Generator) -> tuple[float, ...]:
    third, fourth = np.clip(generator.normal(0.0, 0.06, size=2), -0.12, 0.12)
    return float(third), float(fourth), float(generator.uniform(0.05, 0.13))


def _lobe(knob: Knob, first: Knob) -> Lobe:
    """Return an ellipsoid in the frame of a bone whose middle is the ``first`` one."""
    x, y, z, half_x, half_y, half_z, tilt_deg = knob
    along = 0.5 - (y - first[1]) / (2 * first[4])
    return Lobe(along, x - first[0], z - first[2], half_x, half_y, half_z, 0.9, tilt_deg=tilt_deg)


def bone(name: str, start: Vector, end: Vector, shape: Outline | None, **changes: object) -> Body:
    """Return an average bone whose side points away from the thumb."""
    towards = vector(1, 0, 0) if abs(end[0] - start[0]) < 0.9 * np.linalg.norm(end - start) else vector(0, 1, 0)
    side, depth = frame_of(end - start, towards)
    body = Body(name, start, end, side, depth, shape, BONE_SHELL, BONE_CORE, texture=1.0)
    return replace(body, **changes)  # type: ignore[arg-type]  # the fields are checked by Body itself


def _weathered(shape: Outline, cortex: float, generator: np.random.Generator) -> Outline:
    """Return an outline with a slightly uneven surface, and a cortex whose thickness wanders along the bone."""
    side, depth, width, inner_side, inner_depth, shell = _wander(generator, 6)
    uneven = 1.0 + 0.006 * width
    thickness = np.maximum(cortex * (1.0 + 0.12 * shell), 0.4)
    cores = [
        np.maximum(half - thickness * (half - core), 0.0) * (1.0 + 0.02 * inner) * (core > 0)
        for half, core, inner in (
            (shape.side_half, shape.side_core, inner_side),
            (shape.depth_half, shape.depth_core, inner_depth),
        )
    ]
    side_half, depth_half = shape.side_half * uneven, shape.depth_half * uneven
    side_core, depth_core = np.minimum(cores[0], 0.97 * side_half), np.minimum(cores[1], 0.97 * depth_half)
    sway = 0.015 * shape.side_half
    centres = shape.side_centre + sway * side, shape.depth_centre + sway * depth
    columns = (centres[0], side_half, centres[1], depth_half, side_core, depth_core)
    return Outline(*(column.astype(np.float32) for column in columns))


def _wander(generator: np.random.Generator, count: int) -> Float32[np.ndarray, "c s"]:
    """Return smooth random courses along a bone, standard deviation about 1."""
    knots = np.clip(generator.normal(size=(count, KNOTS)), -2.0, 2.0)
    return (knots @ _bumps()).astype(np.float32)


@lru_cache(maxsize=1)
def _bumps() -> Float32[np.ndarray, "k s"]:
    """Return one smooth bump around each knot; side by side they add up to 1."""
    places = np.linspace(0.0, KNOTS - 1.0, SAMPLES) - np.arange(KNOTS)[:, None]
    bumps = np.exp(-(places**2) / 0.6)
    return (bumps / bumps.sum(axis=0)).astype(np.float32)
