"""Maps laid over films: colours, the scale they stand for, and the bar that says so.

Maps come signed and raw; here, and only here, they are put on a scale. A scale is ``(low, high)``, for one map its
own, for maps that are compared one for all (:func:`scale_of` of all of them), or any two numbers.
"""

from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.core.geometry import resample
from workbench.plots.sheet import FONTS, SMALL, check_pixels, check_same_size, colours_of
from workbench.plots.theme import INK, MUTED, number

Scale = tuple[float, float]
"""The values of a colour map's first and last colour."""

SEQUENTIAL, DIVERGING, PAPERS = "inferno", "managua_r", "jet"
"""For maps without negative values, with them, and for CAM as the papers print it."""

FADING = (SEQUENTIAL, DIVERGING)
"""Laid on more thinly the nearer a value is to zero, so that the bone stays visible; other colour maps lie evenly."""


def scale_of(*maps: np.ndarray, kind: Literal["zero", "range"] = "zero", clip_share: float = 0.0) -> Scale:
    """Return the scale of one map, or the one that several maps share.

    Parameters
    ----------
    *maps
        Signed values of any shape; NaN is passed over.
    kind
        ``"zero"``: from 0 to the highest, or (-m, m) with m the greatest magnitude where anything is negative.
        ``"range"``: from the lowest to the highest, as the papers draw their CAM.
    clip_share
        The share of values that may lie beyond either end; maps in input space have a few values far from all others.

    Returns
    -------
    Scale
        With low < high, also for constant maps.

    Raises
    ------
    OptionError
        There is no finite value.
    """
    finite = np.concatenate([values[np.isfinite(values)].ravel() for values in map(np.asarray, maps)] or [np.zeros(0)])
    if not finite.size:
        raise OptionError(f"{len(maps)} maps without a finite value have no scale")
    low, high = (float(value) for value in np.quantile(finite, [clip_share, 1 - clip_share]))
    if kind == "zero":
        low, high = (-max(-low, high), max(-low, high)) if low < 0 else (0.0, high)
    return (low, high) if low < high else (low, low + 1.0)


def colormap_of(scale: Scale) -> str:
    """Return the colour map for a scale: diverging where it holds both signs, else sequential."""
    return DIVERGING if scale[0] < 0 < scale[1] else SEQUENTIAL


def overlay(
    pixels: np.ndarray,
    film_map: np.ndarray,
    *,
    colormap: str | None = None,
    scale: Scale | None = None,
    opacity: float | None = None,
) -> np.ndarray:
    """Return a film with a map laid over it.

    Parameters
    ----------
    pixels
        Film (h, w), 0 black to 1 white.
    film_map
        Signed map (h, w) in film pixels; where it is NaN the film stays bare.
    colormap
        A name of Matplotlib's; None takes the one of :func:`colormap_of`.
    scale
        Values of the first and the last colour; values beyond take these colours. None takes the map's own scale:
        its range for ``jet``, else one that starts at or is centred on zero.
    opacity
        Share of colour at the strongest; None takes 0.45 for colours that lie evenly and 0.85 for those that fade.

    Returns
    -------
    np.ndarray
        RGB (h, w, 3) float32 in 0..1.

    Raises
    ------
    OptionError
        Shapes that differ, pixels out of range, an unknown colour map or a scale that is empty.
    """
    check_pixels(pixels)
    check_same_size(film_map, pixels, "map")
    scale = scale or scale_of(film_map, kind="range" if colormap == PAPERS else "zero")
    colormap = colormap or colormap_of(scale)
    strength = opacity if opacity is not None else 0.85 if colormap in FADING else 0.45
    if not 0 <= strength <= 1:
        raise OptionError(f"opacity {strength} is not a share; wanted 0 to 1")
    shares = np.full(pixels.shape, strength, dtype=np.float32)
    if colormap in FADING:
        shares *= np.sqrt(np.clip(np.abs(film_map) / max(abs(scale[0]), abs(scale[1])), 0, 1))
    shares = np.where(np.isfinite(film_map), shares, 0)[..., None]
    grey = np.clip(pixels, 0, 1).astype(np.float32)[..., None]
    return grey * (1 - shares) + coloured(film_map, colormap=colormap, scale=scale) * shares


def coloured(values: np.ndarray, *, colormap: str, scale: Scale) -> np.ndarray:
    """Return values (...) as RGB (..., 3) float32: low takes the first colour, high the last, NaN the first."""
    low, high = scale
    if not low < high:
        raise OptionError(f"scale {scale} is empty; wanted low < high")
    shares = np.nan_to_num(np.clip((np.asarray(values, dtype=np.float64) - low) / (high - low), 0, 1))
    return colours_of(colormap)[np.round(shares * 255).astype(np.intp)]


def film_map_of(explanation: Explanation, index: int) -> np.ndarray:
    """Return one map (h, w) in film pixels, NaN where the network was not shown the film."""
    film_map = explanation.on_film(index)
    reached = resample(np.ones_like(explanation.maps[index]), explanation.to_film[index], film_map.shape)
    return np.where(reached > 0, film_map, np.nan).astype(np.float32)


def draw_colour_bar(
    axes: Axes, *, colormap: str, scale: Scale, label: str = "", ends: tuple[str, str] = ("", "")
) -> None:
    """Fill axes with a horizontal colour bar: numbers below its ends (and at zero), the label between them.

    Parameters
    ----------
    axes
        Wide and low; everything in them is covered.
    colormap
        A name of Matplotlib's.
    scale
        Values of the ends.
    label
        What the values are, below the middle.
    ends
        Words in place of the numbers.
    """
    low, high = scale
    axes.set_axis_on()
    axes.imshow(colours_of(colormap)[None], extent=(low, high, 0, 1), aspect="auto")
    axes.set_yticks([])
    axes.set_xticks([low, high], [ends[0] or number(low), ends[1] or number(high)])
    if low < 0 < high:
        has_room = not label and 0.2 < -low / (high - low) < 0.8
        axes.set_xticks([0.0], ["0" if has_room else ""], minor=True)
    axes.tick_params(which="both", length=2.5, width=0.6, color=MUTED, pad=2)
    for tick, side in zip(axes.get_xticklabels(), ("left", "right"), strict=True):
        tick.set(ha=side, fontsize=SMALL, color=INK, family=FONTS, parse_math=False)
    for tick in axes.get_xticklabels(minor=True):
        tick.set(fontsize=SMALL, color=INK, family=FONTS)
    axes.set_xlabel(label, fontsize=SMALL, color=MUTED, family=FONTS, labelpad=-8.5, parse_math=False)
    for spine in axes.spines.values():
        spine.set(linewidth=0.6, color=MUTED)
