"""How much of a map lies on a region of the film, and the regions that a map itself marks."""

from typing import Any

import numpy as np
from scipy import ndimage

from workbench.core.arrays import Box, FilmMask, FilmPixels


def attribution_share(film_map: FilmPixels, region: FilmMask) -> float:
    """Return the share of a map's positive mass that lies on a region; NaN where the map has no positive mass."""
    positive = np.clip(film_map, 0, None)
    total = float(positive.sum(dtype=np.float64))
    return float(positive[region].sum(dtype=np.float64)) / total if total > 0 else float("nan")


def enrichment(film_map: FilmPixels, region: FilmMask) -> float:
    """Return the share of positive mass on a region over the region's share of the film.

    1 is what a uniform map gives; NaN where the region is empty or the map has no positive mass.
    """
    area = float(region.mean())
    return attribution_share(film_map, region) / area if area > 0 else float("nan")


def largest_component(mask: FilmMask) -> FilmMask:
    """Return the largest 8-connected component of a mask; the first one in reading order among equals."""
    labels, count = ndimage.label(mask, structure=np.ones((3, 3), dtype=int))
    if not count:
        return np.zeros_like(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    found: Any = labels == sizes.argmax()
    return np.asarray(found, dtype=bool)


def mask_box(mask: FilmMask) -> Box | None:
    """Return the tight box of a mask; None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def map_box(film_map: FilmPixels, *, threshold: float = 0.2) -> Box | None:
    """Return the box of the largest component above ``threshold`` times the map's maximum.

    The rule of the per-body-part models (paper ``asu``): CAM over 20 % of its maximum, largest component, box.

    Parameters
    ----------
    film_map
        (h, w) in film pixels.
    threshold
        Share of the maximum, in [0, 1].

    Returns
    -------
    Box or None
        None where the maximum is not positive: such a map points nowhere.
    """
    peak = float(film_map.max())
    return mask_box(largest_component(film_map > threshold * peak)) if peak > 0 else None


def box_iou(first: Box, second: Box) -> float:
    """Return intersection over union of two boxes, in [0, 1]."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0, width) * max(0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return shared / (areas - shared)
