"""What the rays meet on their way to each pixel: attenuation (path length times density) of tissue, bone and metal."""

from collections.abc import Iterable
from itertools import chain

import numpy as np

from workbench.core.arrays import FilmPixels
from workbench.core.seeding import derived_seed
from workbench.data.phantoms.anatomy import Arm
from workbench.data.phantoms.bodies import Body, Camera
from workbench.data.phantoms.shadows import Shadow, cast_shadow
from workbench.data.phantoms.spans import Paths, coat_of, empty_span, slanted
from workbench.data.phantoms.textures import grain_at
from workbench.data.phantoms.tissue import FAT, MUSCLE, SKIN, SKIN_MM

TRABECULAE, CORTICAL_GRAIN, MUSCLE_STREAKS = 0.19, 0.035, 0.085
"""How much the patterns change the density of what they lie in, as a standard deviation."""


def project_bones(bodies: Iterable[Body], camera: Camera, seed: int) -> FilmPixels:
    """Return the summed attenuation (height, width) of bones, metal or anything else that only adds up."""
    layer = np.zeros(camera.size, dtype=np.float32)
    for body in bodies:
        if shadow := cast_shadow(body, camera):
            layer[shadow.patch] += _attenuation(body, shadow, camera, seed)
    return layer


def _attenuation(body: Body, shadow: Shadow, camera: Camera, seed: int) -> Paths:
    shell = np.float32(body.shell_density) * (shadow.whole - shadow.core)
    core = np.float32(body.core_density) * shadow.core
    if not body.texture:
        return shell + core
    along_mm = shadow.along * np.float32(body.length_mm)
    grain = grain_at("trabeculae", along_mm, shadow.aside_mm, camera.spacing_mm, derived_seed(seed, body.name))
    shell *= 1.0 + np.float32(CORTICAL_GRAIN * body.texture) * grain
    spongy = 1.0 + np.float32(TRABECULAE * body.texture) * grain
    if body.hollow:
        shaft = np.clip((np.float32(0.40) - np.abs(shadow.along - np.float32(0.5))) * np.float32(6.0), 0.0, 1.0)
        spongy *= 1.0 - np.float32(body.hollow) * shaft
    return shell + core * spongy


def project_tissue(arm: Arm, camera: Camera, seed: int) -> FilmPixels:
    """Return the attenuation (height, width) of skin, fat and muscle; overlapping stretches of a limb are one limb."""
    skin, muscle = empty_span(camera.size), empty_span(camera.size)
    streaks, weight, gap = (np.zeros(camera.size, dtype=np.float32) for _ in range(3))
    parted = [False] * len(arm.tissues) + [True] * len(arm.digits)
    for body, apart in zip(chain(arm.tissues, arm.digits), parted, strict=True):
        if shadow := cast_shadow(body, camera):
            if apart:
                gap[shadow.patch] += skin.gap(shadow.span, shadow.patch)
            skin.join(shadow.span, shadow.patch)
            muscle.join(shadow.core_span, shadow.patch)
            along_mm, key = shadow.along * np.float32(body.length_mm), derived_seed(seed, "streaks", body.name)
            grain = grain_at("streaks", along_mm, shadow.aside_mm, camera.spacing_mm, key)
            streaks[shadow.patch] += grain * shadow.core
            weight[shadow.patch] += shadow.core
    whole, inner = skin.length - gap, muscle.length - gap
    np.maximum(whole, 0.0, out=whole)
    coat = 2 * coat_of(whole, slanted(whole, camera.spacing_mm), np.float32(SKIN_MM))
    inner = np.clip(inner, 0.0, whole - coat)
    streaks /= np.maximum(weight, np.float32(1.0))
    fat = whole - coat - inner
    layer = (
        np.float32(SKIN) * coat + np.float32(FAT) * fat + np.float32(MUSCLE) * inner * (1 + MUSCLE_STREAKS * streaks)
    )
    for body in arm.lungs:
        if shadow := cast_shadow(body, camera):
            layer[shadow.patch] -= np.float32(0.72 * MUSCLE) * np.minimum(shadow.whole, 0.85 * whole[shadow.patch])
    return layer
