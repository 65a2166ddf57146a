"""Things on a film that a reader can do something to: what is annotated, drawn, found, or marked by the map."""

from collections.abc import Sequence

from workbench.core.annotation import Annotation
from workbench.core.arrays import FilmMask, FilmPixels
from workbench.core.case import Case
from workbench.core.errors import OptionError
from workbench.core.explanation import Explanation
from workbench.imaging.frames import find_frame
from workbench.imaging.regions import map_box

FRAME, MAP = "frame that is found", "where the map is strongest"
DRAWN = "drawn "
MAP_CATEGORY = "map"


def things(case: Case, drawn: Sequence[Annotation]) -> tuple[str, ...]:
    """Return the names of what can be chosen: the reader's own regions first, then what is annotated, then the rest."""
    own = [f"{DRAWN}{number}" for number, _ in enumerate(drawn, 1)]
    known = sorted({each.category for each in case.annotations}, key=lambda name: (name != "flag", name))
    return (*own, *known, FRAME, MAP)


def thing_mask(
    thing: str, case: Case, pixels: FilmPixels, *, drawn: Sequence[Annotation], explanation: Explanation
) -> FilmMask:
    """Return where a thing lies on a film.

    Parameters
    ----------
    thing
        One of :func:`things`.
    case
        The film's, with what is annotated.
    pixels
        Of the film (h, w).
    drawn
        The reader's regions.
    explanation
        Of the film as it is: the box of its map at 20 % of the maximum is the thing :data:`MAP`.

    Returns
    -------
    FilmMask
        (h, w), somewhere True.

    Raises
    ------
    OptionError
        It is not there: no frame is found, the map has no positive value, the region lies beside the film.
    """
    height, width = pixels.shape
    if thing == FRAME:
        found = find_frame(pixels)
        if found is None:
            raise OptionError("no frame is found on this film; draw a box or choose another thing")
        return found.mask
    if thing == MAP:
        box = map_box(explanation.on_film(0))
        if box is None:
            raise OptionError("the map has no positive value, so it has no box; draw a box or choose another thing")
        return Annotation(MAP_CATEGORY, box).mask(height, width)
    number = thing.removeprefix(DRAWN)
    is_drawn = number != thing and number.isdecimal() and 0 < int(number) <= len(drawn)
    mask = drawn[int(number) - 1].mask(height, width) if is_drawn else case.mask(thing)
    if not mask.any():
        raise OptionError(f"there is no {thing!r} on this film; draw a box or choose another thing")
    return mask
