"""The picture of a view for readers without scripts: an untrusted notebook, a mail, a printed page."""

import numpy as np
from PIL import Image

from workbench.plots.marks import outline
from workbench.plots.overlays import draw_colour_bar, overlay
from workbench.plots.sheet import BODY, Picture, fitted, show_film, shrunk
from workbench.plots.viewer.content import FilmView, MapLayer
from workbench.plots.viewer.encoding import opening_window, whole_grey

WIDTH_IN, HEIGHT_IN = 3.6, 4.2
"""The largest film of a poster."""
MARGIN_IN, TITLE_IN, KEY_IN = 0.08, 0.24, 0.42
FINEST = 640
"""Pixels along the longer side of the film; a poster shows no more."""


def poster(view: FilmView) -> bytes:
    """Return a view as PNG: the film in its window under its first map, the marks, and the map's scale in numbers."""
    layer = view.layers[0] if view.layers else None
    width_in, height_in = fitted(view.size, width_in=WIDTH_IN, height_in=HEIGHT_IN)
    top_in = MARGIN_IN + (TITLE_IN if view.title else 0)
    picture = Picture(WIDTH_IN + 2 * MARGIN_IN, top_in + height_in + (KEY_IN if layer else 0) + MARGIN_IN)
    if view.title:
        picture.write(view.title, MARGIN_IN, MARGIN_IN, width_in=WIDTH_IN, size=BODY, weight="bold")
    axes = picture.panel(MARGIN_IN, top_in, width_in=width_in, height_in=height_in)
    grey = windowed(view)
    show_film(axes, _under(grey, layer, view.size) if layer else grey, view.size)
    for mark in view.marks:
        outline(axes, _mask(mark.mask, mark.box, view.size), mark.colour, label=mark.label or mark.category)
    if layer:
        bar = picture.panel(MARGIN_IN, top_in + height_in + 0.07, width_in=WIDTH_IN, height_in=0.1)
        draw_colour_bar(bar, colormap=layer.colours, scale=layer.scale, label=layer.title)
    return picture.png()


def windowed(view: FilmView) -> np.ndarray:
    """Return a film at most :data:`FINEST` pixels long, 0 and 1 at the ends of its window."""
    whole = whole_grey(view.pixels)
    shares = shrunk(whole.astype(np.float32) / np.iinfo(whole.dtype).max, FINEST)
    low, high = opening_window(view)
    return np.clip((shares - low) / (high - low), 0, 1).astype(np.float32)


def _under(grey: np.ndarray, layer: MapLayer, film_size: tuple[int, int]) -> np.ndarray:
    drawn = layer.drawn(film_size, (grey.shape[0], grey.shape[1]))
    return overlay(grey, drawn, colormap=layer.colours, scale=layer.scale)


def _mask(mask: np.ndarray | None, box: tuple[int, int, int, int], film_size: tuple[int, int]) -> np.ndarray:
    if mask is not None:
        return mask
    covered = Image.new("1", (film_size[1], film_size[0]))
    left, top, right, bottom = box
    covered.paste(1, (left, top, right, bottom))
    return np.asarray(covered, dtype=bool)
