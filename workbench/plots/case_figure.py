"""One case as the DenseNet paper shows it in its Fig. 4: the film, the map, and what each stage of the network saw."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from workbench.core.arrays import Box
from workbench.core.errors import OptionError
from workbench.core.explanation import Activations, Explanation, StageActivations
from workbench.plots.marks import arrow_at, outline
from workbench.plots.overlays import coloured, draw_colour_bar, film_map_of, overlay
from workbench.plots.scales import PAPERS, scale_of
from workbench.plots.sheet import FONTS, SMALL, Picture, check_pixels, fitted, show_film, shrunk
from workbench.plots.theme import MUTED, mark_colour, method_title

MapScale = Literal["map", "stage"]
"""Whether each feature map runs from blue to red over its own values, or all maps of a stage over the stage's."""

PANEL_WIDTH_IN, PANEL_HEIGHT_IN = 2.8, 3.3
MARGIN_IN, GAP_IN = 0.25, 0.28
HEADING_IN, TITLE_IN, BELOW_IN, KEY_IN = 0.68, 0.42, 0.42, 0.8
TILES = 4
"""Maps in a row of a stage's grid."""
TILE_GAP = 0.13
"""Between the tiles, as a share of a tile; the channel numbers stand there."""


@dataclass(frozen=True)
class Layout:
    """Places of the panels in inches; the key fills the last cell, or a strip below where no cell is left.

    Parameters
    ----------
    panels
        How many panels.
    width_in, height_in
        Size of one.
    """

    panels: int
    width_in: float
    height_in: float

    @property
    def columns(self) -> int:
        """Two rows, or one for a few panels."""
        return math.ceil(self.panels / 2)

    @property
    def has_free_cell(self) -> bool:
        """Whether the last row has a cell for the key."""
        return self.panels % 2 == 1

    @property
    def size_in(self) -> tuple[float, float]:
        """Width and height of the whole picture."""
        strip = 0.0 if self.has_free_cell else KEY_IN
        width = 2 * MARGIN_IN + self.columns * self.width_in + (self.columns - 1) * GAP_IN
        return width, MARGIN_IN + HEADING_IN + 2 * self.row_in + strip

    @property
    def row_in(self) -> float:
        """Height of a row with its title and what stands below the panel."""
        return TITLE_IN + self.height_in + BELOW_IN

    def cell(self, index: int) -> tuple[float, float]:
        """Return the upper left corner of a cell."""
        row, column = divmod(index, self.columns)
        return MARGIN_IN + column * (self.width_in + GAP_IN), MARGIN_IN + HEADING_IN + row * self.row_in


def case_figure(
    pixels: np.ndarray,
    explanation: Explanation,
    activations: Activations,
    index: int,
    *,
    label: str | None,
    class_names: Sequence[str] = (),
    arrow_box: Box | np.ndarray | None = None,
    masks: Mapping[str, np.ndarray] | None = None,
    title: str = "",
    map_scale: MapScale = "map",
) -> Picture:
    """Draw (a) the film with an arrow at the evidence, (b) the map over it, (c) ... the top feature maps per stage.

    The map is drawn in ``jet`` over its own range as in the papers, which is printed below it: the bluest place is
    the least suspicious of this film, not a sign of health. Feature maps are drawn in ``bwr`` from their lowest (blue)
    to their highest (red) value, not centred on zero; a map of one single value is blue.

    Parameters
    ----------
    pixels
        Film (h, w), 0 black to 1 white.
    explanation
        CAM, Grad-CAM or another map per case.
    activations
        Feature maps per stage of cases among which this one is.
    index
        Which case of ``explanation``.
    label
        The true class, None where it is not known.
    class_names
        k names; without them the explanation's provenance is asked, then classes are numbered.
    arrow_box
        Box or mask of what the arrow in (a) points at; without one there is no arrow.
    masks
        Outlined in (b), by category.
    title
        Stands beside the film's id.
    map_scale
        Scale of the feature maps, ``"map"`` or ``"stage"``; the key says which.

    Returns
    -------
    Picture
        Two rows of panels.

    Raises
    ------
    OptionError
        The film's size is not the explanation's, the case has no activations, or there are no stages.
    """
    seen = _position(pixels, explanation, activations, index)
    layout = Layout(2 + len(activations.stages), *fitted_panel(pixels))
    picture = Picture(*layout.size_in)
    names = class_names or explanation.provenance.get("class_names", ())
    heading = f"{explanation.case_ids[index]}   {title}".rstrip()
    picture.heading(heading, verdict_line(explanation, index, label=label, class_names=names), margin_in=MARGIN_IN)

    film = _panel(picture, layout, 0, title="Film", below=f"{pixels.shape[1]} × {pixels.shape[0]} pixels")
    show_film(film, shrunk(pixels), _size(pixels))
    if arrow_box is not None:
        arrow_at(film, arrow_box, pixels=pixels)
    _draw_map(picture, layout, pixels=pixels, film_map=film_map_of(explanation, index), explanation=explanation)
    for category, mask in (masks or {}).items():
        outline(picture.axes[1], mask, mark_colour(category), label=category)

    aspect = _pixel_aspect(activations.to_film[seen])
    for number_, stage in enumerate(activations.stages, start=2):
        height, width = stage.maps.shape[-2:]
        axes = _panel(picture, layout, number_, title=stage.title, below=f"{stage.stage}, {width} × {height}")
        _draw_tiles(axes, stage, seen, aspect=aspect, map_scale=map_scale)
    _draw_key(picture, layout, map_scale=map_scale)
    return picture


