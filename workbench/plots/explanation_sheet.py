"""A contact sheet: a row for each film, a column for each method, true masks outlined beside the heatmaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.plots.marks import outline
from workbench.plots.overlays import draw_colour_bar, laid_over
from workbench.plots.scales import Scale, ScaleChoice, colormap_of, range_words, scale_words, scales_of
from workbench.plots.sheet import SMALL, Picture, check_pixels, check_same_size, fitted, show_film, shrunk
from workbench.plots.theme import MUTED, mark_colour, method_title

PANEL_WIDTH_IN, PANEL_HEIGHT_IN = 2.0, 2.5
MARGIN_IN, GAP_IN, WORDS_IN = 0.25, 0.1, 1.35
HEADING_IN, TITLE_IN, FOOT_IN = 0.68, 0.26, 0.5
SCALE_IN = 0.17
"""Height of the line with a map's own scale."""
FINEST = 900
"""Pixels along the longer side of a film; a panel shows no more."""
TOLD = {
    "own": "each map on its own scale, printed below it",
    "shared": "one scale for all films of a method",
    "absolute": "all maps on one absolute scale",
}


@dataclass(frozen=True)
class Row:
    """One film with what is known of it.

    Parameters
    ----------
    pixels
        Film (h, w), 0 black to 1 white.
    masks
        Outlined on film and maps, by category.
    words
        Below the case's id: label, prediction.
    """

    pixels: np.ndarray
    masks: Mapping[str, np.ndarray]
    words: str = ""


def explanation_sheet(
    rows: Sequence[Row],
    explanations: Mapping[str, Explanation],
    *,
    scale: ScaleChoice = "own",
    colormap: str | None = None,
    title: str = "Explanations",
) -> Picture:
    """Draw n films x methods.

    Parameters
    ----------
    rows
        In the order of the explanations' cases.
    explanations
        By label, each of the same n cases.
    scale
        Each map's own, one shared by all films of a method (methods never share: units differ), or two numbers. Every
        scale is printed.
    colormap
        A name of Matplotlib's; None takes a diverging one for maps with negative values, else a sequential one.
    title
        Over the sheet.

    Returns
    -------
    Picture
        n x (1 + methods) panels, with a colour bar a method where scales are shared.

    Raises
    ------
    OptionError
        Films, masks and explanations that do not belong together.
    """
    case_ids = _check(rows, explanations)
    places = _Places.of(rows, columns=1 + len(explanations), has_scale_lines=scale == "own")
    picture = Picture(*places.picture_in)
    told = TOLD[scale if isinstance(scale, str) else "absolute"]
    films = "1 film" if len(rows) == 1 else f"{len(rows)} films"
    picture.heading(title, f"{films}, {told}", margin_in=MARGIN_IN)
    picture.write("Film", places.lefts[0], places.head_in, width_in=places.column_in, weight="bold")
    for place, (row, case_id) in enumerate(zip(rows, case_ids, strict=True)):
        top = places.tops[place]
        picture.write(case_id, MARGIN_IN, top, width_in=WORDS_IN - 0.1, size=SMALL, lines=2, weight="bold")
        picture.write(row.words, MARGIN_IN, top + 0.36, width_in=WORDS_IN - 0.1, size=SMALL, lines=8, color=MUTED)
        _draw(picture, places, (place, 0), row=row, shown=shrunk(row.pixels, FINEST), is_named=True)
    for column, (label, explanation) in enumerate(explanations.items(), start=1):
        left, width_in = places.lefts[column], places.column_in - GAP_IN
        picture.write(method_title(label), left, places.head_in, width_in=width_in, weight="bold")
        scales = scales_of(explanation, scale, colormap=colormap)
        _draw_column(picture, places, column, rows=rows, explanation=explanation, scales=scales, colormap=colormap)
        bar = picture.panel(left, places.foot_in, width_in=width_in, height_in=0.09)
        ends = ("low end", "high end") if scale == "own" else ("", "")
        colours = colormap or colormap_of(scales[0])
        draw_colour_bar(bar, colormap=colours, scale=scales[0], ends=ends, label=scale_words(scale))
    return picture


