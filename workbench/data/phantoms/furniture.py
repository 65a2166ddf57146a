"""What somebody puts on a film beside the anatomy, as one layer of paint each. Nothing here knows the label."""

import numpy as np

from workbench.core.seeding import derived_generator
from workbench.data.phantoms.bare_film import BareFilm
from workbench.data.phantoms.borders import frame_paint
from workbench.data.phantoms.flags import draw_flag_design, flag_paint, flag_place
from workbench.data.phantoms.ink import Paint
from workbench.data.phantoms.labels import (
    draw_logo_design,
    draw_text_design,
    logo_paint,
    logo_place,
    text_paint,
    text_place,
)
from workbench.data.phantoms.options import PhantomOptions

FURNITURE = ("frame", "text", "logo", "flag")
"""In the order in which they are laid over the film."""


def furniture_of(film: BareFilm, options: PhantomOptions) -> dict[str, Paint]:
    """Return the paint of each thing that the options want, in the order of :data:`FURNITURE`.

    Each lies where it would lie if all of them were there, so that none moves when another comes or goes.
    """
    size = (options.height, options.width)
    paints: dict[str, Paint] = {}
    if options.frame:
        paints["frame"] = frame_paint(size, _generator(film, options, "frame"))
    if options.flag == "none" and not (options.text or options.logo):
        return paints
    letter = options.flag if options.flag != "none" else options.laterality
    flag = draw_flag_design(letter, size, _generator(film, options, "flag"), glyphs=options.glyphs)
    flag_at = flag_place(flag, film.crowding, _generator(film, options, "flag place"))
    if options.text or options.logo:
        text = draw_text_design(size, _generator(film, options, "text"))
        text, text_at = text_place(text, film.crowding, _generator(film, options, "text place"), taken=(flag_at,))
        if options.text:
            paints["text"] = text_paint(text, text_at, size)
    if options.logo:
        logo = draw_logo_design(size, _generator(film, options, "logo"))
        logo_at = logo_place(logo, film.crowding, _generator(film, options, "logo place"), taken=(flag_at, text_at))
        paints["logo"] = logo_paint(logo, logo_at, size)
    if options.flag != "none":
        paints["flag"] = flag_paint(flag, flag_at, size)
    return paints


def _generator(film: BareFilm, options: PhantomOptions, name: str) -> np.random.Generator:
    return derived_generator(film.seed, name, options.view, options.study)
