"""What each stage of a network saw in one film: the film, and the most active feature maps of every stage."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from workbench.core.errors import OptionError
from workbench.core.explanation import Activations, StageActivations
from workbench.plots.overlays import coloured, draw_colour_bar
from workbench.plots.scales import scale_of
from workbench.plots.sheet import FONTS, SMALL, Picture, check_pixels, fitted, show_film, shrunk
from workbench.plots.theme import MUTED

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


def stage_figure(
    pixels: np.ndarray, activations: Activations, index: int, *, title: str = "", map_scale: MapScale = "map"
) -> Picture:
    """Draw (a) the film, (b) ... the most active feature maps of each stage, from the first convolution to the last.

    Maps are drawn in ``bwr`` from their lowest (blue) to their highest (red) value as in the DenseNet paper, not
    centred on zero; a map of one single value is blue.

    Parameters
    ----------
    pixels
        Film (h, w), 0 black to 1 white.
    activations
        Feature maps per stage.
    index
        Which case of ``activations``.
    title
        Stands beside the film's id.
    map_scale
        ``"map"`` or ``"stage"``; the key says which.

    Returns
    -------
    Picture
        Two rows of panels.

    Raises
    ------
    OptionError
        The film's size is not the activations', or there are no stages.
    """
    check_stages(pixels, activations, index)
    layout = Layout(1 + len(activations.stages), *fitted_panel(pixels))
    picture = Picture(*layout.size_in)
    heading = f"{activations.case_ids[index]}   {title}".rstrip()
    architecture = activations.provenance.get("architecture", "")
    picture.heading(heading, f"What each stage of {architecture or 'the network'} saw", margin_in=MARGIN_IN)
    film = draw_panel(picture, layout, 0, title="Film", below=f"{pixels.shape[1]} × {pixels.shape[0]} pixels")
    show_film(film, shrunk(pixels), _size(pixels))
    draw_stages(picture, layout, activations, index, first=1, map_scale=map_scale)
    return picture


def check_stages(pixels: np.ndarray, activations: Activations, index: int) -> None:
    """Refuse with an OptionError a film that the activations were not made for, or activations without a stage."""
    check_pixels(pixels)
    case_id = activations.case_ids[index]
    size = tuple(int(side) for side in activations.film_sizes[index])
    if pixels.shape != size:
        raise OptionError(f"film of {case_id}: shape {pixels.shape}, the activations were made for {size}")
    if not activations.stages:
        raise OptionError(f"activations of {case_id} hold no stage; nothing can be drawn")


def fitted_panel(pixels: np.ndarray) -> tuple[float, float]:
    """Return the size in inches of a panel for a film."""
    return fitted(_size(pixels), width_in=PANEL_WIDTH_IN, height_in=PANEL_HEIGHT_IN)


def draw_panel(picture: Picture, layout: Layout, cell: int, *, title: str, below: str) -> Axes:
    """Return the axes of a cell, with its letter, title and a line in grey written over them."""
    left, top = layout.cell(cell)
    letter = picture.write(f"({chr(ord('a') + cell)})", left, top, width_in=1.0, weight="bold")
    indent = letter.get_window_extent().width / picture.dpi + 0.07
    picture.write(title, left + indent, top, width_in=layout.width_in - indent)
    axes = picture.panel(left, top + TITLE_IN, width_in=layout.width_in, height_in=layout.height_in)
    picture.write(below, left, top + 0.19, width_in=layout.width_in, size=SMALL - 0.5, color=MUTED)
    return axes


def draw_stages(
    picture: Picture, layout: Layout, activations: Activations, index: int, *, first: int, map_scale: MapScale
) -> None:
    """Draw a panel of feature maps for each stage from the cell ``first`` on, then the key to their colours."""
    aspect = _pixel_aspect(activations.to_film[index])
    for cell, stage in enumerate(activations.stages, start=first):
        height, width = stage.maps.shape[-2:]
        axes = draw_panel(picture, layout, cell, title=stage.title, below=f"{stage.stage}, {width} × {height}")
        _draw_tiles(axes, stage, index, aspect=aspect, map_scale=map_scale)
    _draw_key(picture, layout, first=first, map_scale=map_scale)


def _size(pixels: np.ndarray) -> tuple[int, int]:
    return int(pixels.shape[0]), int(pixels.shape[1])


def _pixel_aspect(to_film: np.ndarray) -> float:
    """Return height over width of a map's cell on the film; the same at every stage, whose strides are square."""
    across, down = np.hypot(*to_film[:2, 0]), np.hypot(*to_film[:2, 1])
    return float(down / across)


def _draw_tiles(axes: Axes, stage: StageActivations, index: int, *, aspect: float, map_scale: MapScale) -> None:
    maps = stage.maps[index].astype(np.float64)
    tall = aspect * maps.shape[1] / maps.shape[2]
    for place, (values, channel) in enumerate(zip(maps, stage.channels[index], strict=True)):
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


def _draw_key(picture: Picture, layout: Layout, *, first: int, map_scale: MapScale) -> None:
    begin, last = (chr(ord("a") + cell) for cell in (first, layout.panels - 1))
    whose = "its own" if map_scale == "map" else "its stage's"
    words = (
        f"({begin}) to ({last}): the most active channels of each stage, the most active first; the number below a map "
        f"is its channel. Each map runs from {whose} lowest value (blue) to {whose} highest (red); white is halfway, "
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
