"""Affine maps between the pixels of a map, of a network's input and of the film.

Coordinates are (x, y) with pixel edges on whole numbers and centres on halves, so that resizing by a factor is a pure
scaling and agrees with bilinear interpolation without aligned corners.
"""

import numpy as np
from jaxtyping import Float32

from workbench.core.arrays import Affine, FilmPixels


def scaling(x_factor: float, y_factor: float) -> Affine:
    """Return the affine that multiplies x and y."""
    return np.diag([float(x_factor), float(y_factor), 1.0])


def translation(x_shift: float, y_shift: float) -> Affine:
    """Return the affine that adds to x and y."""
    matrix = np.eye(3)
    matrix[:2, 2] = x_shift, y_shift
    return matrix


def resample(values: FilmPixels, to_target: Affine, size: tuple[int, int]) -> Float32[np.ndarray, "ht wt"]:
    """Draw ``values`` (h, w) onto a target of ``size`` (height, width) by bilinear interpolation.

    Parameters
    ----------
    values
        What to draw.
    to_target
        Takes coordinates of ``values`` to coordinates of the target.
    size
        Height and width of the target.

    Returns
    -------
    Float32[np.ndarray, "ht wt"]
        The drawn target; 0 where ``values`` does not reach, its edge values continued for half a pixel.
    """
    to_source = translation(-0.5, -0.5) @ np.linalg.inv(to_target) @ translation(0.5, 0.5)
    rows_first = to_source[[1, 0, 2]][:, [1, 0, 2]]
    if rows_first[0, 1] == rows_first[1, 0] == 0:
        return _resample_upright(values, rows_first, size)
    from scipy.ndimage import affine_transform  # costs 0.1 s to import

    drawn = affine_transform(values, rows_first, output_shape=size, order=1, mode="nearest")
    height, width = values.shape
    rows = rows_first[0, 0] * np.arange(size[0])[:, None] + rows_first[0, 1] * np.arange(size[1]) + rows_first[0, 2]
    columns = rows_first[1, 0] * np.arange(size[0])[:, None] + rows_first[1, 1] * np.arange(size[1]) + rows_first[1, 2]
    reached = (rows >= -0.5) & (rows <= height - 0.5) & (columns >= -0.5) & (columns <= width - 0.5)
    return np.where(reached, drawn, 0.0).astype(np.float32)


def _resample_upright(values: FilmPixels, rows_first: Affine, size: tuple[int, int]) -> Float32[np.ndarray, "ht wt"]:
    """Resample without rotation, first along one axis, then along the other: every film that is shown waits for it."""
    drawn = values
    for axis in (0, 1):
        last = values.shape[axis] - 1
        at = rows_first[axis, axis] * np.arange(size[axis]) + rows_first[axis, 2]
        first = np.clip(at, 0, last).astype(np.intp)
        weight = (np.clip(at, 0, last) - first).astype(np.float32)
        second = drawn.take(np.minimum(first + 1, last), axis)
        drawn = drawn.take(first, axis)
        second -= drawn
        second *= weight[:, None] if axis == 0 else weight
        drawn += second
        beyond = (at < -0.5) | (at > last + 0.5)
        drawn[(beyond, slice(None)) if axis == 0 else (slice(None), beyond)] = 0
    return drawn
