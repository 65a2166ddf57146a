"""From attenuation to a film: Beer-Lambert, scatter, quantum noise, blur, the detector's own processing, shutters."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from workbench.core.arrays import FilmMask, FilmPixels
from workbench.data.phantoms.positioning import Exposure
from workbench.data.phantoms.spans import Patch

FilmPart = Float32[np.ndarray, "part_h part_w"]
"""Some rows and columns of a film."""
VEIL_STRIDE = 8
"""The veil of scatter is so smooth that every eighth pixel tells it."""


@dataclass(frozen=True)
class Shot:
    """One exposure of one patient: what stays the same whether or not an abnormality is in the rays.

    Parameters
    ----------
    quanta
        Quanta (height, width) that would reach each pixel beside the body.
    veil
        Scattered quanta, as a share of those.
    noise
        Standard normal noise.
    field
        Pixels between the shutters.
    gain
        Brightness per attenuation.
    """

    exposure: Exposure
    quanta: FilmPixels
    veil: FilmPixels
    noise: FilmPixels
    field: FilmMask
    gain: float


def taken_shot(attenuation: FilmPixels, exposure: Exposure, generator: np.random.Generator) -> Shot:
    """Return the exposure as the healthy body's attenuation makes it: the console sets the brightness by it."""
    height, width = attenuation.shape
    across, down = np.linspace(-0.5, 0.5, width, dtype=np.float32), np.linspace(-0.5, 0.5, height, dtype=np.float32)
    heel = 1.0 + np.float32(exposure.heel[0]) * across + np.float32(exposure.heel[1]) * down[:, None]
    field = open_shutter(exposure, height, width)
    sample = attenuation[::4, ::4][field[::4, ::4]]
    sample = sample[sample > 0.1]
    thick = float(np.quantile(sample, 0.93)) if sample.size > 20 else 1.0
    noise = generator.standard_normal(attenuation.shape, dtype=np.float32)
    quanta = np.float32(exposure.photons) * heel
    return Shot(exposure, quanta, _veil(attenuation, exposure), noise, field, exposure.brightness / max(thick, 0.2))


def _veil(attenuation: FilmPixels, exposure: Exposure) -> FilmPixels:
    """Return the scattered rays: the primary ones, spread far."""
    from scipy.ndimage import gaussian_filter

    height, width = attenuation.shape
    coarse = np.exp(-attenuation[::VEIL_STRIDE, ::VEIL_STRIDE])
    spread = gaussian_filter(coarse, height / 20 / VEIL_STRIDE, truncate=2.5)
    return np.float32(exposure.scatter) * _widened(_widened(spread, height).T, width).T


def _widened(coarse: Float32[np.ndarray, "r c"], rows: int) -> Float32[np.ndarray, "h c"]:
    """Return the rows between every eighth one, linearly between them."""
    place = np.minimum(np.arange(rows, dtype=np.float32) / VEIL_STRIDE, len(coarse) - 1)
    above = np.minimum(place.astype(np.int32), max(len(coarse) - 2, 0))
    share = (place - above).astype(np.float32)[:, None]
    return coarse[above] * (1 - share) + coarse[np.minimum(above + 1, len(coarse) - 1)] * share


def film_of(shot: Shot, attenuation: FilmPixels) -> FilmPixels:
    """Return the pixels (height, width) of a film, in steps of 1/255, white where few rays arrive."""
    return _film(shot, attenuation, (slice(None), slice(None)))


def film_with_patch(shot: Shot, film: FilmPixels, attenuation: FilmPixels, changed: FilmMask) -> FilmPixels:
    """Return the film as it is with another ``attenuation``, which differs only where ``changed`` says so."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    other = film.copy()
    if rows.size:
        reach = _reach(shot.exposure)
        seen = tuple(
            slice(max(int(found[0]) - reach, 0), min(int(found[-1]) + 1 + reach, side))
            for found, side in zip((rows, columns), film.shape, strict=True)
        )
        wider = tuple(
            slice(max(part.start - reach, 0), min(part.stop + reach, side))
            for part, side in zip(seen, film.shape, strict=True)
        )
        drawn = _film(shot, attenuation, (wider[0], wider[1]))
        inner = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(seen, wider, strict=True))
        other[seen] = drawn[inner]
    return other


def _reach(exposure: Exposure) -> int:
    """Return how many pixels away blur and sharpening carry a change."""
    return int(np.ceil(3.0 * exposure.blur_px)) + exposure.sharpening_px // 2 + 2


def _film(shot: Shot, attenuation: FilmPixels, patch: Patch) -> FilmPart:
    from scipy.ndimage import gaussian_filter, uniform_filter

    exposure, quanta = shot.exposure, shot.quanta[patch]
    arrived = quanta * (np.exp(-attenuation[patch]) + shot.veil[patch])
    arrived += np.sqrt(arrived) * shot.noise[patch]
    arrived = gaussian_filter(arrived, exposure.blur_px, truncate=3.0)
    floor = np.float32(1.0 / (exposure.photons * (1.0 + exposure.scatter)))
    signal = -np.log(np.maximum(arrived * floor, np.float32(2e-3)))
    slope = np.float32(shot.gain) * np.maximum(signal, np.float32(0.0))
    if exposure.sharpness:
        slope += np.float32(exposure.sharpness) * (
            slope - uniform_filter(slope, exposure.sharpening_px, mode="nearest")
        )
        np.maximum(slope, 0.0, out=slope)
    bright = slope ** np.float32(exposure.contrast)
    shown = exposure.toe + (1.0 - exposure.toe) * bright / np.sqrt(np.sqrt(1.0 + bright**4))
    return quantised(np.where(shot.field[patch], shown, np.float32(0.012)))


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
