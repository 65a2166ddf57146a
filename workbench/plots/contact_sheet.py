"""Films side by side: what a data set looks like."""

from collections.abc import Sequence

from workbench.core.errors import OptionError
from workbench.plots.explanation_sheet import Row
from workbench.plots.marks import outline
from workbench.plots.sheet import Picture, check_pixels, fitted, show_film, shrunk
from workbench.plots.theme import MUTED, mark_colour

MARGIN_IN, GAP_IN, HEAD_IN, WORDS_IN = 0.3, 0.12, 0.75, 0.22


def contact_sheet(
    films: Sequence[Row], *, columns: int = 7, title: str = "Films", below: str = "", width_in: float = 11.0
) -> Picture:
    """Draw films in a grid, each as large as its cell allows, with its words below and its masks outlined.

    Parameters
    ----------
    films
        Row by row from the upper left.
    columns
        Films in a row.
    title
        Over the sheet.
    below
        A line in grey below the title.
    width_in
        Of the sheet, in inches; its height follows from the tallest film.

    Returns
    -------
    Picture
        One panel a film.

    Raises
    ------
    OptionError
        No film, or pixels that are not a film.
    """
    if not films:
        raise OptionError("a contact sheet of no films; give at least one")
    for each in films:
        check_pixels(each.pixels)
    cell_in = (width_in - 2 * MARGIN_IN - (columns - 1) * GAP_IN) / columns
    tallest_in = max(cell_in * each.pixels.shape[0] / each.pixels.shape[1] for each in films)
    row_in = min(tallest_in, 1.6 * cell_in) + WORDS_IN + GAP_IN
    rows = -(-len(films) // columns)
    picture = Picture(width_in, HEAD_IN + MARGIN_IN + rows * row_in)
    picture.heading(title, below, margin_in=MARGIN_IN)
    for place, each in enumerate(films):
        left_in = MARGIN_IN + place % columns * (cell_in + GAP_IN)
        _film(picture, each, left_in, HEAD_IN + MARGIN_IN / 2 + place // columns * row_in, cell_in, row_in)
    return picture


def _film(picture: Picture, film: Row, left_in: float, top_in: float, cell_in: float, row_in: float) -> None:
    size = (film.pixels.shape[0], film.pixels.shape[1])
    width_in, height_in = fitted(size, width_in=cell_in, height_in=row_in - WORDS_IN - GAP_IN)
    axes = picture.panel(left_in, top_in, width_in=width_in, height_in=height_in)
    show_film(axes, shrunk(film.pixels), size)
    for category, mask in film.masks.items():
        outline(axes, mask, mark_colour(category))
    picture.write(film.words, left_in, top_in + height_in + 0.04, width_in=cell_in, size=7, color=MUTED)
