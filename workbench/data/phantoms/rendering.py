"""From bodies to a film: Beer-Lambert attenuation, scatter, quantum noise, blur, exposure and collimation."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from workbench.core.arrays import FilmMask, FilmPixels
from workbench.core.seeding import derived_generator, derived_seed
from workbench.data.phantoms.bodies import Body, Camera, Shadow, cast_shadow
from workbench.data.phantoms.positioning import Exposure

UNION_POWER = 4.0
"""Exponent of the norm that joins overlapping soft tissues: the thicker one wins, with a rounded seam."""
TEXTURE_SIDE = 256


@dataclass(frozen=True)
class Layers:
    """What the rays meet, before the detector.

    Parameters
    ----------
    tissue, bone, metal
        Attenuation (path length times density) of each, (height, width).
    """

    tissue: FilmPixels
    bone: FilmPixels
    metal: FilmPixels


def project_layers(
    tissues: Iterable[Body], bones: Iterable[Body], metals: Iterable[Body], *, camera: Camera, seed: int
) -> Layers:
    """Return the attenuation of soft tissue (joined), bones and metal (both summed)."""
    tissue, bone, metal = (np.zeros(camera.size, dtype=np.float32) for _ in range(3))
    for body in tissues:
        if shadow := cast_shadow(body, camera):
            attenuation = body.shell_density * (shadow.whole - shadow.core) + body.core_density * shadow.core
            squared = attenuation * attenuation
            tissue[shadow.patch] += squared * squared
    for layer, bodies in ((bone, bones), (metal, metals)):
        for body in bodies:
            if shadow := cast_shadow(body, camera):
                core = body.core_density * shadow.core
                if body.texture:
                    core = core * _spongy(body, shadow, camera, seed)
                layer[shadow.patch] += body.shell_density * (shadow.whole - shadow.core) + core
    return Layers(np.sqrt(np.sqrt(tissue)), np.maximum(bone, 0.0), metal)


def _spongy(body: Body, shadow: Shadow, camera: Camera, seed: int) -> Float32[np.ndarray, "h w"]:
    """Return the density of the core by pixel: trabeculae in the bone's own coordinates, fading into the shaft."""
    grain = max(0.6, 0.7 * camera.spacing_mm)
    start = divmod(derived_seed(seed, "texture", body.name) % TEXTURE_SIDE**2, TEXTURE_SIDE)
    rows = (shadow.along * np.float32(body.length_mm / grain) + (start[0] + TEXTURE_SIDE)).astype(np.int32)
    columns = (shadow.aside_mm * np.float32(1.0 / grain) + (start[1] + TEXTURE_SIDE)).astype(np.int32)
    pattern = np.float32(body.texture) * _trabeculae()[rows % TEXTURE_SIDE, columns % TEXTURE_SIDE]
    if not body.hollow:
        return 1.0 + pattern
    shaft = np.clip(1.5 - np.abs(shadow.along - np.float32(0.5)) * 4.5, 0.0, 1.0)
    return (1.0 + pattern * (1.0 - 0.7 * shaft)) * (1.0 - np.float32(body.hollow) * shaft)


@lru_cache(maxsize=1)
def _trabeculae() -> Float32[np.ndarray, "h w"]:
    """Return a tile of trabecular pattern, finer across the bone than along it, mean 0."""
    from scipy.ndimage import gaussian_filter

    white = derived_generator("trabeculae").normal(size=(TEXTURE_SIDE, TEXTURE_SIDE))
    fine = gaussian_filter(white, (1.6, 0.6), mode="wrap")
    coarse = gaussian_filter(white[::-1], (4.0, 2.5), mode="wrap")
    pattern = fine / fine.std() * 0.26 + coarse / coarse.std() * 0.14
    return np.clip(pattern, -0.6, 0.6).astype(np.float32)


def exposed_film(layers: Layers, exposure: Exposure, generator: np.random.Generator) -> FilmPixels:
    """Return the brightness (height, width) in 0..1 that the detector shows, white where few rays arrive."""
    from scipy.ndimage import gaussian_filter

    attenuation = (
        exposure.penetration * layers.tissue + layers.bone * (0.45 + 0.55 * exposure.penetration) + layers.metal
    )
    primary = np.exp(-attenuation)
    veil = gaussian_filter(primary[::2, ::2], primary.shape[0] / 24, truncate=2.5).repeat(2, axis=0).repeat(2, axis=1)
    veil = veil[: primary.shape[0], : primary.shape[1]]
    quanta = exposure.photons * gaussian_filter(primary + exposure.scatter * veil, exposure.blur_px, truncate=3.0)
    quanta += np.sqrt(quanta) * generator.standard_normal(quanta.shape, dtype=np.float32)
    signal = -np.log(np.maximum(quanta, 1.0) / (exposure.photons * (1.0 + exposure.scatter)))
    slope = exposure.gain * np.maximum(signal, 0.0)
    bright = slope ** np.float32(exposure.contrast)
    shown = exposure.toe + (1.0 - exposure.toe) * bright / (1.0 + bright**4) ** np.float32(1 / 4)
    shown += 0.006 * generator.standard_normal(quanta.shape, dtype=np.float32)
    open_field = open_shutter(exposure, quanta.shape[0], quanta.shape[1])
    return np.where(open_field, np.clip(shown, 0.0, 1.0), np.float32(0.012)).astype(np.float32)


def open_shutter(exposure: Exposure, height: int, width: int) -> FilmMask:
    """Return the pixels inside the collimator's four blades."""
    c, s = np.cos(np.radians(exposure.shutter_deg)), np.sin(np.radians(exposure.shutter_deg))
    x = np.arange(width) + 0.5 - width / 2
    y = (np.arange(height) + 0.5 - height / 2)[:, None]
    along, down = c * x + s * y + width / 2, c * y - s * x + height / 2
    left, top, right, bottom = exposure.shutter
    sideways = (along > left * width) & (along < (1.0 - right) * width)
    return sideways & (down > top * height) & (down < (1.0 - bottom) * height)


def quantised(pixels: FilmPixels) -> FilmPixels:
    """Return the pixels rounded to the 256 grey levels of a PNG, so that what is drawn equals what is read back."""
    return (np.rint(np.clip(pixels, 0.0, 1.0) * 255.0) / 255.0).astype(np.float32)
