"""Edits of a film that ask a model *what if*: cover a region, or an equal one elsewhere as the control."""

import numpy as np
from scipy import ndimage

from workbench.core.arrays import FilmMask, FilmPixels
from workbench.core.errors import OptionError

RING_PX = 3
MOST_INPAINTED_PX = 40_000
"""More would take many seconds."""


def cover(pixels: FilmPixels, region: FilmMask) -> FilmPixels:
    """Return the film with a region painted in the mean of its surroundings.

    Each connected part takes the mean of its own ring of 3 px: a mask filled so leaves no edge, which a blanked box
    does (paper ``learn-to-zoom``, section on flag removal).

    Parameters
    ----------
    pixels
        (h, w); not modified.
    region
        What to cover; an empty one changes nothing.

    Returns
    -------
    FilmPixels
        The covered film.
    """
    covered = pixels.copy()
    labels, count = ndimage.label(region, structure=np.ones((3, 3), dtype=int))
    for part in range(1, count + 1):
        inside = labels == part
        ring = with_surroundings(inside) & ~region
        covered[inside] = pixels[ring].mean() if ring.any() else pixels[~region].mean() if (~region).any() else 0.0
    return covered


def inpaint(pixels: FilmPixels, region: FilmMask) -> FilmPixels:
    """Return the film with a region continued from its rim by the biharmonic equation (Chui and Mhaskar, 2010).

    Smoother than :func:`cover`: no step is left where the brightness changes across the region. Slow for large regions
    (the equations grow with their area), so regions above :data:`MOST_INPAINTED_PX` are refused.

    Parameters
    ----------
    pixels
        (h, w); not modified.
    region
        What to cover; an empty one changes nothing.

    Returns
    -------
    FilmPixels
        The inpainted film, in 0..1.

    Raises
    ------
    OptionError
        The region is too large, or is the whole film.
    """
    from skimage.restoration import inpaint_biharmonic  # costs 0.2 s to import

    area = int(region.sum())
    if area > MOST_INPAINTED_PX or area == region.size:
        raise OptionError(f"inpainting {area} pixels; at most {MOST_INPAINTED_PX} and less than the film: use cover")
    if not area:
        return pixels.copy()
    filled = inpaint_biharmonic(pixels, region, split_into_regions=True)
    return np.where(region, np.clip(filled, 0.0, 1.0), pixels).astype(np.float32)


def blur(pixels: FilmPixels, region: FilmMask) -> FilmPixels:
    """Return the film blurred inside a region, by a Gaussian a quarter as wide as the region's shorter side."""
    rows, columns = np.nonzero(region)
    if not rows.size:
        return pixels.copy()
    sigma = max(1.0, min(np.ptp(rows) + 1, np.ptp(columns) + 1) / 4)
    blurred = ndimage.gaussian_filter(pixels, sigma, mode="nearest")
    return np.where(region, blurred, pixels).astype(np.float32)


def with_surroundings(region: FilmMask) -> FilmMask:
    """Return a region with the 3 px around it that :func:`cover` looks at."""
    return np.asarray(ndimage.binary_dilation(region, iterations=RING_PX), dtype=bool)


def control_patch(
    region: FilmMask, forbidden: FilmMask, generator: np.random.Generator, *, tries: int = 200
) -> FilmMask | None:
    """Return a region of the same shape and area somewhere else on the film, for the same edit as a control.

    Parameters
    ----------
    region
        The region to imitate.
    forbidden
        Where the control must not lie (evidence, the flag itself); every place on the film else is as likely.
    generator
        Decides the place.
    tries
        How many places are tried.

    Returns
    -------
    FilmMask or None
        None where the region is empty or no free place was found.
    """
    rows, columns = np.nonzero(region)
    if not rows.size:
        return None
    rows, columns = rows - rows.min(), columns - columns.min()
    height, width = region.shape
    for _ in range(tries):
        top = generator.integers(0, height - rows.max())
        left = generator.integers(0, width - columns.max())
        if not forbidden[rows + top, columns + left].any():
            patch = np.zeros_like(region)
            patch[rows + top, columns + left] = True
            return patch
    return None
