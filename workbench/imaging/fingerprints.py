"""What a picture shows, in 4 kB: enough to find the same picture again, re-encoded, resized, brightened or cropped.

Two stages. Every picture is compared with every other by a short description of its coarse shapes (a matrix product),
and keeps its most similar few. These pairs are then laid on top of each other by a small shift and stretch, and count
as near duplicates where the finest detail agrees too: radiographs of one body part share their coarse shapes, but not
the edges of their bones. Turned films, transposed ones and reversed grey scales are not looked for.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from PIL import Image
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter1d

from workbench.core.arrays import FilmPixels

SIDE = 64
"""Height and width of a thumbnail; every film is stretched to it."""
ALIKE = 0.73
"""Correlation of the fine detail from which two pictures count as the same one.

Chosen on 913 films of FracAtlas: above it lie the pairs that are one picture to the eye, below it different films of
one pose on one table."""

_COARSE_ALIKE, _SHAPE_ALIKE = 0.6, 0.8
"""Least similarity of the descriptions, and of the coarse shapes once aligned, to be looked at more closely."""
_CANDIDATES = 10
"""Earlier pictures that each one is laid upon at most, so that the work grows with the number of pictures."""
_FREQUENCIES = 20
_BLOCK, _BATCH = 2048, 128
_COARSE_STEPS, _FINE_STEPS = 4, 2
_MOST_STRETCH, _MOST_SHIFT = 0.15, 6.0
"""Bounds of the alignment: share of the side, and pixels of the thumbnail."""
_FAINTEST = 1 / 255
"""A film whose grey levels span less shows nothing that could be recognised."""

Thumbnails = UInt8[np.ndarray, "n 64 64"]
_Details = Float32[np.ndarray, "n 64 64"]
_Placing = Float64[np.ndarray, "n 4"]
"""Shift and stretch down, shift and stretch across: centre-based, in pixels and in pixels at the edge."""


@dataclass(frozen=True)
class Fingerprint:
    """One picture.

    Parameters
    ----------
    pixels_sha256
        Of the decoded grey levels and their shape: the same for the same picture stored in another way without loss.
    thumbnail
        (64, 64), its darkest level 0 and its brightest 255.
    """

    pixels_sha256: str
    thumbnail: UInt8[np.ndarray, "64 64"]


@dataclass(frozen=True)
class NearPair:
    """Two pictures that show the same: their indices, how alike they are (to 1), and whether one is mirrored."""

    first: int
    second: int
    similarity: float
    mirrored: bool = False


def fingerprint(pixels: FilmPixels) -> Fingerprint:
    """Return what is kept of a film (h, w) in 0..1."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(pixels.tobytes())
    small = np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX))
    low, high = float(small.min()), float(small.max())
    scaled = (small - low) / (high - low) if high - low >= _FAINTEST else np.zeros_like(small)
    return Fingerprint(digest.hexdigest(), np.rint(scaled * 255).astype(np.uint8))


def near_duplicates(thumbnails: Thumbnails, *, alike: float = ALIKE) -> list[NearPair]:
    """Find the pictures that show the same.

    Parameters
    ----------
    thumbnails
        Of :func:`fingerprint`; the same picture twice is a pair too.
    alike
        Least correlation of the fine detail of a pair.

    Returns
    -------
    list of NearPair
        By first index, then second; ``first`` lies before ``second``. In a group of many copies each is linked with
        some of the others, not with all.
    """
    described = _descriptions(thumbnails)
    found: dict[tuple[int, int], NearPair] = {}
    for mirrored in (False, True):
        pairs = _candidates(described, mirrored=mirrored)
        for start in range(0, len(pairs), _BATCH):
            batch = pairs[start : start + _BATCH]
            first, second = _films(thumbnails[batch[:, 0]]), _films(thumbnails[batch[:, 1]])
            similarities = _similarities(first, second[:, :, ::-1] if mirrored else second)
            for (one, other), similarity in zip(batch.tolist(), similarities.tolist(), strict=True):
                if similarity >= alike and ((one, other) not in found or found[one, other].similarity < similarity):
                    found[one, other] = NearPair(one, other, similarity, mirrored)
    return [found[key] for key in sorted(found)]


def _films(thumbnails: Thumbnails) -> _Details:
    return thumbnails.astype(np.float32) / np.float32(255)


def _detail(films: _Details, *, wide: float, narrow: float, faint: float) -> _Details:
    """Return what lies between two blurs, divided by its strength near by, so that no bright edge outweighs the rest.

    ``faint`` is the strength, in grey levels of 0..1, below which detail counts for less: noise is not blown up.
    """
    band = _blurred(films, narrow) - _blurred(films, wide)
    strength = np.sqrt(np.maximum(_blurred(band * band, 4), 0))
    scaled: _Details = band / (strength + np.float32(faint))
    return scaled


def _blurred(films: _Details, width: float) -> _Details:
    blur = _blur_matrix(width)
    blurred: _Details = blur @ films @ blur.T
    return blurred


@cache
def _blur_matrix(width: float) -> Float32[np.ndarray, "64 64"]:
    """Return the matrix of a Gaussian blur along an axis: ten times as fast on many small pictures as a filter."""
    return gaussian_filter1d(np.eye(SIDE, dtype=np.float32), width, axis=0)


def _coarse(films: _Details) -> _Details:
    return _detail(films, wide=4, narrow=1, faint=0.02)


def _middle(films: _Details) -> _Details:
    return _detail(films, wide=2, narrow=0.6, faint=0.01)


def _fine(films: _Details) -> _Details:
    return _detail(films, wide=1, narrow=0.3, faint=0.01)


