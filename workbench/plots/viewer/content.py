"""What a viewer shows of one film: pixels, maps with their scales, and marks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from workbench.core.annotation import Annotation
from workbench.core.arrays import Box
from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.plots.overlays import drawn_map
from workbench.plots.scales import Scale, colormap_of, scale_of
from workbench.plots.theme import mark_colour, method_title

Window = tuple[float, float]
"""The grey values, 0 to 1, that are shown black and white."""


@dataclass(frozen=True)
class MapLayer:
    """One signed map and where on the film it lies.

    Parameters
    ----------
    values
        (h', w') at the map's own resolution; NaN where there is nothing to show.
    to_film
        (3, 3): from map coordinates to film pixels, as an Explanation holds it.
    scale
        Values of the first and the last colour; what is compared is given one and the same.
    title
        What the map is, printed beside its colour bar.
    colormap
        One of :data:`~workbench.plots.viewer.encoding.COLORMAPS`; empty takes the one for the scale.
    """

    values: np.ndarray = field(hash=False)
    to_film: np.ndarray = field(hash=False)
    scale: Scale
    title: str = ""
    colormap: str = ""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.size:
            raise OptionError(f"map {self.title!r}: shape {self.values.shape} is not a map; wanted (h, w)")
        if not (np.isfinite(self.scale).all() and self.scale[0] < self.scale[1]):
            raise OptionError(f"map {self.title!r}: scale {self.scale} is empty; wanted low < high")

    @property
    def colours(self) -> str:
        """The name of its colour map."""
        return self.colormap or colormap_of(self.scale)

    def drawn(self, film_size: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
        """Return the map on a film of ``film_size`` (height, width) drawn at ``size``, NaN where it does not reach."""
        return drawn_map(self.values, self.to_film, film_size, size)


@dataclass(frozen=True)
class Mark:
    """Something outlined on the film: a box, or the mask of which the box is the bounding one.

    Parameters
    ----------
    category
        What it is; decides the colour.
    box
        In film pixels, right and bottom exclusive.
    mask
        (h, w) of the film; without one the box is drawn.
    label
        Words beside it; empty takes the category.
    """

    category: str
    box: Box
    mask: np.ndarray | None = field(default=None, hash=False)
    label: str = ""

    @property
    def colour(self) -> str:
        """The colour of its outline."""
        return mark_colour(self.category)


@dataclass(frozen=True)
class FilmView:
    """All that a viewer shows of one film; displays itself as a picture, in a report as a viewer.

    Parameters
    ----------
    pixels
        (h, w): floats from 0 black to 1 white, or uint8 or uint16 over their full range.
    layers
        Maps to choose from; the first is shown.
    marks
        Outlines.
    title
        Stands on the film.
    key
        Which film this is: a viewer keeps zoom, window and drawn regions while it stays the same (an edited copy
        keeps the key of its original). Empty takes the title.
    window
        What to show black and white; None takes 0 to 1, and of raw uint16 numbers all but the outermost half per cent
        at either end.
    """

    pixels: np.ndarray = field(hash=False)
    layers: Sequence[MapLayer] = ()
    marks: Sequence[Mark] = ()
    title: str = ""
    key: str = ""
    window: Window | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or not self.pixels.size:
            raise OptionError(f"film {self.title!r}: shape {self.pixels.shape} is not a film; wanted (h, w)")
        if self.window is not None and not self.window[0] < self.window[1]:
            raise OptionError(f"film {self.title!r}: window {self.window} is empty; wanted low < high")

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        from workbench.plots.viewer.static import view_bundle  # which itself is about views

        return view_bundle(self)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the film."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])


def map_layer(
    explanation: Explanation, index: int, *, scale: Scale | None = None, colormap: str = "", title: str = ""
) -> MapLayer:
    """Return one map of an explanation as a layer.

    Parameters
    ----------
    explanation
        Of any method.
    index
        Which of its cases.
    scale
        Values of the first and last colour; None takes the map's own, which no other map shares.
    colormap
        Its name; empty takes the one for the scale.
    title
        Empty takes the method's name as the papers print it.

    Returns
    -------
    MapLayer
        At the map's own resolution.
    """
    values = explanation.maps[index]
    own = title or method_title(explanation.method)
    return MapLayer(values, explanation.to_film[index], scale or scale_of(values), own, colormap)


def marks_of(annotations: Iterable[Annotation], film_size: tuple[int, int]) -> list[Mark]:
    """Return annotations as marks on a film of ``film_size`` (height, width), with masks where they are known."""
    height, width = film_size
    return [
        Mark(each.category, each.box, each.mask(height, width) if each.segmentation is not None else None)
        for each in annotations
    ]
