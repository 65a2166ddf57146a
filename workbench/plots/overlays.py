"""Maps laid over films: the right place, the colours of a scale, and the bar that says which scale it is."""

import numpy as np
from matplotlib.axes import Axes

from workbench.core.arrays import Affine
from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.core.geometry import resample, scaling
from workbench.plots.scales import DIVERGING, SEQUENTIAL, Scale, colormap_of, is_fine, scale_kind, scale_of
from workbench.plots.sheet import FONTS, SMALL, check_pixels, check_same_size, colours_of, shrunk, shrunk_size
from workbench.plots.theme import INK, MUTED, number

FADING = (SEQUENTIAL, DIVERGING)
"""Laid on more thinly the nearer a value is to zero, so that the bone stays visible; other colour maps lie evenly."""

FADING_OPACITY, EVEN_OPACITY = 0.85, 0.45
"""Share of colour at the strongest, and everywhere."""

FINE_LIGHT = 0.3
"""How bright the film stays below a fine map, whose hair lines would be lost on bone."""

STEPS = 4097
"""A scale is drawn in so many steps: more than 256, because near zero the opacity climbs steeply; an odd number,
so that zero in the middle is a step of its own."""


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
        its range for ``jet``, else one that starts at zero or is centred on it.
    opacity
        Share of colour at the strongest; None takes 0.45 for colours that lie evenly and 0.85 for those that fade.

    Returns
    -------
    np.ndarray
        RGB (h, w, 3) uint8.

    Raises
    ------
    OptionError
        Shapes that differ, pixels out of range, an unknown colour map or a scale that is empty.
    """
    check_pixels(pixels)
    check_same_size(film_map, pixels, "map")
    scale = scale or scale_of(film_map, kind=scale_kind(colormap))
    inks = _inks(colormap or colormap_of(scale), scale, opacity)
    steps = _steps(film_map, scale)
    grey = np.clip(pixels, 0, 1).astype(np.float32)
    grey *= inks[:, 3].take(steps)
    laid = np.empty((*pixels.shape, 3), dtype=np.uint8)
    for channel in range(3):  # plane by plane: half the time of all three at once
        laid[..., channel] = 255 * (inks[:, channel].take(steps) + grey) + 0.5
    return laid


def laid_over(
    pixels: np.ndarray,
    explanation: Explanation,
    index: int,
    *,
    scale: Scale,
    colormap: str | None = None,
    limit: int | None = None,
) -> np.ndarray:
    """Return a film (h, w) with one of an explanation's maps over it as RGB uint8, no side above ``limit`` pixels."""
    light = FINE_LIGHT if is_fine(explanation) else 1.0
    shown = shrunk(pixels, limit or max(pixels.shape))
    return overlay(
        shown * np.float32(light), film_map_of(explanation, index, limit=limit), colormap=colormap, scale=scale
    )


def _inks(colormap: str, scale: Scale, opacity: float | None) -> np.ndarray:
    """Return what each step of a scale adds in red, green, blue, and lets through (STEPS + 1, 4); the last is NaN's."""
    strength = opacity if opacity is not None else FADING_OPACITY if colormap in FADING else EVEN_OPACITY
    if not 0 <= strength <= 1:
        raise OptionError(f"opacity {strength} is not a share; wanted 0 to 1")
    values = np.linspace(*scale, STEPS)
    colours = coloured(values, colormap=colormap, scale=scale)
    shares = np.full((STEPS, 1), strength)
    if colormap in FADING:
        shares *= np.sqrt(np.abs(values) / max(abs(scale[0]), abs(scale[1])))[:, None]
    bare = np.array([[0, 0, 0, 1]])
    return np.concatenate([np.hstack([colours * shares, 1 - shares]), bare]).astype(np.float32)


def _steps(film_map: np.ndarray, scale: Scale) -> np.ndarray:
    """Return the step of a scale that each value takes, STEPS for NaN."""
    low, high = scale
    steps = np.asarray(film_map, dtype=np.float32) - np.float32(low)
    steps *= np.float32((STEPS - 1) / (high - low))
    np.clip(steps, 0, STEPS - 1, out=steps)
    steps += 0.5
    return np.nan_to_num(steps, copy=False, nan=STEPS).astype(np.intp)


def coloured(values: np.ndarray, *, colormap: str, scale: Scale) -> np.ndarray:
    """Return values (...) as RGB (..., 3) float32: low takes the first colour, high the last, NaN the first."""
    low, high = scale
    if not low < high:
        raise OptionError(f"scale {scale} is empty; wanted low < high")
    shares = np.nan_to_num(np.clip((np.asarray(values, dtype=np.float64) - low) / (high - low), 0, 1))
    return colours_of(colormap)[np.round(shares * 255).astype(np.intp)]


def film_map_of(explanation: Explanation, index: int, *, limit: int | None = None) -> np.ndarray:
    """Return one map (h, w) in film pixels, NaN where the network was not shown the film.

    With a ``limit``, it is drawn on a film shrunk so that no side exceeds so many pixels, as :func:`shrunk` does.
    """
    height, width = map(int, explanation.film_sizes[index])
    size = shrunk_size((height, width), limit or max(height, width))
    return drawn_map(explanation.maps[index], explanation.to_film[index], (height, width), size)


def drawn_map(values: np.ndarray, to_film: Affine, film_size: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Return a map on a film of ``film_size`` (height, width) drawn at ``size``, NaN where it does not reach."""
    to_drawn = scaling(size[1] / film_size[1], size[0] / film_size[0]) @ to_film
    drawn = resample(np.asarray(values, dtype=np.float32), to_drawn, size)
    reached = resample(np.ones(values.shape, dtype=np.float32), to_drawn, size)
    return np.where(reached > 0, drawn, np.float32(np.nan))


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
