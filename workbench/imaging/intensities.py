"""Changes of a film's grey values that move no pixel: histograms, sharpness, noise, direction of the scale."""

from typing import Any

import numpy as np
from skimage import exposure, filters

from workbench.core.arrays import FilmPixels
from workbench.imaging.polarity import is_reversed

LEVELS = 256
"""Bins of the histograms: the levels of an 8-bit film, as the films of the papers are."""


def equalised(film: FilmPixels) -> FilmPixels:
    """Return the film with a linear cumulative histogram (histogram equalisation)."""
    return _film(exposure.equalize_hist(film, nbins=LEVELS))


def locally_equalised(film: FilmPixels, clip_limit: float) -> FilmPixels:
    """Return the film equalised tile by tile with limited contrast (CLAHE).

    Parameters
    ----------
    film
        (h, w) in 0..1.
    clip_limit
        Share of a tile's pixels that one bin may hold; more is more contrast, and more noise.

    Returns
    -------
    FilmPixels
        The film; unchanged where it is of a single grey or a side is below 8 px, which is no tile.
    """
    if min(film.shape) < 8 or film.min() == film.max():
        return film
    return _film(exposure.equalize_adapthist(film, clip_limit=clip_limit, nbins=LEVELS))


def rescaled(film: FilmPixels, clip_percent: float) -> FilmPixels:
    """Return the film stretched so that this percentage of its pixels at either end becomes black and white."""
    low, high = np.percentile(film, (clip_percent, 100.0 - clip_percent))
    if low >= high:
        return film
    return _film(exposure.rescale_intensity(film, in_range=(float(low), float(high)), out_range=(0.0, 1.0)))


def sharpened(film: FilmPixels, amount: float) -> FilmPixels:
    """Return the film plus ``amount`` times what a Gaussian of 1 px takes away from it (unsharp mask)."""
    return _film(filters.unsharp_mask(film, radius=1.0, amount=amount))


def blurred(film: FilmPixels, sigma_px: float) -> FilmPixels:
    """Return the film smoothed by a Gaussian; beyond the edge its outermost pixels go on."""
    return _film(filters.gaussian(film, sigma=sigma_px, mode="nearest", preserve_range=True))


def set_right(film: FilmPixels) -> FilmPixels:
    """Return the film with bright bones on a dark ground, inverted where its grey scale is reversed."""
    return _film(1.0 - film) if is_reversed(film) else film


def _film(values: Any) -> FilmPixels:
    return np.clip(np.asarray(values, dtype=np.float32), 0.0, 1.0)
