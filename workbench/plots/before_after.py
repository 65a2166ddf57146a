"""One film before and after an edit, and beside it the same edit where nothing should change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from workbench.core.errors import OptionError
from workbench.plots.marks import outline
from workbench.plots.overlays import draw_colour_bar, overlay
from workbench.plots.scales import Scale, colormap_of, scale_kind, scale_of
from workbench.plots.sheet import HEADING, SMALL, Picture, check_pixels, check_same_size, fitted, show_film, shrunk
from workbench.plots.theme import MUTED, VERMILLION, mark_colour, method_title, signed

PANEL_WIDTH_IN, PANEL_HEIGHT_IN = 1.95, 2.6
MARGIN_IN, INNER_IN, OUTER_IN = 0.25, 0.06, 0.34
HEADING_IN, TITLE_IN, BELOW_IN, BAR_IN = 0.68, 0.26, 0.75, 0.5


@dataclass(frozen=True)
class EditedView:
    """A film as the model saw it once: as it is, or with something covered.

    Parameters
    ----------
    title
        Over its panels: ``"flag covered"``.
    pixels
        Film (h, w), 0 black to 1 white, with the edit in it.
    film_map
        The map (h, w) of this view in film pixels.
    probability
        Of the abnormal class.
    masks
        Outlined on both panels, by category.
    """

    title: str
    pixels: np.ndarray
    film_map: np.ndarray
    probability: float
    masks: Mapping[str, np.ndarray] = field(default_factory=dict)


def before_after(
    views: Sequence[EditedView],
    *,
    title: str,
    method: str = "grad-cam",
    positive: str = "abnormal",
    colormap: str | None = None,
) -> Picture:
    """Draw film and map of each view in one row, all maps on one scale, with probability and change below.

    Parameters
    ----------
    views
        The first is the film as it is; changes are counted from it.
    title
        Names the case.
    method
        Label of the maps' method.
    positive
        Name of the class whose probability is printed.
    colormap
        A name of Matplotlib's; None takes a diverging one where any map has negative values, else a sequential one.

    Returns
    -------
    Picture
        Two panels a view and one colour bar.

    Raises
    ------
    OptionError
        No views, or arrays that do not fit together.
    """
    _check(views)
    scale = scale_of(*(view.film_map for view in views), kind=scale_kind(colormap))
    film_size = views[0].pixels.shape[0], views[0].pixels.shape[1]
    width_in, height_in = fitted(film_size, width_in=PANEL_WIDTH_IN, height_in=PANEL_HEIGHT_IN)
    pair_in = 2 * width_in + INNER_IN
    top = MARGIN_IN + HEADING_IN
    total_in = 2 * MARGIN_IN + len(views) * pair_in + (len(views) - 1) * OUTER_IN
    picture = Picture(max(total_in, 6.0), top + TITLE_IN + height_in + BELOW_IN + BAR_IN)
    below = f"{method_title(method)}, all maps on one scale; the change is counted from the first film"
    picture.heading(title, below, margin_in=MARGIN_IN)
    for place, view in enumerate(views):
        left = MARGIN_IN + place * (pair_in + OUTER_IN)
        picture.write(view.title, left, top, width_in=pair_in, weight="bold")
        laid = overlay(shrunk(view.pixels), shrunk(view.film_map), colormap=colormap, scale=scale)
        for offset, shown in ((0.0, shrunk(view.pixels)), (width_in + INNER_IN, laid)):
            axes = picture.panel(left + offset, top + TITLE_IN, width_in=width_in, height_in=height_in)
            show_film(axes, shown, film_size)
            for category, mask in view.masks.items():
                outline(axes, mask, mark_colour(category), label="" if offset else category)
        bottom = top + TITLE_IN + height_in + 0.08
        change = None if place == 0 else view.probability - views[0].probability
        write_probability(
            picture, view, left_in=left, top_in=bottom, width_in=pair_in, change=change, positive=positive
        )
    _draw_bar(picture, scale, colormap=colormap or colormap_of(scale), width_in=pair_in)
    return picture


def _check(views: Sequence[EditedView]) -> None:
    if not views:
        raise OptionError("no view to draw; give the film as it is first, then its edits")
    for view in views:
        check_pixels(view.pixels, f"film {view.title!r}")
        check_same_size(view.pixels, views[0].pixels, f"film {view.title!r}")
        for name, values in {"map": view.film_map, **view.masks}.items():
            check_same_size(values, view.pixels, f"{name} of {view.title!r}")


def write_probability(
    picture: Picture,
    view: EditedView,
    *,
    left_in: float,
    top_in: float,
    width_in: float,
    change: float | None,
    positive: str,
) -> None:
    """Write the probability of a view below it, and by how much it changed, in colour where a verdict could turn."""
    words = picture.write(
        f"p = {view.probability:.3f}", left_in, top_in, width_in=width_in, size=HEADING, weight="bold"
    )
    picture.write(f"probability of {positive}", left_in, top_in + 0.27, width_in=width_in, size=SMALL, color=MUTED)
    if change is not None:
        beside = words.get_window_extent().width / picture.dpi + 0.15
        tint = VERMILLION if abs(change) >= 0.1 else MUTED  # a change that could turn a verdict catches the eye
        picture.write(signed(change, 3), left_in + beside, top_in, width_in=width_in - beside, size=HEADING, color=tint)


def _draw_bar(picture: Picture, scale: Scale, *, colormap: str, width_in: float) -> None:
    height_in = float(picture.get_size_inches()[1])
    bar = picture.panel(MARGIN_IN, height_in - BAR_IN, width_in=min(width_in, 4.0), height_in=0.1)
    draw_colour_bar(bar, colormap=colormap, scale=scale)