def verdict_line(explanation: Explanation, index: int, *, label: str | None, class_names: Sequence[str]) -> str:
    """Return what the model said of a case and what it is, in one line."""
    shares = explanation.probabilities[index]
    names = class_names or [f"class {each}" for each in range(len(shares))]
    predicted = int(np.argmax(shares))
    truth = "label not known" if label is None else f"labelled {label}"
    words = f"Predicted {names[predicted]} (p\u00a0=\u00a0{shares[predicted]:.3f}), {truth}"
    return f"{words} · map of the class {names[int(explanation.targets[index])]}"


def fitted_panel(pixels: np.ndarray) -> tuple[float, float]:
    """Return the size in inches of this figure's panels for a film."""
    return fitted(_size(pixels), width_in=PANEL_WIDTH_IN, height_in=PANEL_HEIGHT_IN)


def _position(pixels: np.ndarray, explanation: Explanation, activations: Activations, index: int) -> int:
    check_pixels(pixels)
    case_id = explanation.case_ids[index]
    size = tuple(int(side) for side in explanation.film_sizes[index])
    if pixels.shape != size:
        raise OptionError(f"film of {case_id}: shape {pixels.shape}, the explanation was made for {size}")
    if case_id not in activations.case_ids:
        raise OptionError(f"{case_id} has no activations; explain it with both methods at once")
    if not activations.stages:
        raise OptionError(f"activations of {case_id} hold no stage; nothing can be drawn")
    return activations.case_ids.index(case_id)


def _size(pixels: np.ndarray) -> tuple[int, int]:
    return int(pixels.shape[0]), int(pixels.shape[1])


def _panel(picture: Picture, layout: Layout, cell: int, *, title: str, below: str) -> Axes:
    left, top = layout.cell(cell)
    letter = picture.write(f"({chr(ord('a') + cell)})", left, top, width_in=1.0, weight="bold")
    indent = letter.get_window_extent().width / picture.dpi + 0.07
    picture.write(title, left + indent, top, width_in=layout.width_in - indent)
    axes = picture.panel(left, top + TITLE_IN, width_in=layout.width_in, height_in=layout.height_in)
    picture.write(below, left, top + 0.19, width_in=layout.width_in, size=SMALL - 0.5, color=MUTED)
    return axes


def _draw_map(
    picture: Picture, layout: Layout, *, pixels: np.ndarray, film_map: np.ndarray, explanation: Explanation
) -> None:
    scale = scale_of(film_map, kind="range")
    height, width = explanation.maps.shape[1:]
    below = f"{width} × {height}, colours over its own range"
    axes = _panel(picture, layout, 1, title=method_title(explanation.method), below=below)
    show_film(axes, overlay(shrunk(pixels), shrunk(film_map), colormap=PAPERS, scale=scale), _size(pixels))
    left, top = layout.cell(1)
    bar = picture.panel(left, top + TITLE_IN + layout.height_in + 0.06, width_in=layout.width_in, height_in=0.09)
    draw_colour_bar(bar, colormap=PAPERS, scale=scale)


def _pixel_aspect(to_film: np.ndarray) -> float:
    """Return height over width of a map's cell on the film; the same at every stage, whose strides are square."""
    across, down = np.hypot(*to_film[:2, 0]), np.hypot(*to_film[:2, 1])
    return float(down / across)


def _draw_tiles(axes: Axes, stage: StageActivations, seen: int, *, aspect: float, map_scale: MapScale) -> None:
    maps = stage.maps[seen].astype(np.float64)
    tall = aspect * maps.shape[1] / maps.shape[2]
    for place, (values, channel) in enumerate(zip(maps, stage.channels[seen], strict=True)):
        row, column = divmod(place, TILES)
        left, top = column * (1 + TILE_GAP), row * (tall + TILE_GAP)
        scale = scale_of(values if map_scale == "map" else maps, kind="range")
        rgb = coloured(values, colormap="bwr", scale=scale)
        axes.imshow(rgb, extent=(left, left + 1, top + tall, top), interpolation="antialiased", aspect="equal")
        numbered: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": 4.2, "color": MUTED, "family": FONTS}
        axes.text(left + 0.5, top + tall + 0.01, str(int(channel)), **numbered)
    rows = math.ceil(len(maps) / TILES)
    axes.set_xlim(0, TILES + (TILES - 1) * TILE_GAP)
    axes.set_ylim(rows * (tall + TILE_GAP), 0)
    axes.set_anchor("NW")


def _draw_key(picture: Picture, layout: Layout, *, map_scale: MapScale) -> None:
    last = chr(ord("a") + layout.panels - 1)
    whose = "its own" if map_scale == "map" else "its stage's"
    words = (
        f"(c) to ({last}): the most active channels of each stage, the most active first; the number below a map is "
        f"its channel. Each map runs from {whose} lowest value (blue) to {whose} highest (red); white is halfway, "
        "not zero."
    )
    left, top = layout.cell(layout.panels)
    if not layout.has_free_cell:
        left, top = MARGIN_IN, picture.get_size_inches()[1] - KEY_IN - 0.05
        bar = picture.panel(left, top, width_in=layout.width_in, height_in=0.12)
        beside = left + layout.width_in + GAP_IN
        width_in = float(picture.get_size_inches()[0]) - beside - MARGIN_IN
        picture.write(words, beside, top - 0.03, width_in=width_in, lines=3, size=SMALL, color=MUTED)
    else:
        bar = picture.panel(left, top + TITLE_IN, width_in=layout.width_in, height_in=0.12)
        picture.write(
            words, left, top + TITLE_IN + 0.45, width_in=layout.width_in, lines=9, size=SMALL + 0.5, color=MUTED
        )
    draw_colour_bar(bar, colormap="bwr", scale=(0.0, 1.0), ends=("lowest", "highest"))
