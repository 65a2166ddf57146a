"""Two models times two films: each panel a film with its map, all maps on one scale, the probability below."""

from collections.abc import Mapping, Sequence

from workbench.core.errors import OptionError
from workbench.plots.before_after import EditedView, write_probability
from workbench.plots.marks import outline
from workbench.plots.overlays import draw_colour_bar, overlay
from workbench.plots.scales import Scale, colormap_of, scale_kind, scale_of
from workbench.plots.sheet import Picture, check_pixels, check_same_size, fitted, show_film, shrunk
from workbench.plots.theme import MUTED, mark_colour

PANEL_WIDTH_IN, PANEL_HEIGHT_IN = 3.3, 3.3
MARGIN_IN, GAP_IN = 0.25, 0.35
HEADING_IN, TITLE_IN, BELOW_IN, BAR_IN = 0.85, 0.44, 0.72, 0.42


def square_figure(
    rows: Mapping[str, Sequence[EditedView]],
    *,
    title: str,
    below: str = "",
    note: str = "",
    positive: str = "abnormal",
    colormap: str | None = None,
) -> Picture:
    """Draw a row of films for each model; changes are counted from the first film of the row.

    Parameters
    ----------
    rows
        Name of the model -> what it saw, as many films for each. Films may differ in size.
    title
        Names the case.
    below
        A line below it: the maps' method.
    note
        A last, smaller one.
    positive
        Name of the class whose probability is printed.
    colormap
        A name of Matplotlib's; None takes a diverging one where any map has negative values, else a sequential one.

    Returns
    -------
    Picture
        A panel for each model and film, and one colour bar.

    Raises
    ------
    OptionError
        No rows, or arrays that do not fit together.
    """
    _check(rows)
    views = [view for row in rows.values() for view in row]
    scale = scale_of(*(view.film_map for view in views), kind=scale_kind(colormap))
    columns, row_in = len(views) // len(rows), TITLE_IN + PANEL_HEIGHT_IN + BELOW_IN
    width_in = 2 * MARGIN_IN + columns * PANEL_WIDTH_IN + (columns - 1) * GAP_IN
    picture = Picture(width_in, MARGIN_IN + HEADING_IN + len(rows) * row_in + BAR_IN)
    picture.heading(title, below, margin_in=MARGIN_IN, note=note)
    for place, (model, row) in enumerate(rows.items()):
        top = MARGIN_IN + HEADING_IN + place * row_in
        picture.write(model, MARGIN_IN, top, width_in=width_in - 2 * MARGIN_IN, weight="bold")
        for column, view in enumerate(row):
            left = MARGIN_IN + column * (PANEL_WIDTH_IN + GAP_IN)
            change = view.probability - row[0].probability if column else None
            _draw_view(picture, view, left, top, scale=scale, colormap=colormap, change=change, positive=positive)
    bar = picture.panel(MARGIN_IN, picture.get_size_inches()[1] - BAR_IN, width_in=PANEL_WIDTH_IN, height_in=0.1)
    draw_colour_bar(bar, colormap=colormap or colormap_of(scale), scale=scale)
    return picture


def _check(rows: Mapping[str, Sequence[EditedView]]) -> None:
    counts = {len(row) for row in rows.values()}
    if len(counts) != 1 or 0 in counts:
        raise OptionError(f"rows of {sorted(counts)} films; wanted at least one row, and as many films in each")
    for model, row in rows.items():
        for view in row:
            what = f"{view.title!r} of {model}"
            check_pixels(view.pixels, f"film {what}")
            for name, values in {"map": view.film_map, **view.masks}.items():
                check_same_size(values, view.pixels, f"{name} of {what}")


def _draw_view(
    picture: Picture,
    view: EditedView,
    left_in: float,
    top_in: float,
    *,
    scale: Scale,
    colormap: str | None,
    change: float | None,
    positive: str,
) -> None:
    size = view.pixels.shape[0], view.pixels.shape[1]
    width_in, height_in = fitted(size, width_in=PANEL_WIDTH_IN, height_in=PANEL_HEIGHT_IN)
    words = f"{view.title}, {size[1]} × {size[0]} pixels"
    picture.write(words, left_in, top_in + 0.2, width_in=PANEL_WIDTH_IN, color=MUTED)
    axes = picture.panel(left_in, top_in + TITLE_IN, width_in=width_in, height_in=height_in)
    laid = overlay(shrunk(view.pixels), shrunk(view.film_map), colormap=colormap, scale=scale)
    show_film(axes, laid, size)
    for category, mask in view.masks.items():
        outline(axes, mask, mark_colour(category), label=category)
    bottom = top_in + TITLE_IN + height_in + 0.08
    write_probability(
        picture, view, left_in=left_in, top_in=bottom, width_in=PANEL_WIDTH_IN, change=change, positive=positive
    )