@dataclass(frozen=True)
class _Places:
    """Where rows and columns begin, in inches from the upper left corner."""

    sizes: tuple[tuple[float, float], ...]
    tops: tuple[float, ...]
    lefts: tuple[float, ...]
    column_in: float
    foot_in: float
    has_scale_lines: bool

    head_in = MARGIN_IN + HEADING_IN

    @classmethod
    def of(cls, rows: Sequence[Row], *, columns: int, has_scale_lines: bool) -> "_Places":
        sizes = tuple(fitted(_size(row), width_in=PANEL_WIDTH_IN, height_in=PANEL_HEIGHT_IN) for row in rows)
        column_in = max(width for width, _ in sizes) + GAP_IN
        between_in = GAP_IN + (SCALE_IN if has_scale_lines else 0.0)
        starts = cls.head_in + TITLE_IN + np.cumsum([0.0] + [height + between_in for _, height in sizes])
        lefts = tuple(MARGIN_IN + WORDS_IN + column * column_in for column in range(columns))
        return cls(sizes, tuple(map(float, starts[:-1])), lefts, column_in, float(starts[-1]) + 0.04, has_scale_lines)

    @property
    def picture_in(self) -> tuple[float, float]:
        return self.lefts[-1] + self.column_in - GAP_IN + MARGIN_IN, self.foot_in + FOOT_IN


def _check(rows: Sequence[Row], explanations: Mapping[str, Explanation]) -> tuple[str, ...]:
    if not rows or not explanations:
        raise OptionError(
            f"{len(rows)} films and {len(explanations)} explanations make no sheet; give at least one each"
        )
    case_ids = next(iter(explanations.values())).case_ids
    for label, explanation in explanations.items():
        if explanation.case_ids != case_ids or len(explanation) != len(rows):
            raise OptionError(f"{label}: {len(explanation)} cases for {len(rows)} films; wanted the same, in one order")
        for case_id, row, size in zip(case_ids, rows, explanation.film_sizes, strict=True):
            if _size(row) != tuple(size):
                raise OptionError(f"{case_id}: film is {_size(row)}, {label} was made for {tuple(map(int, size))}")
    for case_id, row in zip(case_ids, rows, strict=True):
        check_pixels(row.pixels, case_id)
        for category, mask in row.masks.items():
            check_same_size(mask, row.pixels, f"{category} of {case_id}")
    return case_ids


def _size(row: Row) -> tuple[int, int]:
    return int(row.pixels.shape[0]), int(row.pixels.shape[1])


def _draw_column(
    picture: Picture,
    places: _Places,
    column: int,
    *,
    rows: Sequence[Row],
    explanation: Explanation,
    scales: Sequence[Scale],
    colormap: str | None,
) -> None:
    for place, (row, scale) in enumerate(zip(rows, scales, strict=True)):
        laid = laid_over(row.pixels, explanation, place, scale=scale, colormap=colormap, limit=FINEST)
        _draw(picture, places, (place, column), row=row, shown=laid)
        if places.has_scale_lines:
            below = places.tops[place] + places.sizes[place][1] + 0.03
            left, width_in = places.lefts[column], places.column_in
            picture.write(range_words(scale), left, below, width_in=width_in, size=SMALL - 1, color=MUTED)


def _draw(
    picture: Picture, places: _Places, cell: tuple[int, int], *, row: Row, shown: np.ndarray, is_named: bool = False
) -> None:
    place, column = cell
    width_in, height_in = places.sizes[place]
    axes = picture.panel(places.lefts[column], places.tops[place], width_in=width_in, height_in=height_in)
    show_film(axes, shown, _size(row))
    for category, mask in row.masks.items():
        outline(axes, mask, mark_colour(category), label=category if is_named else "", width=1.0)
