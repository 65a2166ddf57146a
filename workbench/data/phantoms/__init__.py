"""Phantoms: radiographs that the program draws, and about which it therefore knows everything."""

from workbench.data.phantoms.bare_film import BareFilm, draw_bare_film
from workbench.data.phantoms.options import BODY_PARTS, KINDS, VIEWS, PhantomOptions
from workbench.data.phantoms.phantom import Phantom, draw_phantom, finished
from workbench.data.phantoms.sets import SETS, PhantomSetOptions, draw_phantom_set, planned_films

__all__ = [
    "BODY_PARTS",
    "KINDS",
    "SETS",
    "VIEWS",
    "BareFilm",
    "Phantom",
    "PhantomOptions",
    "PhantomSetOptions",
    "draw_bare_film",
    "draw_phantom",
    "draw_phantom_set",
    "finished",
    "planned_films",
]
