"""A view as what ``viewer.js`` reads: plain JSON with bytes in it, the same with a kernel and without."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from workbench.core.arrays import Json
from workbench.core.errors import OptionError
from workbench.plots.overlays import EVEN_OPACITY, FADING, FADING_OPACITY
from workbench.plots.scales import DIVERGING, PAPERS, SEQUENTIAL
from workbench.plots.sheet import colours_of
from workbench.plots.viewer.content import FilmView, MapLayer, Mark, Window

COLORMAPS = {
    DIVERGING: ("Blue to orange", True),
    "bwr": ("Blue, white, red", True),
    SEQUENTIAL: ("Inferno", False),
    "viridis": ("Viridis", False),
    PAPERS: ("Jet, as the papers", None),
}
"""Colour maps to choose from: title, and whether it is for maps of both signs (None: for either)."""

STEPS = 32767
"""A map's greatest magnitude as a whole number of 16 bits: finer than a screen by far, whatever the map's unit."""
MISSING = -32768
"""Stands for NaN."""


def film_content(pixels: np.ndarray, key: str = "") -> dict[str, Json]:
    """Return a film as raw bytes, row by row.

    Parameters
    ----------
    pixels
        (h, w): uint8, uint16, or floats from 0 to 1. Floats in steps of 1/255 are sent as 8 bits, others as 16.
    key
        Which film it is.

    Returns
    -------
    ``pixels`` (bytes, 16 bits little-endian), ``bits`` (8 or 16), ``height``, ``width``, ``key``.

    Raises
    ------
    OptionError
        Floats beyond 0..1 or NaN, or another type of number.
    """
    whole = whole_grey(pixels)
    bits = 8 * whole.dtype.itemsize
    content = whole.astype(whole.dtype.newbyteorder("<"), copy=False).tobytes()
    height, width = whole.shape
    return {"pixels": content, "bits": bits, "height": int(height), "width": int(width), "key": key}


def whole_grey(pixels: np.ndarray) -> np.ndarray:
    """Return a film as uint8 where that loses nothing, else as uint16."""
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels
    low, high = (float(value) for value in (np.min(pixels), np.max(pixels)))
    if not (np.issubdtype(pixels.dtype, np.floating) and low >= -0.01 and high <= 1.01):
        raise OptionError(f"film of {pixels.dtype} from {low:.3g} to {high:.3g}; wanted 0 to 1, uint8 or uint16")
    shares = np.clip(pixels, 0, 1)
    coarse = np.round(shares * 255)
    if np.abs(coarse / 255 - shares).max() < 1e-6:
        return coarse.astype(np.uint8)
    return np.round(shares * 65535).astype(np.uint16)


def layer_content(layer: MapLayer) -> dict[str, Json]:
    """Return a map as signed 16-bit whole numbers of ``step`` each, and the affine from film pixels to its cells."""
    if layer.colours not in COLORMAPS:
        raise OptionError(f"no colour map of the viewer is called {layer.colours!r}; wanted {', '.join(COLORMAPS)}")
    values = np.asarray(layer.values, dtype=np.float64)
    known = np.isfinite(values)
    if not known.any():
        raise OptionError(f"map {layer.title!r} holds no finite value; nothing can be shown")
    step = float(np.abs(values[known]).max()) / STEPS or 1.0
    whole = np.full(values.shape, MISSING, dtype="<i2")
    whole[known] = np.round(values[known] / step)
    height, width = values.shape
    return {
        "title": layer.title,
        "values": whole.tobytes(),
        "height": int(height),
        "width": int(width),
        "step": step,
        "to_map": [float(value) for value in np.linalg.inv(layer.to_film)[:2].ravel()],
        "scale": [float(value) for value in layer.scale],
        "extent": [float(values[known].min()), float(values[known].max())],
        "colormap": layer.colours,
    }


def mark_content(mark: Mark) -> dict[str, Json]:
    """Return a mark as lines along pixel edges: x, y, x, y of each."""
    left, top, right, bottom = (int(side) for side in mark.box)
    sides = [left, top, right, top, right, top, right, bottom, left, bottom, right, bottom, left, top, left, bottom]
    lines = sides if mark.mask is None else mask_edges(mark.mask)
    return {
        "label": mark.label or mark.category,
        "colour": mark.colour,
        "box": [left, top, right, bottom],
        "lines": lines,
    }


def mask_edges(mask: np.ndarray) -> list[int]:
    """Return the edge of a mask (h, w) as straight lines between pixels: x, y, x, y of each, in one flat list."""
    across = _rising_and_falling(mask)
    down = _rising_and_falling(mask.T)
    lines = np.concatenate([across[:, [1, 0, 2, 0]], down[:, [0, 1, 0, 2]]])
    return [int(number) for number in lines.ravel()]


def _rising_and_falling(mask: np.ndarray) -> np.ndarray:
    """Return (row edge, first column, last column) of every run of columns where a row differs from the one above."""
    padded = np.pad(np.asarray(mask, dtype=np.int8), ((1, 1), (0, 0)))
    changed = np.pad(np.diff(padded, axis=0), ((0, 0), (1, 1)))  # entering and leaving do not join in one line
    starts = (changed[:, 1:] != changed[:, :-1]) & (changed[:, 1:] != 0)
    ends = (changed[:, 1:] != changed[:, :-1]) & (changed[:, :-1] != 0)
    rows, first = np.nonzero(starts)
    return np.stack([rows, first, np.nonzero(ends)[1]], axis=1)


@cache
def colormap_contents() -> dict[str, dict[str, Json]]:
    """Return every colour map as 256 RGB bytes, whether it fades towards zero, and how opaque it is laid on."""
    return {
        name: {
            "title": title,
            "signed": signed,
            "colours": np.round(colours_of(name) * 255).astype(np.uint8).tobytes(),
            "fading": name in FADING,
            "strength": FADING_OPACITY if name in FADING else EVEN_OPACITY,
        }
        for name, (title, signed) in COLORMAPS.items()
    }


def opening_window(view: FilmView) -> Window:
    """Return the window that a view opens with."""
    if view.window is not None:
        return view.window
    if view.pixels.dtype != np.uint16:
        return 0.0, 1.0
    low, high = (float(value) / 65535 for value in np.quantile(view.pixels[::3, ::3], [0.005, 0.995]))
    return (low, high) if low < high else (0.0, 1.0)


def view_state(view: FilmView) -> dict[str, Any]:
    """Return what a view changes in a viewer: film, maps, marks, title and window."""
    window = list(opening_window(view))
    return {
        "film": film_content(view.pixels, view.key or view.title),
        "layers": layer_contents(view.layers),
        "marks": mark_contents(view.marks),
        "title": view.title,
        "window": window,
        "home_window": window,
    }


def layer_contents(layers: Sequence[MapLayer]) -> list[dict[str, Json]]:
    """Return :func:`layer_content` of each."""
    return [layer_content(layer) for layer in layers]


def mark_contents(marks: Sequence[Mark]) -> list[dict[str, Json]]:
    """Return :func:`mark_content` of each."""
    return [mark_content(mark) for mark in marks]
