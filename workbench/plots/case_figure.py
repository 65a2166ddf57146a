"""One case as the DenseNet paper shows it in its Fig. 4: the film, the map, and what each stage of the network saw."""

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.core.arrays import Box
from workbench.core.errors import OptionError
from workbench.core.explanation import Activations, Explanation
from workbench.plots.marks import arrow_at, outline
from workbench.plots.overlays import draw_colour_bar, film_map_of, overlay
from workbench.plots.scales import PAPERS, scale_of
from workbench.plots.sheet import Picture, show_film, shrunk
from workbench.plots.stage_figure import (
    MARGIN_IN,
    TITLE_IN,
    Layout,
    MapScale,
    check_stages,
    draw_panel,
    draw_stages,
    fitted_panel,
)
from workbench.plots.theme import mark_colour, method_title


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
    note: str = "",
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
    note
        A last line of the heading: which model this is.
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
    heading = f"{explanation.case_ids[index]}   {title}".rstrip()
    below = verdict_line(explanation, index, label=label, class_names=class_names)
    picture.heading(heading, below, margin_in=MARGIN_IN, note=note)

    film = draw_panel(picture, layout, 0, title="Film", below=f"{pixels.shape[1]} × {pixels.shape[0]} pixels")
    show_film(film, shrunk(pixels), _size(pixels))
    if arrow_box is not None:
        arrow_at(film, arrow_box, pixels=pixels)
    _draw_map(picture, layout, pixels=pixels, film_map=film_map_of(explanation, index), explanation=explanation)
    for category, mask in (masks or {}).items():
        outline(picture.axes[1], mask, mark_colour(category), label=category)

    draw_stages(picture, layout, activations, seen, first=2, map_scale=map_scale)
    return picture


def verdict_line(explanation: Explanation, index: int, *, label: str | None, class_names: Sequence[str]) -> str:
    """Return what the model said of a case and what it is, in one line."""
    shares = explanation.probabilities[index]
    names = class_names or explanation.class_names
    predicted = int(np.argmax(shares))
    truth = "label not known" if label is None else f"labelled {label}"
    words = f"Predicted {names[predicted]} (p\u00a0=\u00a0{shares[predicted]:.3f}), {truth}"
    return f"{words} · map of the class {names[int(explanation.targets[index])]}"


def _position(pixels: np.ndarray, explanation: Explanation, activations: Activations, index: int) -> int:
    case_id = explanation.case_ids[index]
    if case_id not in activations.case_ids:
        raise OptionError(f"{case_id} has no activations; explain it with both methods at once")
    seen = activations.case_ids.index(case_id)
    check_stages(pixels, activations, seen)
    return seen


def _size(pixels: np.ndarray) -> tuple[int, int]:
    return int(pixels.shape[0]), int(pixels.shape[1])


def _draw_map(
    picture: Picture, layout: Layout, *, pixels: np.ndarray, film_map: np.ndarray, explanation: Explanation
) -> None:
    scale = scale_of(film_map, kind="range")
    height, width = explanation.maps.shape[1:]
    below = f"{width} × {height}, colours over its own range"
    axes = draw_panel(picture, layout, 1, title=method_title(explanation.method), below=below)
    show_film(axes, overlay(shrunk(pixels), shrunk(film_map), colormap=PAPERS, scale=scale), _size(pixels))
    left, top = layout.cell(1)
    bar = picture.panel(left, top + TITLE_IN + layout.height_in + 0.06, width_in=layout.width_in, height_in=0.09)
    draw_colour_bar(bar, colormap=PAPERS, scale=scale)
