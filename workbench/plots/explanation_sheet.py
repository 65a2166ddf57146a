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
MARGIN_IN, GAP_IN, STACK_GAP_IN, WORDS_IN = 0.25, 0.1, 0.25, 1.35
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
    scales: Mapping[str, Sequence[Scale]] | None = None,
    colormap: str | None = None,
    across: int = 1,
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
    scales
        By label, n each, where they have been chosen already, over more films than are on this sheet.
    colormap
        A name of Matplotlib's; None takes a diverging one for maps with negative values, else a sequential one.
    across
        So many stacks of films side by side; the first is filled first.
    title
        Over the sheet.

    Returns
    -------
    Picture
        n x (1 + methods) panels, with a colour bar a method below each stack.

    Raises
    ------
    OptionError
        Films, masks and explanations that do not belong together.
    """
    case_ids = _check(rows, explanations)
    places = _Places.of(rows, columns=1 + len(explanations), across=across, has_scale_lines=scale == "own")
    picture = Picture(*places.picture_in)
    told = TOLD[scale if isinstance(scale, str) else "absolute"]
    films = "1 film" if len(rows) == 1 else f"{len(rows)} films"
    picture.heading(title, f"{films}, {told}", margin_in=MARGIN_IN)
    for stack in range(places.stacks):
        width_in = places.column_in - GAP_IN
        for column, label in enumerate(("Film", *map(method_title, explanations))):
            left = places.left(stack, column)
            picture.write(label, left, places.head_in, width_in=width_in, weight="bold")
    for place, (row, case_id) in enumerate(zip(rows, case_ids, strict=True)):
        left, top = places.words(place)
        picture.write(case_id, left, top, width_in=WORDS_IN - 0.1, size=SMALL, lines=2, weight="bold")
        picture.write(row.words, left, top + 0.36, width_in=WORDS_IN - 0.1, size=SMALL, lines=8, color=MUTED)
        _draw(picture, places, (place, 0), row=row, shown=shrunk(row.pixels, FINEST), is_named=True)
    for column, (label, explanation) in enumerate(explanations.items(), start=1):
        chosen = scales[label] if scales else scales_of(explanation, scale, colormap=colormap)
        _draw_column(picture, places, column, rows=rows, explanation=explanation, scales=chosen, colormap=colormap)
        _draw_bars(picture, places, column, of=chosen[0], scale=scale, colormap=colormap)
    return picture


@dataclass(frozen=True)
class _Places:
    """Where stacks, rows and columns begin, in inches from the upper left corner."""

    sizes: tuple[tuple[float, float], ...]
    tops: tuple[float, ...]
    height: int
    """Films of a stack."""
    columns: int
    column_in: float
    foot_in: float
    has_scale_lines: bool

    head_in = MARGIN_IN + HEADING_IN

    @classmethod
    def of(cls, rows: Sequence[Row], *, columns: int, across: int, has_scale_lines: bool) -> "_Places":
        sizes = [fitted(_size(row), width_in=PANEL_WIDTH_IN, height_in=PANEL_HEIGHT_IN) for row in rows]
        column_in = max(width for width, _ in sizes) + GAP_IN
        between_in = GAP_IN + (SCALE_IN if has_scale_lines else 0.0)
        height = -(-len(rows) // across)
        stacks = [sizes[start : start + height] for start in range(0, len(rows), height)]
        starts = [
            cls.head_in + TITLE_IN + np.cumsum([0.0] + [tall + between_in for _, tall in stack]) for stack in stacks
        ]
        tops = tuple(float(top) for each in starts for top in each[:-1])
        foot_in = max(float(each[-1]) for each in starts) + 0.04
        return cls(tuple(sizes), tops, height, columns, column_in, foot_in, has_scale_lines)

    @property
    def stacks(self) -> int:
        return -(-len(self.sizes) // self.height)

    @property
    def picture_in(self) -> tuple[float, float]:
        return self.left(self.stacks - 1, self.columns) - GAP_IN + MARGIN_IN, self.foot_in + FOOT_IN

    def left(self, stack: int, column: int) -> float:
        """Return where a column of a stack begins."""
        stack_in = WORDS_IN + self.columns * self.column_in + STACK_GAP_IN
        return MARGIN_IN + WORDS_IN + stack * stack_in + column * self.column_in

    def words(self, place: int) -> tuple[float, float]:
        """Return the upper left corner of what is written beside a film."""
        return self.left(place // self.height, 0) - WORDS_IN, self.tops[place]

    def panel(self, place: int, column: int) -> tuple[float, float]:
        """Return the upper left corner of a panel."""
        return self.left(place // self.height, column), self.tops[place]


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
            left, top = places.panel(place, column)
            below, width_in = top + places.sizes[place][1] + 0.03, places.column_in
            picture.write(range_words(scale), left, below, width_in=width_in, size=SMALL - 1, color=MUTED)


def _draw_bars(
    picture: Picture, places: _Places, column: int, *, of: Scale, scale: ScaleChoice, colormap: str | None
) -> None:
    """Draw a column's colour bar below each stack: of one scale, or of all where each map has its own."""
    ends = ("low end", "high end") if scale == "own" else ("", "")
    for stack in range(places.stacks):
        left, width_in = places.left(stack, column), places.column_in - GAP_IN
        bar = picture.panel(left, places.foot_in, width_in=width_in, height_in=0.09)
        draw_colour_bar(bar, colormap=colormap or colormap_of(of), scale=of, ends=ends, label=scale_words(scale))


def _draw(
    picture: Picture, places: _Places, cell: tuple[int, int], *, row: Row, shown: np.ndarray, is_named: bool = False
) -> None:
    place, column = cell
    width_in, height_in = places.sizes[place]
    axes = picture.panel(*places.panel(place, column), width_in=width_in, height_in=height_in)
    show_film(axes, shown, _size(row))
    for category, mask in row.masks.items():
        outline(axes, mask, mark_colour(category), label=category if is_named else "", width=1.0)
