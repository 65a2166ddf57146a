"""Which way round a film's grey scale runs: bright bones on black, or dark bones on white."""

import numpy as np
from scipy import ndimage

from workbench.core.arrays import FilmPixels

SIDE = 160
"""Longer side, in pixels, of the reduced film that is looked at."""
MAX_TRIM = 0.25
"""Share of each side that may be taken off as frame, border or empty ground."""
FLAT = 0.06
"""A line of pixels varies less than this where there is only frame, border or empty ground."""
RIM = 3
"""Pixels taken off after that: the edge of a frame is sharper than any bone."""
WEIGHTS = (17.0, 2.0, 2.3)
"""Of level, skewness and ridges, fitted without intercept on every second FracAtlas film and its inverse."""


def is_reversed(pixels: FilmPixels) -> bool:
    """Say whether a film shows dark bones on a bright ground, as MONOCHROME1 films saved without inversion do.

    Flat lines at the edges (white frames, black collimation) are taken off first. Then three measures that change sign
    when the film is inverted are weighed: its mean level above mid-grey, the skewness of its values (a film is mostly
    dark with a bright tail), and that of its Laplacian (cortical bone makes thin bright ridges). The weights come from
    every second one of 913 FracAtlas films, bare, brightened, framed in white and cropped to their inner part, against
    their inverses. On all 913 (none of which is reversed) 3 are taken for reversed, overexposed trunks, and 910
    inverses are found; of films brightened by a gamma of 0.6 a tenth goes wrong either way
    (``benchmarks/polarity.py``).

    Parameters
    ----------
    pixels
        (h, w) in 0..1.

    Returns
    -------
    bool
        False also where a film says nothing either way, such as one of a single grey.
    """
    film = _without_flat_edges(_reduced(pixels))
    ridges = -ndimage.gaussian_laplace(film, 1.0)
    level, skewness, thin = 0.5 - film.mean(), _skewness(film - film.mean()), _skewness(ridges)
    evidence = np.dot(WEIGHTS, (level, np.clip(skewness, -2, 2), np.clip(thin, -2, 2)))
    return bool(evidence < 0)


def _reduced(pixels: FilmPixels) -> np.ndarray:
    """Return the film with its longer side at SIDE, each pixel the mean of those it stands for."""
    from PIL import Image

    height, width = pixels.shape
    scale = SIDE / max(height, width)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), dtype=np.float32)


def _without_flat_edges(film: FilmPixels) -> np.ndarray:
    rows, columns = (_inner_range(film, axis) for axis in (0, 1))
    trimmed = film[rows, columns]
    return trimmed[RIM:-RIM, RIM:-RIM] if min(trimmed.shape) > 4 * RIM else trimmed


def _inner_range(film: FilmPixels, axis: int) -> slice:
    """Return the lines along an axis that remain when flat ones are taken off both ends."""
    low, high = np.quantile(film, (0.1, 0.9), axis=1 - axis)
    varied = np.flatnonzero(high - low >= FLAT)
    length, most = film.shape[axis], int(film.shape[axis] * MAX_TRIM)
    if not varied.size:
        return slice(0, length)
    return slice(min(int(varied[0]), most), max(int(varied[-1]) + 1, length - most))


def _skewness(values: FilmPixels) -> float:
    """Return the third moment over the 3/2 power of the second, about zero; 0 where all values are 0."""
    spread = float((values**2).mean(dtype=np.float64))
    return float((values**3).mean(dtype=np.float64)) / spread**1.5 if spread > 1e-12 else 0.0