def _descriptions(thumbnails: Thumbnails) -> Float32[np.ndarray, "n d"]:
    """Return the lowest cosine frequencies of the coarse detail, of unit length; zeros where nothing is to be seen."""
    parts = [np.zeros((0, _FREQUENCIES**2), np.float32)]
    for start in range(0, len(thumbnails), _BLOCK):
        waves = dctn(_coarse(_films(thumbnails[start : start + _BLOCK])), axes=(1, 2), norm="ortho")
        flat = waves[:, :_FREQUENCIES, :_FREQUENCIES].reshape(len(waves), -1)
        parts.append(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))
    return np.concatenate(parts).astype(np.float32)


def _candidates(described: Float32[np.ndarray, "n d"], *, mirrored: bool) -> np.ndarray:
    """Return pairs of indices (p, 2), the earlier first: of each picture its most similar earlier ones."""
    signs = np.tile((-1.0) ** np.arange(_FREQUENCIES), _FREQUENCIES).astype(np.float32)  # a mirror turns odd waves over
    wanted = described * signs if mirrored else described
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for start in range(0, len(described), _BLOCK // 4):
        later = np.arange(start, min(start + _BLOCK // 4, len(described)))
        alike = wanted[later] @ described[: later[-1] + 1].T
        alike[np.arange(alike.shape[1]) >= later[:, None]] = -1
        rows, columns = np.nonzero(alike >= _COARSE_ALIKE)
        order = np.lexsort((-alike[rows, columns], rows))
        rows, columns = rows[order], columns[order]
        best = np.arange(len(rows)) - np.searchsorted(rows, rows) < _CANDIDATES  # the rank among those of one picture
        pairs.append(np.stack([columns[best], later[rows[best]]], axis=1))
    return np.concatenate(pairs)


def _similarities(first: _Details, second: _Details) -> Float64[np.ndarray, " n"]:
    """Return how alike pictures are, pair by pair, once the second is laid upon the first; 0 where clearly not."""
    shape_first, shape_second = _coarse(first), _coarse(second)
    placing = _aligned(shape_first, shape_second, np.zeros((len(first), 4)), steps=_COARSE_STEPS)
    alike = np.zeros(len(first))
    close = np.flatnonzero(_correlations(shape_first, shape_second, placing) >= _SHAPE_ALIKE)
    if close.size:
        first, second = first[close], second[close]
        placing = _aligned(_middle(first), _middle(second), placing[close], steps=_FINE_STEPS)
        alike[close] = _correlations(_fine(first), _fine(second), placing)
    return alike


def _aligned(fixed: _Details, moving: _Details, placing: _Placing, *, steps: int) -> _Placing:
    """Return the shift and stretch that lay ``moving`` on ``fixed``.

    Gauss-Newton on the squared differences, as Lucas and Kanade register images (1981), with Cauchy weights, so that
    a flag on one of the two does not pull.
    """
    across = ((np.arange(SIDE) - (SIDE - 1) / 2) / (SIDE / 2)).astype(np.float32)
    for _ in range(steps):
        moved, _inside = _moved(moving, placing)
        gain = (fixed * moved).sum((1, 2)) / np.maximum((moved * moved).sum((1, 2)), 1e-6)
        difference = (fixed - gain[:, None, None] * moved).reshape(len(fixed), -1)
        down, right = np.gradient(moved, axis=(1, 2))
        slopes = np.stack([down, down * across[:, None], right, right * across], axis=1).reshape(len(fixed), 4, -1)
        weighted = slopes / (1 + difference * difference)[:, None, :]
        matrix = weighted @ slopes.transpose(0, 2, 1) + np.eye(4)
        step = np.linalg.solve(matrix, weighted @ difference[:, :, None])[:, :, 0]
        bound = np.array([_MOST_SHIFT, _MOST_STRETCH * SIDE / 2] * 2)
        placing = np.clip(placing + step, -bound, bound)
    return placing


def _correlations(fixed: _Details, moving: _Details, placing: _Placing) -> Float64[np.ndarray, " n"]:
    """Return the correlation over the pixels that both show."""
    moved, inside = _moved(moving, placing)
    counted = np.maximum(inside.sum((1, 2)), 1)[:, None, None]
    one, other = ((each - (each * inside).sum((1, 2), keepdims=True) / counted) * inside for each in (fixed, moved))
    lengths = np.sqrt((one * one).sum((1, 2)) * (other * other).sum((1, 2)))
    return np.asarray((one * other).sum((1, 2)) / np.maximum(lengths, 1e-6), dtype=np.float64)


def _moved(films: _Details, placing: _Placing) -> tuple[_Details, _Details]:
    """Return films shifted and stretched, and 1 where they reach (0 elsewhere): one matrix an axis, it is separable."""
    rows, row_inside = _interpolation(placing[:, 0], placing[:, 1])
    columns, column_inside = _interpolation(placing[:, 2], placing[:, 3])
    return rows @ films @ columns.transpose(0, 2, 1), row_inside[:, :, None] * column_inside[:, None, :]


def _interpolation(
    shift: Float64[np.ndarray, " n"], stretch: Float64[np.ndarray, " n"]
) -> tuple[_Details, Float32[np.ndarray, "n 64"]]:
    """Return the matrices (n, 64, 64) that read a line at ``x + shift + stretch * (x from the centre, in -1..1)``."""
    centred = (np.arange(SIDE) - (SIDE - 1) / 2) / (SIDE / 2)
    places = np.arange(SIDE) + shift[:, None] + stretch[:, None] * centred
    inside = ((places >= 0) & (places <= SIDE - 1)).astype(np.float32)
    read = np.clip(places, 0, SIDE - 1).astype(np.float32)
    distance = np.abs(read[:, :, None] - np.arange(SIDE, dtype=np.float32))
    return np.maximum(1 - distance, 0), inside
